"""What was said with the canary in a change, in order: for its page, for the terminal, for players of recordings."""

from gate.canonical import utc
from gate.control.desk import Desk
from gate.control.views import View
from gate.person import Person
from gate.transcript import joined, played

SPOKEN = {"step.ended": "step", "step.looked": "look at"}


class Transcripts:
    """The use cases around what was sent and received."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def transcript(self, actor: Person, change: str) -> View:
        """Return every exchange with its lines; `missing` names those that are not kept any more."""
        standing = self._desk.standing(change)
        parts: list[View] = []
        casts: list[tuple[str, bytes]] = []
        missing = []
        for entry in self._desk.ledger.history(change):
            for blob in entry.blobs:
                if blob.name != "transcript" or entry.kind not in SPOKEN:
                    continue
                heading = f"{SPOKEN[entry.kind]} {entry.data['step']} ({entry.data['phase']})"
                cast = self._desk.ledger.get_blob(blob.sha256)
                if cast is None:
                    missing.append(heading)
                    continue
                casts.append((heading, cast))
                place = f"{entry.data['phase']}-{entry.data['number']}"
                place = "" if place in {part["place"] for part in parts} else place
                lines = [{"at": at, "text": text} for at, text in played(cast)]
                parts.append({"heading": heading, "place": place, "at": utc(entry.time), "lines": lines})
        title = f"{standing.change}: {standing.title}"
        return {"id": change, "title": title, "parts": parts, "missing": missing, "cast": joined(title, casts).decode()}

    def recording(self, actor: Person, change: str) -> bytes:
        """Return all of it as one asciicast."""
        cast: str = self.transcript(actor, change)["cast"]
        return cast.encode()
