from __future__ import annotations

import re

import pytest

from core import series


@pytest.mark.parametrize(
    ("tag", "chart", "split"),
    [
        ("Loss/train", "Loss", "train"),
        ("Loss/val", "Loss", "validation"),
        ("train/loss", "loss", "train"),
        ("eval/loss", "loss", "validation"),
        ("train_loss", "loss", "train"),
        ("valloss", "loss", "validation"),
        ("Test loss", "loss", "test"),
        ("std_dev", "std_dev", ""),
        ("train_test_gap", "train_test_gap", ""),
        ("train", "train", "train"),
        ("optim/lr", "optim/lr", ""),
    ],
)
def test_a_tag_without_its_split_is_the_title_of_its_chart(
    tag: str, chart: str, split: str
) -> None:
    assert series.chart_of(tag) == chart
    assert series.split_of(tag) == split


@pytest.mark.parametrize(
    ("tag", "folder", "split"),
    [
        ("epoch_loss", "validation", "validation"),
        ("loss", "loss_train", "train"),
        ("train_fold1", "valid_loss", "validation"),
        ("loss", ".", ""),
    ],
)
def test_the_folder_says_more_than_the_tag(tag: str, folder: str, split: str) -> None:
    assert series.split_of(tag, folder) == split


def test_sections_are_what_stands_before_the_first_slash() -> None:
    assert series.section_of("fast_rcnn/cls/accuracy") == "fast_rcnn"
    assert series.section_of("loss") == ""


@pytest.mark.parametrize(
    ("run", "group"),
    [("net_seed3", "net"), ("net-12", "net"), ("exp/seed1", "exp"), ("net", "net"), ("7", "7")],
)
def test_runs_that_differ_in_a_last_number_repeat_one_experiment(run: str, group: str) -> None:
    assert series.strip_seed(run) == group


def test_a_pattern_of_ones_own_tells_seeds_apart() -> None:
    assert series.group_runs(["s1-a", "s2-a"], re.compile(r"^s\d-")) == {"s1-a": "a", "s2-a": "a"}
    assert series.strip_seed("a/x/3", re.compile(r"(?P<group>\w+)/x")) == "a"
