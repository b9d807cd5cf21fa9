"""
WSGI entry, for a server of your own choice: `gunicorn --workers 1 --worker-class gthread app:application`.

One process only: the driver of changes runs inside, under a file lock, and a second process would not start.
`sangate serve` does the same with the server that is built in. SANGATE_CONFIG and SANGATE_DATA name the
configuration and the data directory.
"""

import atexit
import os
from pathlib import Path

from flask import Flask

from gate.assembly import assemble
from gate.serving import create_app
from gate.settings import load


def make() -> Flask:
    """Assemble the gate, start its driver, return the application."""
    config = Path(os.environ.get("SANGATE_CONFIG", Path(__file__).with_name("config.yaml")))
    data = os.environ.get("SANGATE_DATA")
    settings = load(config, Path(data) if data else None)
    installation = assemble(settings)
    atexit.register(installation.close)
    made = create_app(installation.control, settings)
    installation.start()
    return made


application = make()
