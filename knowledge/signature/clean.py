"""Bring raw log text to plain lines: control codes, terminal redraws and prefixes of log shippers are taken away."""

from __future__ import annotations

from knowledge.signature.patterns import Match, pattern

_ANSI = pattern(
    r"\x1b\[[0-9;:?<=>!]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC: titles, links
    r"|\x1b[()#][0-9A-Za-z]|\x1b[=>A-Za-z78]"
    r"|section_(?:start|end):\d+:[\w.\-]+(?:\[[^\]\n]*\])?"  # GitLab
)
_BIDIRECTIONAL = (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_INVISIBLE = (*range(9), 11, *range(14, 32), 127, *range(0x80, 0xA0), 0x200B, 0xFEFF, *_BIDIRECTIONAL)
_LINE_BREAKS = (0x0C, 0x85, 0x2028, 0x2029)
_CONTROLS = dict.fromkeys(_INVISIBLE) | dict.fromkeys(_LINE_BREAKS, "\n") | {0xA0: " "}

_CLOCK = r"\d{1,2}:\d\d:\d\d(?:[.,:]\d+)?(?:-\d{6})?(?: ?[AP]M\b)?"
_ZONE = r"(?: ?(?:Z\b|UTC|GMT|[+-]\d\d:?\d\d\b))?"
_DATE = (
    r"(?:\d{4}[-/.]\d\d[-/.]\d\d|\d\d[-/.]\d\d[-/.]\d{2,4}|\d\d? (?:[A-Z][a-z]{2}) \d{4}"
    r"|[A-Z][a-z]{2} {1,2}\d{1,2},?(?: \d{4})?)"
)
_STAMP = rf"\[?(?:{_DATE}[T ,_\-]{{1,2}}{_CLOCK}{_ZONE}|{_CLOCK})\]?"
_PREFIX = pattern(
    r"(?m)^(?:\d{1,4}: )?[ \t]*(?:"  # srun --label
    + "|".join(
        (
            rf"{_STAMP}[ \t:\-|]*",
            r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [\w.]+:\d+\] ?",  # glog, klog
            r"\[(?:rank|default|worker|node)[ _\-]?\d+\]:?[ \t]?(?:\[rank\d+\]:?[ \t]?)?",  # torchrun
            r"\[\d+,\d+\]<std(?:err|out)>:[ \t]?",  # mpirun, horovodrun
            r"\((?:[\w.:/\-]+[ ,]+)*(?:pid|ip)=[^)\n]{1,80}\)[ \t]?",  # Ray
            r"#\d{1,4} (?:\d+\.\d+ )?",  # BuildKit
            r"[A-Za-z0-9][\w.\-]*[_\-]\d+[ \t]+\|[ \t]?",  # docker compose
            r"\[(?:info|INFO)\] ?",  # sbt, Maven
            r"\{[\w.\-]+(?:py)?:\d+\}[ \t]*",  # Airflow
            r"##\[(?:error|warning|debug|command|section)\]|::(?:error|warning)(?: [^:\n]*)?::",  # GitHub, Azure
            r"[│┃║][ \t]?|[╭╰┌└][─━]*[ \t]?",  # rich
            r"E {2,7}",  # pytest
            r"\+-\+-+ [\d.]+ -+$|\+-{20,}$|[|+] ",  # exception groups
        )
    )
    + r")+|^\d{1,4}: "
)
_RULES = pattern(r"(?m)[ \t]*[│┃║╮╯─━═]+[ \t]*$|[ \t]+$")
_MARKERS = pattern(r"(?m)^[ \t]*(?:##\[(?:end)?group\][^\n]*|::(?:end)?group::[^\n]*)$")
#: A text with hardly any line breaks of its own but with many that are escaped was quoted on its way here.
_ESCAPED_BREAKS = 2


def clean(text: str) -> str:
    """Plain lines without control codes, terminal redraws and shipped prefixes; lone surrogates become U+FFFD."""
    text = text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text
    if "\x1b" in text or "section_" in text:
        text = _ANSI.sub("", text)
    if "\r" in text:
        text = _last_redraws(text)
    text = text.translate(_CONTROLS) if not text.isprintable() else text
    text = _PREFIX.sub(_keep_indent, text)
    return _RULES.sub("", _MARKERS.sub("", text) if "group" in text else text)


def unescape_breaks(text: str) -> str:
    """Undo one level of quoting in a text whose line breaks are written as backslash-n."""
    escaped = text.count("\\n")
    if escaped < _ESCAPED_BREAKS or escaped <= text.count("\n"):
        return text
    return text.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"')


def _last_redraws(text: str) -> str:
    """What a terminal shows in the end: of `a\\rb\\rc` only `c`."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(_last_redraw(line) if "\r" in line else line for line in lines)


def _last_redraw(line: str) -> str:
    return line.rstrip("\r ").rpartition("\r")[2]


def _keep_indent(match: Match) -> str:
    """Prefixes go, but indentation after or before them is what tells frames from messages."""
    found = match[0]
    tail = len(found) - len(found.rstrip(" \t"))
    lead = len(found) - len(found.lstrip(" \t"))
    return " " * (tail - 1 if tail > 1 else 0) if lead == 0 else " " * lead
