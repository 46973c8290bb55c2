"""Several stages side by side: each is a process with its own server, sandbox and ports, and takes the next seed when it is done.

A process a stage, because one process speaks to one database as one installation. The first stage is loaded, the others
are copies of it.
"""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from majung.cli.processes import die_with_parent, undisturbed
from majung.cli.prove import loading
from majung.core.errors import Misconfigured

READY = "ready"
UP_SECONDS, STOP_SECONDS = 1_800, 60


def lane(home: Path, number: int) -> Path:
    """The folder of one stage of several."""
    return home / f"lane-{number}"


class Lane:
    """The process of one stage."""

    def __init__(self, number: int, people: int) -> None:
        self._is_busy = True
        command = [sys.executable, "-m", "majung", "prove", "crashes", "--lane", str(number), "--people", str(people)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )  # fmt: skip
        if self._answer() != READY:
            self.close()
            raise Misconfigured(f"무대 {number}이(가) 서지 않았습니다.")
        self._is_busy = False

    def run(self, seed: int) -> dict[str, Any]:
        """The line of that seed's run. Raises Misconfigured when the process ended instead."""
        assert self._process.stdin is not None  # noqa: S101  a pipe
        self._is_busy = True
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{seed}\n")
            self._process.stdin.flush()
        if not (answer := self._answer()):
            raise Misconfigured(f"씨앗 {seed}을(를) 돌리던 무대가 끝났습니다.")
        self._is_busy = False
        found: dict[str, Any] = json.loads(answer)
        return found

    def close(self) -> None:
        """It has ended, its server too; a run that is under way is broken off."""
        with undisturbed():
            if self._process.stdin is not None:
                with suppress(BrokenPipeError):
                    self._process.stdin.close()
            if self._is_busy:
                self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None  # noqa: S101  a pipe
        return self._process.stdout.readline().strip()


def lines(home: Path, people: int, seeds: Sequence[int], lanes: int) -> Iterator[dict[str, Any]]:
    """What the runs of these seeds were, in the order in which they ended."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for seed in seeds:
        waiting.put(seed)
    done: queue.SimpleQueue[dict[str, Any] | BaseException] = queue.SimpleQueue()
    standing: list[Lane] = []
    try:
        if not loading.is_loaded(lane(home, 0), people):
            Lane(0, people).close()
        for number in range(1, lanes):
            if not loading.is_loaded(lane(home, number), people):
                loading.copied(lane(home, 0), lane(home, number))
        for number in range(lanes):
            # One after another, so that no two choose the same port; who stands is ended if the next one fails.
            standing.append(Lane(number, people))  # noqa: PERF401
        for one in standing:
            threading.Thread(target=_take, args=(one, waiting, done), daemon=True).start()
        for _ in seeds:
            line = done.get()
            if isinstance(line, BaseException):
                raise line
            yield line
    finally:
        for one in standing:
            one.close()


def _take(
    one: Lane, waiting: "queue.SimpleQueue[int]", done: "queue.SimpleQueue[dict[str, Any] | BaseException]"
) -> None:
    """Give the stage one seed after the other."""
    with suppress(queue.Empty):
        while True:
            seed = waiting.get_nowait()
            try:
                done.put(one.run(seed))
            except Exception as error:  # noqa: BLE001  told by whoever waits for the line
                done.put(error)
                return
