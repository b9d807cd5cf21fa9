"""Is the change inside its window?"""

from gate.canonical import utc
from gate.checks.case import Case
from gate.finding import FAILED, PASSED, Check, Finding, Weight, When
from gate.sentence import span

CHECK = Check(
    name="window-open",
    question="Is it time: has the window opened and not closed?",
    meaning="People prepare for the window: owners, on-call and the vendor are reachable then.",
    way_out="Wait for the window, or open a change with another one.",
    threshold="the change's own window, from opens up to but not including closes",
    weight=Weight.BLOCK,
    when=When.START,
)


def check(case: Case) -> Finding:
    """Compare `now` with the window; the closing moment itself is outside."""
    window = case.request.window
    if case.now < window.opens:
        because = f"the window opens in {span(window.opens - case.now)}, at {utc(window.opens)[:16]}Z"
        return Finding(CHECK.name, FAILED, because)
    if case.now >= window.closes:
        because = f"the window closed {span(case.now - window.closes)} ago, at {utc(window.closes)[:16]}Z"
        return Finding(CHECK.name, FAILED, because)
    return Finding(CHECK.name, PASSED, f"the window is open for another {span(window.closes - case.now)}")
