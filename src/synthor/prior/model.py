"""What the language model believes, as it is written down: prior.json, which a person can open and edit."""

import json
import re
from itertools import pairwise
from math import inf, isinf
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler

from synthor.errors import Finding, InputError, nearest
from synthor.forms import Form
from synthor.schema.text import in_brief, plural

Finite = Annotated[float, Field(allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Table = dict[str, dict[str, Weight]]


class _Belief(Form):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dependency(_Belief):
    """A conditional table P(of | given), in rough percent; rows are normalised, margins come from the targets.

    >>> Dependency(given="car", of="tenure", rows=[[30, 70], [70, 30]]).confidence is None
    True
    """

    given: str
    of: str
    percent: Table | None = Field(None, description="For each category of `given`, percent of each category of `of`.")
    rows: list[list[Weight]] | None = Field(None, description="The same as rows in category order.")
    confidence: float | None = Field(None, ge=0, le=1, description="How sure, 0 to 1; 0.5 unless said.")
    records: float | None = Field(None, gt=0, description="Counted from so many records of a sample; instead of a confidence.")
    why: str = Field("", max_length=2000)

    @model_validator(mode="after")
    def _one_table(self) -> "Dependency":
        if (self.percent is None) == (self.rows is None):
            raise ValueError("needs exactly one of percent, rows")
        if self.given == self.of:
            raise ValueError("`given` and `of` are the same variable")
        return self


class Marginal(_Belief):
    """Shares of one variable that no target gives, in percent, in category order (or in the order of its groups)."""

    of: str
    percent: list[Weight] = Field(min_length=1)


class CompositionBelief(_Belief):
    """How many members of each role a unit has, and what percent of the units with as many members in all are so.

    >>> CompositionBelief(members={"head": 1, "partner": 1}, percent=70).percent
    70.0
    """

    members: dict[str, Annotated[int, Field(ge=0, le=1000)]] = Field(min_length=1, description="Of roles left out, none.")
    percent: Weight


class DifferenceBelief(_Belief):
    """How far the numbers of two members lie apart: quantiles of the difference, or percent of bands of it.

    >>> DifferenceBelief(difference="head.age - partner.age", quantiles={"5%": -6, "50%": 2, "95%": 12}).confidence is None
    True
    """

    difference: str = Field(max_length=200, description="Two numbers by roles: head.age - partner.age.")
    quantiles: dict[str, Finite] | None = Field(None, description="Values that so many percent lie below: {5%: -6, 95%: 12}.")
    percent: dict[str, Weight] | None = Field(None, description="Percent of bands: {up to 19: 5, 20 to 34: 75, 35+: 20}.")
    confidence: float | None = Field(None, ge=0, le=1, description="How sure, 0 to 1; 0.5 unless said.")
    why: str = Field("", max_length=2000)

    @model_validator(mode="after")
    def _one_form(self) -> "DifferenceBelief":
        if (self.quantiles is None) == (self.percent is None):
            raise ValueError("needs exactly one of quantiles, percent")
        if self.quantiles is not None:
            pairs = sorted((quantile_share(text), value) for text, value in self.quantiles.items())
            values = [value for _, value in pairs]
            if len(pairs) < 2 or any(a >= b for a, b in pairwise(values)) or any(a[0] >= b[0] for a, b in pairwise(pairs)):
                raise ValueError('needs two quantiles at least, whose values rise; write {"5%": -6, "50%": 2, "95%": 12}')
        if self.percent is not None:
            bands = sorted(band_ends(label) for label in self.percent)
            crossed = next((b for a, b in pairwise(bands) if b[0] <= a[1]), None)
            if crossed is not None:
                raise ValueError(f"two bands hold {crossed[0]:g}; let each begin after the one before it ends")
            if all(isinf(low) or isinf(high) for low, high in bands) or sum(self.percent.values()) <= 0:
                raise ValueError("needs a band with both ends, such as -4 to 4, and a sum above 0")
        return self


def quantile_share(text: str) -> float:
    """The share that lies below a quantile, from how it is written.

    Raises:
        ValueError: it is no percentage between 0 and 100.

    >>> quantile_share("5%"), quantile_share("97.5")
    (0.05, 0.975)
    """
    try:
        share = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise ValueError(f"'{text[:20]}' is no percentage between 0 and 100; write 5%")
    return share


def band_ends(label: str) -> tuple[float, float]:
    """The smallest and largest difference of a band, infinite where it is open.

    Raises:
        ValueError: it is none.

    >>> band_ends("-4 to 4"), band_ends("20-34"), band_ends("35+"), band_ends("up to -5")
    ((-4.0, 4.0), (20.0, 34.0), (35.0, inf), (-inf, -5.0))
    """
    number, text = r"([-−]?\d+(?:\.\d+)?)", label.strip().casefold()
    if found := re.fullmatch(rf"{number}(?:\s*(?:to|–|-)\s*{number})?", text):
        low, high = (float((part or found[1]).replace("−", "-")) for part in (found[1], found[2]))
        if low <= high:
            return low, high
    if found := re.fullmatch(rf"{number}\s*(?:\+|or more|and over)", text):
        return float(found[1].replace("−", "-")), inf
    if found := re.fullmatch(rf"{number}\s*or less|up to\s*{number}", text):
        return -inf, float((found[1] or found[2]).replace("−", "-"))
    raise ValueError(f"'{label[:40]}' is no band of a difference; write -4 to 4, 35+ or up to -5")


class ThreeWay(_Belief):
    """A conditional table P(of | two others), in rough percent: how one goes with another in each category of a third.

    >>> str(ThreeWay(given=["age", "sex"], of="work", rows=[[90, 10], [50, 50], [80, 20], [20, 80]]))
    'work given age and sex'
    >>> told = {"given": ["age", "sex"], "of": "work", "rows": [[[90, 10], [50, 50]], [[80, 20], [20, 80]]]}
    >>> ThreeWay.model_validate(told).rows
    [[90.0, 10.0], [50.0, 50.0], [80.0, 20.0], [20.0, 80.0]]
    """

    given: list[str] = Field(min_length=2, max_length=2)
    of: str
    rows: list[list[Weight]] = Field(
        description="For each category of the first that is given, and in it for each of the second, percent of each of `of`."
    )
    confidence: float | None = Field(None, ge=0, le=1, description="How sure, 0 to 1; 0.5 unless said.")
    why: str = Field("", max_length=2000)

    _parts: int | None = PrivateAttr(None)

    @model_validator(mode="wrap")
    @classmethod
    def _in_parts(cls, value: Any, read: ModelWrapValidatorHandler["ThreeWay"]) -> "ThreeWay":
        """Rows may be written in parts, one for each category of the first that is given."""
        rows = value.get("rows") if isinstance(value, dict) else None
        if not isinstance(rows, list) or not rows or not all(_is_part(part) for part in rows):
            return read(value)
        if len({len(part) for part in rows}) > 1:
            raise ValueError("rows: parts have different numbers of rows; each has one for each category of the second given")
        found = read({**value, "rows": [row for part in rows for row in part]})
        found._parts = len(rows)
        return found

    @property
    def parts(self) -> int | None:
        """In how many parts its rows were written; None where they were written one after the other."""
        return self._parts

    @model_validator(mode="after")
    def _three(self) -> "ThreeWay":
        if len({*self.given, self.of}) < 3:
            raise ValueError("`given` and `of` are not three variables")
        return self

    def __str__(self) -> str:
        return f"{self.of} given {self.given[0]} and {self.given[1]}"


def _is_part(part: object) -> bool:
    return isinstance(part, list) and bool(part) and all(isinstance(row, list) for row in part)


class RuleBelief(_Belief):
    """A combination that cannot occur, as an SQL predicate."""

    never: str = Field(max_length=2000)
    why: str = Field("", max_length=2000)


class Range(_Belief):
    """Values spread evenly from `from` to `to`, for numbers."""

    low: Finite = Field(alias="from")
    high: Finite = Field(alias="to")


def _no_range(weights: dict[str, float]) -> dict[str, float]:
    if {"from", "to"} <= weights.keys():
        raise ValueError("a range has `from` and `to` only")
    return weights


Weights = Annotated[dict[str, Weight], AfterValidator(_no_range)]


class WrittenMember(_Belief):
    """A member of a whole unit, as it was written: a label for each variable, and its own members."""

    values: dict[str, str | Finite | bool]
    members: "dict[str, list[WrittenMember]] | None" = Field(None, description="By their level.")


class Proposal(_Belief):
    """A segment of the population: its share and, inside it, a value, weighted values or a range for each variable.

    Of units with members it is a group of alike ones, whose values may be those of members (`head.age`), and who they are and
    how far apart may be said as of all units; with `members` it is one whole unit.
    """

    name: str = ""
    share: float = Field(
        gt=0, le=1e9, allow_inf_nan=False, description="Relative to the other proposals; of units with members, in percent."
    )
    values: dict[str, str | Finite | bool | Range | Weights]
    members: dict[str, list[WrittenMember]] | None = Field(None, description="Of one whole unit all members, by their level.")
    compositions: list[CompositionBelief] | None = Field(None, description="Who the members of its units are.")
    differences: list[DifferenceBelief] | None = Field(None, description="How far the numbers of two of them lie apart.")


class Prior(_Belief):
    """All beliefs about one problem.

    >>> Prior().empty
    True
    """

    about: str = Field("", description="Where the beliefs come from.")
    variables: list[str] = Field(default_factory=list, description="Variables that the model was shown.")
    dependencies: list[Dependency] = Field(default_factory=list)
    rules: list[RuleBelief] = Field(default_factory=list)
    marginals: list[Marginal] = Field(default_factory=list)
    groups: dict[str, dict[str, list[str]]] = Field(
        default_factory=dict, description="For a variable of many categories: names of groups, and the categories in each."
    )
    proposals: list[Proposal] = Field(default_factory=list)
    compositions: list[CompositionBelief] | None = Field(None, description="Who the members of a unit are, the commonest.")
    differences: list[DifferenceBelief] | None = Field(None, description="How far the numbers of two members lie apart.")
    three_way: list[ThreeWay] | None = Field(None, description="Shares of a variable given two others.")
    calibrated: str | None = Field(None, description="How published tables changed the confidences, if they did.")
    survey: list[str] | None = Field(None, description="Which records of the survey sample were left out, if any.")

    _unread: dict[str, list[int]] = PrivateAttr(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        """The same beliefs, wherever they stood."""
        return isinstance(other, Prior) and dict(self) == dict(other)

    __hash__ = None  # type: ignore[assignment]

    def written(self, place: str) -> str:
        """What the file that these beliefs were read from calls one of them: its entries that could not be read count, too.

        >>> prior, _ = read_prior('{"rules": [{}, {"never": "a"}]}', source="prior.json")
        >>> prior.written("rules[0] (a)")
        'rules[1] (a)'
        """
        found = re.match(r"(\w+)\[(\d+)\]", place)
        if found is None or found[1] not in self._unread:
            return place
        at = int(found[2])
        for unread in self._unread[found[1]]:
            at += unread <= at
        return f"{found[1]}[{at}]{place[found.end() :]}"

    def __repr__(self) -> str:
        counts = {
            "dependency table": len(self.dependencies),
            "rule": len(self.rules),
            "proposal": len(self.proposals),
            "marginal": len(self.marginals),
            "composition": len(self.compositions or ()),
            "difference": len(self.differences or ()),
            "three-way table": len(self.three_way or ()),
        }
        held = ", ".join(plural(n, what) for what, n in counts.items() if n) or "no beliefs"
        about = f" ({in_brief(self.about, 80)})" if self.about else ""
        return f"<Prior: {held}{about}>"

    __str__ = __repr__

    @property
    def empty(self) -> bool:
        """No belief at all: what is not targeted will be independent."""
        of_pairs = (self.dependencies, self.rules, self.marginals, self.proposals)
        return not any((*of_pairs, self.compositions, self.differences, self.three_way))

    def to_json(self) -> str:
        """The file prior.json: the same text for the same beliefs."""
        document = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


_LISTS = (
    ("dependencies", Dependency),
    ("rules", RuleBelief),
    ("marginals", Marginal),
    ("proposals", Proposal),
    ("compositions", CompositionBelief),
    ("differences", DifferenceBelief),
    ("three_way", ThreeWay),
)


class Dropped(BaseModel):
    """A belief that could not be used, and why; or one that was mended, or that gave way where no record can be."""

    model_config = ConfigDict(frozen=True)

    belief: str
    reason: str
    action: Literal["dropped", "mended", "gave way"] = "dropped"


def read_prior(text: str, *, source: str) -> tuple[Prior, tuple[Dropped, ...]]:
    """Beliefs from JSON; a bad belief costs itself, not the others.

    Args:
        text: a JSON object with dependencies (also called pairs), rules, proposals.
        source: what to call it in a message.

    Raises:
        InputError: the text is no JSON object at all.

    >>> prior, dropped = read_prior('{"dependencies": [{"given": "a", "of": "a"}]}', source="prior.json")
    >>> len(prior.dependencies), dropped[0].belief
    (0, 'dependencies[0]')
    """
    try:
        document = json.loads(_whole(json.loads(text.removeprefix("\ufeff"))))
    except (ValueError, RecursionError) as error:
        row = getattr(error, "lineno", None)
        reason = getattr(error, "msg", "nested too deeply" if isinstance(error, RecursionError) else str(error))
        raise InputError([Finding(where=source, row=row, message=f"is not JSON: {reason}", cure="mend the file")]) from None
    if not isinstance(document, dict):
        cure = "write an object with dependencies, rules, proposals"
        raise InputError([Finding(where=source, message="is no JSON object", cure=cure)])
    if "pairs" in document and "dependencies" not in document:
        document["dependencies"] = document.pop("pairs")
    dropped: list[Dropped] = []
    kept: dict[str, Any] = {}
    unread: dict[str, list[int]] = {}
    for key, kind in _LISTS:
        if key in ("compositions", "differences", "three_way") and key not in document:
            continue
        entries = document.pop(key, None) or []
        kept[key] = []
        if not isinstance(entries, list):
            dropped.append(Dropped(belief=key, reason="is no list"))
            continue
        for i, entry in enumerate(entries):
            try:
                kept[key].append(kind.collected(entry))
            except ValidationError as error:
                problem = max(reversed(error.errors()), key=lambda problem: len(problem["loc"]))
                place = ".".join(str(step) for step in problem["loc"] if "[" not in str(step))
                reason = f"{place}: {problem['msg']}" if place else problem["msg"]
                dropped.append(Dropped(belief=f"{key}[{i}]", reason=reason))
                unread.setdefault(key, []).append(i)
    for key in ("about", "variables", "groups", "calibrated", "survey"):
        if key in document:
            kept[key] = document.pop(key)
    known = [key for key, _ in _LISTS] + ["groups", "about", "variables", "calibrated", "survey"]
    dropped += [Dropped(belief=key, reason=f"unknown key; {nearest(key, known)}") for key in document]
    try:
        prior = Prior.collected(kept)
    except ValidationError as error:  # only what is for people to read is left to be wrong
        for problem in error.errors():
            kept.pop(str(problem["loc"][0]), None)
            dropped.append(Dropped(belief=str(problem["loc"][0]), reason=problem["msg"]))
        prior = Prior.collected(kept)
    prior._unread = unread
    return prior, tuple(dropped)


def _whole(document: Any) -> str:
    """The document as text once more, with ? for half characters, which a cut answer may hold and no file can."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")


def load_prior(path: str | Path) -> tuple[Prior, tuple[Dropped, ...]]:
    """Beliefs from a file, as `read_prior`.

    Raises:
        InputError: the file cannot be read or is no JSON object.
    """
    from synthor.llm.replay import read_recording

    return read_prior(read_recording(Path(path)), source=str(path))
