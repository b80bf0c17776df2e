"""Some zones of a finished run made anew."""
