"""Outlines of a spec's zones for the map of the page, and what is to be said of them. Nothing else depends on them."""

from collections.abc import Iterable, Iterator

from synthor.errors import Finding, InputError
from synthor.schema.text import as_text, plural, some_of
from synthor.spec.model import Spec
from synthor.spec.polygons import read_outlines

LISTED = 5
"""Zones that one message names."""


def with_outlines(spec: Spec) -> tuple[Spec, list[Finding]]:
    """The same spec, the outlines of its zones written in place, and what is wrong with the polygons; itself without any.

    Args:
        spec: whose zones are known.

    >>> from synthor import parse_spec
    >>> spec, findings = with_outlines(parse_spec('''
    ... {records: 3, variables: {car: {type: boolean}}, zones: {key: taz, names: [7, 9], polygons: {7: M0 0l3 0 0 3z}}}
    ... '''))
    >>> spec.zones.polygons, [str(finding) for finding in findings]
    ({'7': 'M0 0l3 0 0 3z'}, ['zones.polygons: 1 zone of 2 has no polygon (9); the map leaves it out'])
    """
    zones = spec.zones
    if zones is None or zones.polygons is None or zones.names is None:
        return spec, []
    if isinstance(zones.polygons, str):
        where = zones.polygons
        try:
            found = read_outlines(where, spec.folder, key=zones.key, id=zones.id, columns=spec.columns)
        except InputError as error:
            return _with(spec, None), list(error.findings)
    else:
        where, found = "zones.polygons", {as_text(zone): path for zone, path in zones.polygons.items()}
    drawn = {name: found[name] for name in zones.names if name in found}
    return _with(spec, drawn or None), list(_differences(where, zones.names, found))


def _with(spec: Spec, drawn: dict[str, str] | None) -> Spec:
    assert spec.zones is not None
    return spec.model_copy(update={"zones": spec.zones.model_copy(update={"polygons": drawn, "id": None})})


def _differences(where: str, names: Iterable[str], found: Iterable[str]) -> Iterator[Finding]:
    """Zones without a polygon, and polygons without a zone."""
    zones, shapes = dict.fromkeys(names), dict.fromkeys(found)
    missing, beyond = [name for name in zones if name not in shapes], [name for name in shapes if name not in zones]
    if len(missing) == len(zones):
        message = (
            f"no polygon has the name of a zone: there {some_of(beyond, LISTED)}, in the tables {some_of(missing, LISTED)}"
        )
        yield Finding(where=where, message=message, cure="name the property of these names, `id: NAME`, or write them alike")
        return
    if beyond:
        no = "is" if len(beyond) == 1 else "are"
        message = f"{plural(len(beyond), 'polygon')} {no} of no zone of the tables ({some_of(beyond, LISTED)})"
        yield Finding(where=where, message=message, cure="the map leaves them out", severity="warning")
    if missing:
        message = f"{plural(len(missing), 'zone')} of {len(zones):,} {'has' if len(missing) == 1 else 'have'} no polygon"
        it = "it" if len(missing) == 1 else "them"
        told = f"{message} ({some_of(missing, LISTED)})"
        yield Finding(where=where, message=told, cure=f"the map leaves {it} out", severity="warning")
