"""Is the part that goes in one that may go into these arrays at all?"""

from gate.checks.case import Case
from gate.finding import Check, Finding, Outcome, Weight, When

CHECK = Check(
    name="part-approved",
    question="Is the part number that goes in on the allow list, for this kind of part, this family and this model?",
    meaning="A part that fits into the slot is not yet a part that its maker released for this array.",
    way_out="Order a part that is on the list, or let those who answer for hardware add its number to allowed_parts.",
    threshold="none: the part number is on the list or it is not",
    weight=Weight.BLOCK,
    when=When.APPROVE,
)


def check(case: Case) -> Finding:
    """Compare the change with the allow list, for the models of all targets."""
    asked = case.request.part
    if asked is None:
        return Finding(CHECK.name, Outcome.FAILED, "the change names no part")
    models = {array.id: array.model for array in case.inventory.arrays if array.id in case.targets}
    if lost := sorted(case.targets - set(models)):
        return Finding(CHECK.name, Outcome.UNKNOWN, f"no model is known of {', '.join(lost)}")
    listed = [entry for entry in case.allowed_parts if entry.part == asked.new.part]
    if not listed:
        return Finding(CHECK.name, Outcome.FAILED, f"part {asked.new.part} is not on the allow list")
    of = ", ".join(sorted(set(models.values())))
    for entry in listed:
        alike = (entry.what, entry.family) == (asked.what, case.request.family)
        if alike and set(models.values()) <= set(entry.models):
            because = f"part {asked.new.part} is released as {asked.what} of {of}"
            return Finding(CHECK.name, Outcome.PASSED, because, {"part": asked.new.part, "what": asked.what.value})
    released = "; ".join(f"{entry.what} of {entry.family} {', '.join(entry.models)}" for entry in listed)
    wanted = f"{asked.what} of {case.request.family} {of}"
    return Finding(CHECK.name, Outcome.FAILED, f"part {asked.new.part} is released as {released}, not as {wanted}")
