"""Methods: what to ask a model next, and what to make of its answers."""
