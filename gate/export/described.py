"""What every table, column and view of a SQLite export means: for its table `described`, and for Datasette."""

import json
import sqlite3
from contextlib import closing
from functools import cache
from typing import Any

from gate.export.rows import TABLES
from gate.export.views import VIEWS, WORDS

TITLE = "The record of a change gate"


@cache
def meanings() -> tuple[tuple[str, str, str], ...]:
    """Return (table or view, column, meaning) for each; an empty column stands for the whole."""
    found = []
    for name, (whole, columns) in TABLES.items():
        found += [(name, "", whole), *((name, column, meaning) for column, (_, meaning) in columns.items())]
    words = {column: meaning for _, columns in TABLES.values() for column, (_, meaning) in columns.items()}
    words |= {column: meaning for column, (_, meaning) in TABLES["change"][1].items()}
    for name, named in _columns().items():
        found.append((name, "", VIEWS[name][0]))
        found += [(name, column, WORDS.get(f"{name}.{column}") or words[column]) for column in named]
    return tuple(found)


def metadata(database: str) -> str:
    """Return them as Datasette's metadata file (docs.datasette.io, Metadata) for a database of this name."""
    tables: dict[str, Any] = {}
    for name, column, meaning in meanings():
        told = tables.setdefault(name, {"columns": {}})
        if column:
            told["columns"][column] = meaning
        else:
            told["description"] = meaning
    tables["entry"] |= {"sort_desc": "idx", "label_column": "kind"}
    tables["change"] |= {"sort": "number", "label_column": "title"}
    tables["time_line"] |= {"fts_table": "entry_fts", "fts_pk": "idx"}
    about = (
        "A reading of the ledger. The evidence is entry.body; sqlite-utils sangate-verify compares everything with it."
    )
    of = {"description": about, "tables": tables}
    return json.dumps({"title": TITLE, "databases": {database: of}}, indent=1, ensure_ascii=False) + "\n"


def _columns() -> dict[str, list[str]]:
    """Return the columns of each view, as SQLite itself names them."""
    with closing(sqlite3.connect(":memory:")) as empty:
        for name, (_, columns) in TABLES.items():
            empty.execute(f'CREATE TABLE "{name}" ({", ".join(columns)})')
        return {name: [one[0] for one in empty.execute(query).description] for name, (_, query) in VIEWS.items()}
