"""Settings: one line for what is wrong, and no secret shown."""

import json
from pathlib import Path

import pytest

from driftline.kafka_clients import connection
from driftline.redis_client import redis_address
from driftline.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DRIFTLINE_KAFKA", "localhost"),
        ("DRIFTLINE_KAFKA", "localhost:99999"),
        ("DRIFTLINE_REDIS", "localhost:6379"),
        ("DRIFTLINE_MLFLOW", "mlruns"),
        ("DRIFTLINE_WINDOW", "many"),
        ("DRIFTLINE_FALSE_ALARM_RATE", "2"),
        ("DRIFTLINE_TRANSACTIONS", "maybe"),
        ("DRIFTLINE_TOPIC_PREFIX", "a b"),
        ("DRIFTLINE_PANE", "70"),
        ("DRIFTLINE_MIN_ENGAGEMENT", "1.5"),
        ("DRIFTLINE_MAX_CHAMPION_DAYS", "-1"),
        ("DRIFTLINE_NEW_LABELS", "some"),
        ("DRIFTLINE_LABEL_HORIZON", "0"),
        ("DRIFTLINE_RUNBOOK_URL", "our wiki"),
        ("DRIFTLINE_API_PORT", "70000"),
        ("DRIFTLINE_METRICS_PORT", "70000"),
        ("DRIFTLINE_LOG_FORMAT", "xml"),
        ("DRIFTLINE_API_SPOOL_BYTES", "1"),
        ("DRIFTLINE_API_KEY", "clé hunter2"),
        ("DRIFTLINE_OPENAI_API_KEY", "hunter2\n"),
        ("DRIFTLINE_OPENAI_BASE_URL", "http://"),
        ("DRIFTLINE_OPENAI_BASE_URL", "http://[::1/v1"),
        ("DRIFTLINE_OPENAI_BASE_URL", "http://127.0.0.1:99999/v1"),
        ("DRIFTLINE_WEBHOOK_URLS", "https://a.example.invalid/x,hooks.example.invalid/hunter2"),
        ("DRIFTLINE_WEBHOOK_URLS", "teams+https://hooks.example.invalid/hunter2"),
        ("DRIFTLINE_WEBHOOK_URLS", "http://hooks.example.invalid:99999/hunter2"),
        ("DRIFTLINE_WEBHOOK_LEVEL", "loud"),
        ("DRIFTLINE_DASHBOARD_URL", "drift.example.invalid"),
        ("DRIFTLINE_REPORT_SECONDS", "0"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as fault:
        load_settings()
    assert name in str(fault.value)
    assert "\n" not in str(fault.value)
    assert "hunter2" not in str(fault.value)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLINE_REDIS", "redis://user:hunter2@127.0.0.1:6379/0")
    monkeypatch.setenv("DRIFTLINE_KAFKA_PASSWORD", "hunter2")
    monkeypatch.setenv("DRIFTLINE_WEBHOOK_URLS", "slack+https://hooks.example.invalid/hunter2")
    settings = load_settings()
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()
    assert redis_address(settings) == "127.0.0.1:6379/0"


def test_settings_told_by_environment_are_the_same_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(
        window=200, pane=20, false_alarm_rate=0.01, kafka="broker:9092", redis="redis://:hunter2@127.0.0.1:6379/0"
    )
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_a_dotenv_file_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DRIFTLINE_KAFKA=broker:9092\n")
    assert load_settings().kafka == "broker:9092"


@pytest.mark.parametrize("server", ["api", "dashboard"])
def test_a_server_is_where_its_port_says_or_where_the_local_stack_has_it(tmp_path: Path, server: str) -> None:
    def address(**settings: object) -> str | None:
        found: str | None = getattr(load_settings(**settings), f"{server}_address")
        return found

    assert address() is None
    assert address(**{f"{server}_port": 8000, f"{server}_host": "0.0.0.0"}) == "http://127.0.0.1:8000"
    assert address(**{f"{server}_port": 8000, f"{server}_host": "::1"}) == "http://[::1]:8000"
    (tmp_path / ".driftline").mkdir()
    at = {"kafka": "127.0.0.1:1", "redis": "redis://h:2", "mlflow": "x", server: "http://127.0.0.1:3"}
    (tmp_path / ".driftline" / "stack.json").write_text(json.dumps({"addresses": at}))
    assert address() == "http://127.0.0.1:3"


def test_without_a_broker_the_message_says_how_to_get_one() -> None:
    with pytest.raises(SettingsError, match="driftline up"):
        connection(load_settings())


def test_sasl_without_a_password_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLINE_KAFKA", "broker:9092")
    monkeypatch.setenv("DRIFTLINE_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(SettingsError, match="DRIFTLINE_KAFKA_PASSWORD"):
        connection(load_settings())


def test_the_local_stack_of_the_home_is_used_when_nothing_is_named(tmp_path: Path) -> None:
    home = tmp_path / ".driftline"
    home.mkdir()
    (home / "stack.json").write_text(
        '{"addresses": {"kafka": "127.0.0.1:1", "redis": "redis://127.0.0.1:2/0", "mlflow": "sqlite:///x"}}'
    )
    assert load_settings().kafka == "127.0.0.1:1"
    assert load_settings().redis_url == "redis://127.0.0.1:2/0"
