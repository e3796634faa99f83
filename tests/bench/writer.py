"""A training that logs: ``python -m tests.bench.writer FOLDER NOTES SECONDS RATE``.

``NOTES`` gets a line "step time" for each step once it is flushed.
"""

from __future__ import annotations

import math
import random
import sys
import time
from pathlib import Path
from typing import Any

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

TAGS = ("loss/train", "loss/val", "accuracy/train", "accuracy/val")
POINTS_A_SECOND = 200

_Event: Any = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
_Summary: Any = summary_pb2.Summary  # pyright: ignore[reportAttributeAccessIssue]


def write(folder: str, notes: Path, seconds: float, rate: int) -> None:
    """Log ``rate`` points a second at an even pace, flushed every 0.1 to 1 s."""
    writer, chance, begin, step = EventFileWriter(folder), random.Random(0), time.time(), 0
    with notes.open("w", encoding="utf-8") as stream:
        while time.time() - begin < seconds:
            time.sleep(chance.uniform(0.1, 1.0))
            due = range(step, int((time.time() - begin) * rate / len(TAGS)))
            for step in due:
                for shift, tag in enumerate(TAGS):
                    value = math.exp(-step / 5000) + 0.1 * shift + 0.05 * chance.random()
                    summary = _Summary(value=[_Summary.Value(tag=tag, simple_value=value)])
                    writer.add_event(_Event(wall_time=time.time(), step=step, summary=summary))
            writer.flush()
            flushed = time.time()
            stream.writelines(f"{each} {flushed}\n" for each in due)
            stream.flush()
            step = max(step, due.stop)
    writer.close()


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
