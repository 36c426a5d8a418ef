"""How much a text tells."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.advisor.term_weights import LEAST_LEGIBLE, legible
from knowledge.signature.clean import clean

BYTES = bytes(random.Random(1).choices(range(1, 256), k=4_000))


@pytest.mark.parametrize(
    "text",
    [
        "TimeoutError: connect to <host>",
        "Die Verbindung zum Server für größere Aufträge wurde überraschend unterbrochen",
        "Échec de la connexion : le délai a été dépassé à l'étape préparée",
        "Ошибка подключения к серверу",
        "サーバーへの接続が拒否されました",
        "Không thể kết nối đến máy chủ",
    ],
)
def test_languages_can_be_read(text: str) -> None:
    """Whatever their letters are."""
    assert legible(text) > 0.8


@pytest.mark.parametrize("text", [BYTES.decode(errors="replace"), BYTES.decode("latin-1"), "\ufffd" * 100])
def test_bytes_that_are_no_text_cannot(text: str) -> None:
    """However they are decoded."""
    assert legible(clean(text)) < 0.1


def test_words_in_a_lost_encoding_leave_the_others() -> None:
    """As PostgreSQL on a foreign Windows says it."""
    assert 0.4 < legible("psycopg.OperationalError: FATAL: \ufffd\ufffd\ufffd\ufffd\ufffd \ufffd\ufffd") < 0.9


@given(st.text())
def test_a_share(text: str) -> None:
    """Of any text."""
    assert LEAST_LEGIBLE <= legible(text) <= 1.0
