"""`sangate demo`: the 2009 story, told live on the lab."""

import json
import signal
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from gate.cli.place import Place
from gate.cli.say import pass_place, plain
from gate.cli.story import Story
from gate.cli.telling import Act, Teller

if TYPE_CHECKING:
    from gate.cli.stage import Stage

SIMULATED = (
    "The arrays are simulated. The wires are real: every question goes over SSH with pinned host keys, every block "
    "over iSCSI, and the backup is a real copy of a real database. No hardware is touched."
)

KEPT = (
    "Permits are made by a keyholder, a process of its own. It counts signatures, and for this story sessions as well."
)


@click.command()
@click.option("--no-serve", is_flag=True, help="End after the story; exit 1 unless every act ended as told.")
@click.option("--summary", type=click.Path(path_type=Path), default=Path("demo-summary.json"), show_default=True,
              help="Where acts, outcomes and digests are written.")  # fmt: skip
@pass_place
@click.pass_context
def demo(ctx: click.Context, place: Place, no_serve: bool, summary: Path) -> None:
    """Tell the 2009 story on the lab, live; then the web UI stays up."""
    from gate.cli.stage import fresh_directory, set_up

    teller = _Terminal()
    directory = fresh_directory(place.data)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    teller.opens(directory)
    began = time.monotonic()
    with set_up(directory, stays=not no_serve) as stage:
        story = Story(stage, teller)
        try:
            story.tell()
        finally:
            ok = _write_summary(summary, stage, story.acts, time.monotonic() - began)
        teller.closes(ok, summary)
        if not no_serve:
            teller.stays(stage)
            _until_interrupted()
    teller.console.print("The lab and the gate have ended.")
    if not ok:
        ctx.exit(1)


def _write_summary(path: Path, stage: "Stage", acts: list[Act], seconds: float) -> bool:
    ok = len(acts) == 6 and all(act.ok for act in acts)
    told = {
        "ok": ok,
        "simulated": SIMULATED,
        "seconds": round(seconds, 1),
        "directory": str(stage.directory),
        "network": stage.settings.config.lab.network,
        "policy": stage.settings.policy_digest,
        "acts": [asdict(act) for act in acts],
    }
    path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return ok


def _until_interrupted() -> None:
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        pass


class _Terminal(Teller):
    """Tells the story with rich; plain lines where the output is no terminal."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())

    def opens(self, directory: Path) -> None:
        """Say what this is."""
        self.console.print(Text("sangate: the story of 2009, told on the built-in lab", "bold"))
        self.console.print(Text(SIMULATED, "yellow"))
        self.console.print(Text(f"Everything it writes lies in {directory}", "dim"))
        self.console.print(Text(KEPT, "dim"))
        self.console.print(Text("seven arrays on two sites, two hosts, a vault: starting …", "dim"))

    def begins(self, act: Act) -> None:
        self.console.print()
        self.console.print(Text(f"({act.act}) {act.title}", "bold"))

    def says(self, line: str, *, good: bool | None = None) -> None:
        mark, style = {None: ("·", ""), True: ("✓", "green"), False: ("✗", "red")}[good]
        self.console.print(Text(f"    {mark} ", style) + Text(plain(line)))

    def waits(self, words: str) -> Any:
        return self.console.status(f"    {words} …") if self.console.is_terminal else nullcontext()

    def ends(self, act: Act) -> None:
        self.console.print(Text("    expected: ", "dim") + Text(act.expected))
        style = "bold green" if act.ok else "bold red"
        came = Text(plain(act.outcome or "it broke off"))
        verdict = Text("  as told" if act.ok else "  NOT AS TOLD", style)
        self.console.print(Text("    came:     ", "dim") + came + verdict + Text(f"  {act.seconds:.0f} s", "dim"))

    def closes(self, ok: bool, summary: Path) -> None:
        """Say how it ended."""
        self.console.print()
        words = "Every act ended as told." if ok else "Not every act ended as told."
        self.console.print(Text(words, "bold green" if ok else "bold red") + Text(f" Acts and digests: {summary}"))

    def stays(self, stage: "Stage") -> None:
        """Say where the pages are, and who may sign in."""
        self.console.print()
        self.console.print(Text("The pages are up at ") + Text(f"{stage.address}/", "bold"))
        for player in stage.players.values():
            self.console.print(Text(f"    {player.name:18}{player.password}"))
        self.console.print(Text("Another terminal: ", "dim"), end="")
        login = f"sangate --config {stage.directory / 'config.yaml'} login storage-engineer"
        self.console.print(Text(login), soft_wrap=True)
        self.console.print(Text("Ctrl-C ends all of it, the lab too.", "dim"))
