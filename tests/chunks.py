"""Populations as they are laid out for chunks."""

from dataclasses import replace

from synthor.sample.arrangement import Scattered
from synthor.sample.stream import Sample


def scattered(made: Sample) -> Scattered:
    """Its distinct units, and how many there are of each."""
    assert isinstance(made.arrangement, Scattered)
    return made.arrangement


def chunked(made: Sample, size: int) -> Sample:
    """The same population in chunks of so many units."""
    return replace(made, arrangement=replace(scattered(made), chunk_size=size))
