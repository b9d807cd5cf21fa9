"""All pages as one blueprint."""

from flask import Blueprint, url_for

from gate.drawing import isolation
from gate.sentence import several
from gate.web import arrays, change, keys, ledger, listing, opening, records, shown, sign, words
from gate.web.face import face, viewer


def blueprint() -> Blueprint:
    """Return the pages; `gate.serving` joins them with the rest."""
    pages = Blueprint("pages", __name__)
    sign.add(pages)
    opening.add(pages)
    listing.add(pages)
    change.add(pages)
    arrays.add(pages)
    ledger.add(pages)
    records.add(pages)
    keys.add(pages)
    for name in ("moment", "minute", "clock", "ago", "span", "short", "limits", "sentence"):
        pages.add_app_template_filter(getattr(shown, name), name)
    pages.add_app_template_filter(several)
    pages.app_context_processor(_words)
    return pages


def _words() -> dict[str, object]:
    return {
        "STATES": words.STATES,
        "OUTCOMES": words.OUTCOMES,
        "STEPS": words.STEPS,
        "WOULD": words.WOULD,
        "DRY_RUNS": words.DRY_RUNS,
        "JUDGEMENTS": words.JUDGEMENTS,
        "PHASES": words.PHASES,
        "ACTIONS": words.ACTIONS,
        "LEVELS": words.LEVELS,
        "ENTRIES": words.ENTRIES,
        "LOUD": words.LOUD,
        "standing_of": words.standing_of,
        "page_of": url_for,
        "page_told": isolation.told,
        "standstill": face().control.standstill() if viewer() else "",
        "demo_policy": face().control.session_approvals,
    }
