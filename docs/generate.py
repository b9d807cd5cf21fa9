"""
The pages that are made from the code: docs/checks.md, and the schemas of config.yaml and of playbooks.

`make docs` writes them; tests/whole_repo/test_documents.py fails while one of them is not what this would write.
"""

import json
import re
from pathlib import Path

from gate.checks import CHECKS
from gate.finding import Check, Weight, When
from gate.playbook import schema as playbook_schema
from gate.settings import schema

DOCS = Path(__file__).parent

WEIGHTS = {
    Weight.BLOCK: "blocks: nothing opens until it passes",
    Weight.SIGN: "needs a signature of its own when it does not pass",
    Weight.INFORM: "informs only",
}
WHENS = {
    When.APPROVE: "before people sign, and again right before the first step of every stage",
    When.START: "right before the first step of every stage",
}

WAIVERS = {
    (True, False): "two people may waive it for a time",
    (False, False): "never",
    (False, True): "none; a seat signs for it instead",
}
"""(waivable, weighs a signature) → what that means."""

NUMBER = re.compile(r"\b(?:BK|IS|IM|EV)-[0-9]{2}\b")
"""A question of the evidence model, as a check's source names it."""

OWN = "ours, for this gate"

HEAD = """\
# The checks

*Made from `gate/checks/` by `make docs`; do not edit.*

Each check asks one question and has three answers: `passed`, `failed` and `unknown`. What was not measured, could not
be read, or came too late is unknown, and unknown refuses. Limits are set in `config.yaml` under `policy`. Sources read
as in the evidence model behind this gate: BK for backups, IS for isolation, IM for immutability, EV for the evidence.

| check | question |
| --- | --- |
"""

MODEL = """
## The questions of the evidence model

The model lists thirty: fourteen of backups, nine of isolation, four of immutability, three of the evidence. Each is one
check here, but for IS-01 and IS-02: whether the copy is on a target and whether it is on the data's own array are asked
at once, since both need the same trace. What the model does not list and a change needs is ours, and has no number.

| question | check |
| --- | --- |
"""


def checks_page() -> str:
    """Return docs/checks.md."""
    checks = [module.CHECK for module in CHECKS]
    rows = "".join(f"| [{check.name}](#{check.name}) | {check.question} |\n" for check in checks)
    by_source = sorted((number, check.name) for check in checks for number in NUMBER.findall(check.source))
    of_the_model = "".join(f"| {source} | [{name}](#{name}) |\n" for source, name in by_source)
    return HEAD + rows + MODEL + of_the_model + "".join(_section(check) for check in checks)


def schema_page() -> str:
    """Return docs/config.schema.json."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


def playbook_schema_page() -> str:
    """Return docs/playbook.schema.json."""
    return json.dumps(playbook_schema(), indent=2, sort_keys=True) + "\n"


def _section(check: Check) -> str:
    return (
        f"\n## {check.name}\n\n**{check.question}**\n\n{check.meaning}\n\n"
        f"- Way out: {check.way_out}\n"
        f"- Limit: {check.threshold or 'none'}\n"
        f"- Weight: {WEIGHTS[check.weight]}.\n"
        f"- Asked: {WHENS[check.when]}.\n"
        f"- Waiver: {WAIVERS[check.waivable, check.weight is Weight.SIGN]}.\n"
        f"- Source: {check.source or OWN}.\n"
    )


PAGES = {
    "checks.md": checks_page,
    "config.schema.json": schema_page,
    "playbook.schema.json": playbook_schema_page,
}
"""Page below docs/ → its maker."""


if __name__ == "__main__":
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
