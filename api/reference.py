"""The reference pages of the documentation, made of what is there: `python -m api.reference` writes `docs/reference/`.

A test holds the pages against this: a call, a command or a setting that is not documented fails it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import click

from api.app import make_app
from api.auth import Gate
from api.cli.main import COMMANDS, main
from api.composition import Parts
from api.metrics import Metrics
from api.settings import Settings

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
MADE = "<!-- made by `python -m api.reference` -->"
#: Headers that calls share; the page tells of them once.
SHARED = frozenset({"x-workspace", "authorization", "idempotency-key", "if-match"})
#: A type is named by its schema, and where it has none by what it may be.
LONGEST_CHOICE = 16
Schema = Mapping[str, Any]


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {"http.md": http_page(), "commands.md": commands_page(), "settings.md": settings_page()}


def openapi() -> Schema:
    """The OpenAPI document, without a service behind it."""
    parts = cast(Parts, SimpleNamespace(settings=Settings(), database=None, metrics=Metrics()))
    return make_app(parts, gate=Gate(parts.database, open=True)).openapi()


def http_page() -> str:
    """Each call with what it takes and answers, then the objects."""
    document = openapi()
    lines = [
        "# HTTP",
        MADE,
        "As a machine reads it, it is at `/openapi.json` on a running service, and at `/docs` to try out. Every "
        "write takes `Idempotency-Key`; rows with an `ETag` are changed with `If-Match`; the workspace is that of the "
        "API key, or of `X-Workspace` while authentication is off. Errors are problem details (RFC 9457).",
    ]
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation.get("tags", ["more"])[0], []).extend(_operation(method, path, operation))
    for tag, found in by_tag.items():
        lines += [f"## {tag.capitalize()}", *found]
    lines.append("## Objects")
    for name, schema in sorted(document["components"]["schemas"].items()):
        lines += _object(name, schema)
    return _page(lines)


def _operation(method: str, path: str, operation: Schema) -> Iterator[str]:
    yield f"### `{method.upper()} {path}`"
    yield _line(operation.get("description") or operation.get("summary"))
    parameters = [each for each in operation.get("parameters", ()) if each["name"].lower() not in SHARED]
    if parameters:
        rows = [
            (
                f"`{each['name']}`",
                each["in"],
                _type(each["schema"]),
                _line(each.get("description") or each["schema"].get("description")),
            )
            for each in parameters
        ]
        yield _table(("parameter", "in", "type", "meaning"), rows)
    if "requestBody" in operation:
        yield f"Takes {_contents(operation['requestBody'])}."
    answers = {status: each for status, each in operation["responses"].items() if status < "300"}
    yield "Answers " + "; ".join(f"{status}: {_contents(each)}" for status, each in answers.items()) + "."


def _contents(body: Schema) -> str:
    said = [_type(each.get("schema", {})) or kind for kind, each in body.get("content", {}).items()]
    return " or ".join(dict.fromkeys(said)) or "nothing"


def _object(name: str, schema: Schema) -> Iterator[str]:
    yield f"### {name} {{ #{name} }}"
    if "enum" in schema:
        yield ", ".join(f"`{each}`" for each in schema["enum"])
        return
    yield _line(schema.get("description"))
    required = set(schema.get("required", ()))
    rows = [
        (f"`{field}`" + ("" if field not in required else " *"), _type(each), _line(each.get("description")))
        for field, each in schema.get("properties", {}).items()
    ]
    if rows:
        yield _table(("field (* required)", "type", "meaning"), rows)


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name})"
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in schema:
            return " or ".join(dict.fromkeys(_type(each) or "any" for each in schema[joined]))
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"][:LONGEST_CHOICE])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {})) or 'any'}"
    return str(schema.get("format") or schema.get("type") or "")


def commands_page() -> str:
    """Each command as its `--help` tells it."""
    lines = ["# Commands", MADE, "`seenbefore COMMAND --help` says the same."]
    context = click.Context(main, info_name="seenbefore")
    for name in sorted(COMMANDS):
        found = main.get_command(context, name)
        assert found is not None  # noqa: S101 - it is listed
        lines += [f"## `seenbefore {name}`", *_help(found, context, name)]
        for below in sorted(getattr(found, "commands", {})):
            inner = click.Context(found, info_name=name, parent=context)
            lines += [f"### `seenbefore {name} {below}`", *_help(found.commands[below], inner, below)]  # type: ignore[attr-defined]
    return _page(lines)


def _help(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100)
    yield f"```text\n{command.get_help(context).rstrip()}\n```"


def settings_page() -> str:
    """Each setting with its default."""
    rows = [
        (f"`SEENBEFORE_{name.upper()}`", _default(field.default), _line(field.description))
        for name, field in Settings.model_fields.items()
    ]
    return _page(["# Settings", MADE, "From the environment.", _table(("setting", "default", "meaning"), rows)])


def _default(value: object) -> str:
    if value is None:
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _page(blocks: Sequence[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file, text in pages().items():
        (FOLDER / file).write_text(text, encoding="utf-8")
