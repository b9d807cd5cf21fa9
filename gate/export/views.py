"""The questions an auditor asks first, as SQL over the tables of gate/export/rows.py."""

from collections.abc import Mapping
from types import MappingProxyType

VIEWS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "population": (
            "Every change in the order in which it was asked for, with who asked, signed and ran it, and how it ended.",
            """
            SELECT c.number, c.id, c.title, c.opened, c.requester,
                   (SELECT group_concat(a.seat || ': ' || a.approver, ', ') FROM approval AS a
                     WHERE a.change = c.id AND a.decision = 'approve') AS signed_by,
                   c.performer, c.started, c.closed, c.outcome
              FROM change AS c ORDER BY c.number
            """,
        ),
        "time_line": (
            "Every entry of every change, in order.",
            """
            SELECT e.change, e.seq, e.time, e.kind, e.actor, e.array, e.outcome, e.said, e.idx
              FROM entry AS e WHERE e.change IS NOT NULL ORDER BY e.change, e.seq
            """,
        ),
        "refused_attempts": (
            "Who tried what and was refused, and why.",
            "SELECT r.time, r.who, r.what, r.why, r.change, r.entry FROM refusal AS r ORDER BY r.entry",
        ),
        "begun_without_two_approvals": (
            "Changes that began with fewer than two approvals from different people entered before. Expected: none.",
            """
            SELECT c.id, c.title, c.started, c.performer,
                   (SELECT count(DISTINCT a.approver) FROM approval AS a JOIN entry AS s ON s.idx = a.entry
                     WHERE a.change = c.id AND a.decision = 'approve' AND a.time <= c.started) AS approvals
              FROM change AS c WHERE c.started IS NOT NULL
               AND (SELECT count(DISTINCT a.approver) FROM approval AS a
                     WHERE a.change = c.id AND a.decision = 'approve' AND a.time <= c.started) < 2
            """,
        ),
        "duties_not_apart": (
            "Changes that one person asked for and signed, asked for and ran, or signed and ran. Expected: none.",
            """
            SELECT c.id, c.title, c.requester, c.performer, a.approver, a.seat
              FROM change AS c LEFT JOIN approval AS a ON a.change = c.id AND a.decision = 'approve'
             WHERE c.requester = c.performer OR c.requester = a.approver OR c.performer = a.approver
            """,
        ),
        "signed_by_session": (
            "Approvals that are the gate's word alone, without a signature by the person's own key.",
            """
            SELECT a.change, a.seat, a.approver, a.time, a.entry
              FROM approval AS a WHERE a.method = 'session' ORDER BY a.entry
            """,
        ),
        "not_closed": (
            "Changes without an end, oldest first.",
            """
            SELECT c.id, c.title, c.opened, c.requester, c.started
              FROM change AS c WHERE c.closed IS NULL ORDER BY c.number
            """,
        ),
        "gaps": (
            "Changes whose entries are not 1 to what their closing entry counts. Expected of the whole log: none.",
            """
            SELECT c.id, count(e.idx) AS entries, min(e.seq) AS first, max(e.seq) AS last, c.closing_count
              FROM change AS c LEFT JOIN entry AS e ON e.change = c.id GROUP BY c.id
            HAVING entries IS NOT last OR first IS NOT 1 OR (c.closed IS NOT NULL AND entries IS NOT c.closing_count)
            """,
        ),
        "commands_on_arrays": (
            "Every command that could change an array: when it was about to be sent, and what came of it.",
            """
            SELECT i.change, i.array, i.phase, i.command, i.time AS intended, o.time AS ended, o.outcome, o.because
              FROM step AS i LEFT JOIN step AS o
                ON o.change = i.change AND o.what = 'ended' AND o.phase = i.phase AND o.number = i.number
               AND o.entry > i.entry
             WHERE i.what = 'intended' ORDER BY i.entry
            """,
        ),
        "restores_tried": (
            "Every backup that was restored or read whole for proof, the newest first.",
            """
            SELECT p.time, p.what, p.protection, p.backup, p.level, p.passed, p.because, p.entry
              FROM proof AS p ORDER BY p.entry DESC
            """,
        ),
        "who_did_what": (
            "How often everybody made which kind of entry.",
            """
            SELECT e.actor, e.kind, count(*) AS times, min(e.time) AS first, max(e.time) AS last
              FROM entry AS e GROUP BY e.actor, e.kind ORDER BY e.actor, times DESC
            """,
        ),
    }
)
"""Name → what it answers, and the query."""

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "population.signed_by": "everybody who approved it, each after their seat",
        "begun_without_two_approvals.approvals": "how many different people had approved it when it began",
        "gaps.entries": "how many entries of it are here",
        "gaps.first": "the lowest number among them; 1 is right",
        "gaps.last": "the highest number among them",
        "commands_on_arrays.intended": "when it was about to be sent",
        "commands_on_arrays.ended": "when its outcome was entered; empty while that is not known",
        "who_did_what.times": "how often",
        "who_did_what.first": "when for the first time",
        "who_did_what.last": "when last",
    }
)
"""`view.column` → what it means, where it is not a column of a table."""
