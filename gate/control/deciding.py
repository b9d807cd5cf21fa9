"""Evidence in, sealed plan and verdict out: the same path at `check` and again right before a stage (promise 4)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gate.canary import Choice, choose, stages
from gate.canonical import Json, utc
from gate.change import ChangeRequest, Contracted, Plan, Purpose, Restored, RestorePlan, Target
from gate.checks import EXPECTED, RECORDS
from gate.checks.case import Case, OtherChange
from gate.control.picturing import isolation_view
from gate.control.replacing import slots, swap
from gate.errors import BadInput
from gate.evidence import Evidence, Trace
from gate.families import FAMILIES
from gate.finding import Finding, Outcome, Waiver, Weight, When
from gate.inventory import Inventory
from gate.landscape import Map
from gate.mending import mends
from gate.playbook import file_digest, kickstart_beside, parse, render
from gate.policy import Policy
from gate.settings import Settings
from gate.upkeep import Work
from gate.verdict import Verdict, decide

SHORT, SHORT_PASSED = 160, 60
"""Bytes of a sentence in the verdict's entry, which has room for 16 KiB in all."""


@dataclass(frozen=True)
class Decision:
    """One verdict with what it rests on."""

    plan: Plan | None
    no_plan: str
    verdict: Verdict
    isolation: tuple[dict[str, Any], ...]
    protections: tuple[str, ...]

    @property
    def valid_until(self) -> str:
        """When the first fact under the verdict expires; empty when none does."""
        return utc(self.verdict.valid_until) if self.verdict.valid_until else ""

    @property
    def red(self) -> tuple[Finding, ...]:
        """Findings for whose sake it does not open."""
        waived = {waiver.check for waiver in self.verdict.waived}
        signed = {check for checks in self.verdict.to_sign.values() for check in checks}
        return tuple(
            finding
            for finding in self.verdict.findings
            if finding.outcome is not Outcome.PASSED
            and (finding.weight or RECORDS[finding.check].weight) is not Weight.INFORM
            and finding.check not in waived | signed
        )

    def rows(self) -> list[dict[str, Json]]:
        """Return what the verdict's entry says of each finding: enough for the change's state, in few bytes."""
        return [
            {
                "check": finding.check,
                "outcome": finding.outcome.value,
                "when": RECORDS[finding.check].when.value,
                "because": _short(finding),
                **self._standing(finding),
            }
            for finding in self.verdict.findings
        ]

    def _standing(self, finding: Finding) -> dict[str, Json]:
        """Return what an answer weighs and, where it did not pass, who may put their name to it."""
        record = RECORDS[finding.check]
        weight = finding.weight or record.weight
        told: dict[str, Json] = {"weight": weight.value}
        if finding.outcome is Outcome.PASSED:
            return told
        if finding.check in {waiver.check for waiver in self.verdict.waived}:
            told["waived"] = True
        if weight is Weight.SIGN and record.seat is not None:
            told["seat"] = record.seat.value
        if weight is Weight.BLOCK and (record.waivable or finding.attestable):
            told |= {"waivable": True, "finding": finding.digest}
        if finding.attestable:
            told["attestable"] = True
        return told

    def blob(self) -> dict[str, Any]:
        """Return what is kept beside the verdict entry, JSON-ready: every sentence, every picture."""
        return {
            "opens": self.verdict.opens,
            "moment": self.verdict.moment.value,
            "missing": list(self.verdict.missing),
            "no_plan": self.no_plan,
            "valid_until": self.valid_until,
            "findings": [
                {
                    "check": finding.check,
                    "outcome": finding.outcome.value,
                    "because": finding.because,
                    "relied_on": finding.relied_on,
                    "evidence": list(finding.evidence),
                    "way_out": finding.way_out,
                    "valid_until": utc(finding.valid_until) if finding.valid_until else "",
                    **self._standing(finding),
                }
                for finding in self.verdict.findings
            ],
            "waivers": [
                {
                    "check": waiver.check,
                    "finding": waiver.finding,
                    "expires": utc(waiver.expires),
                    "by": [{"seat": seat, "person": person} for seat, person in waiver.by],
                    "reasons": list(waiver.reasons),
                }
                for waiver in self.verdict.waived
            ],
            "isolation": list(self.isolation),
            "protections": list(self.protections),
        }


def decide_change(
    change: str,
    request: ChangeRequest,
    evidence: Evidence,
    settings: Settings,
    others: Iterable[OtherChange],
    moment: When,
    now: datetime,
    waivers: tuple[Waiver, ...] = (),
    team: frozenset[str] = frozenset(),
    planned: tuple[Work, ...] = (),
    contractor: Contracted | str | None = None,
) -> Decision:
    """
    Seal a plan from the evidence where that is possible, ask every check that is due, decide.

    `contractor` is whom the request names as its performer, or the sentence why they cannot be.
    """
    config = settings.config
    plan, no_plan = _seal(change, request, evidence, settings)
    if isinstance(contractor, str):
        plan, no_plan = None, contractor
    elif plan is not None:
        plan = replace(plan, contractor=contractor)
    case = Case(
        request=request,
        plan=plan,
        no_plan=no_plan,
        inventory=config.inventory,
        policy=config.policy,
        allowed=config.images.allowed,
        evidence=evidence,
        others=tuple(others),
        now=now,
        team=team,
        planned=planned,
        allowed_parts=config.allowed_parts,
    )
    table = EXPECTED.get((request.kind, Purpose.FORWARD), ())
    due = [module for module in table if moment is When.START or module.CHECK.when is moment]
    findings = tuple(_answer(module.CHECK.name, module.check, case) for module in due)
    verdict = decide(tuple(module.CHECK for module in due), findings, moment, waivers)
    reliances = case.reliances
    protections = tuple(one.protection.id for one in reliances if one.protection is not None)
    pictures = tuple(
        isolation_view(case.evidence, case.inventory, one.dataset, one.protection, one.isolation) for one in reliances
    )
    return Decision(plan, no_plan, verdict, pictures, protections)


def _short(finding: Finding) -> str:
    """Cut a sentence so that the rows of all checks fit into one entry; the verdict's blob has all of it."""
    most = SHORT_PASSED if finding.outcome is Outcome.PASSED else SHORT
    return finding.because.encode()[:most].decode(errors="ignore")


def _answer(name: str, check: Callable[[Case], Finding], case: Case) -> Finding:
    """Ask one check; one that stumbles over what it was given has answered `unknown` (promise 1)."""
    try:
        return check(case).told()
    except Exception as error:  # noqa: BLE001  whatever it is, it is no yes
        return Finding(name, Outcome.UNKNOWN, f"the check itself failed ({type(error).__name__}); tell its maintainers")


def _seal(change: str, request: ChangeRequest, evidence: Evidence, settings: Settings) -> tuple[Plan | None, str]:
    inventory, policy, image = settings.config.inventory, settings.config.policy, request.image
    choice = _choice(request, evidence, inventory)
    if choice.canary is None or choice.control is None:
        named = "; ".join(f"{one.array}: {one.because}" for one in choice.explained if one.because != choice.because)
        return None, choice.because + (f" ({named})" if named else "")
    targets = tuple(_target(name, evidence) for name in request.targets)
    first = next(target for target in targets if target.array == choice.canary)
    text = settings.read_playbook(request.playbook)
    playbook = parse(text, f"playbooks/{request.playbook}.yaml", FAMILIES)
    if (playbook.family, playbook.kind) != (request.family, request.kind):
        return None, f"playbook {request.playbook} is for {playbook.kind} of {playbook.family}"
    if request.part is not None and playbook.replaces is not request.part.what:
        return None, f"playbook {request.playbook} replaces a {playbook.replaces}, the change a {request.part.what}"
    part = swap(request.part, evidence, first.array) if request.part else None
    if isinstance(part, str):
        return None, part
    values = {
        "array": first.array,
        "serial": first.serial,
        "from_version": first.from_version,
        "unit": inventory.array(first.array).unit or "",
        **({"image": image.file, "version": image.version} if image else {}),
        **({"kickstart": kickstart_beside(image.file)} if image else {}),
        **(slots(part) if part else {}),
        **({"image_server": settings.config.images.server} if settings.config.images.server else {}),
    }
    try:
        rendered = render(playbook, {name: value for name, value in values.items() if name in playbook.slots}, FAMILIES)
    except BadInput as error:
        return None, f"playbook {request.playbook}: {error}"
    plan = Plan(
        change=change,
        origin=settings.config.ledger.origin,
        kind=request.kind.value,
        family=request.family.value,
        image_file=image.file if image else "",
        image_version=image.version if image else first.from_version,
        image_sha256=image.sha256 if image else "",
        targets=targets,
        canary=choice.canary,
        control=choice.control,
        stages=stages(choice.canary, request.targets, inventory),
        playbook=request.playbook,
        playbook_sha256=file_digest(text),
        forward=rendered.forward,
        commit=rendered.commit,
        back_out=rendered.back_out,
        back_out_class=playbook.back_out_class,
        window_opens=utc(request.window.opens),
        window_closes=utc(request.window.closes),
        thresholds=thresholds(policy),
        seats=tuple(seat.value for seat in policy.seats),
        scratch=inventory.scratch_words(choice.canary, choice.control),
        restore=restored(request.restore_plan),
        recovery_tools=request.restore_plan.tools if request.restore_plan else (),
        choice=choice.explained,
        part=part,
    )
    return plan, ""


def restored(plan: RestorePlan | None) -> tuple[Restored, ...]:
    """Return a restore plan as it is sealed."""
    return tuple(Restored(tier.items, int(tier.rto.total_seconds())) for tier in plan.tiers) if plan else ()


def thresholds(policy: Policy) -> dict[str, int]:
    """Return the limits under which the canary will be judged, whole numbers with their unit in the name."""
    return {
        "soak_s": int(policy.soak.total_seconds()),
        "probe_interval_s": int(policy.probe_interval.total_seconds()),
        "latency_deadline_us": int(policy.latency_deadline.total_seconds() * 1_000_000),
        "latency_points_min": policy.latency_points_min,
        "latency_increase_max_percent": policy.latency_increase_max_percent,
        "latency_increase_floor_us": policy.latency_increase_floor_us,
    }


def _choice(request: ChangeRequest, evidence: Evidence, inventory: Inventory) -> Choice:
    where = Map(evidence.arrays, inventory)

    def arrays(traces: Mapping[str, Trace]) -> frozenset[str]:
        return frozenset(name for trace in traces.values() for name in where.locate(trace).arrays)

    part, told = request.part, evidence.arrays
    mended = frozenset(
        name
        for name in request.targets
        if part is not None and part.failed and name in told
        if mends(part, told[name], evidence.parts.get(name))[0] is Outcome.PASSED
    )
    holding, kept = arrays(evidence.datasets), arrays(evidence.repositories)
    return choose(request.targets, inventory, told, kept, holding, mended)


def _target(name: str, evidence: Evidence) -> Target:
    """Every target was measured: `choose` gives no canary while one of them differs or is not known."""
    reading = evidence.arrays[name]
    return Target(name, reading.serial or "", reading.model or "", reading.version or "")
