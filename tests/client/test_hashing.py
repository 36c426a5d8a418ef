"""What stands for the inputs of a piece of work."""

from __future__ import annotations

from pathlib import Path

from seenbefore.hashing import hash_inputs


def test_hash_of_inputs_is_canonical(tmp_path: Path) -> None:
    """The order of a mapping says nothing, the order of a list does, and a file is not its name."""
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")

    def hashed(inputs: object) -> str:
        return hash_inputs(inputs, run_id="r")

    assert hashed({"a": 1, "b": 2}) == hashed({"b": 2, "a": 1})
    assert hashed([1, 2]) != hashed([2, 1])
    assert hashed([tmp_path / "a"]) == hashed([str(tmp_path / "b")])
    assert hashed(["x"]) != hashed([tmp_path / "a"])
    assert hashed([object()]) != hashed([object()])
    assert hash_inputs(None, run_id="r") != hash_inputs(None, run_id="s")
