"""What failing lines have in common in any tool: a class, a level, words of failure; and what has nothing to say."""

from __future__ import annotations

from knowledge.signature.extract import kinds
from knowledge.signature.extract.kinds import LinePatterns

#: What exception classes end in.
EXCEPTION_SUFFIX = (
    r"(?:Error|Exception|Failure|Fault|Timeout|Exit|Interrupt(?:ed)?|Denied|NotFound|Panic|Abort(?:ed)?|Violation)"
)
#: An exception class, dotted where the source says so.
EXCEPTION_CLASS = (
    rf"(?:[A-Za-z_$][\w$]*(?:\.|::))*(?:[A-Z][\w$]*{EXCEPTION_SUFFIX}|KeyboardInterrupt|StopIteration|MemoryExhausted)"
)
_FAILING_WORDS = (
    r"(?i)\b(?:errors?|errno|fail(?:ed|s|ure|ures|ing)?|fatal|panic|exceptions?|den(?:ied|y)|refused|rejected"
    r"|forbidden|unauthori[sz]ed"
    r"|timed? ?out|timeout|deadline|killed|cannot|can't|could ?n[o']t|unable|not (?:found|allowed|permitted"
    r"|supported|exist|enough)"
    r"|(?:does|did|do|is|was|are|were|has|have) ?n[o']t|no such|no space|invalid|illegal|exceed(?:ed|s|ing)?"
    r"|abort(?:ed|ing)?|corrupt(?:ed|ion)?"
    r"|missing|mismatch(?:ed)?|unreachable|unavailable|unexpected(?:ly)?|insufficient|out of|lost|broken|reset"
    r"|crash(?:ed)?|conflict"
    r"|throttl(?:ed|ing)|too (?:many|large|big|long)|expired?|unknown|undefined|unhealthy|terminat(?:ed|ing)|evicted"
    r"|preempt(?:ed|ion)"
    r"|deadlock|overflow|segmentation|core dumped|bad|wrong|incompatible|unsupported|duplicate|violat(?:es|ed|ion)"
    r"|disconnect(?:ed)?|nan)\b"
)
_FAILING_WORDS_ABROAD = (
    r"(?i)错误|失败|异常|无法|拒绝|超时|不足|不存在|錯誤|失敗|異常|無法|拒絕|超時|逾時|エラー|例外|タイムアウト|できません|拒否"
    r"|오류|실패|예외|거부|시간 초과"
    r"|ошибка|не удалось|отказано|исключение|fehler|fehlgeschlagen|zeitüberschreitung|abgebrochen"
    r"|verweigert|nicht gefunden|erreur"
    r"|échec|échoué|refusée?"
    r"|introuvable|impossible|fall[óo]|denegad[oa]|no se (?:pudo|puede|encontr)|tiempo de espera|erro\b|falhou"
    r"|negad[oa]|errore|impossibile"
)

PATTERNS: LinePatterns = (
    (kinds.RAISED, rf"^\s*(?::\s+|<class '|\w+: )?{EXCEPTION_CLASS}(?:'>|\(\w+\))?(?:\s*[:(]|$)"),
    (
        kinds.RAISED,
        rf"^(?:ERROR|Error|error|FATAL|SEVERE|Exception|Caused by|.* (?:ERROR|FATAL"
        rf"|SEVERE))[ :\]\-]+{EXCEPTION_CLASS}(?::|$)",
    ),
    (kinds.RAISED, r"^(?:Uncaught |Unhandled )?(?:Type|Reference|Range|Syntax)?Error(?: \[\w+\])?: "),
    (kinds.ERROR, _FAILING_WORDS),
    (kinds.ERROR, _FAILING_WORDS_ABROAD),
    (kinds.ERROR, rf"[A-Z][\w$]*{EXCEPTION_SUFFIX}\b"),
    (
        kinds.LEVEL,
        r"\b(?:ERROR|FATAL|CRITICAL|SEVERE|EMERG|ALERT|PANIC)\b|^(?:E|ERR!|[Ee]rror|fatal|docker): "
        r"|\[(?:error|fatal|E)\]",
    ),
    (kinds.LEVEL, r'(?i)\blevel="?(?:error|fatal|critical|panic)'),
    (kinds.WARNING, r"\b(?:WARN|WARNING|Warning|W)\b|\[warn(?:ing)?\]|\b\w+Warning:"),
    (kinds.QUIET, r"\b(?:INFO|DEBUG|TRACE|NOTICE|FINE)\b|\[(?:info|debug|Note)\]|(?i)\blevel=\"?(?:info|debug)"),
    (kinds.NOISE, r"\d+%\|[^|]*\||[█▏▎▍▌▋▊▉━╸]{2,}|^\s*\d+(?:\.\d+)? ?%|\beta \d+:\d\d"),
    (kinds.NOISE, r"^[\s\pP\pS]*$|^\s*(?:[=\-_*#~+]\s*){6,}"),
    (kinds.NOISE, r"^\s*(?:[$%>] |\+ |root@|>>> )|^\(?[Bb]ackground on this error at|(?i)^\s*\[?(?:epoch|iter|step)\b"),
    (
        kinds.NOISE,
        r"^\s*(?:Downloading|Collecting|Installing|Requirement already|Fetching|Unpacking|Setting up"
        r"|Get:\d+|Hit:\d+)\b",
    ),
    (
        kinds.TRAILER,
        r"(?i)\b(?:command|process|script|job|step|task|build|node|worker|container"
        r"|run)\b.*\b(?:exit(?:ed|ing)?|fail(?:ed)?|returned)\b.*\b(?:code|status):? ?[12]\b",
    ),
    (
        kinds.TRAILER,
        r"(?i)^(?:error: )?(?:job failed|build failed|exit(?:ed)? (?:with )?(?:code|status):? [12]\b"
        r"|exit status [12]\b|failed\.?$)",
    ),
    (
        kinds.TRAILER,
        r"^make(?:\[\d+\])?: \*\*\*|terminate called|Finished: FAILURE|marked build as failure"
        r"|returned non-zero exit status",
    ),
    (
        kinds.TRAILER,
        r"(?i)^(?:npm ERR! (?:code ELIFECYCLE|errno|A complete log)|error: failed to push"
        r"|exit code:? [12]$|aborted \(core dumped\)|srun: error:)",
    ),
    # What PyTorch adds to every error of CUDA, whatever it is.
    (
        kinds.TRAILER,
        r"^\s*(?:CUDA kernel errors might be asynchronously reported|For debugging consider passing CUDA_LAUNCH"
        r"|Compile with `?TORCH_USE_CUDA_DSA|Device-side assertions were explicitly omitted)",
    ),
    (
        kinds.TRAILER,
        r"(?i)(?:please|you can) (?:report|file|open) (?:this|an|a) (?:issue|bug)|set HYDRA_FULL_ERROR"
        r"|taking the entire process down|Error executing job with overrides",
    ),
)
