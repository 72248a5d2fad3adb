"""Which class an image is of, and which part it belongs to: by folders, names and tables."""
