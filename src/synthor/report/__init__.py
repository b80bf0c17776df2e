"""The page that shows a result."""
