"""The event reader against tbparse and TensorBoard's data server, in CPU seconds and memory."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import dataserver, generate
from tests.bench.measure import Cost, Figure, child, middle, report

NAME = "events.out.tfevents.1700000000.bench.1.0"
SHAPES = {"1 tag": 1, "50 tags": 50}
GROUPS = ("tbparse", "server", "runs", "huge")


class Bench:
    """Folders, files and repeats of one measurement."""

    def __init__(self, folder: Path, repeats: int) -> None:
        self.folder, self.repeats = folder, repeats
        self._states = 0

    def state(self) -> Path:
        """An empty state folder."""
        self._states += 1
        path = self.folder / f"state{self._states}"
        path.mkdir()
        return path

    def case(self, *words: object, state: Path | None = None) -> Cost:
        return child("tests.bench.cases", *words, state=state or self.state())

    def alternated(self, **cases: Callable[[], Cost]) -> dict[str, list[Cost]]:
        """Every case in turn, as often as asked, so that a slow minute hits all alike."""
        costs: dict[str, list[Cost]] = {name: [] for name in cases}
        for _ in range(self.repeats):
            for name, run in cases.items():
                costs[name].append(run())
        return costs


def _tags(count: int) -> list[str]:
    return [f"Loss/part_{index:02}" for index in range(count)]


def _agree(costs: dict[str, list[Cost]], points: int) -> None:
    """Insist that everyone read the same points."""
    said = [cost.said for group in costs.values() for cost in group]
    sums = [each["total"] for each in said]
    if any(each["points"] != points for each in said) or max(sums) - min(sums) > 1e-6 * points:
        raise RuntimeError(f"the readers do not agree: {said}")


def against_tbparse(bench: Bench, shape: str, points: int) -> list[Figure]:
    """Cold, warm and live append."""
    file, grown = bench.folder / shape / NAME, bench.folder / f"{shape} grown" / NAME
    tags, extra = _tags(SHAPES[shape]), bench.folder / f"{shape}.extra"
    generate.write(file, tags, points)
    more = max(points // 100, 1)
    extra.write_bytes(generate.points(tags, points, points + more))
    generate.write(grown, tags, points + more)
    kept = bench.state()
    bench.case("ours", file, state=kept)

    def append() -> Cost:
        live = bench.folder / "live" / NAME
        live.parent.mkdir(exist_ok=True)
        shutil.copy(file, live)
        return bench.case("append", live, extra)

    costs = bench.alternated(
        tbparse=lambda: bench.case("tbparse", file),
        cold=lambda: bench.case("ours", file),
        warm=lambda: bench.case("ours", file, state=kept),
    )
    _agree(costs, points)
    live = bench.alternated(append=append, tbparse=lambda: bench.case("tbparse", grown))
    _agree(live, points + more)
    peer, whole = middle(costs["tbparse"]), middle(live["tbparse"])
    cold, warm, second = middle(costs["cold"]), middle(costs["warm"]), middle(live["append"])
    note = f"{peer:.2f} s against {{:.4f}} s of CPU time"
    return [
        Figure(f"{shape}: tbparse / cold", peer / cold, "x", at_least=20, note=note.format(cold)),
        Figure(f"{shape}: tbparse / warm", peer / warm, "x", at_least=200, note=note.format(warm)),
        Figure(
            f"{shape}: tbparse / {more:,} appended", whole / second, "x", at_least=1000,
            note=f"{whole:.2f} s against {second:.4f} s of CPU time",
        ),
        Figure(f"{shape}: cold, wall", middle(costs["cold"], "wall_s"), "s"),
        Figure(f"{shape}: whole process", middle(costs["tbparse"], "cpu_s")
               / middle(costs["cold"], "cpu_s"), "x", note="imports of both included"),
    ]  # fmt: skip


def against_server(bench: Bench, shape: str, points: int) -> list[Figure]:
    """TensorBoard's data server, every sample kept."""
    tags = _tags(SHAPES[shape])
    file = generate.write(bench.folder / f"{shape} server" / NAME, tags, points)
    servers, costs = [], []
    for _ in range(bench.repeats):
        servers.append(dataserver.load(file.parent))
        costs.append(bench.case("ours", file))
    last = max((index // len(tags) for index in range(points - len(tags), points)), default=0)
    held = servers[0].last_steps
    if len(held) != len(tags) or max(held.values()) != last:
        raise RuntimeError(f"the data server did not load everything: {held}")
    cpu_s = sorted(each.cpu_s for each in servers)[len(servers) // 2]
    peak_mib = sorted(each.peak_mib for each in servers)[len(servers) // 2]
    own = middle(costs, "tree_mib")
    own = max(own, middle(costs, "peak_mib"))
    above = own - middle(costs, "base_mib")
    return [
        Figure(f"{shape}: cold, CPU", middle(costs), "s", at_most=cpu_s,
               note="at most the server's"),
        Figure(f"{shape}: cold, peak memory", own, "MiB", at_most=peak_mib / 2,
               note=f"at most half of the server's {peak_mib:.0f} MiB"),
        Figure(f"{shape}: above the imports", above, "MiB"),
    ]  # fmt: skip


def many_runs(bench: Bench, runs: int, points: int, label: str) -> list[Figure]:
    """The contents and the table of many runs, cold and warm (in a fresh process)."""
    root = bench.folder / label.replace(" ", "_")
    tags = _tags(4)
    content = generate.first_record() + generate.points(tags, 0, points)
    for index in range(runs):
        file = root / f"run_{index:04}" / NAME
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    names = ["contents"] + (["table"] if importlib.util.find_spec("core.table") else [])
    figures: list[Figure] = []
    for name in names:
        kept = bench.state()
        cold = bench.case(name, root, state=kept)
        warm = [bench.case(name, root, state=kept) for _ in range(bench.repeats)]
        memory = max(cold.peak_mib, cold.tree_mib)
        if name == "contents" and cold.said["points"] != runs * points:
            raise RuntimeError(f"{cold.said['points']:,} points instead of {runs * points:,}")
        figures += [
            Figure(f"{label}: {name} cold, wall", cold.wall_s, "s"),
            Figure(f"{label}: {name} cold, CPU", cold.part_cpu_s, "s"),
            Figure(f"{label}: {name} warm, wall", middle(warm, "wall_s"), "s", at_most=1.0),
            Figure(f"{label}: {name} warm, CPU", middle(warm), "s"),
            Figure(f"{label}: {name} cold, peak memory", memory, "MiB",
                   note=f"{memory - cold.base_mib:.0f} MiB above the imports"),
        ]  # fmt: skip
    shutil.rmtree(root)
    return figures


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench events", description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000, help="points in one file")
    parser.add_argument("--runs", type=int, default=1000, help="runs of 1,000 points")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=["tbparse", "server", "runs"])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    asked = _arguments(words)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="gpulse-bench-") as name:
        bench = Bench(Path(name), asked.repeats)
        for shape in SHAPES:
            if "tbparse" in asked.only:
                figures += against_tbparse(bench, shape, asked.points)
            if "server" in asked.only and dataserver.binary() is not None:
                figures += against_server(bench, shape, asked.points)
        if "runs" in asked.only:
            figures += many_runs(bench, asked.runs, 1000, f"{asked.runs:,} runs")
        if "huge" in asked.only:
            figures += many_runs(bench, asked.runs, 10_000, f"{asked.runs:,} long runs")
    title = f"Reading events: {asked.points:,} points, medians of {asked.repeats}"
    return report(title, figures, asked.json)
