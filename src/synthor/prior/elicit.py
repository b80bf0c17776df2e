"""Where beliefs come from: a file, a model that is asked, or nowhere."""

from pathlib import Path

from synthor.disk.held import found
from synthor.errors import Finding, InputError
from synthor.llm.ask import Asker, source_of
from synthor.llm.budget import Budget
from synthor.llm.journal import Journal
from synthor.llm.replay import is_prior
from synthor.prior.model import Dropped, Prior, load_prior
from synthor.spec.model import Spec
from synthor.spec.tables.packed import place_of


def elicit(spec: Spec, prior: str | Path | Prior | None = None) -> tuple[Prior, tuple[Dropped, ...]]:
    """The beliefs that a file gives; a model that must be asked gives none here.

    Args:
        spec: its `prior:` names a file, or several, of which the first is meant; otherwise its `model:` may name a recording,
            `replay:FILE`.
        prior: beliefs, or a file of them, to use instead of what the spec names.

    Returns:
        The beliefs, empty when nothing names any, and what could not be read of them.

    Raises:
        InputError: the file cannot be read.

    >>> elicit(Spec(records=1, variables={"car": {"type": "boolean"}}))[0].empty
    True
    """
    if isinstance(prior, Prior):
        return prior, ()
    file = _file(spec, prior)
    return load_prior(file) if file is not None else (Prior(), ())


def recordings(spec: Spec, prior: str | Path | Prior | None = None) -> tuple[Prior, ...]:
    """All recordings of beliefs that files give, one after the other; the first is the one that `elicit` gives.

    Raises:
        InputError: a file cannot be read.
    """
    if prior is not None or len(spec.priors) < 2:
        return (elicit(spec, prior)[0],)
    return tuple(load_prior(spec.folder / file)[0] for file in spec.priors)


def sources(spec: Spec, prior: str | Path | Prior | None = None) -> dict[str, Path]:
    """The files that a run on this spec reads, by what the spec calls them."""
    tables = [target.table for target in spec.targets if isinstance(target.table, str)]
    files = {table: place_of(table, spec.folder).path for table in tables}
    if spec.zones is not None:
        files |= {table: place_of(table, spec.folder).path for table in spec.zones.tables}
    file = None if isinstance(prior, Prior) else _file(spec, prior)
    if file is None and prior is None and spec.model is not None and spec.model.name.startswith("replay:"):
        file = _replayed(spec)
    if spec.sample is not None:
        files[spec.sample.file] = found(spec.folder, spec.sample.file)
    if prior is None and len(spec.priors) > 1:
        files |= {name: spec.folder / name for name in spec.priors}
    elif file is not None:
        files[file.name] = file
    if spec.zones is not None:
        files |= {name: spec.folder / name for name in spec.zones.files}
    own = {"spec": spec.file} if spec.file is not None else {}
    return own | spec.changed_by | files


def asks(spec: Spec, prior: str | Path | Prior | None = None) -> bool:
    """Whether a run on this spec asks a model; otherwise beliefs are given, or there are none.

    >>> asks(Spec(records=1, variables={"car": {"type": "boolean"}}, model={"name": "batch:questions"}))
    True
    """
    asked = spec.model
    if prior is not None or asked is None or spec.asks_nobody:
        return False
    return not (asked.name.startswith("replay:") and is_prior(_replayed(spec)))


def asker_of(spec: Spec, prior: str | Path | Prior | None, answers: Path, *, wait: bool = False) -> Asker | None:
    """Whoever is to be asked for beliefs; None when a file gives them, or nobody is named.

    Args:
        spec: its `model:` names the model and the caps.
        prior: beliefs given otherwise.
        answers: file of the journal.
        wait: for the answers of a batch folder.

    Raises:
        InputError: a recording cannot be read; a cap on money cannot be kept.
        ModelError: the model cannot be asked.
    """
    asked = spec.model
    if asked is None or not asks(spec, prior):
        return None
    source = source_of(asked.name, spec.folder, wait=wait, requests_per_minute=asked.requests_per_minute)
    if asked.usd is not None:
        _check_price(asked.name)
    budget = Budget(requests=asked.requests, output_tokens=asked.output_tokens, usd=asked.usd, minutes=asked.minutes)
    journal = None if asked.name.startswith("replay:") else Journal(answers)
    return Asker(source, journal, budget)


def _check_price(name: str) -> None:
    from synthor.llm.provider import price_known

    if name.startswith(("batch:", "replay:")) or not price_known(name):
        cure = "cap `output_tokens` instead of `usd`"
        raise InputError(
            [Finding(where="model", message=f"the price of {name} is unknown, so money cannot be capped", cure=cure)]
        )


def _replayed(spec: Spec) -> Path:
    return spec.folder / spec.model.name.removeprefix("replay:") if spec.model is not None else spec.folder


def _file(spec: Spec, prior: str | Path | None) -> Path | None:
    if prior is not None:
        return Path(prior)
    if spec.priors:
        return spec.folder / spec.priors[0]
    if spec.model is not None and spec.model.name.startswith("replay:") and is_prior(_replayed(spec)):
        return _replayed(spec)
    return None
