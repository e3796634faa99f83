"""A real Slurm cluster on the loopback interface, for the tests: needs root.

Of one node, or of several that are this machine.

Two GPUs are pretended: Slurm wants character devices, so they are made like ``/dev/null``.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo", "scancel")

_CONF = """
ClusterName=loop
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={place}/munge/socket
CryptoType=crypto/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={place}/state
SlurmdSpoolDir={place}/spool-%n
SlurmctldPidFile={place}/slurmctld.pid
SlurmdPidFile={place}/slurmd-%n.pid
SlurmctldLogFile={place}/slurmctld.log
SlurmdLogFile={place}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=5
MinJobAge=300
MpiDefault=none
GresTypes=gpu
{nodes}
PartitionName=debug Nodes={names} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def missing() -> str:
    """Why no cluster can be started here, "" where one can."""
    if os.geteuid() != 0:
        return "starting Slurm's daemons needs root"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"Slurm is not installed ({', '.join(absent)})" if absent else ""


class SlurmCluster:
    """Starts the daemons; :meth:`stop` ends them and removes their folder."""

    def __init__(self, nodes: int = 1) -> None:
        self._nodes = nodes
        # Munge's socket must lie below folders that only root may write, and have a short path.
        self.place = Path(tempfile.mkdtemp(prefix="slurm-", dir="/run"))
        self.place.chmod(0o755)
        self.conf = self.place / "slurm.conf"
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Write the configuration and start munged, slurmctld and slurmd."""
        for name in ("munge", "state"):
            (self.place / name).mkdir(mode=0o755)
        for index in (0, 1):
            device = self.place / f"gpu{index}"
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        host = socket.gethostname().partition(".")[0]
        names = [f"n{number}" for number in range(self._nodes)] if self._nodes > 1 else [host]
        lines = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=4 "
            "RealMemory=4000 Gres=gpu:2 State=UNKNOWN"
            for name in names
        ]
        ports = {"port": free_port(), "node_port": free_port()}
        nodes = {"nodes": "\n".join(lines), "names": ",".join(names)}
        self.conf.write_text(_CONF.format(host=host, place=self.place, **ports, **nodes))
        (self.place / "gres.conf").write_text(f"Name=gpu File={self.place}/gpu[0-1]\n")
        key = self.place / "munge" / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        munge = self.place / "munge"
        self._run(
            "munged", "-F", f"--key-file={key}", f"--socket={munge}/socket",
            f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed",
        )  # fmt: skip
        self._run("slurmctld", "-D", "-f", str(self.conf))
        for name in names:
            self._run("slurmd", "-D", "-f", str(self.conf), "-N", name)
        self.until_idle()

    @property
    def address(self) -> str:
        """What ``SLURM_CONF`` must say."""
        return str(self.conf)

    def _run(self, *command: str) -> None:
        with (self.place / f"{command[0]}.out").open("wb") as out:
            self._started.append(
                subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
            )

    def until_idle(self, timeout_s: float = 60.0) -> None:
        """Wait until the node takes jobs."""
        deadline = time.monotonic() + timeout_s
        environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        while True:
            answer = subprocess.run(
                ["sinfo", "-h", "-o", "%t"],
                capture_output=True, text=True, env=environment, check=False,
            )  # fmt: skip
            if set(answer.stdout.split()) == {"idle"}:
                return
            assert time.monotonic() < deadline, self.story() + answer.stderr
            time.sleep(0.2)

    def story(self) -> str:
        """The ends of the daemons' logs."""
        logs = sorted(self.place.glob("*.log")) + sorted(self.place.glob("*.out"))
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-500:]}" for log in logs)

    def stop(self) -> None:
        """End the daemons, the last first."""
        for process in reversed(self._started):
            process.kill()
            process.wait(20)
        shutil.rmtree(self.place, ignore_errors=True)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
