"""Trace loading and diagnosis against HolisticTraceAnalysis, the cache, and the timeline."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import platformdirs

from tests.bench.longtraces import Repeater
from tests.bench.measure import Cost, Figure, child, middle, report

SHARED = Path(__file__).parents[2].parent / "shared" / "traces"
SOURCE = SHARED / "v100_ddp_rank1.json.gz"
PEER = "HolisticTraceAnalysis"
KEPT = Path(platformdirs.user_cache_dir("gpulse")) / "bench" / "hta"
GROUPS = ("peer", "large", "zoom")


def peer_python(folder: Path) -> Path:
    """An interpreter with the peer, in a virtual environment of its own that is kept.

    Raises:
        OSError: it cannot be made or the peer cannot be installed.
    """
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if ready.exists():
        return python
    venv.create(folder, with_pip=True, clear=True)
    command = [python, "-m", "pip", "install", "--quiet", PEER, "psutil"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["pip failed"]
        raise OSError(last[0])
    ready.touch()
    return python


class Bench:
    """A folder, a source and repeats of one measurement."""

    def __init__(self, folder: Path, source: Path, repeats: int) -> None:
        self.folder, self.repeats = folder, repeats
        self._repeater = Repeater(source)

    def trace(self, megabytes: float) -> Path:
        """The source repeated to about this size, written once."""
        path = self.folder / f"{megabytes:g}.pt.trace.json"
        return path if path.exists() else self._repeater.write(path, megabytes)

    def case(self, *words: object, python: Path | None = None) -> Cost:
        return child("tests.bench.tracecases", *words, state=self.folder / "state", python=python)


def _agree(own: Cost, peer: Cost) -> None:
    """Insist that both saw the same device work; the peer leaves the last step out."""
    wanted = own.said["work"] * (1 - 1 / max(own.said["steps"], 2))
    if abs(peer.said["work"] - wanted) > 0.05 * wanted:
        raise RuntimeError(f"not the same device work: {own.said}, {peer.said}")


def against_peer(bench: Bench, megabytes: float, python: Path) -> list[Figure]:
    """CPU time and peak memory of loading and the full diagnosis, imports in memory for both."""
    path = bench.trace(megabytes)
    own: list[Cost] = []
    peer: list[Cost] = []
    for _ in range(bench.repeats):
        own.append(bench.case("ours", path))
        peer.append(bench.case("peer", path, python=python))
    _agree(own[0], peer[0])
    seconds, other = middle(own), middle(peer)
    memory, more = middle(own, "peak_mib"), middle(peer, "peak_mib")
    text = f"{path.stat().st_size / 1e6:.0f} MB"
    return [
        Figure(f"{text}: {PEER} / ours, CPU", other / seconds, "x", at_least=10,
               note=f"{other:.2f} s against {seconds:.2f} s"),
        Figure(f"{text}: {PEER} / ours, peak memory", more / memory, "x", at_least=4,
               note=f"{more:.0f} MiB against {memory:.0f} MiB, imports included"),
        Figure(f"{text}: text read and diagnosed", path.stat().st_size / 1e6 / seconds, "MB/s"),
    ]  # fmt: skip


def large(bench: Bench, megabytes: float) -> list[Figure]:
    """The largest trace, from its text and from the cache."""
    path = bench.trace(megabytes)
    cold = [bench.case("ours", path) for _ in range(bench.repeats)]
    first = bench.case("opened", path)
    warm = [bench.case("opened", path) for _ in range(bench.repeats)]
    kept = sum(f.stat().st_size for f in (bench.folder / "state").rglob("*") if f.is_file())
    text = f"{path.stat().st_size / 1e6:.0f} MB, {cold[0].said['spans']:,} spans"
    return [
        Figure(f"{text}: CPU", middle(cold), "s", at_most=10),
        Figure(f"{text}: peak memory", middle(cold, "peak_mib"), "MiB", at_most=1000),
        Figure("first opening, CPU", first.part_cpu_s, "s", note="diagnosed and kept"),
        Figure("first opening, peak memory", first.peak_mib, "MiB"),
        Figure("second opening, CPU", middle(warm), "s", at_most=1,
               note="diagnosis and columns from the cache"),
        Figure("second opening, wall", middle(warm, "wall_s"), "s"),
        Figure("cache on disk", kept / 2**20, "MiB"),
    ]  # fmt: skip


def zoom(bench: Bench, megabytes: float, spans: int) -> list[Figure]:
    """The most expensive of many views, CPU time of view and packing."""
    from core.traces.timeline import MAX_BYTES, MAX_RECTANGLES

    costs = [bench.case("zoom", bench.trace(megabytes), spans) for _ in range(bench.repeats)]
    said = costs[0].said
    worst = sorted(cost.said["worst_s"] for cost in costs)[len(costs) // 2]
    text = f"{said['spans'] / 1e6:.1f} million spans"
    return [
        Figure(f"{text}: costliest view, CPU", 1e3 * worst, "ms", at_most=150),
        Figure(f"{text}: most marks", said["marks"], "", at_most=MAX_RECTANGLES),
        Figure(f"{text}: most bytes", said["size"] / 1024, "KiB", at_most=MAX_BYTES / 1024),
        Figure(f"{text}: lanes built, CPU", middle(costs), "s"),
        Figure(f"{text}: memory with lanes", said["mib"], "MiB"),
    ]


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench traces", description=__doc__)
    parser.add_argument("--source", type=Path, default=SOURCE, help="the trace to repeat")
    parser.add_argument("--megabytes", type=float, nargs="+", default=[100, 500])
    parser.add_argument("--large", type=float, default=1000, help="megabytes of the largest")
    parser.add_argument("--spans", type=int, nargs="+", default=[2_000_000, 5_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--peer", type=Path, default=KEPT, help="folder of the peer's environment")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    asked = _arguments(words)
    if not asked.source.exists():
        print(f"skipped: there is no {asked.source}; name a real trace with --source")
        return 0
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="gpulse-bench-") as name:
        bench = Bench(Path(name), asked.source, asked.repeats)
        if "peer" in asked.only:
            try:
                python = peer_python(asked.peer)
            except (OSError, subprocess.SubprocessError) as error:
                print(f"{PEER} cannot be installed, so it is left out: {error}", file=sys.stderr)
            else:
                for megabytes in asked.megabytes:
                    figures += against_peer(bench, megabytes, python)
        if "large" in asked.only:
            figures += large(bench, asked.large)
        if "zoom" in asked.only:
            for spans in asked.spans:
                figures += zoom(bench, asked.large, spans)
    if not figures:
        return 0
    title = f"Traces: {asked.source.name} repeated in time, medians of {asked.repeats}"
    return report(title, figures, asked.json)
