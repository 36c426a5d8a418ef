"""Go, Rust, C++, Node, .NET, Ruby, PHP and Julia: panics and stacks."""

from __future__ import annotations

from knowledge.signature.extract import kinds
from knowledge.signature.extract.kinds import LinePatterns

PATTERNS: LinePatterns = (
    # Go
    (kinds.HEADER, r"^goroutine \d+ \["),
    (
        kinds.FRAME,
        r"^\s+\S+\.go:\d+(?: \+0x[0-9a-f]+)?$|^(?:created by )?[\w./*()\-]+\.[\w.*()\-]+\((?:0x[0-9a-f]+"
        r"|\.\.\.|[{}, ?])*\)$",
    ),
    (kinds.RAISED, r"^(?:panic|fatal error): "),
    # Rust
    (kinds.RAISED, r"^thread '[^']*'(?: \(\d+\))? panicked at "),
    (kinds.HEADER, r"^\s*(?:stack backtrace|Stack(?: ?trace)?|Backtrace|C\+\+ (?:Traceback|CapturedTraceback).*):\s*$"),
    (kinds.NOISE, r"^note: run with `RUST_BACKTRACE"),
    (kinds.FRAME, r"^\s+\d+: +(?:0x[0-9a-f]+ - )?[\w<>:{}#$ ]+(?:::|$)|^\s+at \S+\.rs:\d+"),
    (kinds.CAUSED_BY, r"^\s*(?:Caused by:?|\[cause\]:|Source:)"),
    # C and C++
    (kinds.FRAME, r"^\s*(?:frame )?#\d+:? +(?:0x[0-9a-fA-F]+|[\w:~<>]+\()|^\S+\.so[.\d]*\(.*\+0x[0-9a-f]+\)"),
    (kinds.FRAME, r"^\s*\*{0,3} ?(?:@|\[\d+\]) +0x[0-9a-f]+"),
    # Node, .NET
    (
        kinds.FRAME,
        r"^\s*at .*(?:\(.*:\d+:\d+\)|:\d+:\d+|\(<anonymous>\))(?: \{)?$|^\s*at (?:async "
        r"|new )?[\w.$<>\[\] ]+ \(.*\)$",
    ),
    (kinds.FRAME, r"^\s+at [\w.`<>\[\]+]+\(.*\)(?: in .*:line \d+)?$|^\s*--- End of (?:inner exception )?stack trace"),
    # Ruby, PHP, Perl
    (kinds.RUBY_RAISED, r"^\s*(?:/|[A-Z]:)?[\w./\-]+\.rb:\d+:in [`'][^']*': \S"),
    (kinds.FRAME, r"^\s*from (?:/|[A-Z]:)?[\w./\-]+\.rb:\d+:in |^#\d+ /\S+\.php\(\d+\)|^#\d+ \{main\}"),
    # Julia
    (kinds.FRAME, r"^\s*\[\d+\] \S.* at \S+:\d+|^\s*@ \S+ \S+:\d+"),
)
