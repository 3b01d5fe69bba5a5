"""The Faust app itself: its connection, security and timing; the agents are in faust_monitor.py."""

from __future__ import annotations

import ssl
from typing import Any

import faust
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Producer, Transport

from driftline.kafka_clients import SESSION_TIMEOUT_MS, SIDE_BY_SIDE, has_transactions
from driftline.settings import Settings
from driftline.topics import LARGEST_MESSAGE

GROUP = "monitor"
FETCH_MAX_WAIT_MS = 50


def make_app(settings: Settings) -> Any:
    """An app without tables and without a web server, whose fetches do not hold contacts up."""
    app = _App(
        f"{settings.topic_prefix}{GROUP}",
        broker=[f"kafka://{server}" for server in (settings.kafka or "").split(",")],
        broker_credentials=_credentials(settings),
        store="memory://",
        topic_disable_leader=True,
        web_enabled=False,
        broker_session_timeout=SESSION_TIMEOUT_MS / 1000,
        broker_heartbeat_interval=1,
        broker_commit_interval=0.5,
        producer_linger=0.005,  # seconds
        producer_max_request_size=LARGEST_MESSAGE,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=SIDE_BY_SIDE["max_partition_fetch_bytes"],
        stream_wait_empty=False,
        datadir=settings.home / "faust",
    )
    app.idempotent = has_transactions(settings)
    return app


def _credentials(settings: Settings) -> Any:
    if settings.kafka_security_protocol == "PLAINTEXT":
        return None
    context = None
    if settings.kafka_security_protocol.endswith("SSL"):
        context = ssl.create_default_context(cafile=settings.kafka_ca_file)
    if settings.kafka_security_protocol == "SSL":
        return context
    password = settings.kafka_password
    return faust.SASLCredentials(
        username=settings.kafka_username,
        password=password.get_secret_value() if password else None,
        mechanism=settings.kafka_sasl_mechanism,
        ssl_context=context,
    )


class _Fetching(AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust is untyped
    """What Faust has no setting for: how long a fetch waits (1.5 s, and contacts would be as late) and its size."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        consumer._fetch_max_bytes = SIDE_BY_SIDE["fetch_max_bytes"]
        return consumer


class _Consumer(Consumer):  # type: ignore[misc]
    def _new_consumer_thread(self) -> Any:
        return _Fetching(self, loop=self.loop, beacon=self.beacon)


class _Producer(Producer):  # type: ignore[misc]
    """Idempotent where the broker can be (the embedded one cannot): a retry must not write an alert twice."""

    def _settings_extra(self) -> dict[str, Any]:
        return {"acks": "all", "enable_idempotence": self.app.idempotent}


class _Transport(Transport):  # type: ignore[misc]
    Consumer = _Consumer
    Producer = _Producer


class _App(faust.App):  # type: ignore[misc]
    idempotent = False

    def _new_transport(self) -> Any:
        return _Transport(self.conf.broker_consumer, self)
