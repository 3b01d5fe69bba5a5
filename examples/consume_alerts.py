"""Reads Driftline's alerts and prints a line of each.

``python examples/consume_alerts.py [BOOTSTRAP [GROUP [TOPIC]]]``

Needs kafka-python alone. The offset is committed after an alert has been dealt with, so one that was not is read again
after a crash: each is dealt with at least once. A repeated state change has the same ``ce_id``, which is remembered.
Records of another type, such as a later version of the contract, are said and left out. Kinds of alert may be added.
"""

import json
import sys
from collections import deque
from contextlib import closing, suppress

from kafka import KafkaConsumer

ALERT = b"driftline.alert.v1"


def handle(alert: dict) -> None:  # type: ignore[type-arg]
    """Here goes what your team does: a message, a ticket, a pause of the campaign."""
    print(f"{alert['state']:8} {alert['level']:11} {alert['summary']} → {alert['runbook']}", flush=True)


def main(bootstrap: str = "127.0.0.1:29092", group: str = "my-team", topic: str = "driftline.alerts") -> None:
    """Until Ctrl-C; the next run with the same group goes on where this one was."""
    seen: deque[bytes] = deque(maxlen=500)
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
            headers = dict(record.headers)
            if headers.get("ce_type") != ALERT:
                print(f"offset {record.offset} left out, it is no {ALERT.decode()}", file=sys.stderr)
            elif headers["ce_id"] not in seen:
                handle(json.loads(record.value))
                seen.append(headers["ce_id"])
            consumer.commit()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
