"""The loop of a search: whose turn it is, for how long, what came, and what was decided."""
