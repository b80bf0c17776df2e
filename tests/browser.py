"""A real browser that pages are looked at in: it is told a window's width and which of light and dark its user prefers."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHROMIUM = shutil.which("chromium")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"),
    *("--disable-component-update", "--hide-scrollbars", "--remote-debugging-pipe"),
]

READY = """new Promise((done) => { const wait = () => {
  const level = document.getElementById("areas-level"), map = document.getElementById("map-frame");
  if ((level && !level.length) || (map && !map.dataset.drawn)) setTimeout(wait, 10); else done(); }; wait(); })"""
"""Kept once the script of a page with zones has made its table, and drawn its map if there is one."""


class Browser:
    """One Chromium with one page, asked through a pipe: no port is opened.

    Args:
        profile: folder that it may fill.
    """

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM is not None
        heard, self._asks = os.pipe()
        answers, told = os.pipe()
        # Its descriptors 3 and 4 are the pipe, whichever they are here; both are moved up first, lest one lies upon the other.
        script = f'exec 10<&{heard} 11>&{told}; exec 3<&10 4>&11 10<&- 11>&-; exec "$@"'
        command = [*("bash", "-c", script, "browser", CHROMIUM), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            command, pass_fds=(heard, told), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(heard)
        os.close(told)
        self._answers, self._number, self._attached = os.fdopen(answers, "rb"), 0, ""
        targets = self._ask("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._attached = self._ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        self._ask("Page.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._attached = ""
        self._ask("Browser.close")
        self._process.wait(timeout=60)
        os.close(self._asks)
        self._answers.close()

    def show(self, page: Path, *, width: int, dark: bool) -> None:
        """Open a page and wait until it is loaded, and whatever its own script draws is drawn."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=1200, deviceScaleFactor=1, mobile=False)
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self._ask("Page.navigate", until="Page.loadEventFired", url=page.as_uri())
        self.run(READY)

    def run(self, script: str) -> Any:
        """What a script in the page comes to, once its promise is kept.

        Raises:
            RuntimeError: the script failed.
        """
        told = self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(json.dumps(told["exceptionDetails"]))
        return told["result"].get("value")

    def _ask(self, method: str, *, until: str = "", **parameters: Any) -> Mapping[str, Any]:
        """Send a command; its answer, after an event that is waited for, if any is named."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._attached:
            message["sessionId"] = self._attached
        os.write(self._asks, json.dumps(message).encode() + b"\0")
        found, waiting = None, bool(until)
        while found is None or waiting:
            told = self._next()
            waiting = waiting and told.get("method") != until
            if told.get("id") == self._number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                found = told["result"]
        return found

    def _next(self) -> dict[str, Any]:
        """The next message of the browser."""
        text = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("the browser ended")
            text += byte
        return dict(json.loads(text))
