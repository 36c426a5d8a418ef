"""The commands by name; each lives in a module of its own, imported when it is called."""

from __future__ import annotations

import importlib

import click

#: Command, its module and its line in the help (so that help imports none of them).
COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("api.cli.serve", "Start the service."),
    "advise": ("api.cli.advise", "Ask about a failure: is it worth a retry, what fixed it?"),
    "import": ("api.cli.import_", "Import failures from NDJSON, CSV, JUnit XML and logs of GitHub Actions."),
    "backfill": ("api.cli.backfill", "Import failures from the history of Airflow, Prefect or MLflow."),
    "watch": ("api.cli.watch", "Record what fails in a cluster, as it happens."),
    "search": ("api.cli.search", "Search precedents by meaning and by word."),
    "history": ("api.cli.history", "Show who changed a precedent, when, why and what."),
    "undo": ("api.cli.undo", "Take a correction of a precedent back."),
    "replay": ("api.cli.replay", "Ask past failures again: what would the advice have saved?"),
    "signature": ("api.cli.signature", "Show what identifies a failure, and where two differ (offline)."),
    "reindex": ("api.cli.reindex", "Rebuild the index from PostgreSQL."),
    "proposals": ("api.cli.proposals", "Show, accept and reject resolutions that agents proposed."),
    "mcp": ("api.cli.mcp", "Answer agents on standard input and output (Model Context Protocol)."),
    "backup": ("api.cli.backup", "Write all that PostgreSQL holds to one file."),
    "restore": ("api.cli.restore", "Bring a backup into an empty store."),
    "keys": ("api.cli.keys", "Make, list and revoke API keys."),
    "doctor": ("api.cli.doctor", "Check everything, and say how to mend what is wrong."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="seenbefore-server", prog_name="seenbefore")
def main() -> None:
    """Seen Before: failure memory for ML and data pipelines."""
