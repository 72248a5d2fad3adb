"""Whether an explanation may be believed: what covering, turning and forgetting do to its maps."""
