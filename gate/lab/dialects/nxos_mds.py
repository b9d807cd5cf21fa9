"""
What a lab MDS director says: two supervisors and a line card, each with the release that it runs.

Somebody at its console installs both images (`performer-loads`): the standby supervisor first, then the active one
hands over, and the line card follows. One that stops has finished its step and is left mixed (array-clis 7.2). What
`show install all status` says besides its last line is assumed [M]. Newer code has a column more in its ports.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from gate.lab.dialects.by_vendor import ByVendor
from gate.lab.images import Behaviour, LabImage
from gate.lab.said import Said

NEWER = "9"
LINE_CARD = "1"


def _system_image(version: str, behaviour: Behaviour) -> LabImage:
    """Name it as the vendor names the system images of its directors."""
    return LabImage(f"m9700-sf3ek9-mz.{version.replace('-', '.')}.bin", version, behaviour, version)


class NxosMds(ByVendor):
    """Two supervisors, the first active; the line card runs what that runs."""

    first_version = "8.4-2c"
    images = (
        _system_image("8.4-2f", Behaviour.GOOD),
        _system_image("9.2-2", Behaviour.GOOD),
        _system_image("9.2-3", Behaviour.FLIPS_BITS),
        _system_image("9.2-4", Behaviour.SLOW),
    )
    names = ("5", "6")
    company = "200000de"
    target_name = "iqn.1987-05.com.cisco:{id}"
    usual_model = "MDS 9706"
    without = frozenset({"rebuild", "drive-failed"})
    hand = "performer-loads"
    own_faults: ClassVar[Mapping[str, str]] = {
        "performer-loads": "somebody at its console installs that release",
        "disruptive": "an installation would reset a line card and its ports",
        "port-faulty": "a port was switched off after errors",
    }

    def answer(self, line: str, *, admin: bool) -> Said:  # noqa: ARG002  the protocol's
        """Answer one command line; the exit status tells nothing (array-clis 0.1)."""
        words = line.split()
        tables: dict[str, Callable[[NxosMds], list[str]]] = {
            "show version": _version,
            "show module": _modules,
            "show system redundancy status": _supervisors,
            "show interface brief": _ports,
            "show flogi database": _logins,
            "show install all status": _installation,
        }
        if " ".join(words) in tables:
            told = tables[" ".join(words)](self)
        elif words[:3] == ["show", "incompatibility-all", "system"] and len(words) == 4:
            told = _incompatible(self, words[3].removeprefix("bootflash:"))
        elif words[:4] == ["show", "install", "all", "impact"] and len(words) == 8:
            told = _impact(self, dict(zip(words[4::2], words[5::2], strict=True)))
        else:
            return Said(f"Syntax error while parsing '{line[:60]}'\n% Invalid command at '^' marker.\n".encode())
        return Said("".join(f"{one}\n" for one in told).encode())

    def release_of(self, module: str) -> str:
        """Return what one module runs, as it is printed: `8.4(2c)`; the line card follows the active supervisor."""
        train, _, build = self.code_of(self.names[0] if module == LINE_CARD else module).partition("-")
        return f"{train}({build})"


def _version(switch: NxosMds) -> list[str]:
    release = switch.release_of(switch.names[0])
    file = release.replace("(", ".").replace(")", "")
    return [
        "Cisco Nexus Operating System (NX-OS) Software",
        "TAC support: http://www.cisco.com/tac",
        "",
        "Software",
        "  BIOS:      version 2.1.18",
        "  loader:    version N/A",
        f"  kickstart: version {release}",
        f"  system:    version {release}",
        f"  kickstart image file is: bootflash:///m9700-sf3ek9-kickstart-mz.{file}.bin",
        f"  system image file is:    bootflash:///m9700-sf3ek9-mz.{file}.bin",
        "",
        "Hardware",
        f'  cisco {switch.model} (6 Slot) Chassis ("Supervisor Module-3")',
        "  Intel(R) Xeon(R) CPU with 8167228 kB of memory.",
        f"  Processor Board ID {switch.serial}",
        "",
        f"  Device name: {switch.name}",
        "  bootflash:    3915776 kB",
    ]


def _modules(switch: NxosMds) -> list[str]:
    active, standby = switch.names
    states = {LINE_CARD: "ok", active: "active *", standby: "ha-standby"}
    if switch.controllers[standby] != "online":
        states[standby] = "powered-dn"
    cards = {LINE_CARD: ("48", "2/4/8/10/16 Gbps Advanced FC Module", "DS-X9448-768K9")}
    supervisor = ("0", "Supervisor Module-3", "DS-X97-SF1-K9")
    lines = ["Mod  Ports  Module-Type                         Model              Status"]
    lines.append("---  -----  ----------------------------------- ------------------ ----------")
    for module, state in states.items():
        ports, kind, model = cards.get(module, supervisor)
        lines.append(f"{module:<5}{ports:<7}{kind:<36}{model:<19}{state}")
    lines += ["", "Mod  Sw               Hw      World-Wide-Name(s) (WWN)"]
    lines.append("---  ---------------  ------  --------------------------------------------------")
    lines += [f"{module:<5}{switch.release_of(module):<17}1.1     --" for module in states]
    lines += ["", "Mod  MAC-Address(es)                         Serial-Num"]
    lines.append("---  --------------------------------------  ----------")
    lines += [
        f"{module:<5}00-de-fb-00-00-4{module} to 00-de-fb-00-00-4{module}  LAB1948004{module}" for module in states
    ]
    return [*lines, "", "* this terminal session"]


def _supervisors(switch: NxosMds) -> list[str]:
    active, standby = switch.names
    alone = switch.controllers[standby] != "online"
    lines = ["Redundancy mode", "---------------", "      administrative:   HA"]
    lines += [f"         operational:   {'None' if alone else 'HA'}", ""]
    lines += [f"This supervisor (sup-{active})", "-----------------------", "    Redundancy state:   Active"]
    lines += ["    Supervisor state:   Active"]
    lines.append(f"      Internal state:   Active with {'no' if alone else 'HA'} standby")
    if alone:
        return lines
    lines += ["", f"Other supervisor (sup-{standby})", "------------------------", "    Redundancy state:   Standby"]
    return [*lines, "    Supervisor state:   HA standby", "      Internal state:   HA standby"]


def _ports(switch: NxosMds) -> list[str]:
    newer = switch.version >= NEWER
    rule = "-" * (79 if not newer else 92)
    more = "    Logical" if newer else ""
    lines = ["", rule, f"Interface  Vsan   Admin  Admin   Status          SFP    Oper  Oper   Port{more}"]
    lines.append("                  Mode   Trunk                          Mode  Speed  Channel")
    lines += ["                         Mode                                 (Gbps)", rule]
    for port in range(1, 5):
        state, speed = ("up", "16") if port < 3 else ("notConnected", "")
        if port == 4 and "port-faulty" in switch.faults:
            state = "errDisabled"
        oper = "F" if speed else "--"
        lines.append(
            f"{f'fc1/{port}':<11}10     auto   on      {state:<16}swl    {oper:<6}{speed:<7}--" + "   edge" * newer
        )
    return lines


def _logins(switch: NxosMds) -> list[str]:
    rule = "-" * 80
    lines = [rule, "INTERFACE        VSAN    FCID           PORT NAME               NODE NAME", rule]
    for port in (1, 2):
        names = f"52:4a:93:70:00:00:42:{port}0 52:4a:93:70:00:00:42:{port}f"
        lines.append(f"{f'fc1/{port}':<17}10    0x3e000{port}  {names}")
        lines.append(f"                           [{switch.name}_{port}]")
    return [*lines, "", "Total number of flogi = 2."]


def _installation(switch: NxosMds) -> list[str]:
    if switch.word == "idle" and not switch.accepted["load"]:
        return ["There is no on-going installation..."]
    log = ["This is the log of last installation.", "", "Verifying image bootflash:/kickstart.bin", " -- SUCCESS", ""]
    if switch.word == "loading":
        return ["An installation is in progress.", *log[1:]]
    if switch.word == "stalled":
        return [*log, "Install has failed. Return code 0x40930011 (Standby failed to come up)."]
    return [*log, "Install has been successful."]


def _incompatible(switch: NxosMds, image: str) -> list[str]:
    if all(one.file != image for one in switch.images):
        return [f"ERROR: bootflash:{image}: No such file or directory"]
    if "refuses-precheck" not in switch.faults:
        clean = "No incompatible configurations"
        return ["Checking incompatible configuration(s)", clean, "", "Checking dynamic incompatibilities:", clean]
    return [
        "Checking incompatible configuration(s)",
        "The following configurations on active are incompatible with the system image",
        "1) Service : port-channel , Capability : CAP_FEATURE_LAB",
        "Description : a feature that the image does not know is configured",
        "Capability requirement : STRICT",
        "",
        "Checking dynamic incompatibilities:",
        "No incompatible configurations",
    ]


def _impact(switch: NxosMds, images: Mapping[str, str]) -> list[str]:
    """Both images are verified before anything is told of the modules; the lab's bootflash holds each of its pairs."""
    system = images.get("system", "").removeprefix("bootflash:")
    kickstart = images.get("kickstart", "").removeprefix("bootflash:")
    chosen = next((one for one in switch.images if one.file == system), None)
    if chosen is None or kickstart != system.replace("-mz.", "-kickstart-mz."):
        missing = system if chosen is None else kickstart
        return [
            f"Verifying image bootflash:/{missing}",
            "[#   ]   0% -- FAIL.",
            "Return code 0x40450011 (No such file).",
        ]
    lines = ["Installer will perform impact only check. Please wait.", ""]
    for variable, file in (("kickstart", kickstart), ("system", system)):
        lines += [f'Verifying image bootflash:/{file} for boot variable "{variable}".']
        lines += ["[####################] 100% -- SUCCESS", ""]
    lines += ["Notifying services about system upgrade.", "[####################] 100% -- SUCCESS", "", ""]
    lines += ["", "Compatibility check is done:", "Module  bootable          Impact  Install-type  Reason"]
    lines.append("------  --------  --------------  ------------  ------")
    for module in (LINE_CARD, *switch.names):
        rough = module == LINE_CARD and "disruptive" in switch.faults
        how = ("disruptive", "reset") if rough else ("non-disruptive", "rolling" if module == LINE_CARD else "reset")
        why = "  Hitless upgrade is not supported" if rough else "  "
        lines.append(f"{module:>6}       yes  {how[0]:>14}  {how[1]:>12}{why}")
    train, _, build = chosen.version.partition("-")
    lines += ["", "", "", "Images will be upgraded according to following table:"]
    lines.append("Module       Image         Running-Version             New-Version  Upg-Required")
    lines.append("------  ----------  ----------------------  ----------------------  ------------")
    for module in (LINE_CARD, *switch.names):
        parts = ("lc-m97",) if module == LINE_CARD else ("system", "kickstart")
        for part in parts:
            lines.append(
                f"{module:>6}  {part:>10}  {switch.release_of(module):>22}  {f'{train}({build})':>22}           yes"
            )
    return lines
