"""`python -m convsmith`: the command line."""

from .cli import main

main()
