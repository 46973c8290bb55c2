"""Which installation may send: a mark in the database, and the same mark in the home folders that belong to it (O3). Plain.

The row ``installation`` holds an id, an epoch, and the name of the very database in which an operator last said "this one
sends". Each worker shows epoch and database on its connection, and the statements that take work compare them with the row. So
nothing leaves from a restored, cloned or recovered database, nor by a worker whose folder holds an older epoch, until somebody says
that the other one is off (``wake``): docs/decisions/0032-muted-until-woken.md.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from majung import __version__
from majung.core import sql
from majung.core.errors import Misconfigured

Connection = psycopg.Connection[Any]

FILE = "installation.json"
RESTORED = "restored"
BEAT_SECONDS = 5.0
BOUNDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Seconds within which a dealer answers, for counting."""


class Standing(StrEnum):
    """Whether this folder may send from this database, and if not, why."""

    AWAKE = "awake"
    RESTORED = "restored"
    COPIED = "copied"
    STRANGE = "strange"
    OVERTAKEN = "overtaken"

    @property
    def sentence(self) -> str:
        """What it means, for people; empty when all is well."""
        return _SENTENCES[self]


_SENTENCES = {
    Standing.AWAKE: "",
    Standing.RESTORED: "백업에서 되살린 데이터베이스입니다. 옛 설치가 아직 켜져 있으면 같은 메시지가 두 번 나갑니다. "
    "꺼진 것을 확인해 줄 때까지 아무것도 보내지 않습니다.",
    Standing.COPIED: "데이터베이스가 다른 서버로 옮겨졌거나, 복사되었거나, 지난 때로 되돌려졌습니다. "
    "원본에서 보내는 곳이 없다고 확인해 줄 때까지 아무것도 보내지 않습니다.",
    Standing.STRANGE: "이 폴더에는 이 데이터베이스의 설치 표식이 없어 아무것도 보내지 않습니다. "
    "같은 설치의 다른 기계라면 보내고 있는 기계의 installation.json을 이 폴더에 복사해 주세요.",
    Standing.OVERTAKEN: "다른 폴더가 이 데이터베이스를 이어받아, 이 폴더에서는 아무것도 보내지 않습니다. "
    "같은 설치의 다른 기계라면 이어받은 기계의 installation.json을 복사해 주세요.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The installation as it stands. ``mark`` is what a connection of this folder shows."""

    id: str
    epoch: int
    standing: Standing
    mark: str
    restored_from: datetime | None
    backed_up_at: datetime | None

    @property
    def is_awake(self) -> bool:
        """Whether messages may leave."""
        return self.standing is Standing.AWAKE


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The row as it is. ``server`` is empty before anybody took the database, and ``restored`` out of a backup."""

    id: str
    epoch: int
    server: str
    restored_from: datetime | None
    backed_up_at: datetime | None


def read(connection: Connection) -> Row:
    """The row. A restore that was cut off has none yet: as restored."""
    row = _run(connection, "read").fetchone()
    if row is None:
        return Row(id="", epoch=0, server=RESTORED, restored_from=None, backed_up_at=None)
    number, epoch, server, restored_from, backed_up_at = row
    return Row(id=number, epoch=epoch, server=server, restored_from=restored_from, backed_up_at=backed_up_at)


def look(connection: Connection, home: Path, *, take: bool = True) -> Seen:
    """How ``home`` stands to the database. A new database is taken by the first home that looks at it, unless it only looks."""
    here = _here(connection)
    row = read(connection)
    if take and not row.server:
        with connection.transaction():
            taken = _run(connection, "take", here=here).fetchone()
            if taken is not None:
                # Before the commit: a folder that knows too much is harmless, one that knows too little is muted.
                _remember(home, *taken)
        row = read(connection)
    mine = marks(home).get(row.id)
    return Seen(
        id=row.id, epoch=row.epoch, standing=_standing(row, here, mine), mark=f"{mine or 0} {here}",
        restored_from=row.restored_from, backed_up_at=row.backed_up_at,
    )  # fmt: skip


def _standing(row: Row, here: str, mine: int | None) -> Standing:
    if not row.server:
        return Standing.AWAKE
    if row.server == RESTORED:
        return Standing.RESTORED
    if row.server != here:
        return Standing.COPIED
    if mine is None:
        return Standing.STRANGE
    return Standing.AWAKE if mine == row.epoch else Standing.OVERTAKEN


def wake(connection: Connection, home: Path) -> int:
    """From here on ``home`` sends from this database, and no other folder does before it is given the same mark. The new epoch."""
    with connection.transaction():
        _run(connection, "make")
        number, epoch = _one(connection, "wake", here=_here(connection))
        _remember(home, number, epoch)
    return int(epoch)


def restored(connection: Connection, number: str, epoch: int, made_at: datetime) -> None:
    """The database came out of a backup of that installation, made then: nothing leaves before it is woken."""
    with connection.transaction():
        _run(connection, "restored", id=number, epoch=epoch, made_at=made_at)


def backed_up(connection: Connection, at: datetime) -> None:
    """A backup of the database was made at that time."""
    with connection.transaction():
        _run(connection, "backed_up", at=at)


def marks(home: Path) -> dict[str, int]:
    """Epochs by installation: a folder may have served several databases. Raises Misconfigured for a damaged file."""
    path = home / FILE
    try:
        held = json.loads(path.read_text("ascii"))
        return {str(number): int(epoch) for number, epoch in held.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise Misconfigured(f"{path}을 읽을 수 없습니다. 지우고 majung wake 로 다시 정해 주세요.") from error


def _remember(home: Path, number: str, epoch: int) -> None:
    partial = home / f"{FILE}.{os.getpid()}"
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(marks(home) | {number: epoch}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(home / FILE)
    except OSError as error:
        raise Misconfigured(f"{home / FILE}에 쓸 수 없습니다 ({error.strerror}).") from error


def _here(connection: Connection) -> str:
    return str(_one(connection, "here")[0])


def _one(connection: Connection, name: str, **facts: Any) -> tuple[Any, ...]:
    [row] = _run(connection, name, **facts).fetchall()
    return tuple(row)


def _run(connection: Connection, name: str, **facts: Any) -> psycopg.Cursor[Any]:
    statement = sql.load("majung.delivery", "installation", name)
    return psycopg.Cursor(connection).execute(statement.encode(), facts or None)


# ── workers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Tally:
    """Calls to dealers that are not written down yet: (account, answer) → number, seconds, numbers under each bound."""

    calls: dict[tuple[int, str], tuple[int, float, list[int]]] = field(default_factory=dict)

    def of(self, account: int) -> Callable[[str, float], None]:
        """What a line to ``account`` tells its answers."""

        def count(answer: str, seconds: float) -> None:
            calls, spent, under = self.calls.get((account, answer), (0, 0.0, [0] * len(BOUNDS)))
            for place, bound in enumerate(BOUNDS):
                under[place] += seconds < bound
            self.calls[account, answer] = calls + 1, spent + seconds, under

        return count

    def many_of(self, account: int) -> Callable[[str, NDArray[np.float64]], None]:
        """What a stream to ``account`` tells its answers, many of a kind at a time."""

        def count(answer: str, seconds: NDArray[np.float64]) -> None:
            calls, spent, under = self.calls.get((account, answer), (0, 0.0, [0] * len(BOUNDS)))
            more = [int((seconds < bound).sum()) for bound in BOUNDS]
            self.calls[account, answer] = (
                calls + len(seconds), spent + float(seconds.sum()), [a + b for a, b in zip(under, more, strict=True)],
            )  # fmt: skip

        return count

    def write(self, connection: Connection) -> None:
        """Added to ``dealer_call``, and forgotten here."""
        # In one order, so that workers that write at once wait for each other and never in a circle.
        for (account, answer), (calls, seconds, under) in sorted(self.calls.items()):
            facts = {"account": account, "answer": answer, "calls": calls, "seconds": seconds, "under": under}
            _run(connection, "calls", **facts)
        self.calls.clear()


def present(connection: Connection, home: Path | None) -> str:
    """The connection shows the mark of ``home`` from here on; without a folder, that of the database. Returns how it stands."""
    if home is None:
        row = read(connection)
        mark, standing = f"{row.epoch} {row.server}", str(Standing.AWAKE)
    else:
        seen = look(connection, home)
        mark, standing = seen.mark, str(seen.standing)
    _run(connection, "present", mark=mark)
    return standing


def beat(connection: Connection, worker: str, standing: str, tally: Tally) -> None:
    """The worker is alive, and what it heard of dealers since the last time is counted."""
    with connection.transaction():
        facts: Mapping[str, Any] = {
            "worker": worker,
            "version": __version__,
            "standing": standing,
            "resident": resident_bytes(),
        }
        _run(connection, "beat", **facts)
        _run(connection, "forget")
        tally.write(connection)


def resident_bytes() -> int:
    """Memory of this process; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
