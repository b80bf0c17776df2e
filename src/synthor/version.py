"""The version of synthor: files say which one made them."""

__version__ = "0.1.0"
