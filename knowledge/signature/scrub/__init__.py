"""Taking secrets out of error text before anything else sees it.

The idea is that of gitleaks: a cheap look for a keyword, then a pattern (google-re2, linear time), then checks of the
value (entropy, Luhn), then an allow-list for placeholders. What is found is replaced and its surroundings are kept, so
that the failure stays readable: `password=[secret]`, `postgresql://user:[secret]@host/db`.
"""

from __future__ import annotations

from knowledge.signature.scrub.structured import JSONValue, scrub_value
from knowledge.signature.scrub.text import scrub

__all__ = ["JSONValue", "scrub", "scrub_value"]
