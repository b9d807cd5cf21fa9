"""How one family's arrays are changed, as data: read from its file, rendered to exact words, its conditions asked."""

from gate.playbook.conditions import Condition, any_holds, holds, why_not
from gate.playbook.reading import file_digest, parse, schema
from gate.playbook.rendering import Rendered, render, slot_values
from gate.playbook.written import Playbook

__all__ = (
    "Condition",
    "Playbook",
    "Rendered",
    "any_holds",
    "file_digest",
    "holds",
    "parse",
    "render",
    "schema",
    "slot_values",
    "why_not",
)
