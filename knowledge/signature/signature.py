"""The value that identifies a kind of failure: what is left when all that belongs to one occurrence is gone."""

from __future__ import annotations

from dataclasses import dataclass

#: Raised whenever masking, extraction or composition change what they produce: fingerprints then differ.
SIGNATURE_VERSION = 2


@dataclass(frozen=True, slots=True)
class Signature:
    """A failure less all that belongs to one occurrence.

    `fingerprint` is 32 hex digits. `template` is what people read: the masked failure, innermost cause first.
    `exceptions` are the exception classes, innermost first, as written (dotted where the source says so).
    `codes` are the tokens that carry meaning (HTTP status, errno, SQLSTATE, exit codes, cloud error codes, ...).
    `operations` are what was being done (API operations, innermost functions), in no special order.
    `embedding_text` is composed for the model's window; `terms` are the lexical terms, with repetitions.
    `says_failure`: whether anything in the text says that something failed.
    """

    fingerprint: str
    template: str
    exceptions: tuple[str, ...]
    codes: tuple[str, ...]
    operations: tuple[str, ...]
    embedding_text: str
    terms: tuple[str, ...]
    says_failure: bool = True
    version: int = SIGNATURE_VERSION
