"""Every mapped format, read back by the documents alone: exact entries, all that were asked for, a signed end."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gate.canonical import Json
from gate.errors import BadInput, CannotTell
from gate.export import cloudevents, database, gist, jsonl, population, spreadsheet, stream, verify
from gate.export.selection import Selection, moment, selection
from gate.ledger import checkpoint, note
from gate.ledger.entry import GATE, Actor, Draft
from gate.store.sqlite import SqliteLedger
from tests.export.conftest import CHANGE
from tests.export.readers import READERS, Held

MADE = "2026-11-22T20:30:00.000000Z"
NASTY = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\ttab",
    "\rreturn",
    'a "quoted"\r\nline',
    "a|b\\c=d]e",
    "\x00\x1b[31m",
    "é漢字\u2028",
)


def made(ledger: SqliteLedger, name: str, taken: Selection = population.EVERYTHING) -> bytes:
    return b"".join(stream.mapped(ledger, stream.FORMS[name], population.begin(ledger, MADE, taken)))


def held(ledger: SqliteLedger, name: str, taken: Selection = population.EVERYTHING) -> Held:
    return READERS[name](made(ledger, name, taken))


def whole(ledger: SqliteLedger) -> list[tuple[int, str, bytes]]:
    return [(index, sha256(body).hexdigest(), body) for index, body in enumerate(ledger.bodies())]


@pytest.fixture
def nasty(told: SqliteLedger) -> SqliteLedger:
    """With entries whose texts are meant for a spreadsheet, a terminal or a parser."""
    for number, text in enumerate(NASTY, 2):
        data: dict[str, Json] = {"title": text, "number": number}
        told.append(Draft("change.opened", Actor("person", "engineer"), f"chg-{number:04d}", data))
        told.append(Draft("hold.placed", GATE, f"chg-{number:04d}", {"reason": text}))
    return told


@pytest.mark.parametrize("name", READERS)
def test_a_file_carries_every_entry_in_its_exact_bytes(nasty: SqliteLedger, name: str) -> None:
    assert held(nasty, name).records == whole(nasty)


@pytest.mark.parametrize("name", READERS)
def test_it_says_what_it_holds_under_the_signed_head_and_signs_its_end(told: SqliteLedger, name: str) -> None:
    data = made(told, name)
    found = READERS[name](data)
    key = note.read_vkey(told.vkey)
    head = checkpoint.verify(found.opening["checkpoint"], key)
    assert (head.size, found.opening["start"], found.opening["end"]) == (told.size(), 0, told.size())
    assert (found.opening["what"], found.opening["format"], found.opening["filter"]) == ("sangate-export/1", name, {})
    assert (found.closing["count"], found.closing["first"], found.closing["last"]) == (17, 0, 16)
    before = data[: data.rindex(b"\n", 0, -1) + 1]
    assert found.closing["sha256"] == sha256(before).hexdigest()
    text = f"{told.origin}#export\n{name}\n17\n{b64encode(sha256(before).digest()).decode()}\n"
    assert note.verify(found.closing["note"], key) == text


@pytest.mark.parametrize("name", READERS)
def test_a_filtered_file_says_so_and_holds_just_what_fits(told: SqliteLedger, name: str) -> None:
    found = held(told, name, selection(kinds=["approval.*", "change.closed"], change=CHANGE))
    assert found.opening["filter"] == {"change": CHANGE, "kinds": ["approval.*", "change.closed"]}
    assert [json.loads(body)["kind"] for _, _, body in found.records] == ["approval.signed"] * 2 + ["change.closed"]
    assert found.closing["count"] == 3
    assert [one for one in whole(told) if one in found.records] == found.records


@pytest.mark.parametrize("name", READERS)
def test_a_filter_that_nothing_fits_gives_an_empty_population_that_says_so(told: SqliteLedger, name: str) -> None:
    found = held(told, name, selection(actor="nobody-of-that-name"))
    assert (found.records, found.closing["count"], found.closing["first"]) == ([], 0, None)


def test_a_period_takes_from_its_first_moment_and_leaves_out_its_last(told: SqliteLedger) -> None:
    times = [json.loads(body)["time"] for body in told.bodies()]
    found = held(told, "csv", selection(since=times[3], until=times[9]))
    assert [index for index, _, _ in found.records] == [3, 4, 5, 6, 7, 8]


def test_refused_attempts_of_nobodys_change_are_part_of_the_population(told: SqliteLedger) -> None:
    told.append(Draft("attempt.refused", Actor("person", "adam"), None, {"what": "start", "why": "no", "who": "adam"}))
    assert [index for index, _, _ in held(told, "cef", selection(kinds=["attempt.refused"])).records] == [17]


def test_no_cell_of_a_spreadsheet_begins_as_a_formula(nasty: SqliteLedger) -> None:
    import csv
    import io

    cells = [cell for row in csv.reader(io.StringIO(made(nasty, "csv").decode(), newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'=1+1" in cells


@pytest.mark.parametrize("text", [*NASTY, "plain", "", "a,b", "x=1", '"'])
@pytest.mark.parametrize("place", ["time", "kind", "change", "id", "type", "array", "outcome", "because"])
def test_a_row_is_read_back_cell_by_cell_whatever_stands_in_one(text: str, place: str) -> None:
    import csv
    import io

    actor = {"id": "erin", "type": "person"}
    data = {"array": "west-2", "outcome": "done", "because": "why"}
    said: dict[str, Any] = {"time": "t", "kind": "step.ended", "change": "chg-0001", "seq": 3}
    for part in (actor, data, said):
        if place in part:
            part[place] = text
    row = spreadsheet.row(population.Item(7, b'{"v":1}', {**said, "actor": actor, "data": data}, "00"))
    (cells,) = csv.reader(io.StringIO(row.decode(), newline=""), strict=True)
    wanted = [said["time"], said["kind"], said["change"], "3", actor["type"], actor["id"], data["array"]]
    told = [gist.outcome(said["kind"], data), gist.gist(data)]
    assert cells == ["7", *map(spreadsheet.safe, [*wanted, *told]), "00", '{"v":1}']


def test_no_text_breaks_a_line_in_two(nasty: SqliteLedger) -> None:
    for name in ("jsonl", "ocsf", "rfc5424", "cef"):
        lines = made(nasty, name).split(b"\n")
        assert len(lines) == nasty.size() + 3, name
        assert not [line for line in lines if b"\r" in line or b"\x00" in line or b"\x1b" in line], name


def test_an_event_of_the_webhook_carries_the_exact_bytes_last_and_a_lasting_id(nasty: SqliteLedger) -> None:
    for index, body in enumerate(nasty.bodies()):
        sent = cloudevents.event(nasty.origin, population.read_item(index, body))
        told = json.loads(sent)
        assert told["id"] == f"{nasty.origin}/{index}"
        assert (told["specversion"], told["sangateindex"]) == ("1.0", index)
        assert told["sangatesha256"] == sha256(body).hexdigest()
        assert sent.partition(b',"data":')[2][:-1] == body
        assert told["data"] == json.loads(body)


def test_an_entry_that_is_none_stops_a_reading_of_it(told: SqliteLedger) -> None:
    with pytest.raises(CannotTell, match="entry 4 is not an entry"):
        population.read_item(4, b'{"v":1}')


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ({"since": "yesterday"}, "from"),
        ({"until": "2026-11-22T20:00:00"}, "to"),
        ({"since": "2026-11-22", "until": "2026-11-22"}, "to"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"change": "'; DROP TABLE entry"}, "change"),
        ({"kinds": ["approval"]}, "kind"),
        ({"kinds": ["*"]}, "kind"),
        ({"actor": "a\nb"}, "actor"),
    ],
)
def test_words_that_make_no_filter_are_refused_by_name(words: dict[str, Any], place: str) -> None:
    with pytest.raises(BadInput) as refused:
        selection(**words)
    assert refused.value.place == place


def test_times_are_spelled_as_the_ledger_spells_them() -> None:
    assert moment("2026-11-22", "from") == "2026-11-22T00:00:00.000000Z"
    assert moment("2026-11-22T21:00:00+01:00", "from") == "2026-11-22T20:00:00.000000Z"


@pytest.mark.parametrize("name", [*READERS, "sqlite"])
def test_the_stand_alone_verifier_proves_every_format_by_the_log(
    nasty: SqliteLedger, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = selection(kinds=["approval.*", "hold.*"])
    path = tmp_path / ("file" + (".db" if name == "sqlite" else stream.FORMS[name].suffix))
    if name == "sqlite":
        database.write(nasty, population.begin(nasty, MADE, taken), path)
    else:
        path.write_bytes(made(nasty, name, taken))
    jsonl.export_log(nasty, tmp_path / "log.jsonl")
    code = verify.main(["mapped", str(path), "--against", str(tmp_path / "log.jsonl")])
    assert code == verify.VERIFIED, capsys.readouterr().out
