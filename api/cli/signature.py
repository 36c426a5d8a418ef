"""`seenbefore signature`: what identifies a failure, and where two differ. Needs no service and no model."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from api.cli.output import json_option, say, show_fields, show_json
from api.cli.reading import Given, as_request, read_failure

if TYPE_CHECKING:
    from knowledge.signature.signature import Signature


@dataclass(frozen=True, slots=True)
class Named:
    """A signature and where its failure was read: a file, or a line of one."""

    name: str
    signature: Signature


@click.command("signature")
@click.argument("files", type=click.File("rb"), nargs=-1)
@json_option
def command(*, files: tuple[BinaryIO, ...], as_json: bool) -> None:
    """Show template and fingerprint of each failure in FILES (standard input without any).

    Secrets are scrubbed first. A file holds one failure (a log, a traceback, or the JSON of POST /advise), or NDJSON
    with one a line. Failures are the same precedent when their fingerprints are; of two, it is shown where they differ.
    """
    inputs = files or (sys.stdin.buffer,)
    signed = [named for file in inputs for named in sign_all(file)]
    difference = differences(signed[0].signature, signed[1].signature) if len(signed) == 2 else None
    if as_json:
        show_json(
            {
                "signatures": [_document(each) for each in signed],
                "same": [names for names in same_groups(signed) if len(names) > 1],
                "differences": difference,
            }
        )
        return
    for each in signed:
        _show(each)
    _show_comparison(signed, difference)


def sign_all(file: BinaryIO) -> Iterator[Named]:
    """The signatures of the failures in a file."""
    from ingest.records import LineProblem, from_mapping  # noqa: PLC0415 - not needed for help
    from knowledge.errors import InvalidInput  # noqa: PLC0415
    from knowledge.intake import prepare_now  # noqa: PLC0415

    name = "standard input" if getattr(file, "name", "<stdin>") in ("<stdin>", 0) else str(file.name)
    for suffix, fields in _failures(read_failure(file)):
        try:
            yield Named(name + suffix, prepare_now(from_mapping(fields)).signature)
        except (LineProblem, InvalidInput) as problem:
            raise click.UsageError(f"{name}{suffix}: {problem}") from None


def _failures(given: Given) -> Iterator[tuple[str, dict[str, Any]]]:
    """One failure, or one a line when every line is the JSON of one."""
    lines = [(number, line) for number, line in enumerate(given.fields.get("text", "").splitlines(), 1) if line.strip()]
    requests = [(number, request) for number, line in lines if (request := as_request(line)) is not None]
    if requests and len(requests) == len(lines) and len(lines) > 1:
        yield from ((f":{number}", request) for number, request in requests)
    else:
        yield "", given.fields


def same_groups(signed: Sequence[Named]) -> list[list[str]]:
    """Names by fingerprint, in their order."""
    groups: dict[str, list[str]] = {}
    for each in signed:
        groups.setdefault(each.signature.fingerprint, []).append(each.name)
    return list(groups.values())


def differences(first: Signature, second: Signature) -> dict[str, Any]:
    """Where two signatures differ; `template` marks what only one has as `[-first-]` and `{+second+}`."""
    return {
        "same_fingerprint": first.fingerprint == second.fingerprint,
        "template": word_diff(first.template, second.template),
        "only_first": _only(first, second),
        "only_second": _only(second, first),
    }


def word_diff(first: str, second: str) -> str:
    """Two texts as one, by words and lines, what differs marked as GNU wdiff marks it."""
    before, after = _words(first), _words(second)
    parts: list[str] = []
    for kind, from_, to, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            parts += before[from_:to]
            continue
        parts += [f"[-{' '.join(before[from_:to])}-]"] if to > from_ else []
        parts += [f"{{+{' '.join(after[start:end])}+}}"] if end > start else []
    return " ".join(parts).replace(" \n ", "\n")


def _words(text: str) -> list[str]:
    return text.replace("\n", " \n ").split(" ")


def _only(one: Signature, other: Signature) -> dict[str, list[str]]:
    kinds = ("exceptions", "codes", "operations")
    only = {kind: [each for each in getattr(one, kind) if each not in getattr(other, kind)] for kind in kinds}
    return {kind: values for kind, values in only.items() if values}


def _document(named: Named) -> dict[str, Any]:
    signature = named.signature
    return {
        "name": named.name,
        "fingerprint": signature.fingerprint,
        "signature_version": signature.version,
        "template": signature.template,
        "exceptions": signature.exceptions,
        "codes": signature.codes,
        "operations": signature.operations,
    }


def _show(named: Named) -> None:
    signature = named.signature
    fields = [
        ("failure", named.name),
        ("fingerprint", signature.fingerprint),
        ("exceptions", ", ".join(signature.exceptions)),
        ("codes", ", ".join(signature.codes)),
        ("operations", ", ".join(signature.operations)),
        ("template", signature.template),
    ]
    show_fields(fields, title="Signature")


def _show_comparison(signed: Sequence[Named], difference: dict[str, Any] | None) -> None:
    if len(signed) < 2:
        return
    groups = same_groups(signed)
    for names in groups:
        if len(names) > 1:
            say(f"same fingerprint: {', '.join(names)}")
    if len(groups) == len(signed):
        say("no two have the same fingerprint")
    if difference and not difference["same_fingerprint"]:
        show_fields(_difference_fields(difference), title="Where they differ")


def _difference_fields(difference: dict[str, Any]) -> list[tuple[str, str]]:
    fields = [("template", difference["template"])]
    for place in ("only_first", "only_second"):
        fields += [(f"{place.replace('_', ' ')}: {kind}", ", ".join(each)) for kind, each in difference[place].items()]
    return fields
