"""The dry run: what a playbook's questions say now, and what would be sent and is not."""

from collections.abc import Iterable
from typing import Any

from gate.approval import may_try
from gate.canonical import Json, utc
from gate.change import Phase, Plan, released
from gate.control.desk import Desk, Progress, person, quiet
from gate.control.views import View
from gate.engine.heard import raw_reply
from gate.errors import BadInput, CannotTell, NotThere
from gate.families import FAMILIES
from gate.gather.dry_run import DryRun, Tried, dry_run
from gate.inventory import Array
from gate.ledger.entry import Blob, Draft
from gate.person import Person
from gate.playbook import Precheck, parse_either, render, render_precheck, slot_values
from gate.standing import BEFORE
from gate.step import Step
from gate.transcript import recording, redact


class Trying:
    """The use cases around trying without changing anything."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def dry_run(self, actor: Person, change: str, progress: Progress = quiet) -> View:
        """Try the sealed words on the canary before anything begins; what came of it is an entry of the change."""
        desk = self._desk
        standing = desk.standing(change)
        if why := may_try(actor):
            raise desk.refuse(actor, change, "dry run", why)
        if standing.state not in BEFORE:
            raise desk.refuse(actor, change, "dry run", f"the change is {standing.state}: a dry run comes before it")
        plan = desk.plan(standing)
        if plan is None:
            raise desk.refuse(actor, change, "dry run", "there is no plan to try", "check the change first")
        array = desk.settings.config.inventory.array(plan.canary)
        done = self._run(array, _phases(plan), progress)
        shown = dry_run_view(done)
        title = f"{change} dry run on {plan.canary}"
        kept = [desk.blob("dry-run", shown)]
        cast = recording(title, done.replies) if done.replies else b""
        kept += [Blob("transcript", desk.ledger.put_blob(cast), len(cast))] if cast else []
        kept += [raw for reply in done.replies[:MOST_KEPT] if (raw := raw_reply(desk.ledger, reply)) is not None]
        data: dict[str, Json] = {
            "array": plan.canary,
            "plan_digest": plan.digest,
            "result": done.result.value,
            "because": shown["because"][:500],
            "digest": kept[0].sha256,
        }
        desk.ledger.append(Draft("dry_run.ended", person(actor), change, data, tuple(dict.fromkeys(kept))))
        return desk.view(change, actor)

    def try_playbook(
        self,
        actor: Person,
        text: bytes,
        source: str,
        array: str,
        version: str,
        from_version: str = "",
        progress: Progress = quiet,
    ) -> View:
        """
        Try a playbook that belongs to no change on one array; nothing is entered.

        Without `from_version` the array itself is asked which version it runs.
        """
        desk = self._desk
        if why := may_try(actor):
            raise desk.refuse(actor, None, "dry run of a playbook", why)
        playbook = parse_either(text, source, FAMILIES)
        config = desk.settings.config
        known = {one.id: one for one in config.inventory.arrays}
        if array not in known:
            raise NotThere(f'there is no array "{array[:63]}"', hint=f"arrays: {', '.join(known)}")
        one = known[array]
        if one.family is not playbook.family:
            raise BadInput(f'"{array}" is of family {one.family}, the playbook is for {playbook.family}', place=source)
        image = released(config.images.allowed, version, one.model)
        if not from_version and "from_version" in playbook.slots:
            progress(f"asking {array} which version it runs")
            from_version = desk.gathering.arrays.read((array,))[array].version or ""
            if not from_version:
                raise CannotTell(f"{array} does not tell which version it runs", hint="name one with --from")
        values = slot_values(one, image.file, image.version, one.serial, from_version, config.images.server or "")
        slots: dict[str, str] = {name: values[name] for name in playbook.slots}
        if isinstance(playbook, Precheck):
            phases = [(Phase.FORWARD, render_precheck(playbook, slots, FAMILIES)[0])]
        else:
            words = render(playbook, slots, FAMILIES)
            phases = [(Phase.FORWARD, words.forward), (Phase.COMMIT, words.commit), (Phase.BACK_OUT, words.back_out)]
        return dry_run_view(self._run(one, phases, progress))

    def _run(self, array: Array, phases: Iterable[tuple[Phase, tuple[Step, ...]]], progress: Progress) -> DryRun:
        monitor = self._desk.gathering.monitor
        done = dry_run(array, phases, lambda words, s: monitor.ask(array.id, words, deadline_s=s), progress)
        progress(f"dry run of {array.id}: {done.result}")
        return done


MOST_KEPT = 40
"""Raw replies that one entry names; a playbook has fewer questions."""


def dry_run_view(done: DryRun) -> dict[str, Any]:
    """Return a dry run as every face shows it and as it is kept: without secrets, JSON-ready."""
    times = [moment for reply in done.replies for moment in (reply.started_at, reply.finished_at)]
    return {
        "array": done.array,
        "began": utc(min(times)) if times else "",
        "ended": utc(max(times)) if times else "",
        "result": done.result.value,
        "because": redact(done.because),
        "steps": [_step_view(one) for one in done.tried],
    }


def _step_view(tried: Tried) -> dict[str, Any]:
    step = tried.step
    kind = "attended" if step.attended else "send" if step.send else "do" if step.mutates else "ask"
    return {
        "phase": tried.phase.value,
        "number": tried.number,
        "id": step.id,
        "say": step.say,
        "kind": kind,
        "command": step.command,
        "answers": [{"prompt": one.prompt, "answer": one.answer, "times": one.times} for one in step.answers],
        "would": tried.would.value,
        "because": redact(tried.because)[:500],
        "reply": tried.reply.digest if tried.reply is not None and tried.reply.stdout else "",
        "look": tried.look,
        "look_command": step.look_command,
    }


def _phases(plan: Plan) -> tuple[tuple[Phase, tuple[Step, ...]], ...]:
    return tuple((phase, plan.steps(phase)) for phase in Phase)
