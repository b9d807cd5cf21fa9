"""One change on a terminal: stages, red lines with the reason and the way out, seats, steps. Plain when piped."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from gate.cli.say import plain

View = dict[str, Any]

MARKS = {"passed": ("ok ", "green"), "failed": ("NO ", "bold red"), "unknown": ("?  ", "bold yellow")}
STATES = {"done": "green", "already": "green", "failed": "bold red", "unknown": "bold yellow", "running": "cyan"}
COLOURS = {
    "refused": "bold red", "halted": "bold red", "denied": "bold red", "open": "bold green", "held": "bold green",
    "running": "bold cyan", "soaking": "bold cyan", "committing": "bold cyan", "backing out": "bold yellow",
}  # fmt: skip


def console() -> Console:
    """Return where pages go: coloured and folded on a terminal, whole plain lines elsewhere."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def show_change(view: View) -> None:
    """Print the whole page."""
    out = console()
    out.print(_line((f"{view['id']}  ", "bold"), (view["title"], "bold")))
    out.print(_line((view["state"], COLOURS.get(view["state"], "bold")), (f"  {view['next']}", "")))
    out.print(_line((f"asked by {view['requester']}: {view['reason']}", "dim")))
    _stages(out, view)
    _plan(out, view)
    _findings(out, view)
    _seats(out, view)
    _run(out, view)


def show_what_is_signed(view: View, statement: str) -> None:
    """Print what a person is about to put their name to, from the statement itself and the plan beside it."""
    told = json.loads(statement)
    plan = view["plan"] or {}
    out = Console(stderr=True, highlight=False, soft_wrap=True)
    for label, value in (
        ("change", f"{told['change']}  {view['title']}"),
        ("decision", f"{told['decision']} as {told['seat']}, stage {told['stage']}, by {told['approver']}"),
        ("plan", told["plan_digest"]),
        ("verdict", told["verdict_digest"]),
        ("canary", f"{plan.get('canary', '?')}  (control {plan.get('control', '?')})"),
        *_what(plan),
        ("way back", plan.get("back_out_class", "?")),
        ("counts until", told["expires"]),
    ):
        out.print(_line((f"{label:>13}  ", "dim"), (value, "")))
    found = {one["check"]: one for one in (view["verdict"] or {"findings": ()})["findings"]}
    for name in told.get("signs_for", "").split():
        why = found[name]["because"] if name in found else "it is not in the verdict that is shown"
        out.print(_line((f"{'signs for':>13}  ", "bold red"), (f"{name}: {why}", "")))


def show_what_is_waived(found: View, statement: str) -> None:
    """Print the finding that a person is about to waive, and what they sign."""
    told = json.loads(statement)
    out = Console(stderr=True, highlight=False, soft_wrap=True)
    for label, value in (
        ("change", told["change"]),
        ("check", f"{told['check']}: {found['question']}"),
        ("finding", f"{found['outcome']}: {found['because']}"),
        ("digest", told["finding"]),
        ("as", f"{told['seat']}, by {told['approver']}"),
        ("because", told["reason"]),
        ("ends", told["expires"]),
    ):
        out.print(_line((f"{label:>13}  ", "dim"), (value, "")))


def told_steps(view: View, already: int) -> int:
    """Print the steps and rounds that ended since; return how many have been told."""
    run = view["run"]
    if not run:
        return already
    ended = [step for step in run["steps"] if step["state"] in ("done", "already", "failed", "unknown")]
    for step in ended[already:]:
        why = f": {step['because']}" if step["because"] and step["state"] != "done" else ""
        console().print(_line((f"  {step['state']:8}", STATES[step["state"]]), (step["say"] + why, "")))
    return len(ended)


def _stages(out: Console, view: View) -> None:
    if not view["stages"]:
        return
    out.print()
    for stage in view["stages"]:
        colour = COLOURS.get(stage["state"], "dim")
        words = f"{stage['name']:9} {', '.join(stage['arrays'])}  "
        why = f"  ({stage['because']})" if stage["because"] else ""
        out.print(_line((words, ""), (stage["state"], colour), (why, "dim")))


def _plan(out: Console, view: View) -> None:
    plan = view["plan"]
    if plan is None:
        if view["no_plan"]:
            out.print(_line(("no plan: ", "bold red"), (view["no_plan"], "")))
        return
    out.print(_line(("plan      ", "dim"), (plan["digest"], "")))
    for label, value in _what(plan):
        out.print(_line((f"{label:10}", "dim"), (value, "")))


def _what(plan: View) -> list[tuple[str, str]]:
    """Return what is changed by this plan, a label and its words each: the image, or the parts."""
    part = plan.get("part")
    if not part:
        image = [plan.get(name, "?") for name in ("image_file", "image_version", "image_sha256")]
        return [("image", "  ".join(image))]
    where = f"{part['what']} {part['slot']} of enclosure {part['enclosure']}"
    paper = f"firmware {part['firmware']} as {part['paper']} says"
    partner = f"serial {part['partner_serial']}, firmware {part['partner_firmware']} as the array says"
    return [
        ("replaces", where),
        ("out", f"part {part['old_part']}, serial {part['old_serial']}{', has failed' if part.get('failed') else ''}"),
        ("in", f"part {part['part']}, serial {part['serial']}, {paper}"),
        ("partner", f"{part['partner_slot']}: part {part['partner_part']}, {partner}"),
    ]


def _findings(out: Console, view: View) -> None:
    verdict = view["verdict"]
    if verdict is None:
        return
    until = f"  holds until {verdict['valid_until'][:19]}Z" if verdict["valid_until"] else ""
    out.print(_line(("verdict   ", "dim"), (verdict["digest"], ""), (until, "dim")))
    out.print()
    wide = max((len(name) for name in (*(one["check"] for one in verdict["findings"]), *verdict["missing"])), default=0)
    last = {"passed": 0, "unknown": 1, "failed": 2}  # what refuses stays in sight where a terminal scrolls
    for found in sorted(verdict["findings"], key=lambda one: last.get(one["outcome"], 1)):
        mark, colour = MARKS.get(found["outcome"], ("?  ", "bold yellow"))
        out.print(_line((mark, colour), (f"{found['check']:{wide}} ", "bold"), (found["because"], "")))
        if found["outcome"] != "passed":
            if note := _stands_because(found):
                out.print(_line((f"{'':{wide + 4}}{note}", "bold yellow")))
            out.print(_line((f"{'':{wide + 4}}way out: ", "dim"), (found["way_out"], "")))
    for name in verdict["missing"]:
        out.print(_line(("?  ", "bold yellow"), (f"{name:{wide}} ", "bold"), ("this check did not answer", "")))


def _stands_because(found: View) -> str:
    """Say why a finding that did not pass does not refuse; empty when it does."""
    if found.get("waived"):
        return "waived: it stays red and does not refuse"
    if found["weight"] == "sign" and found.get("seat"):
        return f"to be signed for by {found['seat']}"
    return "it only informs" if found["weight"] == "inform" else ""


def _seats(out: Console, view: View) -> None:
    if view["plan"] is None:
        return
    out.print()
    for seat in view["seats"]:
        if seat["state"] == "filled":
            how = "SSH signature" if seat["method"] == "ssh" else "signed-in session"
            words = f"signed by {seat['approver']} ({how}), counts until {seat['expires'][:16]}Z"
            out.print(_line(("ok ", "green"), (f"seat {seat['seat']:12} ", "bold"), (words, "")))
        else:
            words = "yours to fill" if seat["state"] == "yours" else f"empty ({seat['why_not']})"
            out.print(_line((".. ", "yellow"), (f"seat {seat['seat']:12} ", "bold"), (words, "")))
    for lost in view["not_counted"]:
        out.print(_line(("NO ", "bold red"), (f"{lost['who']} does not count: {lost['because']}", "")))


def _run(out: Console, view: View) -> None:
    run = view["run"]
    if not run:
        return
    out.print()
    for step in run["steps"]:
        if step["state"] == "pending":
            continue
        why = f": {step['because']}" if step["because"] and step["state"] not in ("done", "already") else ""
        out.print(_line((f"{step['state']:8} ", STATES.get(step["state"], "")), (f"{step['say']}{why}", "")))
    bad = [probe for probe in run["probes"] if probe["outcome"] != "passed"]
    out.print(_line((f"{len(run['probes'])} probes, {len(bad)} of them not passed", "dim")))
    for probe in bad[:5]:
        out.print(_line(("NO ", "bold red"), (f"{probe['array']} {probe['name']}: {probe['because']}", "")))
    if run["judgement"]:
        colour = "bold green" if run["judgement"] == "held" else "bold red"
        out.print(
            _line(("judgement ", "dim"), (run["judgement"], colour), (": " + "; ".join(run["judged_because"]), ""))
        )


def _line(*parts: tuple[str, str]) -> Text:
    made = Text()
    for words, style in parts:
        made.append(plain(words), style or None)
    return made
