"""Who is asking: passwords, waiting after failures, sessions and tokens, enrolled keys, and many threads."""

import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError

from gate.errors import BadInput, NotSignedIn, NotThere, Outside
from gate.keys import own, public_line
from gate.people import LOCKED, MOST_FAILURES, SHORTEST_PASSWORD, People
from gate.person import Contract, Role
from gate.policy import Seat
from tests.cases import NOON, SECOND
from tests.parts import need

PASSWORD = "correct horse battery"
HOUR = timedelta(hours=1)
CONTRACT = Contract("Example Storage Services", "their field engineer", "lead", NOON - HOUR, NOON + 8 * HOUR)


CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Clock:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def people(tmp_path: Path, clock: Clock) -> People:
    made = People(tmp_path / "working.db", clock, CHEAP)
    made.add("lead", PASSWORD, [Role.REQUESTER], [Seat.STORAGE])
    return made


def fail(people: People, times: int, name: str = "lead") -> None:
    for _ in range(times):
        with pytest.raises(NotSignedIn, match="name or password is not right"):
            people.sign_in(name, "wrong", "session", HOUR)


def test_the_right_password_signs_in_and_the_person_is_as_added(people: People) -> None:
    ticket = people.sign_in("lead", PASSWORD, "session", HOUR)
    assert ticket.person == people.get("lead") == people.who(ticket.secret, "session")
    assert ticket.person.roles == {Role.REQUESTER}
    assert ticket.person.seats == {Seat.STORAGE}


def test_an_unknown_name_is_told_no_more_than_a_wrong_password(people: People) -> None:
    with pytest.raises(NotSignedIn) as wrong:
        people.sign_in("lead", "wrong", "session", HOUR)
    for name in ("nobody", "ANN", "lead ", "", "lead' or '1'='1", "x" * 5000):
        with pytest.raises(NotSignedIn) as unknown:
            people.sign_in(name, PASSWORD, "session", HOUR)
        assert str(unknown.value) == str(wrong.value)


def test_after_so_many_failures_even_the_right_password_waits(people: People, clock: Clock) -> None:
    fail(people, MOST_FAILURES - 1)
    people.sign_in("lead", PASSWORD, "session", HOUR)
    fail(people, 1)
    with pytest.raises(NotSignedIn, match="too many failed"):
        people.sign_in("lead", PASSWORD, "session", HOUR)
    clock.now += LOCKED - SECOND
    with pytest.raises(NotSignedIn, match="too many failed"):
        people.sign_in("lead", PASSWORD, "session", HOUR)
    clock.now += SECOND
    assert people.sign_in("lead", PASSWORD, "session", HOUR).person.id == "lead"


def test_many_wrong_passwords_at_once_are_no_more_than_so_many(people: People) -> None:
    told: list[str] = []

    def attempt() -> None:
        try:
            people.sign_in("lead", "not the password", "session", HOUR)
        except NotSignedIn as error:
            told.append(error.message)

    threads = [Thread(target=attempt) for _ in range(4 * MOST_FAILURES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count("name or password is not right") == MOST_FAILURES
    assert told.count("too many failed sign-ins") == 3 * MOST_FAILURES


def test_a_name_that_nobody_has_costs_what_a_wrong_password_does(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the time of an answer tells who is here; what the password is compared with must be a real hash."""
    monkeypatch.setattr("gate.people.accounts.PasswordHasher", PasswordHasher)  # as a gate has it: at full cost
    hasher, strangers = PasswordHasher(), People(tmp_path / "other.db", clock)._strangers
    assert extract_parameters(strangers) == extract_parameters(hasher.hash(PASSWORD))
    with pytest.raises(VerifyMismatchError):
        hasher.verify(strangers, PASSWORD)


def test_one_who_fails_locks_out_nobody_else(people: People) -> None:
    people.add("owner", PASSWORD)
    fail(people, MOST_FAILURES)
    assert people.sign_in("owner", PASSWORD, "session", HOUR).person.id == "owner"


def test_a_sign_in_ends_at_its_moment_and_with_sign_out(people: People, clock: Clock) -> None:
    ticket = people.sign_in("lead", PASSWORD, "session", HOUR)
    other = people.sign_in("lead", PASSWORD, "session", HOUR)
    assert ticket.expires == NOON + HOUR
    people.sign_out(other.secret)
    clock.now += HOUR - SECOND
    assert people.who(ticket.secret, "session").id == "lead"
    for secret in (other.secret, "", "sgs_", "x" * 100):
        with pytest.raises(NotSignedIn):
            people.who(secret, "session")
    clock.now += SECOND
    with pytest.raises(NotSignedIn):
        people.who(ticket.secret, "session")


def test_a_session_is_no_token_and_a_token_no_session(people: People) -> None:
    session = people.sign_in("lead", PASSWORD, "session", HOUR).secret
    token = people.sign_in("lead", PASSWORD, "token", HOUR).secret
    assert session.startswith("sgs_")
    assert token.startswith("sgt_")
    for secret, kind in ((session, "token"), (token, "session")):
        with pytest.raises(NotSignedIn):
            people.who(secret, kind)


def test_neither_passwords_nor_secrets_lie_in_the_database(people: People, tmp_path: Path) -> None:
    secret = people.sign_in("lead", PASSWORD, "token", HOUR).secret
    fail(people, 1)
    kept = (tmp_path / "working.db").read_bytes()
    assert b"$argon2id$" in kept
    for hidden in (PASSWORD, secret, secret[4:]):
        assert hidden.encode() not in kept


def test_no_name_that_was_tried_lies_in_the_database_nor_what_an_earlier_version_kept_of_them(
    people: People, tmp_path: Path, clock: Clock
) -> None:
    """Redaction deletes a name beside the log; nothing else on the disk may still tell it."""
    fail(people, 1, "somebody-real")
    file = tmp_path / "working.db"
    assert b"somebody-real" not in file.read_bytes()
    with closing(sqlite3.connect(file)) as earlier, earlier:
        earlier.execute("CREATE TABLE failure (name TEXT, at TEXT)")
        earlier.execute("INSERT INTO failure VALUES ('somebody-real', '2026-11-22T12:00:00.000000Z')")
    assert b"somebody-real" in file.read_bytes()
    assert People(file, clock).get("lead").id == "lead"
    assert b"somebody-real" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_what_failed_is_forgotten_when_its_time_is_over(people: People, clock: Clock) -> None:
    fail(people, MOST_FAILURES, "somebody-real")
    clock.now += LOCKED
    people.sign_in("lead", PASSWORD, "session", HOUR)
    assert "somebody-real" not in people._failed
    fail(people, MOST_FAILURES, "somebody-real")


def test_a_name_that_is_none_is_refused(people: People) -> None:
    for name in ("Lead", "a b", "", "ä", "a_b", "-", "a" * 64, "lead\n", "../lead", "a'b", "²"):
        with pytest.raises(BadInput):
            people.add(name, PASSWORD)


def test_a_name_is_given_once_and_a_password_is_long(people: People) -> None:
    with pytest.raises(BadInput, match="already a person"):
        people.add("lead", PASSWORD)
    with pytest.raises(BadInput, match="at least"):
        people.add("owner", "x" * (SHORTEST_PASSWORD - 1))
    assert people.add("owner", "x" * SHORTEST_PASSWORD).id == "owner"
    with pytest.raises(NotThere):
        people.get("carl")


def test_a_contractor_holds_no_seat(people: People) -> None:
    with pytest.raises(BadInput, match="contractor"):
        people.add("carl", PASSWORD, [Role.PERFORMER], [Seat.STORAGE], CONTRACT)
    assert people.add("carl", PASSWORD, [Role.PERFORMER], [], CONTRACT).contractor


def boxed(people: People, clock: Clock) -> str:
    """A contractor who is signed in, for as long as the box lasts and longer."""
    people.add("carl", PASSWORD, [Role.PERFORMER], [], CONTRACT)
    ticket = people.sign_in("carl", PASSWORD, "token", 24 * HOUR)
    assert ticket.expires == CONTRACT.not_after
    return ticket.secret


@pytest.mark.parametrize(
    ("after", "because"),
    [
        (-HOUR - SECOND, r"the time box of carl \(Example Storage Services\) opens at 2026-11-22 11:00:00 UTC"),
        (-HOUR, ""),
        (8 * HOUR - SECOND, ""),
        (8 * HOUR, r"the time box of carl \(Example Storage Services\) ended at 2026-11-22 20:00:00 UTC"),
    ],
)
def test_outside_the_time_box_every_door_is_shut_also_to_who_is_in(
    people: People, clock: Clock, after: timedelta, because: str
) -> None:
    token = boxed(people, clock)
    clock.now = NOON + after
    doors = (
        lambda: people.who(token, "token"),
        lambda: people.sign_in("carl", PASSWORD, "session", HOUR),
        lambda: people.confirm("carl", PASSWORD),
    )
    for door in doors:
        if because:
            with pytest.raises(NotSignedIn, match=because):
                door()
        else:
            door()


def test_a_wrong_password_is_told_nothing_of_a_time_box(people: People, clock: Clock) -> None:
    boxed(people, clock)
    clock.now = NOON + 9 * HOUR
    with pytest.raises(NotSignedIn, match="name or password is not right"):
        people.sign_in("carl", "wrong", "session", HOUR)


def test_a_contractor_who_is_shut_out_stays_out_and_no_old_token_lives_again_under_a_new_contract(
    people: People, clock: Clock
) -> None:
    token = boxed(people, clock)
    people.shut_out("carl", NOON)
    with pytest.raises(NotSignedIn, match="ended at 2026-11-22 12:00:00 UTC"):
        people.who(token, "token")
    people.shut_out("carl", NOON + HOUR)
    contract = people.get("carl").contract
    assert contract is not None
    assert contract.not_after == NOON
    before = people.set_contract("carl", replace(CONTRACT, not_after=NOON + 9 * HOUR))
    assert before == contract
    with pytest.raises(NotSignedIn, match="the sign-in has ended"):
        people.who(token, "token")
    assert people.sign_in("carl", PASSWORD, "token", HOUR).person.id == "carl"


def test_a_contractor_of_an_earlier_version_without_a_contract_has_no_door(people: People, tmp_path: Path) -> None:
    people.add("carl", PASSWORD, [Role.PERFORMER], [], CONTRACT)
    with closing(sqlite3.connect(tmp_path / "working.db")) as db, db:
        db.execute("DELETE FROM contract")
    with pytest.raises(NotSignedIn, match="no contract with firm and time box is on record"):
        people.sign_in("carl", PASSWORD, "token", HOUR)


@pytest.mark.parametrize(
    ("contract", "roles", "because"),
    [
        (replace(CONTRACT, firm=""), [], "the firm is one line"),
        (replace(CONTRACT, name="a\nb"), [], "the real name is one line"),
        (replace(CONTRACT, not_after=CONTRACT.not_before), [], "ends before it begins"),
        (replace(CONTRACT, sponsor="nobody"), [], 'no person "nobody"'),
        (replace(CONTRACT, sponsor="colleague"), [], "a contractor answers for nobody"),
        (CONTRACT, [Role.ADMIN], "adds nobody and escorts nobody"),
        (CONTRACT, [Role.ESCORT], "adds nobody and escorts nobody"),
    ],
)
def test_a_contract_names_firm_person_sponsor_and_time_box(
    people: People, contract: Contract, roles: list[Role], because: str
) -> None:
    people.add("colleague", PASSWORD, [], [], CONTRACT)
    with pytest.raises(BadInput, match=because):
        people.add("carl", PASSWORD, roles, [], contract)
    with pytest.raises(BadInput, match="is no contractor"):
        people.set_contract("lead", CONTRACT)


def test_fingerprints_are_those_of_ssh_keygen(people: People, tmp_path: Path) -> None:
    line = public_line(own(tmp_path / "key"), "lead at home")
    (tmp_path / "key.pub").write_text(line + "\n")
    told = subprocess.run(
        [need("ssh-keygen"), "-l", "-f", str(tmp_path / "key.pub")], check=True, capture_output=True, text=True
    )
    assert people.enrol_key("lead", line) == told.stdout.split()[1]
    assert people.get("lead").keys == (" ".join(line.split()[:2]),)


def test_a_key_belongs_to_one_person_whatever_its_comment_says(people: People, tmp_path: Path) -> None:
    people.add("owner", PASSWORD)
    line = public_line(own(tmp_path / "key"), "one")
    people.enrol_key("lead", line)
    for name in ("lead", "owner"):
        with pytest.raises(BadInput, match="enrolled already"):
            people.enrol_key(name, line.replace("one", "two"))
    people.drop_key(line)
    people.enrol_key("owner", line)
    assert people.get("lead").keys == ()


def test_what_is_no_ed25519_public_key_is_refused(people: People, tmp_path: Path) -> None:
    line = public_line(own(tmp_path / "key"), "c")
    for spoilt in (
        "",
        "ssh-ed25519",
        line.replace("ssh-ed25519", "ssh-rsa", 1),
        line.replace("ssh-ed25519 ", "ssh-ed25519 A"),
        line[:60],
        f"command=x {line}",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ):
        with pytest.raises(BadInput):
            people.enrol_key("lead", spoilt)
    with pytest.raises(NotThere):
        people.enrol_key("nobody", line)


def test_many_threads_and_a_second_process_see_the_same_people(people: People, tmp_path: Path, clock: Clock) -> None:
    other = People(tmp_path / "working.db", clock, CHEAP)

    def add(number: int) -> str:
        made = (people, other)[number % 2].add(f"person-{number}", PASSWORD)
        return (other, people)[number % 2].get(made.id).id

    with ThreadPoolExecutor(6) as pool:
        names = set(pool.map(add, range(12)))
    assert names | {"lead"} == set(people.all()) == set(other.all())


def test_of_threads_that_take_one_name_exactly_one_gets_it(people: People) -> None:
    def add(_: int) -> bool:
        try:
            people.add("carl", PASSWORD)
        except BadInput:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, range(6))) == 1


def test_a_database_that_cannot_be_written_is_said_in_a_sentence(people: People, tmp_path: Path) -> None:
    blocker = sqlite3.connect(tmp_path / "working.db", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(Outside, match="working database cannot be used"):
            people.get("lead")
    finally:
        blocker.close()
    assert people.get("lead").id == "lead"
    with pytest.raises(Outside, match="working database cannot be used"):
        People(tmp_path / "nowhere" / "working.db", Clock())
