"""
Looking at canary and control before the change and while it soaks.

Each probe answers one question about one array; what cannot be answered is `unknown` and stands in the record. The
canary is expected to run the new version, the control still the old one.
"""

from gate.canonical import Json
from gate.change import Plan, Swap
from gate.engine.hands import Hands
from gate.engine.next import BASELINE
from gate.errors import GateError, Outside, Refused
from gate.evidence import ArrayReading, PartsReading
from gate.finding import Outcome
from gate.judgement import distribution
from gate.ledger.entry import GATE, Blob, Draft
from gate.standing import Standing
from gate.store import Ledger

LATENCY_POINTS = 60
"""Single 4 KiB reads timed in one round (our choice; the policy says how many a judgement needs)."""

DEADLINE_US = 2_000_000
"""For plans that were sealed before there was a deadline in them."""


def seed(standing: Standing, array: str) -> str:
    """The known-answer pattern is made from this: another change and another array have another pattern."""
    return f"{standing.change} {array}"


def baseline(hands: Hands, plan: Plan, standing: Standing, array: str) -> list[Draft]:
    """Write known-answer data where the plan says, read it back, time reads; Outside when any of it cannot be done."""
    if hands.inventory.scratch_words(plan.canary, plan.control) != plan.scratch:
        raise Refused("the inventory names other scratch objects than the plan that people signed")
    written = hands.known_answers.write(array, seed(standing, array))
    tried = hands.known_answers.write_and_read(array, round_seed(standing, array, BASELINE))
    if not tried.matches:
        raise Outside(f"{array} does not hold what was written: block {tried.first_bad_block} differs")
    deadline_s = _deadline_s(plan)
    timed_reads = hands.known_answers.latencies(array, LATENCY_POINTS, deadline_s)
    if timed_reads.late:
        raise Outside(f"{array}: a read of 4 KiB was not answered within {deadline_s:g} s before anything was changed")
    points = timed_reads.points
    entered: dict[str, Json] = {"array": array, "digest": written.digest, "blocks": written.blocks}
    timed = _probe(plan, array, "latency", Outcome.PASSED, list(points), "µs", BASELINE)
    return [
        Draft("known_answer.written", GATE, standing.change, entered),
        Draft("probe.finished", GATE, standing.change, timed),
    ]


def round_seed(standing: Standing, array: str, number: int) -> str:
    """What is written in one round is made from this, so that no round finds what another one wrote."""
    return f"{seed(standing, array)} {number}"


def probe_round(ledger: Ledger, hands: Hands, plan: Plan, standing: Standing, number: int) -> list[Draft]:
    """Answer every probe for canary and control once."""
    drafts: list[Draft] = []
    for array in (plan.canary, plan.control):
        drafts += _data(hands, plan, standing, array, number)
        drafts += _state(ledger, hands, plan, standing, array, number)
    return drafts


def _data(hands: Hands, plan: Plan, standing: Standing, array: str, number: int) -> list[Draft]:
    expected = standing.known_answers.get(array, "")
    try:
        found = hands.known_answers.read(array, seed(standing, array))
    except GateError as error:
        untried = "nothing was written, since the known records cannot be read"
        unread = [
            _probe(plan, array, "known-answer", Outcome.UNKNOWN, str(error)[:500], "", number),
            _probe(plan, array, "write-read", Outcome.UNKNOWN, untried, "", number),
            *_timed(hands, plan, array, number),
        ]
        return [Draft("probe.finished", GATE, standing.change, probe) for probe in unread]
    matches = bool(expected) and found.matches and found.digest == expected
    outcome, said = _compared(matches, found.first_bad_block)
    entered: dict[str, Json] = {"array": array, "digest": found.digest, "expected": expected, "matches": matches}
    probes = [_probe(plan, array, "known-answer", outcome, said, "", number)]
    probes += _written(hands, plan, standing, array, number) + _timed(hands, plan, array, number)
    return [
        Draft("known_answer.read", GATE, standing.change, entered),
        *(Draft("probe.finished", GATE, standing.change, probe) for probe in probes),
    ]


def _written(hands: Hands, plan: Plan, standing: Standing, array: str, number: int) -> list[dict[str, Json]]:
    """Write what no round wrote before, and read it back: old data may be whole while new data are lost."""
    try:
        found = hands.known_answers.write_and_read(array, round_seed(standing, array, number))
    except GateError as error:
        return [_probe(plan, array, "write-read", Outcome.UNKNOWN, str(error)[:500], "", number)]
    outcome, said = _compared(found.matches, found.first_bad_block)
    return [_probe(plan, array, "write-read", outcome, said, "", number)]


def _timed(hands: Hands, plan: Plan, array: str, number: int) -> list[dict[str, Json]]:
    """Time reads; one that is not answered within the deadline has failed, and is told with the others' percentiles."""
    deadline_s = _deadline_s(plan)
    try:
        timed = hands.known_answers.latencies(array, LATENCY_POINTS, deadline_s)
    except GateError as error:
        return [_probe(plan, array, "deadline", Outcome.UNKNOWN, str(error)[:500], "", number)]
    said = distribution(timed.points)
    late = f"a read of 4 KiB was not answered within {deadline_s:g} s; before it {said}"
    outcome = Outcome.FAILED if timed.late else Outcome.PASSED
    probes = [_probe(plan, array, "deadline", outcome, late if timed.late else said, "", number)]
    if timed.points:
        probes.append(_probe(plan, array, "latency", Outcome.PASSED, list(timed.points), "µs", number))
    return probes


def _compared(matches: bool, first_bad_block: int | None) -> tuple[Outcome, str]:
    if matches:
        return Outcome.PASSED, "read back as written"
    where = "" if first_bad_block is None else f" from block {first_bad_block} on"
    return Outcome.FAILED, f"the data read back differ from what was written{where}"


def _deadline_s(plan: Plan) -> float:
    return plan.thresholds.get("latency_deadline_us", DEADLINE_US) / 1_000_000


def _state(ledger: Ledger, hands: Hands, plan: Plan, standing: Standing, array: str, number: int) -> list[Draft]:
    reading = hands.read(array)
    target = {item.array: item for item in plan.targets}
    serial = hands.inventory.array(array).serial
    version = plan.image_version if array == plan.canary else _from_version(plan, array)
    blobs = _raw(ledger, reading)
    identity = _equal(reading.serial, target[array].serial if array in target else serial, "serial")
    if plan.part is not None and array == plan.canary:
        identity = _worse(identity, part_identity(plan.part, hands.parts(array)))
    answers = (
        ("identity", identity),
        ("version", _equal(reading.version, version, "version")),
        ("health", _health(reading)),
    )
    return [
        Draft("probe.finished", GATE, standing.change, _probe(plan, array, name, outcome, said, "", number), blobs)
        for name, (outcome, said) in answers
    ]


def part_identity(planned: Swap, reading: PartsReading) -> tuple[Outcome, str]:
    """Say whether the planned part sits in its place and carries what its partner carries."""
    part = reading.in_place(planned.what, planned.enclosure, planned.slot)
    partner = reading.partner(part) if part is not None else None
    if part is None or partner is None:
        why = reading.problem or "the part or its partner is not listed"
        return Outcome.UNKNOWN, f"its parts could not be read: {why}"
    where = f"{planned.what} {planned.slot}"
    answers = [
        _equal(part.serial, planned.serial, f"{where}: serial"),
        _equal(part.part, planned.part, f"{where}: part"),
        _equal(part.firmware, planned.firmware, f"{where}: firmware"),
        _equal(partner.serial, planned.partner_serial, f"{planned.what} {partner.slot}: serial"),
        _equal(partner.firmware, planned.firmware, f"{planned.what} {partner.slot}: firmware"),
    ]
    answers += [
        (Outcome.FAILED, f"{planned.what} {one.slot} is {one.state}") for one in (part, partner) if not one.well
    ]
    return _worse(*answers)


def _worse(*answers: tuple[Outcome, str]) -> tuple[Outcome, str]:
    """Join answers: failed before unknown before passed, and only the sentences of the worst."""
    order = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED)
    worst = min((outcome for outcome, _ in answers), key=order.index)
    return worst, "; ".join(said for outcome, said in answers if outcome is worst)[:500]


def _from_version(plan: Plan, array: str) -> str:
    """The control runs what the canary ran: `canary.choose` takes no other."""
    known = {target.array: target.from_version for target in plan.targets}
    return known.get(array, known[plan.canary])


def _equal(found: str | None, expected: str, what: str) -> tuple[Outcome, str]:
    if found is None:
        return Outcome.UNKNOWN, f"its {what} could not be read"
    if found != expected:
        return Outcome.FAILED, f"{what} {found}, expected {expected}"
    return Outcome.PASSED, f"{what} {found}"


def _health(reading: ArrayReading) -> tuple[Outcome, str]:
    if reading.problems is None:
        return Outcome.UNKNOWN, "; ".join(reading.unknown)[:500] or "its health could not be read"
    if reading.problems:
        return Outcome.FAILED, ", ".join(reading.problems)[:500]
    return Outcome.PASSED, "all parts are well"


def _raw(ledger: Ledger, reading: ArrayReading) -> tuple[Blob, ...]:
    stored = ((digest, ledger.get_blob(digest)) for digest in reading.raw)
    return tuple(Blob("reply", digest, len(data)) for digest, data in stored if data is not None)


def _probe(plan: Plan, array: str, name: str, outcome: Outcome, value: Json, unit: str, number: int) -> dict[str, Json]:
    role = "canary" if array == plan.canary else "control"
    return {
        "array": array,
        "role": role,
        "name": name,
        "outcome": outcome.value,
        "value": value,
        "unit": unit,
        "round": number,
    }
