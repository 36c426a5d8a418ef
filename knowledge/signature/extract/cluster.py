"""Kubernetes, YARN, Spark, Slurm: status fields and events that say why work ended."""

from __future__ import annotations

from knowledge.signature.extract import kinds
from knowledge.signature.extract.kinds import LinePatterns

PATTERNS: LinePatterns = (
    (kinds.FACT, r'^\s*"?(?:[Rr]eason|[Ee]xit ?[Cc]ode|[Ss]ignal|exitCode)"?\s*[:=]\s*"?\S'),
    (kinds.FACT, r"\b(?:OOMKilled|CrashLoopBackOff|ImagePullBackOff|ErrImagePull|Evicted|DeadlineExceeded|NodeLost)\b"),
    (
        kinds.FACT,
        r"\b(?:FailedScheduling|FailedMount|FailedCreate\w*|BackOff|Unhealthy|Preempt(?:ed|ing|ion)?"
        r"|NodeNotReady)\b",
    ),
    (kinds.FACT, r"\b(?:CreateContainer(?:Config)?Error|RunContainerError|InvalidImageName|ContainerCannotRun)\b"),
    (
        kinds.FACT,
        r"(?i)\bexit(?:ed)? (?:with )?(?:code|status)[ :(]*(?:12[4-9]|13\d|14[0-3]|-\d+)\b|\bsignal \d+\b"
        r"|\bSIG[A-Z]{3,5}\b",
    ),
    (kinds.FACT, r"\b(?:NODE_FAIL|OUT_OF_MEMORY|TIMEOUT|PREEMPTED|CANCELLED)\b"),
    (kinds.QUIET, r"^\s*Normal\s+(?:Pull|Creat|Start|Schedul|Successful|Added)\w+"),
    (kinds.NOISE, r"^\s*(?:Started|Finished|Restart Count|Limits|Requests|State|Last State|Ready|phase|startTime):"),
    (kinds.NOISE, r"^NAME\s+(?:READY|STATUS)|^\s*(?:Type\s+Reason\s+Age|----\s+------)"),
)
