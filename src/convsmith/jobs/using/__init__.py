"""A finished network in use: who computes its answers, and what is said of photographs."""
