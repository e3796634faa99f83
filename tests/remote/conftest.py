"""Remote folders to test with: in memory, on this disk, and on a real S3-compatible server."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest


class Remote:
    """A remote folder that a test writes into."""

    def __init__(self, url: str, **options: bool) -> None:
        self.url = url
        self.fs, self.base = fsspec.url_to_fs(url, skip_instance_cache=True, **options)

    def put(self, name: str, content: bytes) -> None:
        self.fs.pipe_file(f"{self.base}/{name}", content)

    def put_folder(self, folder: Path) -> None:
        """The files of a folder, under their own relative names."""
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.put(file.relative_to(folder).as_posix(), file.read_bytes())

    def remove(self, name: str) -> None:
        self.fs.rm_file(f"{self.base}/{name}")


@pytest.fixture
def memory() -> Iterator[Remote]:
    """A folder of fsspec's own file system in memory."""
    remote = Remote(f"memory://{uuid.uuid4().hex}/logs")
    yield remote
    remote.fs.store.clear()
    remote.fs.pseudo_dirs[:] = [""]


@pytest.fixture
def disk(tmp_path: Path) -> Remote:
    """A folder of this disk by a URL."""
    folder = tmp_path / "elsewhere" / "logs"
    folder.mkdir(parents=True)
    return Remote(f"file://{folder}", auto_mkdir=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def unused_port() -> int:
    """A port that nothing listens on."""
    return _free_port()


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    """The port of an S3-compatible server, a process of its own."""
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None, "the server ended at once"
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def s3_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials for the server, and none of the user's own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def s3(s3_port: int, s3_account: None, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """A folder in a new bucket of the server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_port}")
    bucket = uuid.uuid4().hex
    remote = Remote(f"s3://{bucket}/logs")
    remote.fs.mkdir(bucket)
    return remote
