"""Every target cell, wanted and got: counted on the records themselves."""

from synthor.measure.coded import Records, encode
from synthor.measure.tally import Tally, measure
from synthor.measure.verdict import CountFit, Explanation, Fit, Measurement, StatisticFit

__all__ = ["CountFit", "Explanation", "Fit", "Measurement", "Records", "StatisticFit", "Tally", "encode", "measure"]
