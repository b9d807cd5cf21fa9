"""The stage bar and the rounds of probes: what a view says, laid out for one glance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gate.web.words import ASKED, BEFORE, ENDED, JUDGEMENTS, ON_HOLD, STATES, Look


@dataclass(frozen=True)
class Bead:
    """One station of a change on its way."""

    name: str
    note: str
    tone: str
    """`done`, `now`, `bad`, `warn`, `todo`, `locked`."""

    icon: str


@dataclass(frozen=True)
class Trouble:
    """What has stopped a change, and what the viewer may answer: the first thing on its page."""

    title: str
    look: Look
    because: tuple[str, ...]
    way_out: str
    answers: tuple[str, ...]
    """Actions of `words.ACTIONS`; empty when none is theirs."""


@dataclass(frozen=True)
class Probed:
    """One probe on one array: its answer in every round."""

    array: str
    role: str
    name: str
    answers: tuple[str, ...]
    """`passed`, `failed`, `unknown`, or `missing` for a round that has not answered yet."""

    sentence: str


@dataclass(frozen=True)
class HostBefore:
    """What one host told before the change: only what it told well then is asked of it again."""

    host: str
    well: tuple[str, ...]
    silent: tuple[str, ...]
    """Probes that it did not answer."""

    witness: bool
    """False: it is not well itself."""


ICONS = {"done": "yes", "now": "run", "bad": "no", "warn": "ask", "todo": "todo", "locked": "lock"}
STATION = {
    "running": ("now", "being changed"),
    "soaking": ("now", "being watched"),
    "committing": ("now", "held; completing"),
    "halted": ("bad", "halted"),
    "backing out": ("warn", "going back"),
    "held": ("done", "held"),
    "backed out": ("warn", "back on the old firmware"),
}


def signed_for(view: Mapping[str, Any], check: str) -> list[str]:
    """Return who has signed by name for a check that did not pass; a signature that counts no more is none."""
    filled = (seat for seat in view["seats"] if seat["state"] == "filled")
    return [seat["approver"] for seat in filled if check in seat["signs_for"]]


def beads(view: Mapping[str, Any]) -> list[Bead]:
    """Return asked, checked, signed, then every stage of the plan."""
    state, verdict, seats = view["state"], view["verdict"], view["seats"]
    filled = sum(seat["state"] == "filled" for seat in seats)
    begun = view["run"] is not None
    found = [_bead("Asked", view["requester"], "done"), _checked(state, verdict, begun=begun)]
    if state in ("denied", "withdrawn"):
        found.append(_bead("Denied" if state == "denied" else "Withdrawn", "", "bad" if state == "denied" else "warn"))
        return found
    signed = "done" if begun or (seats and filled == len(seats)) else "now" if state == "open" else "todo"
    found.append(_bead("Signed", f"{filled} of {len(seats)} seats" if not begun else "all seats", signed))
    for stage in view["stages"]:
        arrays = ", ".join(stage["arrays"])
        tone, note = STATION.get(stage["state"], ("locked" if stage["state"] == "locked" else "todo", ""))
        if begun and tone in ("now", "warn") and (view["question"] or view["hold"]):
            tone, note = "warn", "a person is asked" if view["question"] else "on hold"
        name = "Canary" if stage["name"] == "canary" else stage["name"].replace("-", " ").capitalize()
        found.append(_bead(name, f"{arrays}{': ' + note if note else ''}", tone))
    if not view["stages"]:
        found.append(_bead("Canary", "none chosen yet", "todo"))
    return found


def trouble(view: Mapping[str, Any]) -> Trouble | None:
    """Return what has stopped the change; None while nothing has."""
    run, may, held = view["run"], view["may"], f"on hold: {view['hold']}" if view["hold"] else ""
    if view["closed"] or view["state"] in ENDED:
        return None
    if run is None:
        lift = () if may["resume"] else ("resume",)
        way_out = "Nobody can start it until the hold is lifted."
        return Trouble("On hold", ON_HOLD, (view["hold"],), way_out, lift) if held else None
    answers = tuple(name for name in ("resume", "back_out", "withdraw") if not may[name])
    means = {"back_out": f"Back out takes {run['canary']} back.", "withdraw": "Withdraw leaves it as it is."}
    means["resume"] = "Resume lets the gate try again." if view["question"] else "Resume lets it go on."
    ways = " ".join(means[name] for name in answers)
    look_first = f"Look at {run['canary']} first. {ways}".strip()
    if view["question"]:
        because = (view["question"], held) if held else (view["question"],)
        return Trouble("The gate asks a person", ASKED, because, look_first, answers)
    if held:
        return Trouble("On hold", ON_HOLD, (view["hold"],), ways or "Nothing more is sent until it is lifted.", answers)
    if view["state"] != "halted":
        return None
    told = JUDGEMENTS.get(run["judgement"])
    if told is None or run["judgement"] == "held":
        return Trouble("Halted", STATES["halted"], (run["halted"],), f"It stopped where it is. {look_first}", answers)
    return Trouble(told.word, told, tuple(run["judged_because"]), f"It stopped where it is. {look_first}", answers)


def _checked(state: str, verdict: Mapping[str, Any] | None, *, begun: bool) -> Bead:
    if verdict is None:
        return _bead("Checked", "not yet", "now")
    red = sum(found["outcome"] != "passed" for found in verdict["findings"]) + len(verdict["missing"])
    asked = len(verdict["findings"]) + len(verdict["missing"])
    if red and not begun and not verdict["opens"]:
        return _bead("Checked", f"{red} of {asked} red", "bad")
    if state == "refused":
        return _bead("Checked", "no plan", "bad")
    if red:  # a seat signs for them by name, two people waived them, or they only inform
        return _bead("Checked", f"{asked - red} of {asked} passed, {red} accepted", "done")
    return _bead("Checked", f"all {asked} passed", "done")


def _bead(name: str, note: str, tone: str) -> Bead:
    return Bead(name, note, tone, ICONS[tone])


def probed(run: Mapping[str, Any]) -> list[Probed]:
    """Return a line for each probe of each array and host, canary first, a mark for each round so far."""
    rounds = max([probe["round"] for probe in run["probes"]], default=0)
    found = []
    arrays = {run["canary"]: "canary", run["control"]: "control"}
    hosts = dict.fromkeys(probe["array"] for probe in run["probes"] if probe["array"] not in arrays)
    for subject, role in {**arrays, **dict.fromkeys(hosts, "host")}.items():
        mine = [probe for probe in run["probes"] if probe["array"] == subject and probe["round"] > 0]
        for name in dict.fromkeys(probe["name"] for probe in mine):
            given: dict[int, list[str]] = {}
            for probe in (one for one in mine if one["name"] == name):
                given.setdefault(probe["round"], []).append(probe["outcome"])
            answers = tuple(_worst(given.get(number, [])) for number in range(1, rounds + 1))
            passed = answers.count("passed")
            found.append(Probed(subject, role, name, answers, f"passed in {passed} of {rounds} rounds"))
    return found


def hosts_before(run: Mapping[str, Any]) -> list[HostBefore]:
    """Return a line for each host that was asked before the change; () for a run that is older than such questions."""
    first = [one for one in run["probes"] if one["round"] == 0 and one["name"].startswith("host-")]
    found = []
    for host in dict.fromkeys(one["array"] for one in first):
        mine = [one for one in first if one["array"] == host]
        told = {outcome: tuple(one["name"] for one in mine if one["outcome"] == outcome) for outcome in _OUTCOMES}
        found.append(HostBefore(host, told["passed"], told["unknown"], witness=not told["failed"]))
    return found


_OUTCOMES = ("failed", "unknown", "passed")


def _worst(answers: list[str]) -> str:
    return next((one for one in _OUTCOMES if one in answers), "missing")


def not_passed(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the probes that did not pass, the first of each kind on each array; before the change only what failed."""
    found: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for probe in run["probes"]:
        if probe["outcome"] == "failed" or (probe["outcome"] == "unknown" and probe["round"] > 0):
            found.setdefault((probe["array"], probe["name"], probe["outcome"]), probe)
    return list(found.values())


def current_step(view: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return the step that is under way or next while the canary is moving, as phase and number."""
    run = view["run"]
    if run is None or view["state"] in ENDED or view["state"] in BEFORE or view["state"] in ("soaking", "halted"):
        return None
    phase = {"running": "forward", "committing": "commit", "backing out": "back_out"}[view["state"]]
    waiting = [step for step in run["steps"] if step["phase"] == phase and step["state"] in ("running", "pending")]
    return (phase, waiting[0]["number"]) if waiting else None


def yours(view: Mapping[str, Any], viewer: str) -> str:
    """Say what the change waits for from this viewer; empty when nothing."""
    seats = [seat["seat"] for seat in view["seats"] if seat["state"] == "yours"]
    if seats:
        return f"sign as {' or '.join(seats)}".replace("-", " ")
    if not view["may"]["start"]:
        return "start the canary"
    if view["state"] == "halted" and not view["may"]["back_out"]:
        return "look, then back out"
    if view["run"] is not None and (view["run"]["question"] or view["run"]["hold"]) and not view["may"]["resume"]:
        return "answer the gate" if view["run"]["question"] else "resume or back out"
    asks = view["escort"]["asks"] if view["escort"] else None
    if asks is not None and not asks["why_not"] and not asks["go"]:
        return "say go as the escort, or stop it"
    if view["by_hand"] is not None and not all(view["by_hand"]["why_not"].values()):
        return "confirm what is done by hand"
    if view["state"] in ("draft", "refused") and view["requester"] == viewer:
        return "check it" if view["state"] == "draft" else "mend what is red, then check again"
    return ""
