"""Architecture search: the best network within a hard budget, with its baselines."""
