"""A headless Chromium, driven by its own protocol (https://chromedevtools.github.io)."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0", "--remote-allow-origins=*",
)  # fmt: skip
KEYS = {
    "ArrowRight": 39, "ArrowLeft": 37, "End": 35, "Home": 36, "Tab": 9, "Enter": 13,
    "PageUp": 33, "Space": 32,
}  # fmt: skip


def needs_chromium():
    """Skip where there is none; `.ci/browser` installs one where it can."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium, which is not installed")


class Tab:
    """One page: what it evaluates, what it asked the network for, what it wrote on the console."""

    def __init__(self, loop, socket, process) -> None:
        self._loop, self._socket, self._number = loop, socket, 0
        self.process = process
        self.requests, self.console = [], []

    def send(self, method, **params):
        """A command, and what it returned."""
        self._number += 1
        number = self._number
        text = json.dumps({"id": number, "method": method, "params": params})
        self._wait(lambda: self._socket.write_message(text))
        while True:
            message = self._read(120)
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    def evaluate(self, script):
        """The value of an expression; promises are awaited."""
        found = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, script, seconds=30.0):
        """The value of an expression once it is true."""
        late = time.monotonic() + seconds
        while True:
            found = self.evaluate(script)
            if found:
                return found
            assert time.monotonic() < late, f"never true: {script}"
            time.sleep(0.02)

    def press(self, key):
        """A key, down and up."""
        code = KEYS[key]
        told = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, **told, **text)

    def type(self, text):
        """Text into what has the focus."""
        self.send("Input.insertText", text=text)

    def _read(self, seconds):
        message = self._wait(self._socket.read_message, seconds)
        assert message is not None, "the browser is gone"
        found = json.loads(message)
        method, params = found.get("method"), found.get("params")
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requests.append(params["url"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.console.append(" ".join(str(a.get("value", a)) for a in params["args"]))
        elif method == "Runtime.exceptionThrown":
            self.console.append(params["exceptionDetails"]["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.console.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        return found

    def _wait(self, start, seconds=30):
        async def waited():
            return await asyncio.wait_for(start(), seconds)

        return self._loop.run_until_complete(waited())


@contextmanager
def opened(url, folder, *, width=1280, height=1000, dark=False):
    """A page in a browser of its own."""
    from tornado.websocket import websocket_connect

    process = subprocess.Popen(
        [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    loop = asyncio.new_event_loop()
    try:
        port = _port(folder, process)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as answer:
            address = next(
                t["webSocketDebuggerUrl"] for t in json.load(answer) if t["type"] == "page"
            )

        async def connected():
            return await websocket_connect(address, max_message_size=1 << 28)

        tab = Tab(loop, loop.run_until_complete(connected()), process)
        for domain in ("Runtime", "Network", "Log", "Page"):
            tab.send(f"{domain}.enable")
        tab.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        tab.send("Emulation.setEmulatedMedia", features=[scheme])
        tab.send("Page.navigate", url=url)
        yield tab
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        loop.close()


def _port(folder, process):
    late = time.monotonic() + 60
    place = folder / "DevToolsActivePort"
    while time.monotonic() < late:
        if place.is_file() and place.read_text().strip():
            return int(place.read_text().split()[0])
        assert process.poll() is None, "Chromium ended"
        time.sleep(0.05)
    raise AssertionError("Chromium never listened")
