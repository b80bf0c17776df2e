"""What a spec notes of a scenario that its targets were changed by."""

from collections.abc import Mapping

from pydantic import ConfigDict, Field
from pydantic_core import PydanticCustomError

from synthor.forms import Form


class AppliedScenario(Form):
    """A scenario that a spec's targets hold already.

    Attributes:
        told: what it changed, a sentence each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    file: str = Field(description="The scenario's file.")
    title: str = Field("", description="What is assumed.")
    base: str | None = Field(None, description="Folder of the run that it is a scenario of.")
    told: list[str] = Field(min_length=1, description="What it changed.")


def applied_or_named(scenario: object) -> object:
    """A file's name, or what is noted of a scenario once it is applied; no scenario is written into a spec itself.

    Raises:
        PydanticCustomError: it is something else.
    """
    noted = isinstance(scenario, AppliedScenario) or (isinstance(scenario, Mapping) and "told" in scenario)
    if scenario is None or isinstance(scenario, str) or noted:
        return scenario
    told = {"message": "names no file", "cure": "write the changes into a file of their own, and name it: scenario: older.yaml"}
    raise PydanticCustomError("no_scenario", "{message}", told)
