"""No test reaches a network; only this machine's loopback may be connected to."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            raise RuntimeError(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def microdata_folder() -> Path:
    """Folder of real microdata; tests that need it are skipped where it is not."""
    folder = Path(os.environ.get("SYNTHOR_DATA", ""))
    if not (folder / "population" / "calm_pums" / "households_core.csv").is_file():
        pytest.skip("no microdata: set SYNTHOR_DATA")
    return folder
