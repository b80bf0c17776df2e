"""The spec as a whole: what a user writes into spec.yaml."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError, WithJsonSchema, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from synthor.errors import Finding, InputError
from synthor.forms import Form
from synthor.forms import Path as Trail
from synthor.schema.kinds import KINDS
from synthor.schema.text import in_brief, plural, some_of
from synthor.spec.consistent import slips_of
from synthor.spec.levels import written_levels
from synthor.spec.members import HowMany, MemberSpec, PairSpec
from synthor.spec.names import NAME, LevelName, VariableName
from synthor.spec.scenario import AppliedScenario, applied_or_named
from synthor.spec.targets import Cell, TargetSpec
from synthor.spec.variables import Declared
from synthor.spec.written import Value
from synthor.spec.zones import ZonesSpec

MODELS = {
    "targets": "TargetSpec",
    "rules": "RuleSpec",
    "model": "ModelSpec",
    "sample": "SampleSpec",
    "tolerance": "Tolerance",
    "layout": "Layout",
    "suppressed": "Suppression",
    "zones": "ZonesSpec",
}
"""What the mapping under each key is called in the schema; the innermost key decides."""


class RuleSpec(Form):
    """A combination that cannot occur (a structural zero), as an SQL predicate."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    never: str = Field(min_length=1, description="SQL predicate that holds for no record.")
    why: str = Field("", description="The reason, for people and models to read.")


class ModelSpec(Form):
    """Which language model is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    name: str = Field(
        pattern=r"^(none|[a-z][a-z0-9_.-]*:.+)$",
        description="provider:model (openai:..., anthropic:..., google:..., ollama:..., openai-chat:NAME@http://HOST/v1); "
        "batch:FOLDER writes requests to be answered elsewhere; replay:FILE takes recorded answers; none asks no model.",
    )
    requests: int | None = Field(None, ge=1, description="Ask no more than so many times.")
    output_tokens: int | None = Field(None, ge=1, description="Ask no more once so many tokens were answered.")
    usd: float | None = Field(None, gt=0, description="Ask no more once so much money was spent.")
    minutes: float | None = Field(None, gt=0, description="Ask no more after so many minutes of one run.")
    requests_per_minute: float | None = Field(None, gt=0, description="Ask no faster than that.")


def _held(records: object) -> object:
    """A frame of any library as a file that lasts as long as the process; a file's name as it is."""
    if records is None or isinstance(records, str):
        return records
    from synthor.disk.held import held_file
    from synthor.frames import as_frame, plain

    try:
        return held_file(plain(as_frame(records, where="sample"), where="sample").write_csv())
    except InputError as error:
        found = error.findings[0]
        raise PydanticCustomError("no_table", "{message}", {"message": found.message, "cure": found.cure}) from None


RecordsFile = Annotated[str, BeforeValidator(_held), Field(min_length=1)]
"""A file of records; in Python also a frame of any library."""


class SampleSpec(Form):
    """Real records of the same kind, however few."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    file: RecordsFile = Field("", description="CSV or Parquet; columns named like variables.")
    files: dict[str, RecordsFile] = Field(
        default_factory=dict, description="With members, one file a level: {household: h.csv, person: p.csv}."
    )
    key: str | None = Field(None, min_length=1, description="Column that says in all of these files which unit a row is of.")
    weight: str | None = Field(None, description="Column of the records' weights; with members, of the units'.")

    @model_validator(mode="after")
    def _one_source(self) -> "SampleSpec":
        if bool(self.file) == bool(self.files):
            raise ValueError(f"has {'both' if self.file else 'neither'} of file and files; give one of them")
        if len(self.files) > 1 and self.key is None:
            raise ValueError("files need the column that joins them; write key: household_id")
        if self.key is not None and not self.files:
            raise ValueError("key joins files of several levels, and there is one file; leave key out")
        return self


class Spec(Form):
    """Everything that a run needs to know: units with their members, targets, rules, and where beliefs come from.

    >>> spec = Spec(records=10, variables={"tenure": {"type": "category", "values": ["owned", "rented"]}},
    ...             targets=[{"counts": {"tenure": {"owned": 6, "rented": 4}}}])
    >>> spec.random_seed
    0
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, title="synthor spec", defer_build=True)
    tags: ClassVar[tuple[str, ...]] = tuple(KINDS)

    title: str = Field("", description="Heads the report.")
    context: str = Field("", description="What one record is, where, when; the model reads this.")
    unit: LevelName | None = Field(None, description="What one record is called, such as household; needed with members.")
    about: str = Field("", description="What a unit is, beside context; people and models read it.")
    records: int = Field(gt=0, le=10**12, description="How many records to make; with members, how many units.")
    population: float | None = Field(
        None,
        gt=0,
        le=10**12,
        description="What published counts add up to, where that is not `records`: they are scaled to it.",
    )
    random_seed: int = Field(0, ge=0, lt=2**63, description="The same seed gives the same records.")
    variables: dict[VariableName, Declared] = Field(min_length=1, description="Name of each variable and what it holds.")
    members: dict[LevelName, MemberSpec] = Field(
        default_factory=dict, description="What each unit has: the persons of a household, the lines of an order."
    )
    zones: ZonesSpec | None = Field(None, description="Areas that every unit lies in, and that tables may be given for.")
    targets: list[TargetSpec] = Field(default_factory=list, description="Published tables that records must add up to.")
    columns: dict[str, str | None] = Field(
        default_factory=dict,
        description="What columns of tables are called, and the variable (or count, share) that each is; null leaves it out.",
    )
    labels: dict[str, dict[Cell, Value]] = Field(
        default_factory=dict, description="For a variable, what tables call its categories, and the label that each is."
    )
    rules: list[RuleSpec] = Field(default_factory=list, description="Combinations that cannot occur.")
    method: Literal["calibrated", "incremental", "direct"] = Field(
        "calibrated",
        description="calibrated pulls a model's beliefs onto the targets; incremental takes its proposals, and direct its "
        "records, as they are.",
    )
    sample: SampleSpec | None = Field(None, description="A survey sample, joined to the beliefs by its effective size.")
    prior: str | Annotated[list[str], Field(min_length=1)] | None = Field(
        None,
        description="JSON file of beliefs, elicited or written by hand. Of several files a run uses the first, and draws use "
        "them in turn.",
    )
    model: ModelSpec | None = Field(None, description="The language model to ask for beliefs.")
    scenario: Annotated[
        Annotated[str, Field(min_length=1)] | AppliedScenario | None,
        BeforeValidator(applied_or_named),
        WithJsonSchema({"type": ["string", "null"]}),
    ] = Field(None, description="A file that says which targets are changed; beliefs are those of the base, nothing is asked.")

    @model_validator(mode="after")
    def _consistent(self) -> "Spec":
        slips = slips_of(self)
        if slips:
            details = [
                InitErrorDetails(
                    type=PydanticCustomError("level", "{message}; {cure}", {"message": slip.message, "cure": slip.cure}),
                    loc=slip.path,
                    input=None,
                )
                for slip in slips
            ]
            raise ValidationError.from_exception_data("synthor spec", details)
        return self

    _folder: Path = PrivateAttr(default_factory=Path)
    _file: Path | None = PrivateAttr(None)
    _rows: dict[str, int] = PrivateAttr(default_factory=dict)
    _remarks: tuple[Finding, ...] = PrivateAttr(())
    _changed_by: dict[str, Path] = PrivateAttr(default_factory=dict)

    @property
    def asks_nobody(self) -> bool:
        """Whether it gives beliefs itself, or none: no model is asked, whatever the method."""
        return self.prior is not None or self.model is None or self.model.name == "none"

    @classmethod
    @cache
    def _own_schema(cls) -> dict[str, Any]:
        """The schema as it is looked at for each key that is unknown; nobody may change it."""
        return cls.model_json_schema()

    @classmethod
    def known_keys(cls, path: Trail, beside: Mapping[str, Any]) -> list[str]:
        """Keys that the schema knows at the level of an unknown one."""
        schema = cls._own_schema()
        if len(path) == 1:
            return list(schema["properties"])
        while path[0] == "members" and path[2:3] == ("members",):
            path = path[2:]
        if path[0] == "members" and len(path) > 2 and path[2] != "variables":
            form = PairSpec if path[2] == "pairs" else HowMany if path[2] in ("number", "roles") else MemberSpec
            return list((MemberSpec if len(path) == 3 else form).model_fields)
        if path[0] in ("variables", "members"):
            kind = "Follows" if "from" in beside else str(beside.get("type", "")).capitalize()
            return list(schema["$defs"].get(kind, {}).get("properties", ["type"]))
        above = [step for step in path[:-1] if isinstance(step, str)]
        return list(schema["$defs"].get(MODELS.get(above[-1], ""), {}).get("properties", []))

    @classmethod
    def elsewhere(cls, path: Trail) -> str:
        """Where a key belongs that is unknown at its place; nothing in a variable, or where it is unknown everywhere."""
        if path[-1] == "missing" and "variables" in path[:-1]:
            return "leave it out: it is of what is drawn, and what follows from members has it from theirs"
        if path[0] == "variables" or "variables" in path[:-1]:
            return ""  # one of another kind of variable is likelier
        schema, key = cls._own_schema(), str(path[-1])
        places = {
            "at the top of the spec, for all of it": schema,
            "in a target": schema["$defs"]["TargetSpec"],
            "in a target's `layout`": schema["$defs"]["Layout"],
            "in a kind of members": schema["$defs"]["MemberSpec"],
        }
        found = [place for place, form in places.items() if key in form["properties"]]
        return f"`{key}:` stands {' or '.join(found)}" if found else ""

    def __repr__(self) -> str:
        title = f" of {in_brief(self.title, 60)!r}" if self.title else ""
        levels = written_levels(self)[1:]
        members = f", with {some_of(level.name for level in levels)}" if levels else ""
        rules = f", {plural(len(self.rules), 'rule')}" if self.rules else ""
        return (
            f"<Spec{title}: {plural(self.records, self.unit or 'record')}{members}, "
            f"{plural(len(self.variables), 'variable')} ({some_of(self.variables)}), "
            f"{plural(len(self.targets), 'target')}{rules}>"
        )

    __str__ = __repr__

    @property
    def folder(self) -> Path:
        """Folder that the spec's file names are relative to."""
        return self._folder

    @property
    def priors(self) -> tuple[str, ...]:
        """All files of beliefs that it names, the first being the one that a run uses."""
        return () if self.prior is None else (self.prior,) if isinstance(self.prior, str) else tuple(self.prior)

    @property
    def file(self) -> Path | None:
        """The file that it was read from, if any."""
        return self._file

    @property
    def remarks(self) -> tuple[Finding, ...]:
        """What whoever drafted it has to say of the tables that it was drafted from; `check` tells it."""
        return self._remarks

    def row(self, place: str) -> int | None:
        """Row of its file in which `targets[3]`, `rules[0]` and the like begin, where that is known."""
        return self._rows.get(place)

    def with_rows(self, rows: dict[str, int]) -> "Spec":
        """The same spec, knowing in which row of its file each target and rule begins."""
        placed = self.model_copy()
        placed._rows = rows
        return placed

    def with_remarks(self, remarks: Sequence[Finding]) -> "Spec":
        """The same spec, with what is to be said of the tables that it was drafted from."""
        placed = self.model_copy()
        placed._remarks = tuple(remarks)
        return placed

    @property
    def changed_by(self) -> dict[str, Path]:
        """Files that its scenario was read from, and tables that it took the place of, by what they are called."""
        return self._changed_by

    def in_scenario(self, changed: Mapping[str, object], files: Mapping[str, Path]) -> "Spec":
        """The same spec, changed by a scenario.

        Args:
            changed: new values, by key.
            files: that were read for it.
        """
        placed = self.model_copy(update=dict(changed))
        placed._changed_by = dict(files)
        return placed

    def placed_in(self, folder: Path, *, file: Path | None = None) -> "Spec":
        """The same spec, its file names taken relative to `folder`; read from `file`, if from any."""
        placed = self.model_copy()
        placed._folder, placed._file = folder, file
        return placed


def json_schema() -> dict[str, Any]:
    """JSON schema of the spec, for editors.

    >>> json_schema()["title"]
    'synthor spec'
    """
    schema = Spec.model_json_schema()
    for form in (schema, schema["$defs"]["MemberSpec"]):
        for key in ("variables", "members"):
            form["properties"][key]["propertyNames"] = {"pattern": NAME}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
