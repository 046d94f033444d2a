"""The page's server: this machine alone, nothing from elsewhere."""

from __future__ import annotations

import ipaddress
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from skerry._seeds import SeedLike
from skerry.errors import InputError
from skerry.explore._raw import Source, raw
from skerry.explore._subject import Subject, subject
from skerry.interop._lookup import needed

ADDRESS = "127.0.0.1"
HOSTS = ("127.0.0.1", "localhost", "[::1]")
MESSAGE_LIMIT = 16_000_000  # bytes: a file of 8 MB as base64


def serve(
    estimator: Any,
    x: Any = None,
    *,
    names: Sequence[str] | None = None,
    ranges: Any = None,
    n_effective: float = 2000.0,
    seed: SeedLike = 0,
    address: str = ADDRESS,
    port: int = 0,
    browser: bool = True,
    tell: Callable[[str], None] | None = None,
) -> None:
    """Serve the explorer's page until Ctrl-C.

    Args:
        estimator: a trained :class:`~skerry.Estimator`, with its problem if it is to refine; or a
            :class:`Subject`.
        x: the observation to start at; None: the medians of those trained on.
        names: of the observation's numbers.
        ranges: the sliders' ends ``(m, 2)``.
        n_effective: effective samples to refine to.
        seed: of the draws.
        address: where to listen: an address of this machine that no other can reach.
        port: which; 0: any that is free.
        browser: whether to open the page in one.
        tell: called with the page's address once it is served; by default it is printed.

    Raises:
        UnsupportedError: without bokeh.
        InputError: for an address that other machines can reach, a port that is taken, or what
            doesn't fit the estimator.
    """
    about = (
        estimator
        if isinstance(estimator, Subject)
        else subject(estimator, x, names=names, ranges=ranges)
    )
    with serving(about, n_effective=n_effective, seed=seed, address=address, port=port) as (
        url,
        loop,
    ):
        (tell or print)(url)
        if browser:
            webbrowser.open(url)
        with _ended_by_sigterm(loop):
            loop.start()


@contextmanager
def serving(
    about: Subject,
    *,
    n_effective: float = 2000.0,
    seed: SeedLike = 0,
    address: str = ADDRESS,
    port: int = 0,
) -> Iterator[tuple[str, Any]]:
    """The server, while the block runs the loop.

    Yields:
        the page's address, and the loop (tornado's), whose ``start`` serves.
    """
    needed("bokeh.server", "bokeh", "explore")
    check_address(address)
    if not n_effective > 0:
        raise InputError(f"Expected n_effective > 0; got {n_effective!r}.")
    from bokeh.application import Application
    from bokeh.application.handlers.function import FunctionHandler
    from bokeh.server.server import BaseServer
    from bokeh.server.tornado import BokehTornado
    from bokeh.settings import settings
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop
    from tornado.routing import Rule, RuleRouter

    from skerry.explore._page import compose

    source = Source(about.estimator, seed)
    raw(about.estimator, about.x, source)  # compiled before anybody waits
    pages: list[Any] = []

    def fill(doc: Any) -> None:
        page = compose(doc, about, source, n_effective, seed)
        pages.append(page)

        def left(_: Any) -> None:
            page.close()
            pages.remove(page)

        doc.on_session_destroyed(left)

    socket_ = _bound(address, port)
    port = socket_.getsockname()[1]
    hosts = frozenset(f"{host}:{port}" for host in HOSTS)
    pages_of = BokehTornado(
        {"/": Application(FunctionHandler(fill))},
        extra_websocket_origins=sorted(hosts),
        websocket_max_message_size_bytes=MESSAGE_LIMIT,
    )
    loop: Any = IOLoop.current()
    http = HTTPServer(RuleRouter([Rule(_from_here(hosts), pages_of)]))
    http.add_socket(socket_)
    server = BaseServer(loop, pages_of, http)
    fixed = {settings.resources: "server", settings.allowed_ws_origin: sorted(hosts)}
    for setting, value in fixed.items():  # whatever the environment says
        setting.set_value(value)
    server.start()
    try:
        yield f"http://{ADDRESS if ':' not in address else '[::1]'}:{port}/", loop
    finally:
        for setting in fixed:
            setting.unset_value()
        for page in pages:
            page.close()
        server.stop(wait=False)


@contextmanager
def _ended_by_sigterm(loop: Any) -> Iterator[None]:
    """Let SIGTERM stop the loop, and handle it afterwards as it was to be handled.

    Raised in the midst of a callback, an exception might be kept by whoever called that.
    """
    before = signal.getsignal(signal.SIGTERM)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    told = []

    def stop(number: int, _: FrameType | None) -> None:
        told.append(number)
        loop.asyncio_loop.call_soon_threadsafe(loop.stop)  # which wakes it, too

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
    if told:
        before(told[0], None)


def check_address(address: str) -> None:
    """Refuse an address that other machines can reach.

    Raises:
        InputError: for it.
    """
    try:
        loopback = address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise InputError(
            f"Expected an address of this machine alone, such as {ADDRESS}; got {address!r}; from "
            "another machine use a tunnel: ssh -L 5006:127.0.0.1:5006 HOST."
        )


def _from_here(hosts: frozenset[str]) -> Any:
    """What lets a request in: it must name this machine as its host and, if any, its origin.

    A page elsewhere whose name was made to point here would name itself as the host.
    """
    from tornado.routing import Matcher

    class FromHere(Matcher):
        def match(self, request: Any) -> dict[str, Any] | None:
            origin = request.headers.get("Origin")
            fits = request.host in hosts and (origin is None or urlsplit(origin).netloc in hosts)
            return {} if fits else None

    return FromHere()


def _bound(address: str, port: int) -> socket.socket:
    from tornado.netutil import bind_sockets

    host = ADDRESS if address == "localhost" else address
    try:
        return bind_sockets(port, address=host, reuse_port=False)[0]
    except (OSError, OverflowError) as error:
        raise InputError(
            f"Expected a free port; {port} can't be had ({error}); choose another, or leave it out."
        ) from error
