"""A web server of the lab's images, for families that fetch what they are to run by themselves."""

import contextlib
import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

NAME = re.compile(r"/[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class _Files(SimpleHTTPRequestHandler):
    """Hands out the files of one directory, and no list of them."""

    def do_GET(self) -> None:
        """Answer for a plain name alone."""
        if NAME.fullmatch(self.path):
            with contextlib.suppress(OSError):
                super().do_GET()
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature is the library's
        """Say nothing."""


def serve_packages(place: str, directory: Path) -> ThreadingHTTPServer:
    """Serve a directory at `host:port` until `shutdown`; OSError when the port cannot be had."""
    host, _, port = place.partition(":")
    server = ThreadingHTTPServer((host, int(port or "80")), partial(_Files, directory=str(directory)))
    Thread(target=server.serve_forever, name="lab packages", daemon=True).start()
    return server
