"""The belief pulled onto the targets."""
