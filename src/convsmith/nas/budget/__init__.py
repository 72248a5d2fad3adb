"""Networks that keep a budget: repaired, the smallest, the largest, and their latency foretold."""
