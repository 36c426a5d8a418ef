"""Reading pages as they come over HTTP, without a browser."""

from __future__ import annotations

from html.parser import HTMLParser

import httpx


class _Reader(HTMLParser):
    """Notes elements with their attributes, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def _read(response: httpx.Response) -> _Reader:
    assert "text/html; charset=utf-8" == response.headers["content-type"], response.text[:200]
    reader = _Reader()
    reader.feed(response.text)
    reader.close()
    return reader


def text_of(response: httpx.Response) -> str:
    """What people read, white space as single spaces."""
    return " ".join(" ".join(_read(response).texts).split())


def elements(response: httpx.Response, tag: str) -> list[dict[str, str | None]]:
    """The attributes of all elements of that name."""
    return [attributes for name, attributes in _read(response).elements if name == tag]


def addresses(response: httpx.Response) -> list[str]:
    """All addresses that the page names."""
    named = ("href", "src", "action", "hx-get", "hx-post")
    return [value for _, attributes in _read(response).elements for name in named if (value := attributes.get(name))]


def fields_of_form(response: httpx.Response, action: str) -> dict[str, str]:
    """The hidden fields of the form with that action."""
    inside, fields = False, dict[str, str]()
    for tag, attributes in _read(response).elements:
        if tag == "form":
            inside = attributes.get("action") == action
        elif inside and tag == "input" and attributes.get("type") == "hidden":
            fields[str(attributes["name"])] = str(attributes["value"])
    return fields
