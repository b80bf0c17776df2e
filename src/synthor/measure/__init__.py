"""Every target cell, wanted and got: counted on the records themselves."""

from synthor.measure.coded import Records, encode
from synthor.measure.tally import Tally, measure
from synthor.measure.verdict import Explanation, Fit, Measurement, MomentFit

__all__ = ["Explanation", "Fit", "Measurement", "MomentFit", "Records", "Tally", "encode", "measure"]
