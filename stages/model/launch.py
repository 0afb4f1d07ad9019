"""Several processes for one training run: started, watched, and ended together.

The processes of one machine are started here. Where `train.accelerate` names a file of `accelerate config` (FSDP, DeepSpeed,
several machines), `accelerate launch` starts them; on a cluster, `torchrun … -m stages.model.train …` does, and this module
sees that it has nothing to do.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from stages.core.errors import UserError
from stages.model.options import Train

LAUNCHED = "MMM_LAUNCHED"  # in the environment of what this module starts
PEER_LOST = 75  # exit code of a process that ends since another has
GRACE_S = 5.0


def wanted(options: Train) -> int:
    """Processes on this machine: as the params say, or one for each CUDA device."""
    return options.processes if isinstance(options.processes, int) else max(1, torch.cuda.device_count())


def is_worker() -> bool:
    """Whether this process is one of those that train, started here or by others."""
    return "RANK" in os.environ or LAUNCHED in os.environ


def rank() -> int:
    return int(os.environ.get("RANK", "0"))


def processes() -> int:
    """All processes of the run, on all machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def local_processes() -> int:
    """Those on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", processes()))


def begin() -> None:
    """In each process that trains: takes its device, and ends with the process that started it, even if that one was killed."""
    # Without it cuBLAS has no deterministic products, and torch refuses; it is read when the device is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if torch.cuda.is_available() and "LOCAL_RANK" in os.environ:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    if os.environ.get(LAUNCHED) == "pipe":

        def wait() -> None:
            os.read(0, 1)  # nothing is written: it ends when the other end is closed
            os._exit(PEER_LOST)

        threading.Thread(target=wait, daemon=True).start()


def launch(module: str, arguments: Sequence[str], options: Train) -> int:
    """Runs the module in all processes; returns the exit code of the run, whose fault has been told if it is not 0.

    Raises:
        UserError: a process ended without saying why.
    """
    count = wanted(options)
    if options.accelerate is not None:
        if not Path(options.accelerate).is_file():
            raise UserError("train.accelerate", f"no file {options.accelerate}", "write it with `accelerate config`")
        how = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", options.accelerate]
        how += ["--num_processes", str(count)] if isinstance(options.processes, int) else []
        code = subprocess.run(
            [*how, "-m", module, *arguments], env={**os.environ, LAUNCHED: "accelerate"}, check=False
        ).returncode
        if code not in (0, 1):
            raise _died(0, count, code)
        return code
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    threads = str(max(1, torch.get_num_threads() // count))
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), LAUNCHED: "pipe"}
    shared |= {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": threads}
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **shared, "RANK": str(n), "LOCAL_RANK": str(n)},
            stdin=subprocess.PIPE,
        )
        for n in range(count)
    ]
    try:
        return _watch(workers)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
            assert worker.stdin is not None
            worker.stdin.close()


def _watch(workers: Sequence[subprocess.Popen[bytes]]) -> int:
    while True:
        codes = [worker.poll() for worker in workers]
        if all(code == 0 for code in codes):
            return 0
        if any(codes):
            break
        time.sleep(0.1)
    until = time.monotonic() + GRACE_S  # the others notice, and end too: which one was first is told by how they ended
    while any(worker.poll() is None for worker in workers) and time.monotonic() < until:
        time.sleep(0.1)
    codes = [worker.poll() for worker in workers]
    if codes[0] not in (None, 0, PEER_LOST) and codes[0] > 0:  # rank 0 tells its faults itself
        return int(codes[0])
    first = next((n for n, code in enumerate(codes) if code is not None and code < 0), None)
    if first is None:
        first = next((n for n, code in enumerate(codes) if code not in (None, 0, PEER_LOST)), codes.index(PEER_LOST))
    raise _died(first, len(workers), codes[first])


def _died(which: int, count: int, code: int | None) -> UserError:
    how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
    remedy = "run it again: it goes on from the last checkpoint; if memory ran short, lower train.micro_batch"
    return UserError("train", f"process {which} of {count} ended with {how}, and the others with it", remedy)
