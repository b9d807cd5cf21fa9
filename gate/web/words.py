"""Tables: how a state, an outcome, an action and an entry are said, drawn and coloured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BEFORE = ("draft", "refused", "open")
MOVING = ("running", "soaking", "committing", "backing out")
ENDED = ("held", "backed out", "denied", "withdrawn")


@dataclass(frozen=True)
class Look:
    """A word, an icon of templates/parts/icons.html, and a tone of the stylesheet: never one without the others."""

    word: str
    icon: str
    tone: str


STATES = {
    "draft": Look("Not checked yet", "draft", "quiet"),
    "refused": Look("Refused", "no", "bad"),
    "open": Look("Open", "open", "good"),
    "running": Look("Changing the canary", "run", "live"),
    "soaking": Look("Watching the canary", "eye", "live"),
    "committing": Look("Completing the canary", "run", "live"),
    "halted": Look("Halted", "stop", "bad"),
    "backing out": Look("Backing out", "back", "warn"),
    "held": Look("Held", "yes", "good"),
    "backed out": Look("Backed out", "back", "quiet"),
    "denied": Look("Denied", "no", "quiet"),
    "withdrawn": Look("Withdrawn", "back", "quiet"),
}
ON_HOLD = Look("On hold", "hold", "warn")
ASKED = Look("A person is asked", "ask", "warn")

FATES = {
    "good": Look("Apart", "yes", "good"),
    "warn": Look("Not known", "ask", "warn"),
    "bad": Look("Shared fate", "no", "bad"),
}
KEEPS = Look("Keeps copies", "shield", "quiet")
BARE = Look("No dataset on it", "yes", "quiet")

OUTCOMES = {
    "passed": Look("Passed", "yes", "good"),
    "failed": Look("Failed", "no", "bad"),
    "unknown": Look("Could not be found out", "ask", "warn"),
}

STEPS = {
    "pending": Look("to come", "todo", "quiet"),
    "running": Look("under way", "run", "live"),
    "done": Look("done", "yes", "good"),
    "already": Look("was done already", "yes", "good"),
    "failed": Look("failed", "no", "bad"),
    "unknown": Look("outcome not known", "ask", "warn"),
}

JUDGEMENTS = {
    "held": Look("The canary held", "yes", "good"),
    "failed": Look("The canary failed", "no", "bad"),
    "inconclusive": Look("Inconclusive", "ask", "warn"),
}

PHASES = {"forward": "Forward", "commit": "Commit, after the canary has held", "back_out": "Back out"}


LEVELS = {
    "V0": "declared only",
    "V1": "damaged, or not told",
    "V2": "structure checked",
    "V3": "read in part",
    "V4": "read in full",
    "V5": "restored",
    "V6": "restored and compared",
    "V7": "checked by its application",
}
"""How far a backup is proven, in words; docs/checks.md tells what each level asks for."""


@dataclass(frozen=True)
class Action:
    """One thing a person may do to a change."""

    verb: str
    says: str
    """What it does, before it is done."""

    tone: str
    reason: bool


WOULD = {
    "holds": Look("holds now", "yes", "good"),
    "waits": Look("would wait", "ask", "warn"),
    "stops": Look("would end the change", "no", "bad"),
    "later": Look("not yet, and need not", "todo", "quiet"),
    "unknown": Look("could not be found out", "ask", "warn"),
    "not sent": Look("not sent", "lock", "quiet"),
}
DRY_RUNS = {
    "holds": Look("All holds", "yes", "good"),
    "stops": Look("It would stop", "no", "bad"),
    "unknown": Look("Not all is known", "ask", "warn"),
}

ACTIONS = {
    "check": Action("Check now", "Reads arrays, hosts and backups, and decides anew.", "main", reason=False),
    "dry_run": Action(
        "Dry run", "Puts the plan's questions to the canary now. Nothing is changed.", "quiet", reason=False
    ),
    "start": Action(
        "Start the canary", "Asks everything once more, then changes only the canary.", "main", reason=False
    ),
    "resume": Action(
        "Resume", "Lifts the hold; without one, lets the gate try again what it asked about.", "main", reason=True
    ),
    "back_out": Action("Back out", "Takes the canary back. Approved with the plan.", "danger", reason=True),
    "withdraw": Action("Withdraw", "Ends the request. It cannot be opened again.", "quiet", reason=True),
}

ENTRIES = {
    "log.opened": "Ledger opened",
    "log.recovered": "Ledger recovered",
    "key.rotated": "Ledger key changed",
    "redaction.made": "Personal field redacted",
    "blobs.pruned": "Old replies removed",
    "blobs.held": "Removal of replies stopped",
    "blobs.freed": "Removal of replies allowed",
    "change.opened": "Change opened",
    "evidence.gathered": "Evidence gathered",
    "plan.sealed": "Plan sealed",
    "dry_run.ended": "Dry run",
    "verdict.given": "Verdict given",
    "approval.signed": "Approved",
    "approval.denied": "Denied",
    "waiver.signed": "Waiver signed",
    "attempt.refused": "Attempt refused",
    "stage.started": "Stage started",
    "permit.issued": "Permit issued",
    "step.intended": "About to act",
    "step.ended": "Step ended",
    "step.looked": "Looked at the array",
    "step.confirmed": "Confirmed by hand",
    "step.told": "The array told how it goes on",
    "escort.asked": "An escort was asked for a go",
    "escort.go": "An escort said go",
    "escort.stopped": "Contractor stopped",
    "hold.placed": "Hold placed",
    "hold.lifted": "Hold lifted",
    "known_answer.written": "Known data written",
    "known_answer.read": "Known data read back",
    "probe.finished": "Probe finished",
    "judgement.given": "Judgement",
    "person.asked": "A person was asked",
    "person.answered": "A person answered",
    "change.withdrawn": "Change withdrawn",
    "change.halted": "Change halted",
    "change.backed_out": "Change backed out",
    "change.closed": "Change closed",
    "auth.signed_in": "Signed in",
    "auth.refused": "Sign-in refused",
    "person.added": "Person added",
    "password.changed": "Password changed",
    "key.enrolled": "Key enrolled",
    "key.revoked": "Key revoked",
    "contract.made": "Contract made",
    "contract.ended": "Contract ended",
    "reference.recorded": "Reference recorded",
    "backup.verified": "Backup verified",
    "backup.rehearsed": "Restore rehearsed",
    "storage.seen": "Storage seen changed",
    "host_key.pinned": "Host key pinned",
    "rehearsal.begun": "Rehearsal begun",
    "rehearsal.cleared": "What a rehearsal left was removed",
    "report.accepted": "Report of a backup accepted",
    "immutability.tested": "Lock of a copy tried",
    "access.tested": "Login to a backup tried",
    "ledger.checked": "Ledger checked",
    "export.made": "Export made",
    "config.loaded": "Configuration loaded",
}
LOUD = frozenset(
    {
        "waiver.signed",
        "attempt.refused",
        "approval.denied",
        "change.halted",
        "hold.placed",
        "auth.refused",
        "escort.stopped",
        "key.revoked",
    }
)


def standing_of(array: Mapping[str, Any]) -> Look:
    """Return how an array stands: the worst that is known of data and copies on it."""
    if array["datasets"] or array["tone"] != "good":
        return FATES[array["tone"]]
    return KEEPS if array["keeps"] else BARE


def look_of(state: str, hold: str = "", question: str = "") -> Look:
    """Return how a change's state is shown; what stops it is said before what it was doing."""
    if question:
        return ASKED
    if hold and state not in ENDED:
        return ON_HOLD
    return STATES[state]
