"""A sample of what `make soak` runs: python -m tests.export.mutations."""

from pathlib import Path

from tests.export import mutations


def test_no_mutation_of_what_is_handed_out_verifies_and_none_is_stumbled_over(tmp_path: Path) -> None:
    answers, wrong = mutations.run(320, 20261122, tmp_path)
    assert not wrong
    assert sum(answers.values()) > 300
