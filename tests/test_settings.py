import json
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

from gate.document import read
from gate.errors import BadInput
from gate.inventory import Criticality, Inventory
from gate.policy import ApprovalKind, Policy
from gate.settings import Config, Settings, demo_text, load, read_file, relocate, schema, shipped

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "config.yaml").read_text()


def parse(text: str) -> Config:
    return read(text.encode(), "config.yaml", Config)


def complaint(text: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        parse(text)
    return caught.value


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "config.yaml").write_text(TEXT)
    return load(tmp_path / "config.yaml")


def test_the_shipped_configuration_loads(settings: Settings) -> None:
    assert settings.config.policy.backup_max_age == timedelta(hours=24)
    assert settings.config.policy.approvals is ApprovalKind.SIGNED
    assert len(settings.config.inventory.arrays) == 7


def test_the_shipped_fleet_has_two_arrays_of_lowest_criticality_for_canary_and_control(settings: Settings) -> None:
    arrays = settings.config.inventory.arrays
    assert [array.id for array in arrays if array.criticality is Criticality.LOW] == ["west-2", "west-3"]


def test_every_array_has_its_own_address_and_scratch_target(settings: Settings) -> None:
    arrays = settings.config.inventory.arrays
    assert len({array.ssh.host for array in arrays}) == len(arrays)
    assert [array.scratch.target for array in arrays if array.scratch] == [
        f"iqn.1986-03.com.ibm:2145.{array.id}.node1" for array in arrays
    ]
    assert all(array.scratch and array.scratch.portal == array.ssh.host for array in arrays)


def test_defaults_in_the_code_are_those_written_in_the_file() -> None:
    least = Config(ledger=parse(TEXT).ledger, policy=parse(TEXT).policy, inventory=parse(TEXT).inventory).model_dump(
        mode="json"
    )
    whole = parse(TEXT).model_dump(mode="json")
    whole["images"]["allowed"] = []
    whole["allowed_parts"] = []
    whole["lab"]["demo_policy"] = {}
    assert least == whole


@pytest.mark.parametrize("limit", sorted(Policy.model_fields))
def test_a_limit_that_is_missing_does_not_load(limit: str) -> None:
    text = re.sub(rf"(?m)^  {limit}: .*\n", "", TEXT, count=1)
    assert complaint(text).place.endswith(f"policy.{limit}")
    assert complaint(text).message == "this must be set"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "family: storage-virtualize  # its",
            "family: ontapp  # its",
            'inventory.arrays.0.family: unknown family "ontapp"',
        ),
        ("  threads: 32", "  threads: many", 'server.threads: "many" is not a whole number'),
        ("  threads: 32", "  threads: 1", 'server.threads: "1" is less than 4'),
        ("  threads: 32", "  treads: 32", 'server.treads: unknown key "treads"'),
        ("127.0.0.1:8420  # address", "127.0.0.1:84200  # address", 'server.listen: "84200" is not a port'),
        ("  soak: 30m", "  soak: 0m", 'policy.soak: "0m" is not more than 0'),
        ("    soak: 6s", "    soak: 6", "lab.demo_policy.soak: a duration is a whole number and one of s, m, h, d"),
        ("    soak: 6s", "    soka: 6s", "lab.demo_policy.soka: "),
        ("    soak: 6s", "    soak: [6s]", "lab.demo_policy.soak: a duration"),
        ("file: lab-8.7.0.3.img", "file: lab-8.7.0.4.img", 'images.allowed.1.file: "lab-8.7.0.4.img" is there twice'),
        ("file: lab-8.7.0.3.img", "file: ../x.img", 'images.allowed.1.file: "../x.img" does not have the form'),
        ("      host: bk-1", "      host: bk-9", 'inventory.protections.0.host: "bk-9" is not in the inventory'),
        ("      tier: 2  #", "      # tier: 2  #", "inventory.datasets.0.tier: this must be set"),
        ("        on_arrays: []", "        # on_arrays: []", "object_store.on_arrays: this must be set"),
        ("http://127.77.0.51:8333", "https://2001:db8::1", "object_store.endpoint: https://2001:db8::1 is no endpoint"),
        (
            "http://127.77.0.51:8333",
            "https://s3.example:0",
            "endpoint: https://s3.example:0 is no endpoint",
        ),
        ("network: 127.77.0", "network: 10.0.0", 'lab.network: "10.0.0" does not have the form'),
    ],
)
def test_a_mistake_is_told_with_its_place(old: str, new: str, sentence: str) -> None:
    assert old in TEXT
    message = str(complaint(TEXT.replace(old, new, 1)))
    assert re.match(r"config\.yaml:\d+:\d+: ", message)
    assert sentence in message


def test_the_policy_digest_is_of_meaning_not_of_spelling(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        (tmp_path / "config.yaml").write_text(text)
        return load(tmp_path / "config.yaml").policy_digest

    assert digest(TEXT.replace("backup_max_age: 24h", "backup_max_age: 1d")) == digest(TEXT)
    assert digest(TEXT.replace("backup_max_age: 24h", "backup_max_age: 25h")) != digest(TEXT)


def test_the_data_directory_lies_beside_the_file_unless_told(settings: Settings, tmp_path: Path) -> None:
    assert settings.ledger_db == tmp_path / "data" / "ledger.db"
    elsewhere = load(settings.path, tmp_path / "elsewhere")
    assert elsewhere.known_hosts == tmp_path / "elsewhere" / "known_hosts"


def test_all_that_is_written_lies_in_the_data_directory(settings: Settings) -> None:
    for path in (
        settings.ledger_db, settings.working_db, settings.blobs, settings.keys, settings.ledger_key, settings.ca_key,
        settings.monitor_key, settings.rehearse_key, settings.known_hosts, settings.images, settings.lab,
    ):  # fmt: skip
        assert path.is_relative_to(settings.data)


def test_playbooks_beside_the_file_come_before_the_shipped_ones(settings: Settings) -> None:
    assert settings.playbooks == shipped("playbooks")
    (settings.base / "playbooks" / "storage-virtualize").mkdir(parents=True)
    (settings.base / "playbooks" / "storage-virtualize" / "mine.yaml").write_text("own: words")
    assert settings.read_playbook("storage-virtualize/mine") == b"own: words"


@pytest.mark.parametrize("name", ["../config", "/etc/passwd", "a/b/c", "a", "", "a/..", "A/b", "a/b\n"])
def test_a_playbook_name_is_never_a_path(settings: Settings, name: str) -> None:
    with pytest.raises(BadInput, match="is not a playbook"):
        settings.read_playbook(name)


@pytest.fixture
def odd_files(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "directory").mkdir()
    (tmp_path / "big").write_bytes(b"x" * 101)
    (tmp_path / "fits").write_bytes(b"x" * 100)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    return {path.name: path for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("directory", "this is a directory"),
        ("big", "the file has more than 100 bytes"),
        ("pipe", "this is not a plain file"),
        ("loop", "the file cannot be read: Too many levels of symbolic links"),
    ],
)
def test_a_file_that_is_none_is_told_and_never_waited_for(odd_files: dict[str, Path], name: str, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_file(odd_files[name], 100)
    assert (caught.value.message, caught.value.place) == (sentence, str(odd_files[name]))


def test_a_file_at_the_limit_is_read(odd_files: dict[str, Path]) -> None:
    assert len(read_file(odd_files["fits"], 100)) == 100


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such file"):
        load(tmp_path / "config.yaml")
    with pytest.raises(BadInput, match="no file can have this name"):
        read_file(Path("a\x00b"))


def test_a_file_that_fails_while_it_is_read_is_told() -> None:
    with pytest.raises(BadInput, match="the file cannot be read: Input/output error"):
        read_file(Path("/proc/self/mem"))


def test_relocating_moves_every_address_and_nothing_else() -> None:
    moved = parse(relocate(TEXT, "127.5.6"))
    assert [array.ssh.host for array in moved.inventory.arrays][:2] == ["127.5.6.11", "127.5.6.12"]
    assert moved.lab.network == "127.5.6"
    assert "127.77.0" not in relocate(TEXT, "127.5.6")
    assert moved.server == parse(TEXT).server
    assert relocate(relocate(TEXT, "127.5.6"), "127.77.0") == TEXT
    assert relocate(TEXT + "# 5127.77.0 and 1.127.77.0 and 127.77.01", "127.5.6").endswith(
        "# 5127.77.0 and 1.127.77.0 and 127.77.01"
    )


@pytest.mark.parametrize("network", ["10.0.0", "127.0.0.1", "127.5", "127.5.6\n", ""])
def test_only_a_loopback_network_takes_the_lab(network: str) -> None:
    with pytest.raises(BadInput, match="is not a loopback network"):
        relocate(TEXT, network)


def test_the_demo_text_has_its_limits_in_the_policy_and_says_what_they_replace() -> None:
    text = demo_text(TEXT)
    policy = parse(text).policy
    assert (policy.approvals, policy.soak) == (ApprovalKind.SESSION, timedelta(seconds=6))
    assert policy.backup_max_age == parse(TEXT).policy.backup_max_age
    assert "  soak: 6s  # for the demo; 30m in config.yaml\n" in text


def test_a_demo_list_replaces_the_list() -> None:
    text = TEXT.replace("    soak: 6s\n", "    seats: [storage, change-manager]\n")
    assert [seat.value for seat in parse(demo_text(text)).policy.seats] == ["storage", "change-manager"]


def test_nothing_secret_is_a_setting() -> None:
    known = json.dumps(schema()["$defs"]).replace('"password_file"', "").replace("Password File", "")
    assert not re.search(r"(?i)password|secret|passphrase", known)


def test_an_inventory_as_json_reads_as_the_same_inventory() -> None:
    inventory = load(shipped("config.yaml")).config.inventory
    told = inventory.model_dump(mode="json")
    assert [dataset["rto"] for dataset in told["datasets"] if dataset["rto"]]
    assert Inventory.model_validate(told) == inventory
