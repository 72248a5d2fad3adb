"""Published tables against the networks that they describe, cell by cell."""
