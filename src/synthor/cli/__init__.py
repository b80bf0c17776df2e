"""The command line: reads arguments, calls the library, shows what came out."""

from synthor.cli.main import main

__all__ = ["main"]
