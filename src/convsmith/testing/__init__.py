"""The exams that a new kind, network, reader, space, algorithm or explanation sits; for outsiders too."""
