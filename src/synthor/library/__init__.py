"""The same as the command line, for Python: a run is an object that is looked at, asked, drawn again and opened."""
