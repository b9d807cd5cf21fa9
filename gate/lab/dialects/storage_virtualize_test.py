"""The upgrade test utility of a lab storage-virtualize array: what it holds against a version, and what it warns of."""

from gate.lab.dialects.storage_virtualize_state import Nodes, parts
from gate.lab.said import Declined


def upgrade_test(array: Nodes, version: str) -> bytes:
    """Say what the test utility finds for an update to one version."""
    if not version or any(not part.isdecimal() for part in version.split(".")):
        raise Declined("CMMVC5711E [" + version[:32] + "] is not valid data.")
    found: list[str] = []
    if parts(version) < parts(array.version):
        found.append(f"The upgrade path from {array.version} to {version} is unsupported.")
    if "rebuild" in array.faults:
        found.append("The array mdisk0 is rebuilding.")
    if "offline" in array.told_controllers.values():
        found.append("One node is offline.")
    if "refuses-precheck" in array.faults:
        found.append(array.faults["refuses-precheck"] or "A drive runs firmware that must be updated first.")
    lines = ["svcupgradetest version 46.14", "", "Please wait, the test may take several minutes to complete.", ""]
    for text in found:
        lines += ["******************** Error found ********************", "", text, ""]
    warned = [array.faults["warns-precheck"] or "The cache will be off."] if "warns-precheck" in array.faults else []
    for text in warned:
        lines += ["******************* Warning found *******************", text, ""]
    lines += ["Results of running svcupgradetest:", "=================================="]
    lines.append(f"The tool has found {len(found)} errors and {len(warned)} warnings.")
    if warned and not found:
        lines.append("None of these issues will prevent the software upgrade from being started.")
    return "".join(line + "\n" for line in lines).encode()
