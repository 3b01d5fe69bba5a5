"""Reads Driftline's alerts and prints a line of each.

``python examples/consume_alerts.py [BOOTSTRAP [GROUP [TOPIC]]]``

Needs kafka-python alone. The offset is committed after an alert has been dealt with, so one that was not is read again
after a crash: each is dealt with at least once. A repeated state change has the same ``ce_id``, which is remembered.
"""

import json
import sys
from collections import deque
from contextlib import closing, suppress

from kafka import KafkaConsumer


def handle(alert: dict) -> None:  # type: ignore[type-arg]
    """Here goes what your team does: a message, a ticket, a pause of the campaign."""
    print(f"{alert['state']:8} {alert['level']:11} {alert['summary']} → {alert['runbook']}", flush=True)


def main(bootstrap: str = "127.0.0.1:29092", group: str = "my-team", topic: str = "driftline.alerts") -> None:
    """Until Ctrl-C; the next run with the same group goes on where this one was."""
    seen: deque[str] = deque(maxlen=500)
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6_000,  # the embedded broker of `driftline up` lets a group in after half of it
        heartbeat_interval_ms=2_000,
    )
    with closing(consumer):
        for record in consumer:
            ce_id = dict(record.headers)["ce_id"].decode()
            alert = json.loads(record.value)
            if ce_id not in seen and alert["schema"] == "driftline.alert/1":
                handle(alert)
                seen.append(ce_id)
            consumer.commit()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
