"""A SQLite export in a real Datasette: tables, views, search and what everything means."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from gate.export import database, population
from gate.export.described import meanings, metadata
from gate.export.views import VIEWS
from gate.store.sqlite import SqliteLedger
from tests.export.conftest import CHANGE

MADE = "2026-11-22T20:30:00.000000Z"


class Datasette:
    """The server as its own command starts it."""

    def __init__(self, file: Path) -> None:
        beside = file.with_suffix(".metadata.json")
        beside.write_text(metadata(file.stem))
        words = [sys.executable, "-m", "datasette", "serve", str(file), "--metadata", str(beside), "--port", "0"]
        self.process = subprocess.Popen([*words, "--host", "127.0.0.1"], stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if "Uvicorn running on http://127.0.0.1:" in line:
                self.port = int(line.split("127.0.0.1:")[1].split()[0])
                return
        raise AssertionError("".join(said))

    def get(self, path: str) -> str:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as wire:
            wire.request("GET", path)
            answer = wire.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, (path, text[:300])
            return text

    def rows(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.get(path))
        return found

    def end(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=30)


@pytest.fixture
def datasette(told: SqliteLedger, tmp_path: Path) -> Iterator[Datasette]:
    file = tmp_path / "export.db"
    database.write(told, population.begin(told, MADE), file)
    made = Datasette(file)
    yield made
    made.end()


def test_every_view_opens_words_are_found_and_every_column_says_what_it_means(
    datasette: Datasette, told: SqliteLedger
) -> None:
    front = json.loads(datasette.get("/export.json"))
    assert set(VIEWS) == {one["name"] for one in front["views"]}
    assert {"entry", "change", "approval"} <= {one["name"] for one in front["tables"] if not one["hidden"]}

    assert datasette.rows("/export/population.json?_shape=array")[0]["id"] == CHANGE
    every = datasette.rows("/export/entry.json?_shape=array&_size=max")
    assert [row["idx"] for row in every] == list(reversed(range(told.size())))
    assert {row["kind"] for row in datasette.rows("/export/entry.json?_shape=array&_search=storage")} == {
        "approval.signed"
    }
    assert {row["kind"] for row in datasette.rows("/export/time_line.json?_shape=array&_search=storage")} == {
        "approval.signed"
    }
    linked = datasette.rows("/export/approval.json?_shape=array&_labels=on")[0]
    assert linked["change"]["value"] == CHANGE

    pages = {name: datasette.get(f"/export/{name}") for name in {of for of, _, _ in meanings()}}
    for name, column, meaning in meanings():
        shown = meaning.replace("'", "&#39;").replace(">", "&gt;")
        assert shown in pages[name], (name, column)
