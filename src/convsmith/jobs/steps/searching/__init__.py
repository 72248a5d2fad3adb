"""Steps of a search: its space, its limits, who trains candidates, and on which images."""
