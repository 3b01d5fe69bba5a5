"""One frozen object with every setting, read from ``DRIFTLINE_*`` variables and a ``.env`` file.

Secrets are `SecretStr`: whatever prints a `Settings` shows ``**********`` in their place.
"""

from __future__ import annotations

import json
import platform
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from driftline.events import Level

WEBHOOK = re.compile(r"(?:(?P<format>alertmanager|slack)\+)?(?P<url>https?://[^/\s]+(?:/\S*)?)")
"""One of ``DRIFTLINE_WEBHOOK_URLS``."""


class SettingsError(ValueError):
    """A setting that cannot work: one line that names the variable and the fix. Exit code 2."""


class Settings(BaseSettings):
    """All of Driftline's settings; ``docs/operations.md`` lists them by their variables."""

    model_config = SettingsConfigDict(
        env_prefix="DRIFTLINE_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    home: Path = Field(Path(".driftline"), description="state folder of the local stack")
    kafka: str | None = Field(None, description="bootstrap servers, host:port[,host:port]")
    redis: SecretStr | None = Field(None, description="redis:// or rediss:// URL")
    mlflow: str | None = Field(None, description="MLflow tracking URI: http(s)://… or sqlite:///…")
    kafka_port: int = Field(0, ge=0, le=65535, description="of the local stack's broker; 0 takes a free one")
    redis_port: int = Field(0, ge=0, le=65535, description="of the local stack's Redis; 0 takes a free one")
    topic_prefix: str = Field("driftline.", pattern=r"^[A-Za-z0-9._-]*$", max_length=100)
    partitions: int = Field(2, ge=1, le=256, description="of the contacts, predictions and labels topics")
    salt: SecretStr | None = Field(None, description="of the contact ids; without one, one is made and kept in home")
    transactions: Literal["auto", "on", "off"] = "auto"

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca_file: Path | None = None
    redis_password: SecretStr | None = None

    openai_base_url: str = Field("https://api.openai.com/v1", description="of any endpoint that speaks its protocol")
    openai_api_key: SecretStr | None = None
    openai_model: str = Field("gpt-4o-mini", min_length=1)
    openai_timeout: Annotated[float, Field(gt=0, le=3600)] = Field(60.0, description="seconds that a call may take")
    openai_answer_tokens: int = Field(150, ge=50, le=10_000, description="that an answer may take per profile")
    openai_input_price: Annotated[float, Field(ge=0)] | None = Field(None, description="USD per million tokens")
    openai_output_price: Annotated[float, Field(ge=0)] | None = Field(None, description="USD per million tokens")
    ideal_customer: str | None = Field(None, max_length=500, description="companies that llm_company_fit calls ideal")

    window: int = Field(500, ge=50, le=100_000, description="contacts in the current window")
    pane: int = Field(50, ge=1, le=10_000, description="contacts a pane holds")
    false_alarm_rate: Annotated[float, Field(gt=0, lt=1)] = 0.05
    horizon: int = Field(20_000, ge=100, description="contacts that the false-alarm rate is promised for")
    investigate_share: Annotated[float, Field(gt=0, le=1)] = 0.20
    alert_share: Annotated[float, Field(gt=0, le=1)] = 0.50
    runbook_url: str | None = Field(None, description="of the monitoring guide; alerts add # and their kind")
    quiet_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        2.0, description="a partition without news for this long shows its partial pane"
    )
    label_horizon: int = Field(5_000, ge=100, description="labels that the false-alarm rate is promised for")
    min_engagement: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.10, description="a window of labels with fewer engaged asks for a new model; 0 never does"
    )
    max_champion_days: Annotated[float, Field(ge=0)] = Field(
        90.0, description="an older champion asks for a new model; 0 never does"
    )
    new_labels: int = Field(500, ge=0, description="more labels since the champion ask for a new model; 0 never does")
    min_labels: int = Field(200, ge=1, description="below it a challenger stays in shadow")
    training_data: Path | None = Field(
        None, description="labelled contacts that every model is trained on; without them, invented ones"
    )
    feature_set: Literal["driftline", "original"] = "driftline"
    cooldown_seconds: Annotated[float, Field(ge=0)] = Field(
        600.0, description="from one retraining to the next; alerts wait for it"
    )
    retrain_seconds: Annotated[float, Field(gt=0)] = Field(600.0, description="that a training may take")
    retrain_memory_mb: int = Field(4_096, ge=256, description="of address space that a training may take")
    report_seconds: Annotated[float, Field(gt=0)] = Field(120.0, description="that an Evidently report may take")
    report_memory_mb: int = Field(4_096, ge=256, description="of address space that an Evidently report may take")
    instance: str = Field(
        default_factory=platform.node,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="name of this worker among its like",
    )
    batch: int = Field(500, ge=1, le=10_000, description="contacts scored at a time")

    api_host: str = Field("127.0.0.1", min_length=1, description="where the API listens")
    api_port: int = Field(0, ge=0, le=65535, description="of the API; 0 takes a free one")
    api_key: SecretStr | None = Field(None, description="what clients of the API have to send; without one, nothing")
    api_max_bytes: int = Field(32 * 1024**2, ge=1_024, description="of a request's body")
    api_spool_bytes: int = Field(
        256 * 1024**2, ge=1024**2, description="of contacts that the API has answered and the broker not taken yet"
    )
    dashboard_host: str = Field("127.0.0.1", min_length=1, description="where the dashboard listens")
    dashboard_port: int = Field(0, ge=0, le=65535, description="of the dashboard; 0 takes a free one")
    dashboard_token: SecretStr | None = Field(
        None, min_length=8, description="what its actions ask for; without one, one is made and kept in home"
    )
    prediction_log_bytes: int = Field(50 * 1024**2, ge=10_000, description="of logs/predictions.jsonl")
    prediction_log_files: int = Field(5, ge=1, le=1_000, description="full ones that are kept")
    metrics_host: str = Field("127.0.0.1", min_length=1, description="where a worker's metrics are served")
    metrics_port: int = Field(
        0, ge=0, le=65535, description="of a worker's metrics, of a local stack's first worker's; 0 takes a free one"
    )
    log_format: Literal["text", "json"] = "text"

    webhook_urls: SecretStr | None = Field(
        None, description="who is told of alerts: URLs, with alertmanager+ or slack+ before those of that format"
    )
    webhook_secret: SecretStr | None = Field(None, description="signs what is sent; without one, nothing does")
    webhook_level: Level = Field("monitor", description="from which on alerts are sent")
    webhook_seconds: Annotated[float, Field(gt=0, le=120)] = Field(10.0, description="that an answer may take")
    dashboard_url: str | None = Field(None, description="under which people reach the dashboard, for links")

    @field_validator("kafka")
    @classmethod
    def _is_host_and_port(cls, value: str | None) -> str | None:
        for server in (value or "").split(",") if value is not None else ():
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError("is not host:port; write it like 127.0.0.1:9092")
        return value

    @field_validator("redis")
    @classmethod
    def _is_redis_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("redis://", "rediss://")):
            raise ValueError("is not a Redis URL; write it like redis://127.0.0.1:6379/0")
        return value

    @field_validator("api_key", "openai_api_key")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch("[!-~]([ -~]*[!-~])?", value.get_secret_value()):
            raise ValueError("has characters that no HTTP header carries everywhere; take visible ASCII")
        return value

    @field_validator("openai_base_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[^/\s@]+(/[^\s@]*)?", value) or not _has_port(value):
            raise ValueError("is not an http(s) URL without a password; write it like http://127.0.0.1:11434/v1")
        return value

    @field_validator("webhook_urls")
    @classmethod
    def _are_webhooks(cls, value: SecretStr | None) -> SecretStr | None:
        for number, url in enumerate(value.get_secret_value().split(",") if value is not None else (), 1):
            found = WEBHOOK.fullmatch(url.strip())
            if found is None or not _has_port(found["url"]):
                raise ValueError(
                    f"has no http(s) URL as number {number}; write slack+https://… or alertmanager+http://…"
                )
        return value

    @field_validator("dashboard_url")
    @classmethod
    def _is_page(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("is not an http(s) URL; write it like https://drift.example.invalid")
        return value and value.rstrip("/")

    @field_validator("mlflow")
    @classmethod
    def _is_tracking_uri(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://", "sqlite:///")):
            raise ValueError("is not a tracking URI; write it like sqlite:////var/lib/driftline/mlflow.db")
        return value

    @field_validator("runbook_url")
    @classmethod
    def _is_a_page(cls, value: str | None) -> str | None:
        if value is not None and (not value.startswith(("http://", "https://")) or "#" in value):
            raise ValueError("is not an http(s) URL without #; write it like https://docs.example.com/monitoring.html")
        return value

    def topic(self, name: str) -> str:
        """The full name of a topic: prefix and name."""
        return f"{self.topic_prefix}{name}"

    def to_environment(self) -> dict[str, str]:
        """The variables that make the same settings in another process; with the secrets in clear."""
        return {
            f"DRIFTLINE_{name.upper()}": str(value.get_secret_value() if isinstance(value, SecretStr) else value)
            for name in self.model_fields_set
            if (value := getattr(self, name)) is not None
        }

    @property
    def redis_url(self) -> str | None:
        """The Redis URL in clear, for the client alone."""
        return self.redis.get_secret_value() if self.redis else None

    @property
    def api_address(self) -> str | None:
        """Where the API is reached from this machine, as far as its port is known."""
        return _address(self.api_host, self.api_port)

    @property
    def dashboard_address(self) -> str | None:
        """Where the dashboard is reached from this machine, as far as its port is known."""
        return _address(self.dashboard_host, self.dashboard_port)

    def alert_page(self, alert_id: str) -> str | None:
        """Where people read about an alert, as far as the dashboard's address is known."""
        base = self.dashboard_url or self.dashboard_address
        return base and f"{base}/alerts/{alert_id}"

    @property
    def metrics_address(self) -> str:
        """Where this worker's metrics are read from this machine, once its port is known."""
        return f"{_address(self.metrics_host, self.metrics_port)}/metrics"

    @property
    def stack_file(self) -> Path:
        """Where a running local stack leaves its addresses."""
        return self.home / "stack.json"


def _has_port(url: str) -> bool:
    """Whether the port of a URL is one, if it names any."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment; what it leaves open comes from the local stack of ``home`` if that is up.

    Raises:
        SettingsError: one line that names the variable and what it should be.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        name = "DRIFTLINE_" + str(first["loc"][0] if first["loc"] else "").upper()
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name} {message[0].lower()}{message[1:]}") from None
    if settings.pane > settings.window or settings.window % settings.pane:
        raise SettingsError(
            f"DRIFTLINE_PANE ({settings.pane}) must divide DRIFTLINE_WINDOW ({settings.window}); try a tenth of it"
        )
    return settings.model_copy(update=_of_local_stack(settings))


def _of_local_stack(settings: Settings) -> dict[str, Any]:
    """Addresses of the running local stack for the parts that no variable names."""
    if settings.kafka is not None:
        return {}
    try:
        addresses = json.loads(settings.stack_file.read_text("utf-8"))["addresses"]
    except (OSError, ValueError, KeyError):
        return {}
    found: dict[str, Any] = {"kafka": addresses["kafka"]}
    if settings.redis is None:
        found["redis"] = SecretStr(addresses["redis"])
    if settings.mlflow is None:
        found["mlflow"] = addresses["mlflow"]
    for server in ("api", "dashboard"):
        if not getattr(settings, f"{server}_port") and server in addresses:
            found[f"{server}_port"] = int(addresses[server].rpartition(":")[2])
    return found


def _address(host: str, port: int) -> str | None:
    if not port:
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
