"""`python -m cnnviz.training_worker`: a process that trains what it is told to, one order after another.

It reads pickles that the server wrote from its standard input, and writes pickles of its own to what was its standard
output: nothing that a person brings is ever among them but as arrays and settings. It ends with its input, so with the
server. Anything else that wants the processors gets them first.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import sys
import threading
import traceback
from typing import IO, Any, Final

import torch

from cnnviz.hosting import HOSTING
from cnnviz.shapes import ShapeError
from cnnviz.training import TrainingError
from cnnviz.training_news import Command, News, Order
from cnnviz.training_run import Run

MEMORY: Final = HOSTING.training_mb * 1_000_000  # bytes that a training may take, besides what the libraries take
TOO_LARGE: Final = "This training needs more memory than one may have here. A smaller batch or network may fit."
FAILED: Final = "This training could not be carried out."


def main() -> None:
    """Work until the input ends."""
    _step_back()
    torch.set_num_threads(1)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library may print is no news
    commands = queue.SimpleQueue[Any]()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, commands), daemon=True).start()
    while True:
        order = commands.get()
        if isinstance(order, Order):  # a command that came too late belongs to no training
            _train(order, commands, out)


def _train(order: Order, commands: queue.SimpleQueue[Command], out: IO[bytes]) -> None:
    def tell(news: News) -> None:
        pickle.dump(news, out, pickle.HIGHEST_PROTOCOL)
        out.flush()

    try:
        Run(order, tell).whole(commands)
    except Exception as error:
        shortage = isinstance(error, MemoryError) or "alloc" in str(error)
        said = str(error) if isinstance(error, ShapeError | TrainingError) else TOO_LARGE if shortage else FAILED
        if said is FAILED:
            traceback.print_exc()
        pickle.dump(said, out, pickle.HIGHEST_PROTOCOL)
        out.flush()


def _listen(source: IO[bytes], commands: queue.SimpleQueue[Any]) -> None:
    while True:
        try:
            commands.put(pickle.load(source))
        except (EOFError, OSError):
            os._exit(0)  # the server is gone, or wants no more
        except BaseException:  # it would train for nobody
            traceback.print_exc()
            os._exit(1)


def _step_back() -> None:
    """Take the processors when nobody else wants them, and memory up to a limit."""
    nice = HOSTING.training_nice
    if nice.isdecimal() and hasattr(os, "nice"):
        os.nice(int(nice))
    elif hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):  # where that is not for us
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        os.nice(19)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + MEMORY,) * 2)


def _data_bytes() -> int:
    """What is taken already, as RLIMIT_DATA counts it."""
    with contextlib.suppress(OSError), open("/proc/self/statm") as file:
        return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    return 0


if __name__ == "__main__":
    main()
