"""Error text can do nothing to a terminal, and JSON keeps all of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cli import output
from api.untrusted import harmless

ANYTHING = st.text(st.characters(codec=None))


@given(ANYTHING)
def test_json_is_harmless_and_the_same_document(text: str) -> None:
    """What a terminal would act on is escaped, so that programs still get every character."""
    shown = output.as_json({"text": text})

    assert shown == harmless(shown)
    assert {"text": text} == json.loads(shown)


@pytest.mark.usefixtures("on_a_terminal")
def test_tables_and_panels_show_markup_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Square brackets in an error are its own, not colours or links; nor do colons make pictures."""
    hostile = "[link=https://evil.example]x[/link] [bold] [/] :warning: \x1b[31m"
    output.show_table(("what",), [(hostile,)], title=hostile)
    output.show_fields([("reason", hostile)], title=hostile)

    shown = capsys.readouterr().out
    assert 4 == shown.count("[link=https://evil.example]x[/link] [bold] [/] :warning:")
    assert "\x1b[31m" not in shown
