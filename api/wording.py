"""What people read of answers, in the same words on every face: the command line, the pages, chat."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def counted(number: int, noun: str) -> str:
    """`1 attempt`, `5 attempts`."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """`42 s`, `10 min`, `2.5 h`."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def decision_text(decision: Document) -> str:
    """`retry in 42 s, at most 5 attempts`."""
    if decision["action"] == "default":
        return "default: keep your own retry policy"
    parts = [decision["action"]]
    if decision["retry_delay_s"] is not None:
        parts.append(f" in {duration(decision['retry_delay_s'])}")
    if decision["max_attempts"] is not None:
        parts.append(f", at most {counted(decision['max_attempts'], 'attempt')}")
    return "".join(parts)


def decision_sentence(decision: Document) -> str:
    """What to do now, as one person says it to another."""
    match decision["action"]:
        case "retry":
            delay, most = decision["retry_delay_s"], decision["max_attempts"]
            when = f" in {duration(delay)}" if delay else " now"
            limit = f", at most {counted(most, 'attempt')} in all" if most else ""
            return f"Retry{when}{limit}"
        case "fail":
            return "Do not retry: let it fail now"
        case _:
            return "Keep your own retry policy"


#: What a verdict means.
VERDICTS = {
    "transient": "The same work, run again, is likely to pass.",
    "genuine": "It fails again until someone changes something.",
    "unknown": "Nothing that is known is near enough to say.",
}
#: What a strategy's action asks for.
ACTIONS = {
    "retry_now": "Run it again at once.",
    "retry_with_backoff": "Run it again, and wait longer each time.",
    "retry_after_delay": "Wait, then run it again.",
    "retry_elsewhere": "Run it again in another place: another zone, node or machine.",
    "retry_with_more_resources": "Run it again with more resources.",
    "fix_then_rerun": "Fix the cause first, then run it again.",
    "escalate": "Tell somebody who can decide.",
}


def backoff_text(strategy: Document) -> str:
    """`Each wait is 2 times the one before, at most 10 min, with full jitter.`; empty where nothing is said."""
    if strategy["multiplier"] is None:
        return ""
    most = f", at most {duration(strategy['max_delay_s'])}" if strategy["max_delay_s"] is not None else ""
    jitter = f", with {strategy['jitter']} jitter" if strategy["jitter"] else ""
    return f"Each wait is {strategy['multiplier']:g} times the one before{most}{jitter}."
