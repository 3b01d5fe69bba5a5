"""One webhook over a real connection: taken, to be sent again, or refused."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.httpx_notifier import HttpNotifier, LaterError, RefusedError
from monitor.notifications import receivers
from tests.webhook_server import Reply, WebhookServer


def notifier(url: str) -> HttpNotifier:
    return HttpNotifier(receivers(url)[0], "secret", 0.5)


@pytest.mark.parametrize("status", [200, 202, 204])
def test_what_is_taken_is_signed_and_has_its_key(status: int) -> None:
    with WebhookServer(lambda _: Reply(status)) as server:
        notifier(server.url).post(b"{}", "a/firing/monitor/1")
    (hook,) = server.hooks
    assert (hook.body, hook.change, hook.headers["Content-Type"]) == (b"{}", "a/firing/monitor/1", "application/json")
    assert hook.headers["X-Driftline-Signature"].startswith("t=")


@pytest.mark.parametrize(
    "reply",
    [Reply(408), Reply(425), Reply(429), Reply(500), Reply(503), Reply(cut=True), Reply(delay=2.0)],
    ids=["408", "425", "429", "500", "503", "cut", "slow"],
)
def test_a_receiver_that_is_not_well_is_asked_again(reply: Reply) -> None:
    began = time.monotonic()
    with WebhookServer(lambda _: reply) as server, pytest.raises(LaterError):
        notifier(server.url).post(b"{}", "a")
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410, 422])
def test_a_refusal_is_one_and_a_redirect_too(status: int) -> None:
    with WebhookServer(lambda hook: Reply(status, {"Location": "/elsewhere"})) as server:
        with pytest.raises(RefusedError, match=f"status {status}"):
            notifier(server.url).post(b"{}", "a")
        assert [hook.path for hook in server.hooks] == ["/hook/secret-path"]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("86400", 3_600.0), ("Fri, 01 Jan 2010 00:00:00 GMT", 0.0), ("soon", None), ("-1", None)],
)
def test_the_receiver_may_say_when(header: str, seconds: float | None) -> None:
    with WebhookServer(lambda _: Reply(503, {"Retry-After": header})) as server, pytest.raises(LaterError) as caught:
        notifier(server.url).post(b"{}", "a")
    assert caught.value.after == seconds


def test_nobody_there_is_asked_again() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(LaterError, match="ConnectError"):
        notifier(f"http://127.0.0.1:{port}").post(b"{}", "a")


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[int]:
    """The port of a server whose certificate nobody has signed but itself."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            connection, _ = listening.accept()
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    yield listening.getsockname()[1]
    thread.join(5)
    listening.close()


def test_a_certificate_that_nobody_signed_is_not_believed(untrusted: int) -> None:
    with pytest.raises(LaterError, match="CERTIFICATE_VERIFY_FAILED"):
        notifier(f"https://localhost:{untrusted}").post(b"{}", "a")
