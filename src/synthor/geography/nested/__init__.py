"""Units with members: they count several times in a table."""
