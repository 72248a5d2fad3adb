"""What was found, as pictures: maps over photographs, units, mistakes, one convolution."""
