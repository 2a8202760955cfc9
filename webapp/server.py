"""The web server: that its address is free, and that it is the only one on a SQLite database."""

import fcntl
import os
import socket
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
import waitress.server
from flask import Flask
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer

from webapp.config import Settings

WAITRESS: dict[str, Any] = {
    # Half-open connections must not shut others out; poll has no limit of 1,024 sockets.
    "connection_limit": 2000,
    "asyncore_use_poll": True,
    "channel_timeout": 20,
    "ident": "",
    "clear_untrusted_proxy_headers": True,
}
# What a proxy in front says of the caller, once the settings say how many there are.
FORWARDED = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}


class StrictParser(HTTPRequestParser):
    """Refuse requests that two servers in a row could read differently."""

    def parse_header(self, header_plus: bytes) -> None:
        """Refuse a folded header (RFC 9112, section 5.2) and a second Host (section 3.2)."""
        lines = header_plus.split(b"\r\n")[1:]
        if any(line.startswith((b" ", b"\t")) for line in lines):
            raise ParsingError("Folded header")
        if sum(line.lower().startswith(b"host:") for line in lines) > 1:
            raise ParsingError("More than one Host")
        super().parse_header(header_plus)


class StrictChannel(HTTPChannel):
    """A connection that reads requests strictly."""

    parser_class = StrictParser


class CannotServe(RuntimeError):
    """The server cannot start; the message says why and what to do."""


def run(app: Flask, settings: Settings) -> None:
    """Serve until the process is stopped, or raise `CannotServe`."""
    # Held until the process ends: closing the file would release the lock.
    lock = _only_one(settings)
    _listen_once(settings)
    if lock is not None:
        lock.truncate(0)
        lock.write(f"Process {os.getpid()}, {settings.address},")
        lock.flush()
    try:
        TcpWSGIServer.channel_class = StrictChannel
        server = waitress.server.create_server(
            app,
            host=settings.host,
            port=settings.port,
            threads=settings.web_threads,
            max_request_body_size=(settings.import_max_megabytes + 1) * 2**20,
            **WAITRESS,
            **_proxies(settings.trusted_proxies),
        )
    except OSError as error:  # the port was taken since it was tested
        raise _cannot_listen(settings, error) from None
    server.run()


def obstacle(settings: Settings) -> str | None:
    """Say why a server could not start now, if so."""
    try:
        lock = _only_one(settings)
        if lock is not None:
            lock.close()
        _listen_once(settings)
    except CannotServe as error:
        return str(error)
    return None


def _only_one(settings: Settings) -> IO[str] | None:
    """Lock a file beside a SQLite database, which is made for one web process."""
    url = sa.engine.make_url(settings.database)
    if url.get_backend_name() != "sqlite":
        return None
    database = Path(str(url.database))
    path = database.with_name(f"{database.name}-web")
    path.touch(mode=0o600)
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise CannotServe(
            f"{lock.read() or 'Another web process'} already serves {database}, and SQLite allows"
            " only one web process. Stop that one, set LEADLOOP_DATA_DIR to another folder, or use"
            " PostgreSQL (LEADLOOP_DATABASE_URL)."
        ) from None
    return lock


def _listen_once(settings: Settings) -> None:
    try:
        for family, *_, address in socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            socket.create_server(address[:2], family=family).close()
    except OSError as error:
        raise _cannot_listen(settings, error) from None


def _cannot_listen(settings: Settings, error: OSError) -> CannotServe:
    reason = str(error.strerror).partition(" (")[0]
    return CannotServe(
        f"Cannot listen on {settings.host}:{settings.port} ({reason})."
        " Set LEADLOOP_HOST or LEADLOOP_PORT to an address that is free."
    )


def _proxies(n_trusted: int) -> dict[str, Any]:
    if not n_trusted:
        return {}
    return {
        "trusted_proxy": "*",
        "trusted_proxy_count": n_trusted,
        "trusted_proxy_headers": FORWARDED,
    }
