"""Bytes from wherever they are: files, folders, archives, downloads; never trusted, never extracted."""
