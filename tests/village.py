"""A village of homes with their persons, as a spec: the smallest that has members, for tests of what a run shows."""

VILLAGE = """
title: A village
unit: home
records: 30
variables: {tenure: {type: category, values: [owned, rented]}}
members:
  person:
    number: {min: 1, max: 4}
    role: role
    roles: {head: 1}
    variables:
      role: {type: category, values: [head, other]}
      age: {type: integer, min: 0, max: 90, bins: [0, 18, 65]}
targets:
  - {counts: {tenure: {owned: 20, rented: 10}}}
  - {rows: person, table: [{age: 0-17, count: 20}, {age: 18-64, count: 40}, {age: 65+, count: 10}]}
"""
