from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import BadInput
from core.settings import settings


def test_roots_are_separated_like_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GPULSE_ROOTS", os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")]))
    monkeypatch.setenv("GPULSE_RUNS_DIR", str(tmp_path / "runs"))
    assert settings().all_roots == (tmp_path / "runs", tmp_path / "a", tmp_path / "b")


def test_a_root_named_twice_counts_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GPULSE_ROOTS", str(tmp_path))
    monkeypatch.setenv("GPULSE_RUNS_DIR", str(tmp_path))
    assert settings().all_roots == (tmp_path,)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("runs:s3://bucket/logs:/data", ("runs", "s3://bucket/logs", "/data")),
        ("s3://bucket:gs://other/a/b", ("s3://bucket", "gs://other/a/b")),
        ("sftp://me:pw@host:22/logs:x", ("sftp://me:pw@host:22/logs", "x")),
        ("http://host:8000:/data", ("http://host:8000", "/data")),
        ("a:b:", ("a", "b")),
        ("memory://a/b", ("memory://a/b",)),
    ],
)
def test_a_colon_inside_a_url_separates_nothing(
    monkeypatch: pytest.MonkeyPatch, text: str, parts: tuple[str, ...]
) -> None:
    monkeypatch.setenv("GPULSE_ROOTS", text)
    assert settings().roots == parts
    assert settings().remotes == tuple(part for part in parts if "://" in part)


def test_a_remote_root_is_read_from_its_mirror_and_shown_as_its_url(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GPULSE_RUNS_DIR", str(tmp_path))
    monkeypatch.setenv("GPULSE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("GPULSE_ROOTS", "sftp://me:pw@host/logs/")
    _, mirror = settings().all_roots
    assert mirror.parent == tmp_path / "state" / "remote"
    assert "pw" not in mirror.name
    assert settings().shown_roots == (str(tmp_path), "sftp://me:***@host/logs")


def test_mirrors_of_similar_urls_differ() -> None:
    urls = ("s3://a/b-c", "s3://a/b/c", "s3://a-b/c", "s3://" + "x" * 99, "s3://" + "x" * 98)
    assert len({settings().mirror(url) for url in urls}) == len(urls)
    assert settings().mirror("s3://a/b") == settings().mirror("s3://a/b/")


def test_folders_with_scripts_are_separated_as_in_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPULSE_SCRIPTS", os.pathsep.join(["/code/a", "b", ""]))
    assert settings().scripts == (Path("/code/a"), Path("b"))


def test_workloads_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPULSE_WORKLOADS", "a.b:c, d:e,")
    assert settings().workloads == ("a.b:c", "d:e")


@pytest.mark.parametrize(("name", "value"), [("CPU_SLOTS", "0"), ("ENGINE", "magic")])
def test_a_bad_value_is_one_line_naming_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GPULSE_{name}", value)
    with pytest.raises(BadInput, match=f"GPULSE_{name}"):
        settings()


def test_alerts_are_posted_nowhere_unless_a_url_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().webhook_url == ""
    monkeypatch.setenv("GPULSE_WEBHOOK_URL", "https://host/path")
    assert settings().webhook_url == "https://host/path"
