"""One real installation without a lab: its arrays do not answer, which is all the API needs to be asked about."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gate.api.routes import blueprint
from gate.assembly import Installation, assemble
from gate.person import Contract, Role
from gate.policy import Seat
from gate.settings import load, relocate, shipped

PASSWORD = "correct horse battery"
CONTRACT = Contract(
    "Example Storage Services",
    "their field engineer",
    "lead",
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2099, 1, 1, tzinfo=UTC),
)
CHANGE = """\
title: Update the controllers
reason: A security fix
kind: firmware
family: storage-virtualize
image:
  file: lab-8.7.0.4.img
  version: 8.7.0.4
  sha256: sha256:0efdb9e4186d7c96fc9e9262012f3eda87b2493395512d8427b9a09f8254c782
targets: [west-2, west-3]
playbook: storage-virtualize/upgrade
window:
  opens: 2026-11-01T00:00:00Z
  closes: 2036-11-30T00:00:00Z
"""


@dataclass
class Api:
    """Speaks as somebody, by token."""

    client: FlaskClient
    token: str = ""
    host: str = "localhost"

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> TestResponse:
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent["Host"] = self.host
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else body if isinstance(body, (bytes, str)) else json.dumps(body)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        return self.client.open("/api/v1" + path, method=method, data=data, headers=sent)

    def open_change(self, **headers: str) -> Any:
        return self.ask("POST", "/changes", CHANGE, Content_Type="application/yaml", **headers)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    directory = tmp_path_factory.mktemp("gate")
    config = directory / "config.yaml"
    config.write_text(relocate(Path(shipped("config.yaml")).read_text(), "127.97.0"))
    (directory / "data").mkdir()
    (directory / "data" / "known_hosts").write_text("")
    with assemble(load(config)) as made:
        add = made.control.add_person
        add(None, "engineer", PASSWORD, [Role.REQUESTER])
        add(None, "lead", PASSWORD, [], [Seat.STORAGE])
        add(None, "contractor", PASSWORD, [Role.PERFORMER], contract=CONTRACT)
        yield made


@pytest.fixture(scope="module")
def app(installation: Installation) -> Flask:
    made = Flask("api")
    made.register_blueprint(blueprint(installation.control, installation.settings))
    return made


@pytest.fixture
def nobody(app: Flask) -> Api:
    return Api(app.test_client())


@pytest.fixture(scope="module")
def engineer(app: Flask) -> Api:
    return signed_in(app, "engineer")


@pytest.fixture(scope="module")
def lead(app: Flask) -> Api:
    return signed_in(app, "lead")


def signed_in(app: Flask, name: str) -> Api:
    answer = Api(app.test_client()).ask("POST", "/login", {"name": name, "password": PASSWORD})
    return Api(app.test_client(), answer.get_json()["token"])
