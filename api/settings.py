"""Settings, from the environment (`SEENBEFORE_…`) and the command line. The README lists each; a test says so."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.logs import LogFormat


class SettingsError(Exception):
    """A setting cannot be understood."""


class Settings(BaseSettings):
    """Everything that can be set. Secrets are never printed."""

    model_config = SettingsConfigDict(env_prefix="SEENBEFORE_", extra="ignore", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    data: Path = Field(default=Path("data"), description="Folder of the embedded PostgreSQL, the index and the model.")
    database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL to use instead of the embedded one (`postgresql://…`)."
    )
    qdrant_url: str | None = Field(default=None, description="Qdrant server to use instead of the embedded engine.")
    qdrant_api_key: SecretStr | None = Field(default=None, description="API key of that Qdrant server.")
    model: str = Field(
        default="all-MiniLM-L6-v2", description="Embedding model: a sentence-transformers name or a folder."
    )
    model_adapter: bool = Field(
        default=True, description="Whether the packaged model is used as it was taught about failures."
    )
    fast_embedding: bool = Field(default=True, description="Whether CPUs use an OpenVINO copy of the model.")
    wrong_fail_bound: float = Field(
        default=0.02,
        ge=0.0,
        le=0.5,
        description="Largest share of transient failures that may be told `fail`; the threshold follows from it.",
    )
    fail_confidence: float | None = Field(
        default=None,
        ge=0.5,
        le=1.0,
        description="Least confidence in a genuine verdict at which the decision is `fail`, instead of the bound.",
    )
    postgres_bin: Path | None = Field(
        default=None, description="Folder of other PostgreSQL programs for the embedded server (15 or newer)."
    )
    max_body_bytes: int = Field(
        default=2_000_000, ge=10_000, description="Largest JSON body, and largest line of an import."
    )
    max_otlp_bytes: int = Field(
        default=20_971_520, ge=10_000, description="Largest export of OpenTelemetry logs or traces, unpacked."
    )
    runs_kept_days: int = Field(
        default=365,
        ge=0,
        le=36_500,
        description="Days after its last write for which a run is kept, with its steps and decisions; 0: for ever.",
    )
    public_url: str | None = Field(
        default=None, pattern="^https?://[^ ]+$", description="Where people reach the web pages, for links in chat."
    )
    slack_signing_secret: SecretStr | None = Field(default=None, description="Signing secret of the Slack app.")
    slack_bot_token: SecretStr | None = Field(default=None, description="Bot token of the Slack app (`xoxb-…`).")
    slack_channel: str | None = Field(
        default=None, description="Slack channel (its id) that is told of new precedents and of storms."
    )
    slack_api_url: str = Field(
        default="https://slack.com/api/", pattern="^https?://[^ ]+$", description="Slack's Web API."
    )
    mattermost_token: SecretStr | None = Field(default=None, description="Token of the Mattermost slash command.")
    chat_workspace: str = Field(
        default="default",
        pattern="^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$",
        description="Workspace that chat asks in.",
    )
    sentry_secret: SecretStr | None = Field(
        default=None, description="Client secret of the Sentry integration whose webhooks come to `/doors/sentry`."
    )
    github_secret: SecretStr | None = Field(
        default=None, description="Secret of the GitHub webhooks that come to `/doors/github`."
    )
    github_failures: bool = Field(
        default=True,
        description="Whether jobs that failed, as GitHub's webhook tells of them, become incidents. Off where their "
        "logs are imported, which say more: the webhook then tells of re-runs that passed alone.",
    )
    doors_workspace: str = Field(
        default="default",
        pattern="^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$",
        description="Workspace of what Sentry and GitHub tell.",
    )
    mcp_writes: bool = Field(
        default=False,
        description="Whether agents may record failures, report outcomes and propose resolutions, and not only ask.",
    )
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="Least severity that is logged."
    )
    log_format: LogFormat = Field(
        default=LogFormat.TEXT, description="`text` for people; `json` for programs, a line for each request too."
    )

    @property
    def slack(self) -> tuple[str, str] | None:
        """Signing secret and bot token, where both are set: Slack is set up."""
        if self.slack_signing_secret is None or self.slack_bot_token is None:
            return None
        secret, token = self.slack_signing_secret.get_secret_value(), self.slack_bot_token.get_secret_value()
        return (secret, token) if secret.strip() and token.strip() else None

    @property
    def models(self) -> Path:
        """The folder of what was made of the model: converted, and the vectors of the documented failures."""
        return self.data / "models"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def load_settings(**given: object) -> Settings:
    """Settings from the environment, `given` winning; raises `SettingsError` without ever quoting a value."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        problems = "; ".join(
            f"SEENBEFORE_{str(each['loc'][0]).upper()}: {each['msg']}"
            for each in error.errors(include_input=False, include_context=False, include_url=False)
        )
        raise SettingsError(f"Settings that cannot be understood: {problems}") from None
