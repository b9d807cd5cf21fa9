"""How one family's arrays are changed, as data: read from its file, rendered to exact words, its conditions asked."""

from gate.playbook.conditions import Condition, any_holds, holds, why_not
from gate.playbook.reading import file_digest, parse, parse_either, parse_precheck, schema
from gate.playbook.rendering import Rendered, kickstart_beside, render, render_precheck, slot_values
from gate.playbook.written import Playbook, Precheck

__all__ = (
    "Condition",
    "Playbook",
    "Precheck",
    "Rendered",
    "any_holds",
    "file_digest",
    "holds",
    "kickstart_beside",
    "parse",
    "parse_either",
    "parse_precheck",
    "render",
    "render_precheck",
    "schema",
    "slot_values",
    "why_not",
)
