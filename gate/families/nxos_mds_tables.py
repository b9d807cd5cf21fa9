"""
Tables of NX-OS on the MDS switches: modules, ports, logins.

Each is read by its titles, and a line that is not understood spoils the table: a module with a state that nobody knows
would otherwise be a module that does not exist, and the switch would look well.
"""

import re
from dataclasses import dataclass

from gate.evidence import Reply
from gate.families.family import Unreadable, whole_text

REFUSED = re.compile(r"% ?Invalid|% ?\w+ (command|error)|ERROR:|Syntax error|Permission denied")
WWN = re.compile(r"([0-9a-f]{2}:){7}[0-9a-f]{2}", re.IGNORECASE)
PORT = re.compile(r"(fc|ext|bay)\d{1,2}(/\d{1,3})?|(fcip|san-port-channel|port-channel|vfc)\s?\d{1,4}", re.ASCII)
FLOGI_TITLES = ["INTERFACE", "VSAN", "FCID", "PORT", "NAME", "NODE", "NAME"]
FLOGI_COUNT = re.compile(r"Total number of flogi = (\d{1,6})\.?", re.ASCII)
STATUS = re.compile(r"active \*|[a-z][a-z-]*", re.ASCII)


@dataclass(frozen=True)
class Module:
    """One module: its state from the first table, the release that it runs from the second."""

    number: str
    status: str
    release: str


def text_of(reply: Reply) -> str:
    """Return the text of an answer; Unreadable for a refusal. The exit status tells nothing (S 29)."""
    text = whole_text(reply)
    if refusal := next((line.strip() for line in text.splitlines() if REFUSED.match(line.strip())), ""):
        raise Unreadable(f"the switch answered {refusal[:120]}")
    if not text.strip() or not text.endswith("\n"):
        raise Unreadable("the reply is empty or stops in the middle of a line")
    return text


def told(reply: Reply, pattern: str) -> list[str]:
    """Return the first group of every line that is, without its blanks, wholly of that pattern."""
    found = (re.fullmatch(pattern, line.strip()) for line in text_of(reply).splitlines())
    return [match.group(1) for match in found if match]


def modules_of(reply: Reply) -> list[Module]:
    """Return every module with state and release; Unreadable unless both tables tell of the same ones."""
    states: dict[str, str] = {}
    releases: dict[str, str] = {}
    table = ""
    for line in text_of(reply).splitlines():
        words = line.split()
        if not words or not line.strip("- *"):
            table = table if words else ""
        elif words[0] in ("Mod", "Xbar"):
            table = _table(words)
        elif table == "states":
            state = " ".join(words[-2:] if words[-1] == "*" else words[-1:])
            if not words[0].isdecimal() or words[0] in states or not STATUS.fullmatch(state):
                raise Unreadable(f'"{line.strip()[:60]}" is no module')
            states[words[0]] = state
        elif table == "releases":
            if not words[0].isdecimal() or words[0] in releases or len(words) < 2:
                raise Unreadable(f'"{line.strip()[:60]}" is no module')
            releases[words[0]] = words[1]
    if not states or set(states) != set(releases):
        raise Unreadable("it does not tell state and release of each module")
    return [Module(number, state, releases[number]) for number, state in states.items()]


def _table(titles: list[str]) -> str:
    if titles[0] == "Mod" and titles[-1] == "Status":
        return "states"
    return "releases" if titles[:2] == ["Mod", "Sw"] else "another"


def ports_of(reply: Reply) -> dict[str, str]:
    """Return every Fibre Channel port with its state, by the title above it."""
    found: dict[str, str] = {}
    titles = ""
    for line in text_of(reply).splitlines():
        words = line.split()
        if words[:1] == ["Interface"]:
            titles = line
        elif words and PORT.fullmatch(words[0]):
            at = titles.find("Status")  # cells may be blank, so a cell is known by standing below its title
            if at < 1 or titles.split().count("Status") != 1 or line[at - 1 : at] != " " or words[0] in found:
                raise Unreadable(f'"{line.strip()[:60]}" does not fit the titles above it')
            state = line[at:].split(" ", 1)[0]
            if not state.isalpha():
                raise Unreadable(f"port {words[0]} does not tell its state")
            found[words[0]] = state[:30]
    if not found:
        raise Unreadable("it tells of no port")
    return found


def logins_of(reply: Reply) -> list[tuple[str, str]]:
    """Return port and name of every login; Unreadable unless they are as many as the closing line says."""
    lines = [line for line in text_of(reply).splitlines() if line.strip() and line.strip("- ")]
    if not lines or lines[0].split() != FLOGI_TITLES:
        raise Unreadable("its list of logins has other titles than are known")
    count = FLOGI_COUNT.fullmatch(lines[-1].strip())
    if count is None:
        raise Unreadable("its list of logins stops before its end")
    found: list[tuple[str, str]] = []
    for line in lines[1:-1]:
        words = line.split()
        if len(words) == 1 and re.fullmatch(r"\[\S{1,64}\]", words[0]) and found:
            continue  # the alias of the login above
        if len(words) != 5 or not WWN.fullmatch(words[3]) or not WWN.fullmatch(words[4]):
            raise Unreadable(f'"{line.strip()[:60]}" is no login')
        found.append((words[0], words[3].lower()))
    if len(found) != int(count.group(1)):
        raise Unreadable(f"it counts {count.group(1)} logins and shows {len(found)}")
    return found
