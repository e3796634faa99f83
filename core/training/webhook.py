"""Alerts to a URL that the administrator allowed (``GPULSE_WEBHOOK_URL``); off by default."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_LOG = logging.getLogger(__name__)

TIMEOUT_S = 3.0
MAX_WAITING = 8
"""Alerts that wait for a slow server; those beyond are dropped."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would lead to a URL that nobody allowed: it counts as a failure."""

    def redirect_request(self, *_args: Any) -> None:
        return None


class Webhook:
    """Posts JSON from a thread of its own. Nothing that happens there reaches the training.

    Every failure is one line in the log, without the URL, whose path is often a secret.

    Args:
        url: http or https with a host; "" posts nothing, anything else is refused in the log.
    """

    def __init__(self, url: str) -> None:
        self._url = url if _usable(url) else ""
        if url and not self._url:
            _LOG.warning("webhook off: GPULSE_WEBHOOK_URL must be an http or https URL with a host")
        self._waiting: queue.Queue[bytes | None] = queue.Queue(MAX_WAITING)
        self._opener = urllib.request.build_opener(_NoRedirect)
        self._thread: threading.Thread | None = None
        self._over = False

    def post(self, content: Mapping[str, Any]) -> None:
        """Hand something over; returns at once."""
        if not self._url:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="webhook", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(json.dumps(content).encode())
        except queue.Full:
            _LOG.warning("webhook: an alert was dropped, the server is too slow")

    def close(self) -> None:
        """Give what waits TIMEOUT_S to leave, then drop it."""
        if self._thread is None:
            return
        deadline = time.monotonic() + TIMEOUT_S
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=TIMEOUT_S)
        self._thread.join(max(0.0, deadline - time.monotonic()))
        self._over = True

    def _loop(self) -> None:
        while (content := self._waiting.get()) is not None and not self._over:
            try:
                self._send(content)
            except urllib.error.HTTPError as error:
                _LOG.warning("webhook: the server answered %d", error.code)
                error.close()
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = getattr(error, "reason", error)
                _LOG.warning("webhook: not delivered (%s)", type(reason).__name__)

    def _send(self, content: bytes) -> None:
        request = urllib.request.Request(
            self._url, content, {"Content-Type": "application/json"}, method="POST"
        )
        self._opener.open(request, timeout=TIMEOUT_S).close()


def _usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and url.isascii() and url.isprintable() and " " not in url
