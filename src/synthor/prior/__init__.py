"""What the language model believes about how variables depend on each other."""
