"""`driftline dashboard`: one process that reads the topics and shows what it read."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from threading import Event as Flag
from threading import Thread

from driftline.fastapi_server import listen, serve
from driftline.kafka_clients import connection
from driftline.kept_secret import DASHBOARD_TOKEN, kept_secret
from driftline.prometheus_metrics import DashboardMetrics
from driftline.settings import Settings
from monitor.dashboard_actions import Actions, Reports
from monitor.dashboard_feed import Feed
from monitor.fastapi_dashboard import LOOPBACK, Dashboard, create_app
from monitor.kafka_dashboard import KafkaDashboard, new_state

Say = Callable[[str], None]
END_SECONDS = 1.0
"""For what is being read at the end."""


def run(settings: Settings, say: Say, stop: Flag, metrics: DashboardMetrics | None = None) -> None:
    """Serve until ``stop`` is set, or a signal comes.

    Raises:
        SettingsError: no broker is named, the address is taken, or there is no place to keep a token.
        RuntimeError: something on the topics, or in here, is not as foreseen.
    """
    connection(settings)
    token, where = _token(settings)
    listener = listen(settings.dashboard_host, settings.dashboard_port, "DRIFTLINE_DASHBOARD")
    settings = settings.model_copy(update={"dashboard_port": listener.getsockname()[1]})
    environment = dict(os.environ) | settings.to_environment()
    feed = Feed(new_state(settings), lambda: datetime.now(UTC))
    dashboard = Dashboard(
        feed=feed,
        actions=Actions(settings, feed, say, environment),
        reports=Reports(settings.home / "reports", feed, say, environment),
        assets=Path(str(files("monitor") / "dashboard")),
        token=token,
        host=settings.dashboard_host,
        say=say,
    )
    reader = KafkaDashboard(settings, feed, say, stop)
    Thread(target=_close, args=(stop, feed), daemon=True).start()
    reader.start()
    try:
        _say_where(settings, listener, where, say)
        serve(create_app(dashboard, metrics or DashboardMetrics()), listener, stop)
    finally:
        stop.set()
        reader.join(END_SECONDS)
    if reader.fault is not None:
        raise RuntimeError(f"the topics could not be read on: {reader.fault!r}") from reader.fault


def _token(settings: Settings) -> tuple[str, str]:
    """The token, and where it is."""
    if settings.dashboard_token is not None:
        return settings.dashboard_token.get_secret_value(), "is what DRIFTLINE_DASHBOARD_TOKEN says"
    token = kept_secret(settings.home, DASHBOARD_TOKEN, "DRIFTLINE_DASHBOARD_TOKEN").strip()  # an editor ends lines
    return token, f"is in {settings.home.absolute() / DASHBOARD_TOKEN}"


def _say_where(settings: Settings, listener: socket.socket, where: str, say: Say) -> None:
    say(f"the dashboard is at {settings.dashboard_address} (the token for its actions {where})")
    if settings.dashboard_host not in LOOPBACK:
        say(f"WARNING: {settings.dashboard_host} is beyond this machine, and looking on asks for no token")


def _close(stop: Flag, feed: Feed) -> None:
    stop.wait()
    feed.close()
