"""What people read of answers, in the same words on every face: the command line, the pages, chat."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def counted(number: int, noun: str) -> str:
    """`1 attempt`, `5 attempts`."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """`0.5 s`, `45 s`, `2 min 30 s`, `1 h 20 min`, `3 days`: as exact as people say it, in two units at most."""
    if seconds < 99.5 and round(seconds) != 60:
        return f"{seconds:.2g} s" if seconds < 9.5 else f"{seconds:.0f} s"
    step = next(step for most, step in _STEPS if seconds < most)
    rest, told = round(seconds / step) * step, []
    for size, unit in _UNITS:
        number, rest = divmod(rest, size)
        if number:
            told.append(counted(number, "day") if unit == "day" else f"{number} {unit}")
    return " ".join(told[:2])


#: Up to so many seconds it is told in steps of so many.
_STEPS = ((600, 10), (3_600, 60), (36_000, 300), (172_800, 3_600), (float("inf"), 86_400))
_UNITS = ((86_400, "day"), (3_600, "h"), (60, "min"), (1, "s"))


def fix_of(advice: Document) -> Document | None:
    """The first of the evidence that says what fixed it, of what the advice says it is; another's fix fixes nothing."""
    same = (each for each in advice["evidence"] if all(each[name] == advice[name] for name in ("verdict", "cause")))
    return next((each for each in same if each["resolution"]), None)


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


def decision_sentence(decision: Document, *, verdict: str) -> str:
    """What to do now, as one person says it to another; it never contradicts the verdict that it stands beside."""
    match decision["action"], verdict:
        case "retry", _:
            delay, most = decision["retry_delay_s"], decision["max_attempts"]
            when = f" in {duration(delay)}" if delay else " now"
            limit = f", at most {counted(most, 'attempt')} in all" if most else ""
            return f"Retry{when}{limit}"
        case "fail", _:
            return "Do not retry: let it fail now"
        case _, "genuine":
            return "A retry is unlikely to help, but it is not sure enough to forbid one: keep your own retry policy"
        case _, "transient":
            return "A retry may well pass, but no further one is advised: keep your own retry policy"
        case _:
            return "Keep your own retry policy"


#: From so sure on, in these words.
SURE = ((0.95, "almost certainly"), (0.85, "very likely"), (0.7, "likely"), (0.0, "perhaps"))


def sureness(confidence: float) -> str:
    """A confidence in a word or two, for who does not weigh percents."""
    return next(words for least, words in SURE if confidence >= least)


def meaning(verdict: str) -> str:
    """What a verdict means, to go on with after a colon."""
    words = VERDICTS[verdict]
    return words[0].lower() + words[1:]


#: What a verdict means.
VERDICTS = {
    "transient": "The same work, run again, is likely to pass.",
    "genuine": "It fails again until someone changes something.",
    "unknown": "What is known does not settle it.",
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
