"""Asking a language model, or replaying what one answered."""
