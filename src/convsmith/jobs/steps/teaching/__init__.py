"""Steps in which a better network teaches: views of the images, and what it says of each."""
