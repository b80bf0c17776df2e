"""Polygons of zones, read from a GeoJSON file."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from synthor.errors import Finding, InputError, nearest
from synthor.files import POLYGONS, in_bytes, read_text
from synthor.schema.text import as_text, in_brief, plural
from synthor.spec.outlines import Ring, outlines
from synthor.spec.tables.files import refuse_missing
from synthor.spec.tables.labels import column_key

OTHERS = (".shp", ".gpkg", ".kml", ".kmz", ".zip", ".fgb", ".gml", ".gdb")
"""Endings of files of polygons in other formats."""

CONVERT = "save it as GeoJSON, as `ogr2ogr -f GeoJSON -t_srs EPSG:4326 zones.geojson FILE` does"
SIMPLIFY = (
    "simplify it, as `mapshaper FILE -simplify 10% keep-shapes -o zones.geojson` does; the page draws 4,096 points across"
)

LARGEST = 1e15
"""Coordinates are smaller, or they are no such."""

TOLD = 5
"""Features that are told one by one."""


def read_outlines(file: str, folder: Path, *, key: str, id: str | None, columns: Mapping[str, str | None]) -> dict[str, str]:
    """The outlines of a GeoJSON file's polygons, by the name of the zone that their property holds.

    Several features of one zone are its parts. Features without geometry, or without a name, are left out.

    Args:
        file: a FeatureCollection of Polygons and MultiPolygons, in any coordinates on a plane or in degrees.
        folder: that the file's name is relative to.
        key: what zones are called.
        id: the property of their names; the one called `key` unless given.
        columns: of the spec, what the key is called elsewhere.

    Raises:
        InputError: the file cannot be read or is too large, is no such collection, or has no such property.
    """
    features = _features(file, folder)
    name = _property(features, file, key=key, id=id, columns=columns)
    found: dict[str, list[Ring]] = {}
    findings = []
    for number, feature in enumerate(features, start=1):
        zone = (feature.get("properties") or {}).get(name)
        if zone is None or isinstance(zone, dict | list) or not as_text(zone) or feature.get("geometry") is None:
            continue
        try:
            found.setdefault(as_text(zone), []).extend(_rings(feature["geometry"]))
        except _NoPolygonError as error:
            where = f"{file}, feature {number} ({in_brief(as_text(zone), 40)})"
            findings.append(Finding(where=where, message=error.message, cure=error.cure))
    if findings:
        more = len(findings) - TOLD
        told = f"{plural(more, 'more feature')} {'is' if more == 1 else 'are'} no polygon, too"
        rest = [Finding(where=file, message=told, cure=findings[0].cure)] if more > 0 else []
        raise InputError([*findings[:TOLD], *rest])
    there = {zone: parts for zone, parts in found.items() if parts}
    if not there:
        message = f"no feature has both a '{name}' and a polygon"
        raise InputError([Finding(where=file, message=message, cure="give one with the outlines of the zones")])
    corners = np.concatenate([ring.points for parts in there.values() for ring in parts])
    degrees = bool((np.abs(corners) <= [360.0, 90.0]).all()) and not _planar(features.crs)
    return outlines(there, degrees=degrees)


class _NoPolygonError(Exception):
    """A geometry that is no polygon, or not as one is written."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.message, self.cure = message, cure


class _Features(list[dict[str, Any]]):
    """Features of a collection, and the system of its coordinates as far as an older file names it."""

    crs: object = None


def _features(file: str, folder: Path) -> _Features:
    """The features of a collection."""
    path = folder / file
    if path.suffix.lower() in OTHERS:
        raise InputError([Finding(where=file, message=f"is no GeoJSON, by its name {path.suffix}", cure=CONVERT)])
    refuse_missing(path, file)
    if (size := path.stat().st_size) > POLYGONS:
        message = f"holds {in_bytes(size)}, and {in_bytes(POLYGONS)} is the most that is read of polygons"
        raise InputError([Finding(where=file, message=message, cure=SIMPLIFY)])
    try:
        document = json.loads(read_text(path, most=POLYGONS, shown=file).removeprefix("\ufeff"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        row = error.lineno if isinstance(error, json.JSONDecodeError) else None
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error) or "it is nested too deeply"
        cure = "download it again, or save it as GeoJSON anew"
        raise InputError([Finding(where=file, row=row, message=f"is no JSON: {reason}", cure=cure)]) from None
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "Topology":
        cure = "convert it, as `mapshaper FILE -o zones.geojson format=geojson` does"
        raise InputError([Finding(where=file, message="is TopoJSON, and GeoJSON is expected", cure=cure)])
    listed = document.get("features") if isinstance(document, dict) else None
    if kind != "FeatureCollection" or not isinstance(listed, list):
        what = f"its type is '{in_brief(str(kind), 40)}'" if kind else "it has no type"
        message = f"is no FeatureCollection: {what if kind != 'FeatureCollection' else 'its features are no list'}"
        raise InputError([Finding(where=file, message=message, cure="write one feature a zone into a FeatureCollection")])
    for number, feature in enumerate(listed, start=1):
        if not isinstance(feature, dict) or not isinstance(feature.get("properties") or {}, dict):
            message = "is no Feature with properties and a geometry"
            raise InputError(
                [Finding(where=f"{file}, feature {number}", message=message, cure="save the file as GeoJSON anew")]
            )
    found = _Features(listed)
    found.crs = document.get("crs")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"it holds {text}, which is no number of JSON")


def _property(features: _Features, file: str, *, key: str, id: str | None, columns: Mapping[str, str | None]) -> str:
    """The property that holds the zones' names."""
    names = list(dict.fromkeys(name for feature in features for name in feature.get("properties") or {}))
    if id is not None:
        if id not in names:
            message = f"no feature has a property '{id}'"
            raise InputError([Finding(where=file, message=message, cure=nearest(id, names) or "give features properties")])
        return id
    own = {column_key(told): name for told, name in columns.items() if name is not None}
    fits = [name for name in names if column_key(own.get(column_key(name), name)) == column_key(key)]
    if not fits:
        cure = f"say which one holds the zone's name, `id: NAME` in zones; {nearest(key, names) or 'they have none'}"
        raise InputError([Finding(where=file, message=f"no feature has a property '{key}'", cure=cure)])
    return key if key in fits else fits[0]


def _rings(geometry: object) -> Iterator[Ring]:
    """The rings of a Polygon or MultiPolygon."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(geometry, dict):
        what = "its geometry has no type" if kind is None else f"is a {in_brief(str(kind), 40)}"
        raise _NoPolygonError(
            f"{what}, and a Polygon or MultiPolygon is expected", "give outlines of zones, not points or lines"
        )
    try:
        parts = geometry["coordinates"] if kind == "MultiPolygon" else [geometry["coordinates"]]
        for part in parts:
            for at, ring in enumerate(part):
                points = np.array([point[:2] for point in ring], np.float64).reshape(-1, 2)
                if not (np.abs(points) < LARGEST).all():
                    raise ValueError
                if len(points):
                    yield Ring(points=points, hole=at > 0)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        cure = "write a ring as [[x, y], [x, y], ...], a Polygon as its rings, a MultiPolygon as Polygons"
        raise _NoPolygonError("its coordinates are no rings of [x, y]", cure) from None


def _planar(crs: object) -> bool:
    """Whether an older file names a system of coordinates other than longitude and latitude."""
    name = json.dumps(crs)
    return crs is not None and not any(code in name for code in ("CRS84", "4326", "4269", "4258"))
