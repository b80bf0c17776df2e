"""A set-up of PopulationSim as a spec: its controls become targets, its geographies zones, its seed households a sample."""

from synthor.populationsim.draft import drafted

__all__ = ["drafted"]
