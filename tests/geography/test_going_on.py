"""Zones with members that were interrupted: who begins again goes on from what is kept, to the same bytes."""

from pathlib import Path

import numpy as np
import pytest

from synthor import compile_problem, parse_spec
from synthor.disk import shelf
from synthor.disk.shelf import NAME, Shelf, keeping
from synthor.fit.model import Model, fit_what_can_be
from synthor.geography.nested import fill
from synthor.geography.zoned import zoned_sample
from synthor.prior.model import Prior
from synthor.sample.stream import Sample

SPEC = """
unit: household
records: 360
random_seed: 3
variables:
  size: {type: integer, min: 1, max: 3, bins: [1, 2, 3], from: count(person)}
members:
  person:
    number: {min: 1, max: 3}
    variables:
      age: {type: integer, min: 0, max: 95, bins: [0, 18, 65]}
zones: {key: taz, within: {tract: {a: A, b: A, c: B, d: B, e: C, f: C}}}
targets:
- table:
"""
SPEC += "".join(f"  - {{taz: {zone}, size: {size}, count: {20}}}\n" for zone in "abcdef" for size in (1, 2, 3))
SPEC += "- rows: person\n  table:\n"
for tract in "ABC":
    for age, n in (("0-17", 60), ("18-64", 130), ("65-95", 50)):
        SPEC += f"  - {{tract: {tract}, age: {age}, count: {n}}}\n"


@pytest.fixture(scope="module")
def model() -> Model:
    return fit_what_can_be(compile_problem(parse_spec(SPEC)).region, Prior())


def bytes_of(sample: Sample) -> list[bytes]:
    return [frame.write_csv().encode() for chunk in sample.chunks() for frame in chunk.values()]


def interrupted(model: Model, folder: Path, after: int) -> None:
    """Stop when so many steps are told to be done."""

    def advance(done: int, total: int) -> None:
        if done >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), keeping(folder):
        zoned_sample(model, advance=advance)


@pytest.mark.slow
@pytest.mark.parametrize("after", [2, 41, 43, 45])
def test_the_same_bytes_come_after_an_interruption(
    model: Model, tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "SELDOM", 0.0)
    monkeypatch.setattr(fill, "BATCH", 1)
    wanted = bytes_of(zoned_sample(model))
    interrupted(model, tmp_path, after)
    kept = {file.name: file.stat().st_mtime_ns for file in tmp_path.glob(f"{NAME}/*/*")}
    assert kept
    with keeping(tmp_path):
        found = bytes_of(zoned_sample(model))
        now = {file.name: file.stat().st_mtime_ns for file in tmp_path.glob(f"{NAME}/*/*")}
        assert all(now[name] == stamp for name, stamp in kept.items() if name.startswith("areas"))
    assert found == wanted
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_is_damaged_or_of_other_work_is_made_anew(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill, "BATCH", 1)
    wanted = bytes_of(zoned_sample(model))
    interrupted(model, tmp_path, 45)
    for number, file in enumerate(sorted(tmp_path.glob(f"{NAME}/*/*"))):
        text = file.read_bytes()
        file.write_bytes(text[:-20] if number % 2 else text[:200] + bytes([text[200] ^ 1]) + text[201:])
    other = tmp_path / NAME / "0123456789abcdef"
    other.mkdir()
    (other / "fit.npz").write_bytes(b"old")
    with keeping(tmp_path):
        assert bytes_of(zoned_sample(model)) == wanted
        assert not other.exists()


def test_arrays_come_back_as_they_were_kept(tmp_path: Path) -> None:
    with keeping(tmp_path):
        here = Shelf.of(np.arange(3))
        arrays = [np.array([1.5, np.inf]), np.zeros((0, 2), np.int64), np.array(7)]
        assert here.take("a") is None
        here.put("a", arrays)
        again = Shelf.of(np.arange(3)).take("a")
        assert again is not None
        for one, two in zip(again, arrays, strict=True):
            assert one.dtype == two.dtype and np.array_equal(one, two)
        assert Shelf.of(np.arange(4)).take("a") is None
    assert Shelf.of(np.arange(3)).take("a") is None
