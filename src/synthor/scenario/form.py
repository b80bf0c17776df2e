"""What a user writes into a scenario's file: changes of some targets, and how many records there are."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from synthor.files import SPEC, read_text
from synthor.forms import Form
from synthor.forms import Path as Trail
from synthor.schema.text import as_text
from synthor.spec.load import parsed
from synthor.spec.targets import LARGEST, Layout, in_place
from synthor.spec.written import Digits, Value

PERCENT = re.compile(r"([+-])\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*%")
"""Growth: a sign, a number, a percent sign."""

SHARE = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*%")

AMOUNT = re.compile(r"[+-]?\s*(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")

WAYS = ("change", "count", "share", "value", "table", "leave_out")
"""What can become of a target."""


def _as_sign(change: object) -> object:
    """How much more or less, as a text: a number of YAML has lost its plus."""
    return as_text(change) if isinstance(change, int | float) and not isinstance(change, bool) else change


class ChangeSpec(Form):
    """What becomes of one target.

    >>> ChangeSpec(target="age", where="age >= 75", change="+20%").factor
    1.2
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    target: str = Field(min_length=1, description="Name of the target, as reports show it.")
    where: str | None = Field(
        None, min_length=1, description="SQL predicate: cells of the table that are changed; all unless given."
    )
    change: Annotated[str | None, BeforeValidator(_as_sign)] = Field(
        None, description="By how much these cells grow together: +20%, -5%, or a number of rows, 300 or -300."
    )
    count: Digits | None = Field(None, ge=0, le=LARGEST, description="How many rows these cells hold together.")
    share: str | None = Field(None, description="In a table of shares, that of these cells together: 36%.")
    value: Digits | None = Field(None, description="A new mean, total or standard deviation in each of these cells.")
    table: Annotated[str | list[dict[str, Value]] | None, BeforeValidator(in_place)] = Field(
        None, description="Another table in its place: a file beside the scenario, or rows written in place."
    )
    layout: Layout | None = Field(None, description="How that table lies in its file; as the one before unless given.")
    leave_out: Literal[True] | None = Field(None, description="Do without this target.")

    @model_validator(mode="after")
    def _one_way(self) -> "ChangeSpec":
        given = [key for key in WAYS if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"has {' and '.join(given) or 'none'} of {', '.join(WAYS)}; give exactly one")
        if self.where is not None and given[0] in ("table", "leave_out"):
            raise ValueError(f"{given[0]} is of the whole table, and `where` of some cells; leave one of them out")
        if self.layout is not None and self.table is None:
            raise ValueError("layout is that of another table; give `table` beside it, or leave layout out")
        if self.change is not None and not PERCENT.fullmatch(self.change.strip()):
            if self.change.strip().endswith("%"):
                raise ValueError(f"change is '{self.change[:60]}', neither more nor less; write +20% or -20%")
            if not AMOUNT.fullmatch(self.change.strip()):
                raise ValueError(f"change is '{self.change[:60]}', which is no growth; write +20%, -5%, 300 or -300")
        if self.share is not None and not (SHARE.fullmatch(self.share.strip()) and self.part <= 1):
            raise ValueError(f"share is '{self.share[:60]}', which is none; write it in percent, 36%")
        return self

    @property
    def part(self) -> float:
        """The share, as a fraction."""
        return float((self.share or "0%").strip().removesuffix("%")) / 100

    @property
    def factor(self) -> float | None:
        """By what these cells are multiplied, where `change` says it in percent."""
        found = None if self.change is None else PERCENT.fullmatch(self.change.strip())
        if found is None:
            return None
        points = float(found[2])
        return (100 + points if found[1] == "+" else 100 - points) / 100

    @property
    def amount(self) -> float | None:
        """How much is added, where `change` says it as a number."""
        return None if self.change is None or self.factor is not None else float(self.change.replace(" ", ""))

    @property
    def told(self) -> str:
        """What is done, in a few words."""
        if self.change is not None:
            more = self.amount is not None and not self.change.strip().startswith(("+", "-"))
            return f"{'+' if more else ''}{self.change.strip()}"
        key = next(key for key in WAYS if getattr(self, key) is not None)
        return f"{key}: {as_text(getattr(self, key))}"


class ScenarioSpec(Form):
    """A scenario's file.

    >>> ScenarioSpec(changes=[{"target": "age", "change": "+20%"}], keep=["income"]).changes[0].target
    'age'
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, title="synthor scenario", defer_build=True)
    called: ClassVar[str] = "scenario"

    title: str = Field("", description="What is assumed, for reports.")
    base: str | None = Field(
        None, min_length=1, description="Folder of the run that it is a scenario of: its beliefs are used, nothing is asked."
    )
    records: int | None = Field(None, gt=0, le=10**12, description="How many records to make; else as the changes have it.")
    population: float | None = Field(
        None, gt=0, le=10**12, description="What published counts add up to, of a spec that has `population`."
    )
    changes: list[ChangeSpec] = Field(default_factory=list, description="Targets that are changed.")
    keep: list[str] = Field(default_factory=list, description="Targets that stay as they are, whatever others say.")

    @model_validator(mode="after")
    def _something(self) -> "ScenarioSpec":
        if not self.changes and self.records is None and self.population is None:
            raise ValueError("changes nothing; give `changes`, `records` or `population`")
        both = [name for name in self.keep if any(change.target == name for change in self.changes)]
        if both:
            raise ValueError(f"keeps '{both[0]}' and changes it; leave it out of one of them")
        return self

    @classmethod
    def known_keys(cls, path: Trail, beside: Mapping[str, Any]) -> list[str]:
        """Keys that the form knows at the level of an unknown one."""
        del beside
        form: type[Form] = cls if len(path) == 1 else Layout if "layout" in path[:-1] else ChangeSpec
        return list(form.model_fields)


def load_scenario(path: Path) -> tuple[ScenarioSpec, dict[str, int]]:
    """Read a scenario, and the row of its file in which each of its changes begins.

    Raises:
        InputError: the file is missing, is no YAML, or is no scenario; lists every problem with its line.
    """
    text = read_text(path, most=SPEC, cure="give the path of a scenario, for example scenario.yaml")
    return parsed(text, str(path), ScenarioSpec, "start with `changes:`", ("changes",))
