"""Whether a request comes from a page of another site, by what its browser says of it."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_another(origin: str | None, *, host: str | None) -> bool:
    """Whether `Origin` names another site than `Host`; one that cannot be read is another. None says nothing."""
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != (host or "").lower()
    except ValueError:
        return True
