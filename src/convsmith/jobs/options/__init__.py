"""The options of the jobs: each once, in a group; what a job is asked for is one of their compositions."""
