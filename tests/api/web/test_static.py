"""What pages are made of: vendored as it came, shipped with the wheel, and under addresses that change with it."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from api.problems import Problem
from api.web.rendering import ago, brief, moment
from api.web.static import FILES, Assets

ROOT = Path(__file__).parents[3]
WEB = ROOT / "api" / "web"


def test_htmx_is_as_it_came() -> None:
    """Its hash and version are those that stand beside it."""
    notes = (WEB / "static" / "htmx" / "README.md").read_text()
    script = (WEB / "static" / "htmx" / "htmx.min.js").read_bytes()

    assert hashlib.sha256(script).hexdigest() in notes
    assert b'version:"2.0.11"' in script
    assert "2.0.11" in notes
    assert "Zero-Clause BSD" in (WEB / "static" / "htmx" / "LICENSE").read_text()


def test_every_asset_has_an_address() -> None:
    """And every address its file."""
    assets = Assets(prefix="/ui/static")
    addresses = {name: assets.address(name) for name in FILES}

    assert len(FILES) == len(set(addresses.values()))
    for name, address in addresses.items():
        assert (WEB / "static" / name).read_bytes() == bytes(assets.response(address.rpartition("/")[2]).body)


@pytest.mark.parametrize("name", ["style.css", "../app.py", "htmx/htmx.min.js", ""])
def test_other_names_have_no_file(name: str) -> None:
    """Nothing but what is listed is ever sent."""
    with pytest.raises(Problem):
        Assets(prefix="").response(name)


def test_the_wheel_has_all_that_pages_need(tmp_path: Path) -> None:
    """Templates, style, scripts, the licence of what is vendored, and the starter precedents."""
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    shipped = set(zipfile.ZipFile(wheel).namelist())
    needed = [each for folder in ("templates", "static") for each in (WEB / folder).rglob("*") if each.is_file()]
    needed += (ROOT / "knowledge" / "starter" / "data").glob("*.toml")

    assert needed
    assert set() == {each.relative_to(ROOT).as_posix() for each in needed} - shipped


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-20T11:59:59.5Z", "just now"),
        ("2026-11-20T11:59:00Z", "1 minute ago"),
        ("2026-11-20T09:00:00Z", "3 hours ago"),
        ("2024-11-20T12:00:00Z", "730 days ago"),
        ("2026-11-20T12:00:30Z", "within a minute"),
        ("2026-11-20T14:00:00Z", "in 2 hours"),
        (None, "never"),
    ],
)
def test_how_long_ago(at: str | None, expected: str) -> None:
    """As people say it."""

    assert expected == ago(moment(at), moment("2026-11-20T12:00:00Z"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("ten of ten", "ten of ten"),
        ("one word too many", "one word…"),
        ("No: xxxxxxxxxxxxxx", "No: xxxxx…"),
        ("x" * 11, "x" * 9 + "…"),
        ("列「売上合計」が見つかりません", "列「売上合計」が見…"),
        ("trailing   blank", "trailing…"),
    ],
)
def test_what_is_long_is_cut(text: str, expected: str) -> None:
    """After a word, or within one that would leave too little, as in texts that have no blanks."""

    assert expected == brief(text, 10)
