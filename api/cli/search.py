"""`seenbefore search`: look for precedents by meaning and by word."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from api.cli.advise import show_evidence
from api.cli.asking import Target, connect, target_options
from api.cli.output import json_option, say, show_json
from knowledge.failures import MOST_RESULTS, Cause, Verdict


@click.command("search", epilog="Exit codes: 0 answered, 2 wrong usage, 3 the service cannot be reached or refuses.")
@click.argument("question")
@click.option("--verdict", type=click.Choice([each.value for each in Verdict]), help="Only precedents judged so.")
@click.option("--cause", type=click.Choice([each.value for each in Cause]), help="Only precedents of this cause.")
@click.option("--pipeline", help="Only what happened in this pipeline.")
@click.option("--since", type=click.DateTime(), help="Only what was seen at or after this time (UTC).")
@click.option("--resolved/--unresolved", default=None, help="Only what somebody said, or nobody said, how to fix.")
@click.option("--limit", type=click.IntRange(1, MOST_RESULTS), default=20, show_default=True, help="Most results.")
@json_option
@target_options
def command(
    *,
    question: str,
    target: Target,
    since: datetime | None,
    resolved: bool | None,
    as_json: bool,
    **filters: str | int | None,
) -> None:
    """Find precedents for QUESTION: words, a question, or a pasted error."""
    if not question.strip():
        raise click.UsageError("QUESTION is empty.")
    params: dict[str, str | int | bool] = {name: value for name, value in filters.items() if value is not None}
    if since is not None:
        params["since"] = since.replace(tzinfo=UTC).isoformat()
    if resolved is not None:
        params["resolved"] = resolved
    with connect(target) as service:
        found = service.get("/search", params={"q": question, **params})
    if as_json:
        show_json(found)
    else:
        show_evidence(found["results"], title="Precedents")
        if found["degraded"]:
            say(f"degraded: {', '.join(found['degraded'])}", err=True)
