"""The command line: `convsmith VERB ...`, each command made from its verb's signature, loaded when called."""

from .main import main

__all__ = ["main"]
