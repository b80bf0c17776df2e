"""Where beliefs come from: a file, a model's recorded answer, or nowhere."""

from pathlib import Path

from synthor.prior.model import Dropped, Prior, load_prior
from synthor.spec.model import Spec


def elicit(spec: Spec, prior: str | Path | Prior | None = None) -> tuple[Prior, tuple[Dropped, ...]]:
    """The beliefs that a spec asks for.

    Args:
        spec: its `prior:` names a file; otherwise its `model:` may name a recording, `replay:FILE`.
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


def sources(spec: Spec, prior: str | Path | Prior | None = None) -> dict[str, Path]:
    """The files that a run on this spec reads, by what the spec calls them."""
    files = {str(target.table): spec.folder / target.table for target in spec.targets if isinstance(target.table, str)}
    file = None if isinstance(prior, Prior) else _file(spec, prior)
    own = {"spec": spec.file} if spec.file is not None else {}
    return own | files | ({file.name: file} if file is not None else {})


def _file(spec: Spec, prior: str | Path | None) -> Path | None:
    if prior is not None:
        return Path(prior)
    if spec.prior is not None:
        return spec.folder / spec.prior
    if spec.model is not None and spec.model.name != "none":
        return spec.folder / spec.model.name.removeprefix("replay:")
    return None
