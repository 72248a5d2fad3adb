"""The methods of explanation, one in each file."""
