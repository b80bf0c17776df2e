"""Reads one sheet of a workbook, as a process of its own: what the file does to the reader, it does to nobody else.

The reader holds a sheet as one block from its first cell to its last, 32 bytes a cell, so that 5 kB with a cell in the last
row and column ask for 550 GB; and it ends its process where memory ends. So memory is bounded before it begins.

Run as `python -I -S workbook.py FOLDER MOST_BYTES MOST_CELLS SHEET`, the file as input: FOLDER is where the reader is found,
SHEET a JSON text or number, or null for the first. It gives a pickled pair: what became of it, and its product.
"""

import io
import json
import pickle
import re
import sys

COVER = re.compile(
    r"cover([ _-]?sheet)?|(table[ _]of[ _])?contents?|index|notes?|information|info|summary|structure|read[ _]?me|metadata"
    r"|inhalt\w*|titel(seite)?|impressum|vorbemerkung(en)?|[ií]ndice|inhoud|toelichting",
    re.IGNORECASE,
)
"""Sheets that tell of the tables in the others: the first of these is read unless one is named."""


def read_sheet(content: bytes, wanted: str | int | None, most_cells: int) -> tuple[str, object]:
    """What became of reading a sheet: `rows`, `no sheet`, `cells` (too many) or `broken`, and what belongs to it."""
    import python_calamine

    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = list(workbook.sheet_names)
        if isinstance(wanted, int):
            name = names[wanted - 1] if 1 <= wanted <= len(names) else None
        else:
            name = (
                next((name for name in names if not COVER.fullmatch(name.strip())), names[0])
                if wanted is None and names
                else next((name for name in names if name.strip() == str(wanted).strip()), None)
            )
        if name is None:
            return "no sheet", names
        sheet = workbook.get_sheet_by_name(name)
        first, left = sheet.start or (0, 0)
        if sheet.height * sheet.width > most_cells:
            return "cells", (first + sheet.height, left + sheet.width)
        shown = [one.name for one in workbook.sheets_metadata if one.visible == python_calamine.SheetVisibleEnum.Visible]
        return "rows", (names, shown, name, first, left, sheet.to_python(skip_empty_area=True))
    except Exception as error:  # the library raises errors of many kinds on broken files
        return "broken", str(error).splitlines()[0] if str(error) else type(error).__name__


def main() -> None:
    """Bound the memory, read, and say what became of it."""
    folder, most_bytes, most_cells, wanted = sys.argv[1:]
    sys.path.insert(0, folder)
    try:
        import resource
    except ImportError:  # no Unix: there memory that is not there is refused to this process alone
        pass
    else:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = int(most_bytes) if hard == resource.RLIM_INFINITY else min(int(most_bytes), hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    found = read_sheet(sys.stdin.buffer.read(), json.loads(wanted), int(most_cells))
    pickle.dump(found, sys.stdout.buffer, protocol=5)


if __name__ == "__main__":
    main()
