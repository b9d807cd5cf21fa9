"""What a lab array says: headed tables, growing columns, nothing where there is nothing."""

import pytest

from gate.lab.dialects.storage_virtualize import StorageVirtualize, speak
from gate.lab.identity import Identity, revision_of
from gate.lab.scsi import Controller
from tests.lab.fleets import target_name


def array(version: str = "8.6.0.3") -> StorageVirtualize:
    identity = Identity("0000020420E00022", "LAB-FS5", target_name("west-2"), revision_of(version))
    return StorageVirtualize("west-2", "LAB-FS5", Controller(identity), 0.05, version)


def said(made: StorageVirtualize, line: str, *, admin: bool = False) -> str:
    answer = speak(made, line.split(), admin=admin)
    assert answer.status == 0, answer.err
    return answer.out.decode()


def header(made: StorageVirtualize, verb: str) -> list[str]:
    return said(made, f"{verb} -delim !").splitlines()[0].split("!")


def test_the_newer_code_adds_a_column_and_ends_lines_crlf() -> None:
    assert set(header(array("8.7.0.4"), "lsnodecanister")) > set(header(array(), "lsnodecanister"))
    assert header(array("8.7.0.4"), "lsnodecanister").index("iscsi_alias") != header(array(), "lsnodecanister").index(
        "iscsi_alias"
    )
    assert "\r\n" in said(array("8.7.0.4"), "lssystem -delim !")
    assert "\r" not in said(array(), "lssystem -delim !")


def test_both_nodes_tell_their_iscsi_names() -> None:
    rows = [dict(zip(header(array(), "lsnodecanister"), line.split("!"), strict=True)) for line in _rows()]
    assert [row["iscsi_name"] for row in rows] == [target_name("west-2"), "iqn.1986-03.com.ibm:2145.west-2.node2"]


def _rows() -> list[str]:
    return said(array(), "lsnodecanister -delim !").splitlines()[1:]


@pytest.mark.parametrize("verb", ["lsarraymemberprogress", "lseventlog", "lsdependentvdisks -node 1", "lsdumps"])
def test_an_empty_table_prints_no_header_either(verb: str) -> None:
    assert said(array(), f"{verb} -delim !{' -prefix /upgrade' if verb == 'lsdumps' else ''}") == ""


@pytest.mark.parametrize(
    ("fault", "verb", "words"),
    [
        ("rebuild", "lsarraymemberprogress", "rebuild"),
        ("rebuild", "lsarray", "degraded"),
        ("partner-dead", "lsnodecanister", "offline"),
        ("partner-dead", "lsdependentvdisks -node 1", "volume0"),
        ("drive-failed", "lsdrive", "failed"),
        ("alert", "lseventlog", "alert"),
    ],
)
def test_a_fault_shows_where_an_administrator_would_look(fault: str, verb: str, words: str) -> None:
    made = array()
    assert words not in said(made, f"{verb} -delim !")
    made.set_fault(fault, "")
    assert words in said(made, f"{verb} -delim !")
    made.clear_fault(fault)
    assert words not in said(made, f"{verb} -delim !")


def test_the_precheck_counts_what_it_finds() -> None:
    made = array()
    assert said(made, "svcupgradetest -v 8.7.0.4").endswith("The tool has found 0 errors and 0 warnings.\n")
    made.set_fault("rebuild", "")
    assert said(made, "svcupgradetest -v 8.7.0.4").endswith("The tool has found 1 errors and 0 warnings.\n")
    assert "upgrade path from 8.6.0.3 to 8.5.0.0 is unsupported" in said(array(), "svcupgradetest -v 8.5.0.0")


@pytest.mark.parametrize(
    ("line", "admin", "words", "status"),
    [
        ("applysoftware -file x -prepare", False, b"CMMVC7016E", 1),
        ("svctask applysoftware -abort", False, b"CMMVC7016E", 1),
        ("applysoftware -force -file x", True, b"CMMVC5709E", 1),
        ("applysoftware", True, b"CMMVC5707E", 1),
        ("applysoftware -file", True, b"CMMVC5705E", 1),
        ("lssystem -delim !!", False, b"CMMVC5711E", 1),
        ("lsdependentvdisks -node 7", False, b"CMMVC5753E", 1),
        ("rm -rf /", True, b"command not found", 127),
    ],
)
def test_what_is_not_allowed_or_not_known_is_an_error_of_the_array(
    line: str, admin: bool, words: bytes, status: int
) -> None:
    answer = speak(array(), line.split(), admin=admin)
    assert words in answer.err
    assert (answer.status, answer.out, answer.mutates) == (status, b"", False)
