"""The bank of mistakes: specs and tables as people really break them, by kind, and how a case becomes files."""

from pathlib import Path
from typing import Any

import openpyxl
import yaml

BANK = Path(__file__).parent / "broken"
KINDS = (
    "file",
    "encoding",
    "label",
    "total",
    "band",
    "type",
    "rule",
    "zone_key",
    "share",
    "margin_of_error",
    "suppressed_cell",
)


def cases_of(kind: str) -> list[dict[str, Any]]:
    """Cases of one kind, each with the base of its file."""
    document = yaml.load((BANK / f"{kind}.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    return [{"base": document["base"], "kind": kind, **case} for case in document["cases"]]


CASES = [case for kind in KINDS for case in cases_of(kind)]


def content_of(told: str | dict[str, Any]) -> bytes:
    """The bytes of a file: its text, or how to make them."""
    if isinstance(told, str):
        return told.encode()
    if "hex" in told:
        return bytes.fromhex(told["hex"])
    if "each" in told:
        return (told["head"] + "".join(told["each"] % i for i in range(told["from"], told["to"] + 1))).encode()
    return str(told["text"]).encode(told["encoding"])


def write_workbook(path: Path, sheets: dict[str, list[list[object]]]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    with path.open("wb") as file:
        book.save(file)


def written(case: dict[str, Any], folder: Path) -> Path:
    """The spec of a case, written into a folder with its files."""
    for name, told in (case.get("files") or {}).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(told, dict) and "sheets" in told:
            write_workbook(path, told["sheets"])
        else:
            path.write_bytes(content_of(told))
    spec = folder / "spec.yaml"
    if case["spec"] is not None:
        spec.write_bytes(content_of(case["base"]) + content_of(case["spec"]))
    return spec
