"""A second family on real sshd and tgtd: clusters that fetch their image, ask back, and have long names."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.gather.arrays import Arrays
from gate.inventory import ArrayFamily
from gate.lab.dialects import DIALECTS
from gate.lab.identity import revision_of
from gate.lab.images import Behaviour
from gate.store import keys
from gate.store.sqlite import open_ledger
from tests.crash.bench import Release
from tests.parts import need
from tests.real import tgt
from tests.real.full_change import carried_out, lines
from tests.real.full_lab import ARRAYS, FullLab, full_lab

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes networks of its own")
CANARY, CONTROL = ARRAYS
ONTAP = DIALECTS[ArrayFamily.ONTAP]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullLab]:
    for part in ("ip", "sshd", "tgtd", "setpriv"):
        need(part)
    with full_lab(tmp_path_factory.mktemp("full"), ArrayFamily.ONTAP) as made:
        yield made


def revision(lab: FullLab, name: str) -> str:
    """What libiscsi sees of it."""
    return tgt.inquired(f"iscsi://10.77.1.{ARRAYS[name][1]}:3260/{lab.machines[name].tgtd.target}/1").stdout


def test_every_cluster_is_read_over_its_bastion_with_nothing_unknown(lab: FullLab, tmp_path: Path) -> None:
    keys.create(tmp_path / "key", "gate.example/full")
    signer = keys.load(tmp_path / "key", "gate.example/full")
    ledger = open_ledger(tmp_path / "ledger.db", signer=signer, blobs=tmp_path / "blobs")
    try:
        with lines(lab) as asker:
            found = Arrays(lab.inventory, asker, ledger, parallel=2).read(ARRAYS)
    finally:
        ledger.close()
    for name, reading in found.items():
        assert (reading.unknown, reading.problems, reading.version) == ((), (), ONTAP.first_version), reading
        assert reading.serial == lab.inventory.array(name).serial


def test_a_cluster_is_updated_through_a_bastion_and_its_prompt_is_answered_over_a_real_sshd(
    lab: FullLab, tmp_path: Path
) -> None:
    image = next(one for one in reversed(ONTAP.images) if one.behaviour is Behaviour.GOOD)
    release = Release(
        ArrayFamily.ONTAP, ONTAP.usual_model, image.file, ONTAP.first_version, image.version, lab.image_server
    )

    done = carried_out(lab, CANARY, tmp_path, release)

    done.by_the_keyholder_alone(lab, CANARY)
    assert set(lab.machines[CANARY].array.accepted) == {"get", "update"}
    assert revision_of(image.version) in revision(lab, CANARY)
    assert revision_of(ONTAP.first_version) in revision(lab, CONTROL)
    assert lab.machines[CONTROL].array.version == ONTAP.first_version
    assert "Accepted certificate" not in lab.machines[CONTROL].sshd.log.read_text()
