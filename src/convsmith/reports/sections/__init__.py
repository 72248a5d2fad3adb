"""The sections of a report, one file each, with a template of the same name."""
