"""A job process without torch that does what its parameters say; ``python -m toy_job RUN_DIR``."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def report(run: Path) -> None:
    job = json.loads((run / "job.json").read_text())
    scratch = run / "merge.tmp"
    scratch.write_text(json.dumps({**job, "device_used": "cpu"}))
    scratch.replace(run / "job.json")
    now = time.time()
    progress = {"done": 1, "total": 4, "unit": "epoch", "phase": "training", "eta_s": 30.0}
    scratch.write_text(json.dumps({**progress, "started": now, "updated": now}))
    scratch.replace(run / "progress.json")


def act(run: Path, params: dict) -> None:
    """What tests of engines ask for."""
    if params.get("spans"):
        devices = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        span = {"from": time.time(), "devices": devices}
        time.sleep(params["spans"])
        (run / "span.json").write_text(json.dumps({**span, "to": time.time()}))
    if params.get("lines"):
        for number in range(params["lines"]):
            sys.stdout.write(f"line {number}\n")
            sys.stdout.flush()
            time.sleep(0.1)
    if params.get("memory_mib"):
        held = bytearray(os.urandom(1)) * (params["memory_mib"] << 20)
        time.sleep(60 + len(held) * 0)
    if params.get("fill"):
        with (run / "big").open("wb", buffering=0) as big:
            while True:
                if not big.write(bytes(65_536)):
                    raise OSError("nothing was written")
    if params.get("events"):
        (run / "events.out.tfevents.1.toy").write_bytes(b"")


def main(run: Path) -> None:
    params = json.loads((run / "job.json").read_text())["params"]
    with (run / "starts.txt").open("a") as ledger:
        ledger.write(f"{os.getpid()}\n")
    act(run, params)
    if params.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for environment in params.get("children", []):
        child = subprocess.Popen(
            [sys.executable, "-S", "-c", DEAF],
            start_new_session=True,
            env=dict(os.environ) if environment == "kept" else {},
        )
        with (run / "children.txt").open("a") as ledger:
            ledger.write(f"{child.pid}\n")
        child.returncode = 0  # left behind on purpose
    report(run)
    sys.stdout.write("working\n")
    time.sleep(params.get("sleep", 0))
    if "raise" in params:
        raise RuntimeError(params["raise"])
    if "error" in params:
        sys.stderr.write(f"error: {params['error']}\n")
    if "signal" in params:
        os.kill(os.getpid(), params["signal"])
    sys.exit(params.get("exit", 0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
