"""Units without members: what areas see of each is one cell a table."""
