"""From a failure to its signature: extract what failed, mask what belongs to one occurrence, name the rest."""

from __future__ import annotations

from knowledge.failures import ErrorInfo, Failure
from knowledge.signature.compose import (
    Composed,
    codes_of,
    compose,
    embedding_text,
    labels_of,
    operations_in,
    template_of,
    terms_in,
)
from knowledge.signature.extract import extract
from knowledge.signature.fingerprint import fingerprint
from knowledge.signature.mask import mask
from knowledge.signature.scrub import scrub
from knowledge.signature.signature import SIGNATURE_VERSION, Signature
from knowledge.signature.terms import terms_of

__all__ = ["SIGNATURE_VERSION", "Signature", "mask", "scrub", "sign", "terms_of"]


def sign(failure: Failure) -> Signature:
    """The signature of a failure whose strings are scrubbed (see `scrub`); never raises, linear in their length."""
    return _sign(compose(extract(_text_of(failure))))


def _sign(composed: Composed) -> Signature:
    labels = labels_of(composed)
    return Signature(
        fingerprint=fingerprint(composed),
        template=template_of(composed),
        exceptions=composed.exceptions,
        codes=codes_of(composed, labels),
        operations=operations_in(composed),
        embedding_text=embedding_text(composed, labels),
        terms=terms_in(composed, labels),
        says_failure=composed.says_failure,
    )


def _text_of(failure: Failure) -> str:
    """Log first, error last: what a pipeline raised in the end closes what it logged before."""
    error = _text_of_error(failure.error) if failure.error else ""
    log = failure.text or ""
    return log if error and error in log else "\n".join(part for part in (log, error) if part)


def _text_of_error(error: ErrorInfo) -> str:
    """One text of an exception's parts; its message is not repeated when the stack has it already."""
    stack, message = error.stacktrace or "", error.message or ""
    head = f"{error.type}: {message}" if error.type and message else error.type or message
    if not stack or not head:
        return stack or head
    if (message or error.type or head) in stack:
        return stack
    return f"{stack}\n\n{head}" if "Traceback" in stack or 'File "' in stack else f"{head}\n{stack}"
