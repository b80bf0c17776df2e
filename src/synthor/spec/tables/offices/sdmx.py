"""SDMX-CSV and SDMX-ML of any source, such as the OECD, the ILO or a central bank: a row an observation."""

from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.eurostat import observations
from synthor.spec.tables.offices.longform import not_laid_out
from synthor.spec.tables.offices.signs import is_sdmx_csv

EXPECTED = "columns of dimensions, then TIME_PERIOD and OBS_VALUE"


def sdmx(lines: Lines) -> Lines:
    """SDMX in long form: as `eurostat`, with figures in units of UNIT_MULT, a power of ten, multiplied.

    Raises:
        InputError: it is laid out otherwise, or is cut.

    >>> head = ("DATAFLOW", "SEX", "AGE", "TIME_PERIOD", "OBS_VALUE", "UNIT_MULT")
    >>> rows = (head, ("X:D(1.0)", "F", "Y15T24", "2023", "5", "3"),
    ...         ("X:D(1.0)", "M", "Y15T24", "2023", "6", "3"))
    >>> sdmx(Lines(source="a.csv", rows=rows, numbers=(1, 2, 3))).rows
    (('SEX', 'value'), ('F', '5000'), ('M', '6000'))
    """
    if not lines.rows or not is_sdmx_csv(lines.rows[0]):
        raise not_laid_out(lines, "sdmx", EXPECTED)
    return observations(lines)
