"""Predicates over the variables of a spec: a small, safe part of SQL.

A predicate is parsed (`parse`) into a frozen tree (`syntax`) and never evaluated as code. One tree has two readings: on the
*values* of records it is true or false (`on_values`); on *categories* it is true, false or open (`on_categories`).
"""
