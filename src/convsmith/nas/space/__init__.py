"""What there is to know of a space beyond its networks: size, vectors, choices that matter."""
