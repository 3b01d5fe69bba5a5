"""A real Apache Kafka for tests: one KRaft node on free loopback ports, which can be killed and started again.

Needs Java 17, and mvn for the first time: the jars are fetched into ``.driftline/kafka-VERSION`` (or are where
``DRIFTLINE_TEST_KAFKA`` says).
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = "4.1.0"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""


def kafka_libs() -> Path:
    """The folder with Kafka's jars, fetched if need be."""
    told = os.environ.get("DRIFTLINE_TEST_KAFKA")
    folder = Path(told) if told else Path(__file__).parent.parent / ".driftline" / f"kafka-{VERSION}"
    if not list((folder / "libs").glob("kafka_*.jar")):
        with tempfile.TemporaryDirectory() as scratch:
            pom = Path(scratch) / "pom.xml"
            pom.write_text(POM)
            goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'libs'}"]
            subprocess.run(["mvn", "-q", "-B", "-f", str(pom), *goal], check=True, timeout=540)
    return folder / "libs"


class KafkaServer:
    """One node: broker and controller.

    Args:
        password: clients have to authenticate as ``driftline`` with it (SASL PLAIN).
    """

    def __init__(self, home: Path, password: str | None = None) -> None:
        self.home = home
        self.port, controller = free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._java = ["java", "-Xmx320m", "-cp", f"{kafka_libs()}/*"]
        self._config = home / "server.properties"
        self._config.write_text(
            f"""node.id=1
process.roles=broker,controller
listeners=CLIENTS://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENTS://{self.address}
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENTS
listener.security.protocol.map=CONTROLLER:PLAINTEXT,CLIENTS:{"SASL_PLAINTEXT" if password else "PLAINTEXT"}
{_sasl(password) if password else ""}
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={home / "log"}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
message.max.bytes=5000000
"""
        )
        format_it = ["kafka.tools.StorageTool", "format", "-t", "5L6g3nShT-eMCtK--X86sw", "-c", str(self._config)]
        subprocess.run([*self._java, *format_it], check=True, capture_output=True, timeout=60)

    def start(self) -> None:
        """Start, or start again on the same port and data; returns when it answers."""
        with (self.home / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(self._config)], stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.2)
        raise TimeoutError(f"Kafka did not start: see {self.home / 'kafka.log'}")

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def kafka_server(home: Path, password: str | None = None) -> Iterator[KafkaServer]:
    """A started server, killed at the end."""
    server = KafkaServer(home, password)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _sasl(password: str) -> str:
    module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    user = f'username="driftline" password="{password}" user_driftline="{password}"'
    return f"""sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.clients.plain.sasl.jaas.config={module} {user};"""


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
