"""The exams that a new layer kind, network, reader, space, algorithm or explanation sits; for outsiders too."""
