"""What a scenario makes of a spec: other targets, everything else as it was, and nobody asked."""

from synthor.scenario.apply import applied

__all__ = ["applied"]
