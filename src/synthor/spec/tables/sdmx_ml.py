"""SDMX-ML, the XML that statistical offices exchange: read by sdmx1, which is installed with `synthor[sdmx]`."""

import importlib
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any
from xml.parsers import expat

from synthor.errors import Finding, InputError
from synthor.spec.tables.lines import Lines

AS_CSV = "take the table as SDMX-CSV"
NAMESPACE = b"sdmx.org/resources/sdmxml"
DEFINES = (b"<!DOCTYPE", b"<!ENTITY")
"""How XML begins to define texts of its own, which may grow without an end; SDMX never does."""


def sdmx_lines(content: bytes, shown: str, *, most_fields: int) -> Lines:
    """The observations of a message as rows of SDMX-CSV: a column a dimension, then TIME_PERIOD, OBS_VALUE and OBS_STATUS.

    Raises:
        InputError: sdmx1 is not installed, or the file is no SDMX-ML, holds no data, or very many.
    """
    if NAMESPACE not in content[:20_000]:
        raise InputError([Finding(where=shown, message="is XML of another kind than SDMX-ML", cure="take the table as CSV")])
    if any(sign in content for sign in DEFINES):
        raise InputError([Finding(where=shown, message="defines texts of its own, as no SDMX-ML does", cure=AS_CSV)])
    try:
        sdmx = importlib.import_module("sdmx")
    except ImportError:
        message, cure = "is SDMX-ML, which sdmx1 reads, and it is not installed", f"pip install 'synthor[sdmx]', or {AS_CSV}"
        raise InputError([Finding(where=shown, message=message, cure=cure)]) from None
    try:
        expat.ParserCreate().Parse(content, True)  # of a broken file sdmx1 prints all that it holds
        with _quiet():
            message = sdmx.read_sdmx(io.BytesIO(content))
        observations = [one for data in getattr(message, "data", ()) for one in data.obs]
    except Exception as error:  # the library raises errors of many kinds on broken files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError([Finding(where=shown, message=f"cannot be read: {reason}", cure=AS_CSV)]) from None
    if not observations:
        raise InputError([Finding(where=shown, message="describes a table and holds no data", cure="download the data")])
    return _lines(observations, shown, most_fields)


def _lines(observations: list[Any], shown: str, most_fields: int) -> Lines:
    dimensions = list(dict.fromkeys(str(name) for one in observations for name in one.key.values))
    times = [name for name in dimensions if name.upper() in ("TIME_PERIOD", "TIME")]
    others = [name for name in dimensions if name not in times]
    if len(observations) * (len(dimensions) + 2) > most_fields:
        message = f"holds {len(observations):,} observations, more than is read of a published table"
        raise InputError([Finding(where=shown, message=message, cure="download fewer categories or areas")])
    rows: list[tuple[str, ...]] = [(*others, "TIME_PERIOD", "OBS_VALUE", "OBS_STATUS")]
    for one in observations:
        told = {str(name): str(value.value) for name, value in one.key.values.items()}
        status = one.attached_attribute.get("OBS_STATUS", one.attached_attribute.get("OBS_FLAG"))
        value = "" if one.value is None or str(one.value) == "NaN" else str(one.value)
        time = told.get(times[0], "") if times else ""
        rows.append((*(told.get(name, "") for name in others), time, value, "" if status is None else str(status.value)))
    return Lines(source=shown, rows=tuple(rows), numbers=tuple(range(1, len(rows) + 1)))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's remarks that nobody told it the structure, which is not needed, and what it holds."""
    logger = logging.getLogger("sdmx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(before)
