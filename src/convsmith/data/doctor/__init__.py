"""What is odd about a set of images: the doctor's questions, copies, ways to cheat, and its page."""
