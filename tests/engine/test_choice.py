"""Which engine is asked for, and what is told where there is none such."""

import sys

import pytest

from synthor.engine.choice import engine, workers
from synthor.engine.engine import Here
from synthor.engine.makeup import difference, makeup
from synthor.engine.processes import Processes
from synthor.errors import InputError


def test_workers_are_those_that_were_asked_for() -> None:
    with engine(3) as found:
        assert isinstance(found, Here)
    with workers(3), engine(3) as many:
        assert isinstance(many, Processes)
        assert many.workers == 3


@pytest.mark.parametrize(
    "text",
    ["", "daks", "dask:8786", "dask://", "dask://host", "dask://host:port", "dask://a b:1", "http://host:80", "dask://h:1/x"],
)
def test_an_address_of_another_form_is_refused_with_the_right_one(text: str) -> None:
    with pytest.raises(InputError, match="is no engine; write dask://HOST:PORT"), workers(engine=text):
        pass


def test_a_cluster_of_others_has_as_many_workers_as_it_has() -> None:
    with pytest.raises(InputError, match="has workers of its own, and cannot have 2"), workers(2, engine="dask://host:8786"):
        pass


@pytest.mark.parametrize("text", ["dask", "dask://host:8786", "tls://[::1]:8786"])
def test_without_the_library_the_way_to_install_it_is_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in ("cryptography", "dask", "distributed"):
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=r"pip install 'synthor\[cluster\]'"), workers(engine=text):
        pass


def test_workers_that_would_reckon_otherwise_are_told_apart() -> None:
    here = makeup()
    assert difference(makeup(), here) is None
    assert difference({**here, "NumPy": "1.0"}, here) == (
        f"has NumPy 1.0 and not {here['NumPy']} as here",
        "install the same version there",
    )
