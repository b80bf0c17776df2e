"""A first spec from a folder of published tables: which variables they speak of, and what each table tells."""

from synthor.draft.infer import infer

__all__ = ["infer"]
