"""The jobs that people start: forge, train, search, explain, export; pipelines over the rooms below."""
