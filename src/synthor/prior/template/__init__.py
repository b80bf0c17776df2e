"""The template: the believed way to make a unit with its members, from the top down, with a density that is known exactly.

It is the base measure q of units with members, as a mixture is that of flat records, and so it stands beside these in the room
of beliefs: it knows nothing of targets or of the solver. Which units rules reject is handed in as a function, since values
decide that on a floor above.

`told` is what goes in, `drawn` what comes out. Between them: `order` puts variables, roles and members in order, `closed`
finds what rules leave open of a variable, `closed_roles` of who is there and `closed_numbers` of how many, `chances` multiplies
tables and `factors` sees that they come out, `composition` says who a unit consists of, `kinds` puts all that together,
`nested` lays out rows, `making` walks down through them, `fitted` does so to fit. `learned` reads a template's numbers off
weighted units.
"""

from synthor.prior.template.drawn import Drawn, Plan, draw, drawn_by, gathered
from synthor.prior.template.fitted import prepared
from synthor.prior.template.learned import learned
from synthor.prior.template.making import Maker
from synthor.prior.template.told import SURE, Believed, Composition, Dependence, Members, Size, Template, WholeComposition

__all__ = [
    "SURE",
    "Believed",
    "Composition",
    "Dependence",
    "Drawn",
    "Maker",
    "Members",
    "Plan",
    "Size",
    "Template",
    "WholeComposition",
    "draw",
    "drawn_by",
    "gathered",
    "learned",
    "prepared",
]
