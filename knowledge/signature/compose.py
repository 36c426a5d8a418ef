"""Put a reading together: the order in which people, the embedding model and the search see a failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.signature.codes import printed_codes, standard_codes
from knowledge.signature.extract import Reading
from knowledge.signature.extract.functions import function_of, is_own, libraries_of, operations_of
from knowledge.signature.families import families_of
from knowledge.signature.mask import mask
from knowledge.signature.patterns import Match, pattern
from knowledge.signature.terms import split_name, words_of

#: MiniLM reads 256 word pieces; masked error text has about 3.5 characters to one.
_EMBEDDED_CHARACTERS = 900
_LABEL_CHARACTERS = 250
_TEMPLATE_CHARACTERS = 4000
_MOST_LINES = 40
_MOST_FRAMES = 3
_PLACEHOLDER = pattern(r"<[a-z]{2,8}>|\[(?:secret|email|card)\]")


@dataclass(frozen=True, slots=True)
class Composed:
    """A failure's masked lines by what they are: `causes` are exceptions, innermost first; nothing appears twice.

    `heads` are those of `causes` that make the failure what it is, without what trailed after the messages.
    """

    heads: tuple[str, ...]
    causes: tuple[str, ...]
    errors: tuple[str, ...]
    context: tuple[str, ...]
    trailers: tuple[str, ...]
    exceptions: tuple[str, ...]
    functions: tuple[str, ...]
    libraries: tuple[str, ...]

    @property
    def says_failure(self) -> bool:
        """Whether any line says, in any words known to us, that something failed."""
        return bool(self.causes or self.errors or self.trailers)

    @property
    def lines(self) -> tuple[str, ...]:
        """What tells of the failure; generic trailers, or else the functions, only when there is nothing better."""
        return (*self.causes, *self.errors, *self.context) or self.trailers or self.functions


def compose(reading: Reading) -> Composed:
    """Order, mask and thin out a reading: the last chain of exceptions first, wrappers of other failures last."""
    exceptions = [one for chain in reversed(reading.chains) for one in chain]
    raised = [one for one in exceptions if not one.generic]
    wrappers = [one for one in exceptions if one.generic]
    heads = _thin_out([line for one in raised for line in one.decisive])
    (causes, errors, context, trailers), masked = _mask_sections(
        [line for one in raised for line in one.lines],
        reading.errors,
        reading.context,
        [*(line for one in wrappers for line in one.lines), *reading.trailers],
    )
    return Composed(
        heads=tuple(dict.fromkeys(masked[line] for line in heads if line in masked)),
        causes=causes,
        errors=errors,
        context=context,
        trailers=trailers,
        exceptions=tuple(dict.fromkeys(one.type for one in (*raised, *wrappers) if one.type)),
        functions=_functions(reading.frames),
        libraries=libraries_of(reading.frames[:_MOST_FRAMES]),
    )


def _mask_sections(*sections: Sequence[str]) -> tuple[list[tuple[str, ...]], dict[str, str]]:
    """Each section's masked lines, each once in all, and what became of each line; one call masks them together."""
    kept = [_thin_out(list(dict.fromkeys(section))) for section in sections]
    lines = [line for section in kept for line in section]
    masked = dict(zip(lines, (line.strip() for line in mask("\n".join(lines)).split("\n")), strict=False))
    seen: set[str] = set()
    composed: list[tuple[str, ...]] = []
    for section in kept:
        candidates = dict.fromkeys(masked[line] for line in section)
        composed.append(tuple(line for line in candidates if line and line not in seen))
        seen.update(candidates)
    return composed, masked


def _thin_out(lines: list[str]) -> list[str]:
    """Of many lines, the first and the last: how it began and what it came to."""
    half = _MOST_LINES // 2
    return lines if len(lines) <= _MOST_LINES else lines[:half] + lines[-half:]


def _functions(frames: tuple[str, ...]) -> tuple[str, ...]:
    """The innermost function, and the innermost of the pipeline's own code."""
    own = next((frame for frame in frames if is_own(frame)), "")
    return tuple(dict.fromkeys(mask(name) for name in map(function_of, (*frames[:1], own)) if name))


def template_of(composed: Composed) -> str:
    """What people read."""
    return "\n".join(composed.lines)[:_TEMPLATE_CHARACTERS]


def codes_of(composed: Composed, labels: Labels) -> tuple[str, ...]:
    """Codes as printed, then the standard ones under their canonical names."""
    statuses = {code.partition("_")[2] for code in labels.codes}
    named = (
        code for code in printed_codes("\n".join(composed.lines)) if code.rpartition(" ")[2].lower() not in statuses
    )
    return tuple(dict.fromkeys((*named, *labels.codes)))


def operations_in(composed: Composed) -> tuple[str, ...]:
    """API operations and innermost functions."""
    return tuple(dict.fromkeys((*operations_of("\n".join(composed.lines)), *composed.functions)))


@dataclass(frozen=True, slots=True)
class Labels:
    """What a failure is about, beyond its own words."""

    codes: tuple[str, ...]
    families: tuple[str, ...]
    names: tuple[str, ...]


def labels_of(composed: Composed) -> Labels:
    """Standard codes, families of failure, and the names of the innermost function and its library."""
    text = "\n".join(composed.lines)
    return Labels(standard_codes(text), families_of(text), (*composed.functions[:1], *composed.libraries))


def embedding_text(composed: Composed, labels: Labels) -> str:
    """For the model: the labels in words, then the lines, innermost cause first, without placeholders.

    Labels first did best, and so did names left whole, since the lexical terms split them already (`make bench`).
    """
    spelled = (" ".join(split_name(label)) for label in (*labels.names, *labels.codes, *labels.families))
    about = " ".join(spelled)[:_LABEL_CHARACTERS]
    lines = _PLACEHOLDER.sub(_nothing, "\n".join(composed.lines)[: 2 * _EMBEDDED_CHARACTERS])
    return f"{about}\n{lines}".strip()[:_EMBEDDED_CHARACTERS]


def terms_in(composed: Composed, labels: Labels) -> tuple[str, ...]:
    """For the search: the words of all lines and names, and each code and family as one term."""
    return (*words_of("\n".join((*composed.lines, *labels.names))), *labels.codes, *labels.families)


def _nothing(_: Match) -> str:
    return ""
