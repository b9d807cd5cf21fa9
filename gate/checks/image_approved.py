"""Is the firmware image, byte for byte, one that was released for these arrays?"""

from gate.checks.case import Case, stale
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When

CHECK = Check(
    name="image-approved",
    question="Is the image on disk the one the change names, and is it on the allow list for these models?",
    meaning="A name is not an image. What is loaded must be what was released and what people signed for.",
    way_out="Put the released file in the image directory, or correct file, version and sha256 in the change.",
    threshold="none: digests are equal or they are not",
    weight=Weight.BLOCK,
    when=When.APPROVE,
)


def check(case: Case) -> Finding:
    """Compare the bytes on disk, the change and the allow list, and the models of all targets."""
    image, reading = case.request.image, case.evidence.image
    if image is None:
        return Finding(CHECK.name, FAILED, "the change names no image")
    if reading is None:
        return Finding(CHECK.name, UNKNOWN, f"the image {image.file} was not read")
    trouble = reading.problem or stale(case, reading.at)
    if trouble or reading.sha256 is None:
        return Finding(CHECK.name, UNKNOWN, f"{image.file}: {trouble or 'no digest was taken'}")
    if reading.sha256 != image.sha256:
        because = f"{image.file} on disk is {reading.sha256[:19]}…, the change names {image.sha256[:19]}…"
        return Finding(CHECK.name, FAILED, because)
    listed = [entry for entry in case.allowed if entry.sha256 == image.sha256]
    if not listed:
        return Finding(CHECK.name, FAILED, f"{image.sha256[:19]}… is not on the allow list")
    if lost := [name for name in case.request.targets if not case.inventory.has_array(name)]:
        return Finding(CHECK.name, UNKNOWN, f"no model is known of {', '.join(lost)}")
    models = {case.inventory.array(name).model for name in case.request.targets}
    for entry in listed:
        alike = (entry.file, entry.version, entry.family) == (image.file, image.version, case.request.family)
        if alike and models <= set(entry.models):
            relied = {"sha256": image.sha256, "version": image.version}
            return Finding(CHECK.name, PASSED, f"{image.file} is {image.sha256[:19]}…, released", {**relied})
    released = "; ".join(f"{e.file} {e.version} for {e.family} {', '.join(e.models)}" for e in listed)
    wanted = f"{image.file} {image.version} for {', '.join(sorted(models))}"
    return Finding(CHECK.name, FAILED, f"the image is released as {released}, not as {wanted}")
