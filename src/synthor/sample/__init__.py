"""From the fitted model to exactly N whole records."""
