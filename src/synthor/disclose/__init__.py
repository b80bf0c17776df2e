"""From a private file of records to what may be handed on: a spec, aggregate tables, and a note of what was disclosed."""

from synthor.disclose.make import Disclosure, disclose
from synthor.disclose.settings import Settings

__all__ = ["Disclosure", "Settings", "disclose"]
