"""Alerts reach the allowed URL, and whatever a server does, the training goes on."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core.training import webhook as module
from core.training.webhook import MAX_WAITING, Webhook


class Server(ThreadingHTTPServer):
    """Answers with ``code`` after ``delay_s`` and keeps what it was sent."""

    daemon_threads = True
    code, delay_s = 200, 0.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[Any] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/secret"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers["Content-Type"], json.loads(body)))
        time.sleep(self.server.delay_s)
        self.send_response(self.server.code)
        if self.server.code == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as started:
        threading.Thread(target=started.serve_forever, daemon=True).start()
        yield started
        started.shutdown()


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="core")
    return caplog


def test_an_alert_is_posted_as_json(server, told):
    hook = Webhook(server.url)
    hook.post({"run": "a", "verdict": "overfitting", "step": 3, "reason": "rose"})
    hook.close()
    content = {"run": "a", "verdict": "overfitting", "step": 3, "reason": "rose"}
    assert server.seen == [("/secret", "application/json", content)]
    assert told.messages == []


@pytest.mark.parametrize("code", [500, 404, 302])
def test_a_server_that_refuses_is_one_line_and_no_redirect_is_followed(server, told, code):
    server.code = code
    hook = Webhook(server.url)
    hook.post({"run": "a"})
    hook.close()
    assert told.messages == [f"webhook: the server answered {code}"]
    assert [path for path, _, _ in server.seen] == ["/secret"]


def test_a_server_that_hangs_holds_nothing_up(server, told, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_S", 0.3)
    server.delay_s = 2.0
    hook = Webhook(server.url)
    started = time.monotonic()
    for number in range(3 * MAX_WAITING):
        hook.post({"step": number})
    assert time.monotonic() - started < 0.2
    hook.close()
    assert time.monotonic() - started < 1.0
    assert "webhook: an alert was dropped, the server is too slow" in told.messages


def test_a_port_where_nobody_listens_is_one_line(told):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    hook = Webhook(f"http://127.0.0.1:{port}/")
    hook.post({"run": "a"})
    hook.close()
    assert told.messages == ["webhook: not delivered (ConnectionRefusedError)"]


@pytest.mark.parametrize(
    "url",
    ["file:///etc/hostname", "ftp://host/x", "data:,x", "gopher://host", "host:80/x", "//host/x",
     "http://", "http:///x", "http://host:99999/", "http://[::1", "http://host/\r\nX: 1",
     "javascript:alert(1)", " ", "http://ho st/"],
)  # fmt: skip
def test_any_other_kind_of_url_is_refused_in_one_line(told, url):
    hook = Webhook(url)
    hook.post({"run": "a"})
    hook.close()
    assert len(told.messages) == 1
    assert told.messages[0].startswith("webhook off: GPULSE_WEBHOOK_URL")
    assert hook._thread is None


def test_without_a_url_there_is_neither_thread_nor_line(told):
    hook = Webhook("")
    hook.post({"run": "a"})
    hook.close()
    assert told.messages == []
    assert hook._thread is None
