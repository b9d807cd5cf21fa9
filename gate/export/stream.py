"""An export from its first byte to its last, without ever holding more than 500 entries."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from gate.canonical import Json
from gate.errors import BadInput
from gate.export import cef, ocsf, part, rfc5424, spreadsheet
from gate.export.form import Form
from gate.export.population import Count, Population, closing, counted, items
from gate.store import Ledger

FORMS: dict[str, Form] = {form.name: form for form in (part.FORM, spreadsheet.FORM, ocsf.FORM, rfc5424.FORM, cef.FORM)}
"""Name → what is written from front to back; the whole log as `jsonl` is gate/export/jsonl.py, `sqlite` is a file,
`complete` an archive of the whole log and all that belongs to it (gate/export/complete.py)."""

NAMES = (*FORMS, "sqlite", "complete")


@dataclass(frozen=True)
class Leaving:
    """An export under way to somebody."""

    name: str
    """A file name for it."""

    media_type: str
    end: int
    """Entries under the head: what progress is measured by."""

    head: str
    chunks: Iterator[bytes]


def form_of(name: str) -> Form:
    """Return the format; BadInput names those there are."""
    if name not in FORMS:
        raise BadInput(f'there is no format "{name[:40]}"', place="format", hint="formats: " + ", ".join(NAMES))
    return FORMS[name]


def mapped(
    ledger: Ledger, form: Form, population: Population, told: Callable[[int], None] = lambda _: None
) -> Iterator[bytes]:
    """Yield the file; `told` hears how many records are out."""
    digest, total = sha256(), Count()
    first = form.opening(population.opening(form.name))
    digest.update(first)
    yield first
    for chunk in items(ledger, population):
        total = counted(total, chunk)
        if chunk:
            data = form.records(chunk)
            digest.update(data)
            yield data
        told(total.count)
    last: dict[str, Json] = {**closing(ledger, form.name, total, digest.digest()), "made": population.made}
    yield form.closing(last)
