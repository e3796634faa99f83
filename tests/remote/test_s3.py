"""The same against a real S3-compatible server, over HTTP."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import remote
from core.cli import main
from core.errors import BadInput, NotFound
from core.remote.inlet import PROBE_BYTES

EVENTS = "net/events.out.tfevents.1"
Curves = tuple[list[float], list[float]]


def test_new_grown_replaced_and_deleted(s3: Any) -> None:
    first, more = os.urandom(300_000), os.urandom(700)
    s3.put(EVENTS, first)
    s3.put("net/trace/a.pt.trace.json.gz", b"trace")
    mirror = remote.sync(s3.url)
    assert mirror.fetched_bytes == 300_005
    assert remote.sync(s3.url).fetched_bytes == 0

    s3.put(EVENTS, first + more)
    assert remote.sync(s3.url).fetched_bytes == PROBE_BYTES + 700
    assert (mirror.path / EVENTS).read_bytes() == first + more

    s3.put(EVENTS, first[::-1])
    remote.sync(s3.url)
    assert (mirror.path / EVENTS).read_bytes() == first[::-1]

    s3.remove("net/trace/a.pt.trace.json.gz")
    remote.sync(s3.url)
    assert not (mirror.path / "net/trace").exists()


def test_times_are_those_of_the_server(s3: Any) -> None:
    s3.put(EVENTS, b"e")
    path = remote.sync(s3.url).path / EVENTS
    assert path.stat().st_mtime == s3.fs.info(f"{s3.base}/{EVENTS}")["LastModified"].timestamp()


def test_keys_that_look_like_paths_out_of_the_bucket(s3: Any, tmp_path: Path) -> None:
    bucket = s3.base.split("/")[0]
    for key in ("logs/../../tfevents", "logs//etc/tfevents", "logs/a\\..\\tfevents"):
        s3.fs.call_s3("put_object", Bucket=bucket, Key=key, Body=b"evil")
    s3.put(EVENTS, b"e")
    mirror = remote.sync(s3.url)
    assert [path for path in mirror.path.rglob("*") if path.is_file()] == [mirror.path / EVENTS]
    assert mirror.problems[0].count("tfevents") == 3


def test_a_server_that_is_gone_leaves_the_mirror_and_one_line(
    s3: Any, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    s3.put(EVENTS, b"e")
    remote.sync(s3.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_port}")
    mirror = remote.sync(s3.url)
    assert (mirror.path / EVENTS).read_bytes() == b"e"
    (problem,) = mirror.problems
    assert "cannot be reached" in problem
    assert "What is shown is the state of" in problem
    assert "?" not in problem


def test_a_server_that_was_never_there_is_one_line(
    s3_account: None, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_port}")
    with pytest.raises(BadInput, match="s3://bucket/logs cannot be reached"):
        remote.sync("s3://bucket/logs")


def test_a_missing_bucket_is_one_line(s3: Any) -> None:
    with pytest.raises(NotFound, match="There is nothing at s3://no-such-bucket"):
        remote.sync("s3://no-such-bucket/logs")


def test_missing_credentials_are_one_line_and_can_be_given_later(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put(EVENTS, b"e")
    with monkeypatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(BadInput, match="AWS_ACCESS_KEY_ID"):
            remote.sync(s3.url)
    assert remote.sync(s3.url).fetched_bytes == 1


def test_the_command_line_takes_a_url_and_names_it(
    s3: Any,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    write_losses: Callable[..., Path],
    overfitting: Curves,
) -> None:
    s3.put_folder(write_losses(tmp_path / "there" / "net", *overfitting).parent)
    s3.put("broken/events.out.tfevents.1", b"no event file at all, by no means")
    assert main(["dynamics", s3.url, "--json"]) == 0
    shown = capsys.readouterr()
    (verdict,) = json.loads(shown.out)
    assert (verdict["run"], verdict["verdict"]) == ("net", "overfitting")
    assert f"warning: {s3.url}/broken/events.out.tfevents.1: " in shown.err
    assert str(tmp_path) not in shown.err
