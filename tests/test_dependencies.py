"""What is imported is declared, with an upper bound: what is there only because another package needs it may go."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_architecture import PACKAGES, ROOT, read

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
OURS = {*PACKAGES, "seenbefore", "benchmarks", "tests", "training"}
#: By the longest beginning: packages that several distributions fill, and parts of one that come as its extra.
OF_SEVERAL = {
    "google.protobuf": "protobuf",
    "google.rpc": "googleapis-common-protos",
    "opentelemetry": "opentelemetry-api",
    "opentelemetry.exporter": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry.proto": "opentelemetry-proto",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "psycopg_pool": "psycopg",
}
#: What each part of the repository may lean on, less the adapters' tests: they have environments of their own.
PRODUCT = [
    *PROJECT["dependencies"],
    *(each for name, extra in EXTRAS.items() if name not in {"dev", "train"} for each in extra),
]
PARTS = {
    "product": (PACKAGES, PRODUCT),
    "tests": (("tests", "benchmarks"), [*PRODUCT, *EXTRAS["dev"]]),
    "training": (("training",), [*PRODUCT, *EXTRAS["train"]]),
}


def names(requirements: Iterable[str]) -> set[str]:
    """Of the distributions."""
    return {canonicalize_name(Requirement(each).name) for each in requirements}


def distribution_of(module: str, *, installed: dict[str, list[str]]) -> str:
    """The distribution that a module is from; by the module's own name where it is not installed."""
    known = [each for each in OF_SEVERAL if f"{module}.".startswith(f"{each}.")]
    if known:
        return OF_SEVERAL[max(known, key=len)]
    package = module.partition(".")[0]
    return canonicalize_name(installed.get(package, [package])[0])


def files(folders: Iterable[str]) -> list[Path]:
    """All modules of these, the adapters' tests left out."""
    found = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return [path for path in found if "adapters" not in path.relative_to(ROOT).parts]


@pytest.mark.parametrize("part", PARTS)
def test_what_is_imported_is_declared(part: str) -> None:
    """By name, and where it is used."""
    folders, requirements = PARTS[part]
    installed = {package: sorted(made) for package, made in packages_distributions().items()}
    used = {name for path in files(folders) for name in read(path)[1]}
    outside = {name for name in used if name.partition(".")[0] not in OURS | sys.stdlib_module_names}

    assert set() == {distribution_of(name, installed=installed) for name in outside} - names(requirements)


@pytest.mark.parametrize("group", ["dependencies", *EXTRAS])
def test_versions_are_bounded(group: str) -> None:
    """From below and above: no release of tomorrow is let in unseen."""
    requirements = [Requirement(each) for each in (EXTRAS.get(group) or PROJECT["dependencies"])]
    outside = [each for each in requirements if each.name != PROJECT["name"]]

    assert [] == [str(each) for each in outside if {">=", "<"} > {one.operator for one in each.specifier}]


def test_every_requirement_of_developers_says_why() -> None:
    """Beside it: there are no groups among them that a line above could speak for."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = [
        line
        for group in ("dev", "train")
        for line in text.partition(f"\n{group} = [\n")[2].partition("\n]")[0].splitlines()
    ]

    assert len(EXTRAS["dev"]) + len(EXTRAS["train"]) == len(lines)
    assert [] == [line for line in lines if "#" not in line]
