"""What a network looks at and where it is wrong, with evidence."""
