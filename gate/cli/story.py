"""
The story of 2009 as six acts on the demo's stage.

Only the people's actions are written down here: they ask over the API and press buttons on pages, and move things in
the lab that no gate would move. What comes of it is the gate's own answer, and each act says whether it was the
expected one.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gate.canonical import sha256
from gate.cli.asked import CHANGE_FILE
from gate.cli.eyes import Eyes, alike
from gate.cli.sshkey import sign
from gate.cli.stage import Stage
from gate.cli.telling import Act, Teller
from gate.cli.verifying import alter_one_byte, verify_alone
from gate.cli.visitor import Visitor
from gate.errors import Outside

View = dict[str, Any]

TARGETS = ("west-2", "west-3", "east-3", "west-1", "east-2", "east-1")
BAD, GOOD = "8.7.0.3", "8.7.0.4"
DATASET = "sidekick"
TOLD = 4
"""Red lines that are told in full."""

PATIENCE_S = 180
RESTS = ("held", "halted", "backed out", "denied", "withdrawn")


class Story:
    """The six acts, in order; each rests on the ones before."""

    def __init__(self, stage: Stage, teller: Teller) -> None:
        self._stage = stage
        self._teller = teller
        self._eyes = Eyes(stage.installation)
        self._changes: dict[str, str] = {}
        self.acts: list[Act] = []

    def tell(self) -> list[Act]:
        """Tell all acts; after one that did not end as told the story stops."""
        for number, act in enumerate(ACTS):
            if not self._one("abcdef"[number], act):
                break
        return self.acts

    def _one(self, letter: str, play: Callable[["Story", Act], None]) -> bool:
        title, _, expected = (play.__doc__ or "").partition(" | ")
        act = Act(letter, title, expected.strip())
        self.acts.append(act)
        self._teller.begins(act)
        began = time.monotonic()
        try:
            play(self, act)
        finally:
            act.seconds = round(time.monotonic() - began, 1)
            self._teller.ends(act)
        return act.ok

    # What the people do.

    def _api(self, name: str) -> Any:
        return self._stage.players[name].api

    def _open(self, version: str, title: str, reason: str) -> str:
        image = next(one for one in self._stage.settings.config.images.allowed if one.version == version)
        now = datetime.now(UTC).replace(microsecond=0)
        text = CHANGE_FILE.format(
            title=title,
            reason=reason,
            file=image.file,
            version=version,
            sha256=image.sha256,
            targets=", ".join(TARGETS),
            opens=(now - timedelta(minutes=5)).isoformat(),
            closes=(now + timedelta(hours=4)).isoformat(),
        )
        path = self._stage.directory / f"change-{version}.yaml"
        path.write_text(text, encoding="utf-8")
        view = self._api("storage-engineer").send("/changes", text.encode(), "application/yaml", source=path.name)
        self._changes[version] = str(view["id"])
        self._teller.says(f"storage-engineer opens {view['id']}: {title}, on {', '.join(TARGETS)}")
        return str(view["id"])

    def _check(self, change: str) -> View:
        with self._teller.waits("the gate asks every array, host and repository"):
            view: View = self._api("storage-engineer").post(f"/changes/{change}/check")
        red = [found for found in view["verdict"]["findings"] if found["outcome"] != "passed"]
        for found in red[:TOLD]:
            self._teller.says(f"{found['check']}: {found['because']}", good=False)
        if red[TOLD:]:
            self._teller.says(f"and {len(red) - TOLD} more: {', '.join(found['check'] for found in red[TOLD:])}")
        if view["verdict"]["opens"]:
            passed = len(view["verdict"]["findings"]) - len(red)
            but = f"; a seat signs for {', '.join(found['check'] for found in red)} by name" if red else ""
            self._teller.says(f"{passed} checks passed{but}: it opens", good=True)
        return view

    def _both_sign(self, change: str) -> View:
        lead, owner = self._stage.players["storage-lead"], self._stage.players["data-owner"]
        text = str(lead.api.get(f"/changes/{change}/statement", seat="storage", decision="approve")["statement"])
        if lead.key is None:
            raise Outside("storage-lead has no key")
        body = {"seat": "storage", "statement": text, "signature": sign(text, lead.key)}
        lead.api.post(f"/changes/{change}/approve", body)
        self._teller.says("storage-lead signs for storage with an SSH key, over the API")
        page = Visitor(self._stage.address)
        page.sign_in(owner.name, owner.password)
        page.approve(change, "data-owner")
        self._teller.says("data-owner signs for the data on the page, in a web session")
        view: View = owner.api.get(f"/changes/{change}")
        return view

    def _start(self, change: str) -> None:
        with self._teller.waits("performer starts it; the gate asks everything again"):
            self._api("performer").post(f"/changes/{change}/start")

    def _follow(self, change: str, until: tuple[str, ...] = RESTS, *, told: int = 0) -> View:
        """Watch a run to its rest, telling each step that changes something, as it ends, after the first `told`."""
        api, limit = self._api("auditor"), time.monotonic() + PATIENCE_S
        with self._teller.waits(f"{change} runs"):
            while time.monotonic() < limit:
                size = int(api.get("/seal")["size"])
                view: View = api.get(f"/changes/{change}")
                ended = [step for step in view["run"]["steps"] if step["state"] not in ("pending", "running")]
                for step in ended[told:]:
                    if step["mutates"] or step["state"] == "failed":
                        self._teller.says(f"{view['run']['canary']}: {step['say']}", good=step["state"] != "failed")
                told = len(ended)
                if view["state"] in until or view["run"]["question"]:
                    return view
                api.get("/wait", size=size, timeout=5)
        raise Outside(f"{change} did not come to rest within {PATIENCE_S} seconds")

    # The acts. The first line of each is its title and what is expected.

    def same_array(self, act: Act) -> None:
        """The backup lies on the array that is to be changed | refused, naming the target ports both share"""
        view = self._check(self._open(BAD, f"Update to {BAD}", "The vendor asks for it"))
        finding = _finding(view, "backup-isolated")
        ports = [port for one in view["isolation"] for port in one["shared_ports"]]
        act.outcome = f"{view['state']}: {finding['because']}"
        named = bool(ports) and any(port in finding["because"] for port in ports)
        act.ok = view["state"] == "refused" and finding["outcome"] == "failed" and named
        act.digests = _digests(view)

    def stale_backup(self, act: Act) -> None:
        """The repository moves to the vault; what lies there is old | refused: too old, and never rehearsed"""
        self._stage.lab.move_repository("vault-1")
        self._teller.says("the backup owner mounts the repository of vault-1, at the other site")
        view = self._check(self._changes[BAD])
        outcomes = {name: _finding(view, name)["outcome"] for name in ("backup-isolated", "backup-recent")}
        rehearsed = _finding(view, "backup-rehearsed")["outcome"]
        act.outcome = f"{view['state']}: {_finding(view, 'backup-recent')['because']}"
        wanted = {"backup-isolated": "passed", "backup-recent": "failed"}
        act.ok = view["state"] == "refused" and outcomes == wanted and rehearsed != "passed"
        act.digests = _digests(view)

    def proven_backup(self, act: Act) -> None:
        """A new backup in the vault, rehearsed and compared | it opens, and two people sign in two ways"""
        owner = self._api("data-owner")
        with self._teller.waits("data-owner has production's content recorded, table by table"):
            owner.post(f"/datasets/{DATASET}/reference")
        time.sleep(1.1)  # a manifest tells its backup's start in whole seconds, and the reference has to be older
        made = self._stage.lab.backup_now()
        self._teller.says(f"the nightly job makes backup {made} in the vault")
        with self._teller.waits("the gate restores it for proof, opens it, compares it"):
            rehearsal = owner.post(f"/datasets/{DATASET}/rehearse")["rehearsals"][0]
        self._teller.says(rehearsal["because"], good=rehearsal["passed"])
        view = self._check(self._changes[BAD])
        if view["verdict"]["opens"]:
            view = self._both_sign(view["id"])
        ways = sorted(seat["method"] for seat in view["seats"] if seat["state"] == "filled")
        act.outcome = f"{view['state']}, seats filled by {' and '.join(ways) or 'nobody'}"
        act.ok = view["state"] == "open" and ways == ["session", "ssh"]
        act.digests = _digests(view) | {f"restored {one['table']}": one["digest"] for one in rehearsal["tables"]}

    def bad_firmware(self, act: Act) -> None:
        """Firmware that silently flips bits | the canary alone gets it, known data gives it away, halted"""
        change, canary = self._changes[BAD], self._view(BAD)["plan"]["canary"]
        before, production = self._eyes.look(), self._eyes.production()
        self._start(change)
        view = self._follow(change)
        after, still = self._eyes.look(), self._eyes.production()
        written = self._eyes.written(change)
        before = {name: seen.holding(written.get(name, seen.digest)) for name, seen in before.items()}
        others = [name for name in before if name != canary]
        same = all(alike(before[name], after[name]) for name in others) and production == still != "unknown"
        broken = [probe for probe in view["run"]["probes"] if probe["outcome"] == "failed"]
        for probe in broken[:1]:
            self._teller.says(f"{probe['array']} {probe['name']}: {probe['because']}", good=False)
        for name in others:
            kept = alike(before[name], after[name])
            told = f"{name:8} {after[name].firmware}  {after[name].digest[:23]}…"
            self._teller.says(f"{told} {'unchanged' if kept else 'CHANGED'}", good=kept)
        told = f"production's database  {still[:23]}…"
        self._teller.says(f"{told} {'unchanged' if production == still else 'CHANGED'}", good=production == still)
        touched = self._touched()
        data_spoke = any(probe["name"] == "known-answer" for probe in broken) and not after[canary].equals(written)
        judged, halted = view["run"]["judgement"], view["state"] == "halted"
        self._api("performer").post(
            f"/changes/{change}/back-out", {"reason": "the canary holds other data than written"}
        )
        self._teller.says("performer backs the canary out")
        ended = [step for step in view["run"]["steps"] if step["state"] not in ("pending", "running")]
        back = self._follow(change, ("backed out",), told=len(ended))
        firmware = {seen.firmware for seen in self._eyes.look().values()}
        because = broken[0]["because"] if broken else "no probe failed"
        act.outcome = (
            f"{view['state']} ({judged}): {because}; commands that change something reached {' and '.join(touched)} "
            f"only; then {back['state']}, every array on {', '.join(firmware)}"
        )
        act.ok = halted and data_spoke and same and touched == [canary] and back["state"] == "backed out"
        act.ok = act.ok and len(firmware) == 1
        act.digests = {"production before": production, "production after": still}
        act.digests |= {f"{name} before": before[name].digest for name in others}
        act.digests |= {f"{name} after": after[name].digest for name in (*others, canary)}

    def good_firmware(self, act: Act) -> None:
        """A good image, asked for and signed anew | the canary holds"""
        change = self._open(GOOD, f"Update to {GOOD}", "The corrected image")
        view = self._check(change)
        if view["verdict"]["opens"]:
            self._both_sign(change)
            self._start(change)
            view = self._follow(change)
        judged = (view["run"] or {}).get("judgement", "")
        seen = self._eyes.look()
        canary = view["plan"]["canary"]
        act.outcome = f"{view['state']} ({judged or 'no judgement'}): {canary} runs {seen[canary].firmware}"
        act.ok = view["state"] == "held" and judged == "held" and seen[canary].firmware == GOOD
        act.digests = _digests(view) | {f"{name} scratch": one.digest for name, one in seen.items()}

    def evidence(self, act: Act) -> None:
        """An auditor takes the evidence pack away | verified alone; with one byte changed, the verifier says where"""
        change = self._changes[GOOD]
        pack, policy = self._stage.directory / f"{change}.zip", self._stage.directory / "ledger.policy"
        auditor = self._api("auditor")
        with pack.open("wb") as file:
            auditor.download(f"/changes/{change}/pack", file)
        policy.write_text(f"log {auditor.get('/seal')['vkey']}\nquorum none\n", encoding="utf-8")
        whole = verify_alone(pack, policy)
        self._teller.says(f"{pack.name}: {whole.result}, by verify.py in a Python of its own", good=whole.code == 0)
        changed, spot = alter_one_byte(pack)
        altered = verify_alone(changed, policy)
        self._teller.says(f"{changed.name}, {spot}: {altered.result}: {altered.where}", good=altered.code == 1)
        act.outcome = f"{whole.result}; with one byte changed, {altered.result}: {altered.where}"
        act.ok = whole.code == 0 and altered.code == 1 and bool(altered.where)
        act.digests = {pack.name: _file_digest(pack), changed.name: _file_digest(changed)}

    def _view(self, version: str) -> View:
        view: View = self._api("auditor").get(f"/changes/{self._changes[version]}")
        return view

    def _touched(self) -> list[str]:
        """Ask the arrays themselves which of them ever accepted a command that changes something."""
        counters = self._stage.lab.array_counters()
        return sorted(name for name, counts in counters.items() if sum(counts.values()))


ACTS: tuple[Callable[[Story, Act], None], ...] = (
    Story.same_array,
    Story.stale_backup,
    Story.proven_backup,
    Story.bad_firmware,
    Story.good_firmware,
    Story.evidence,
)


def _finding(view: View, check: str) -> dict[str, str]:
    found = [one for one in view["verdict"]["findings"] if one["check"] == check]
    return found[0] if found else {"outcome": "missing", "because": f"{check} did not answer"}


def _digests(view: View) -> dict[str, str]:
    plan, verdict = view["plan"], view["verdict"]
    return {"plan": plan["digest"] if plan else "", "verdict": verdict["digest"] if verdict else ""}


def _file_digest(path: Path) -> str:
    return sha256(path.read_bytes())
