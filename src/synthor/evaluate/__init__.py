"""Evidence: how real the records are, judged against microdata that the run never saw."""
