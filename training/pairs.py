"""What the model learns from: texts that tell of the same failure, and look-alikes that do not.

The wordings of a starter precedent are the same failure; so are the public messages that a file of `--data` gives one
`group`. A look-alike of a wording is a near one of a starter precedent with the other verdict. Failures that the result
is measured on take no part.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge.failures import Failure, Verdict
from knowledge.signature import sign
from knowledge.starter.catalogue import Catalogue

#: Look-alikes of a wording, drawn from among its nearest.
LOOK_ALIKES, AMONG = 8, 60
#: Of a large group the first few: two thousand pairs of one bug teach nothing more.
MOST_OF_A_GROUP = 6
#: Share of the positives that are the precedent's title, so that a failure is near to what it means.
TITLES = 0.2
#: Share of words left out of a text, so that none of them decides alone.
DROPPED = 0.12
#: Columns of an example.
ANCHOR, SAME, LOOK_ALIKE = "anchor", "same", "look_alike"
#: Files of public messages in which a group means the same failure.
GROUPED = ("elastic_recheck.jsonl", "oslo_db_messages.jsonl")


@dataclass(frozen=True)
class Texts:
    """Texts as the model reads them. `group` names the failure that each tells of; `verdict` and `title` are by group,
    None where unknown.
    """

    texts: tuple[str, ...]
    group: tuple[int, ...]
    verdict: tuple[Verdict | None, ...]
    title: tuple[str | None, ...]

    def members(self) -> dict[int, list[int]]:
        """For each group its texts, by number."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for number, group in enumerate(self.group):
            found[group].append(number)
        return dict(found)


def gather(catalogue: Catalogue, *, data: Path | None) -> Texts:
    """The wordings of the catalogue, each text once, and the groups of public messages where a folder is given."""
    groups = list(_starter_groups(catalogue)) + list(_public_groups(data))
    return Texts(
        texts=tuple(text for _, _, texts in groups for text in texts),
        group=tuple(number for number, (_, _, texts) in enumerate(groups) for _ in texts),
        verdict=tuple(verdict for verdict, _, _ in groups),
        title=tuple(title for _, title, _ in groups),
    )


def _starter_groups(catalogue: Catalogue) -> Iterator[tuple[Verdict | None, str | None, list[str]]]:
    seen: set[str] = set()
    for precedent in catalogue.precedents:
        signed = {each.fingerprint: each for each in (sign(Failure(text=text)) for text in precedent.wordings)}
        fresh = [each.embedding_text for each in signed.values() if each.fingerprint not in seen]
        seen.update(signed)
        if fresh:
            yield precedent.verdict, precedent.title, fresh


def _public_groups(data: Path | None) -> Iterator[tuple[Verdict | None, str | None, list[str]]]:
    for name in GROUPED if data is not None else ():
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for line in (Path(data or ".") / name).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            groups[row["group"]].append(row["text"])
        for texts in groups.values():
            distinct = list(dict.fromkeys(texts))[:MOST_OF_A_GROUP]
            if len(distinct) > 1:
                yield None, None, distinct


def look_alikes(texts: Texts, vectors: npt.NDArray[np.float32]) -> list[list[int]]:
    """For each text near ones of groups with the other verdict; `vectors` are those of the model as it is."""
    found: list[list[int]] = []
    for number, group in enumerate(texts.group):
        nearest = np.argsort(-(vectors @ vectors[number]), kind="stable")[:AMONG].tolist()
        found.append([other for other in nearest if _opposed(texts, group, texts.group[other])][:LOOK_ALIKES])
    return found


def _opposed(texts: Texts, one: int, other: int) -> bool:
    verdicts: Sequence[Verdict | None] = (texts.verdict[one], texts.verdict[other])
    return None not in verdicts and verdicts[0] is not verdicts[1]


def examples(texts: Texts, look_alikes: Sequence[Sequence[int]], *, seed: int) -> list[dict[str, str]]:
    """Rows of an anchor, another text of the same failure and a look-alike, each text an anchor once.

    In rounds over the groups, so that a batch holds no group twice: the others of a batch count as other failures.
    """
    dice = random.Random(seed)
    members = {group: dice.sample(found, len(found)) for group, found in texts.members().items() if len(found) > 1}
    rows: list[dict[str, str]] = []
    for turn in range(max(map(len, members.values()))):
        groups = [group for group, found in members.items() if turn < len(found)]
        for group in dice.sample(groups, len(groups)):
            anchor = members[group][turn]
            other = dice.choice([number for number in members[group] if number != anchor])
            against = dice.choice(look_alikes[anchor] or [dice.randrange(len(texts.texts))])
            title = texts.title[group]
            same = title if title and dice.random() < TITLES else _thinned(texts.texts[other], dice)
            rows.append(
                {
                    ANCHOR: _thinned(texts.texts[anchor], dice),
                    SAME: same,
                    LOOK_ALIKE: _thinned(texts.texts[against], dice),
                }
            )
    return rows


def _thinned(text: str, dice: random.Random) -> str:
    return " ".join(word for word in text.split(" ") if dice.random() >= DROPPED) or text
