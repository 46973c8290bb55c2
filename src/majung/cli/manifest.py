"""What a backup folder holds: one JSON file that names every file, every table, and the state of the ledgers (O3)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql as compose

from majung.cli.installation import say
from majung.core import sql
from majung.core.errors import Misconfigured
from majung.core.sealing import Sealer

FORMAT = 1
FILE = "manifest.json"
LEFT_OUT = ("crowd_bitmap", "django_session", "installation", "worker_beat")
"""Tables whose rows stay behind: an index that is made anew, who is signed in, and what belongs to the old installation alone."""
LEDGERS = ("access_log", "chunks", "money")
_BLOCK = 1 << 20

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """``files``: size and SHA-256 by path; ``tables``: rows and a sum over their text; ``ledgers``: by name and number."""

    format: int
    version: str
    made_at: str
    installation: str
    epoch: int
    postgres: int
    next_transaction: int
    migrations: list[str]
    key: str
    settings: dict[str, str]
    tables: dict[str, list[Any]]
    ledgers: dict[str, dict[str, str]]
    files: dict[str, list[Any]]

    def as_text(self) -> str:
        """The manifest as it is signed and written."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True)

    def write(self, folder: Path, sealer: Sealer) -> None:
        """Into ``folder``, with the signature of the vault's key: an altered backup is told from a whole one."""
        text = self.as_text()
        path = folder / FILE
        path.touch(mode=0o600)
        path.write_text(
            json.dumps(
                {"manifest": json.loads(text), "signature": signature(sealer, text)}, ensure_ascii=False, indent=1
            )
        )

    @staticmethod
    def read(folder: Path, sealer: Sealer | None) -> "Manifest":
        """The manifest of ``folder``, its signature looked at when the key is there. Raises Misconfigured."""
        try:
            held = json.loads((folder / FILE).read_text("utf-8"))
            found, signed = held["manifest"], held["signature"]
            number = found["format"]
        except FileNotFoundError:
            raise Misconfigured(
                f"{folder}에는 {FILE}이 없습니다. 마중의 백업이 아니거나, 만들다가 끊긴 백업입니다."
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Misconfigured(f"{folder / FILE}을 읽을 수 없습니다. 마중의 백업이 아니거나 망가졌습니다.") from error
        if number != FORMAT:
            raise Misconfigured(
                f"이 백업의 꼴({number})을 이 판의 마중은 읽지 못합니다. 백업을 만든 판의 마중으로 되살려 주세요."
            )
        try:
            manifest = Manifest(**found)
            manifest.check()
        except (TypeError, ValueError) as error:
            raise Misconfigured(f"{folder / FILE}이 망가졌습니다.") from error
        if sealer is not None and signed != signature(sealer, manifest.as_text()):
            raise Misconfigured(f"{folder / FILE}이 만든 뒤에 바뀌었습니다. 다른 백업을 써 주세요.")
        return manifest

    def check(self) -> None:
        """Raises ValueError for what no backup of ours says: nothing in it may lead out of its folder."""
        if not all(isinstance(part, dict) for part in (self.settings, self.tables, self.ledgers, self.files)):
            raise ValueError("not the shape of a manifest")
        for name, about in self.files.items():
            path = Path(name)
            if path.is_absolute() or ".." in path.parts or len(about) != 2:
                raise ValueError(f"no file of a backup: {name}")
        for name, about in self.tables.items():
            if not isinstance(name, str) or len(about) != 2:
                raise ValueError(f"no table of a backup: {name}")
        if self.next_transaction < 0 or not isinstance(self.migrations, list):
            raise ValueError("not the shape of a manifest")

    def check_files(self, folder: Path) -> None:
        """Every file is there as it was written. Raises Misconfigured."""
        total = len(self.files)
        for number, (name, (size, digest)) in enumerate(self.files.items(), start=1):
            path = folder / name
            if not path.is_file() or path.is_symlink():
                raise Misconfigured(f"백업에 {name}이 없습니다. 다 옮기지 못한 백업입니다.")
            if path.stat().st_size != size or hashed(path) != digest:
                raise Misconfigured(f"백업의 {name}이 만들 때와 다릅니다. 잘렸거나 바뀐 백업입니다.")
            if number % 50 == 0 or number == total:
                say(f"파일 확인 {number}/{total}")


def signature(sealer: Sealer, text: str) -> str:
    """A keyed hash of ``text`` that only the holder of the vault's key can make."""
    return sealer.blind(0, "backup", text).hex()


def fingerprint(sealer: Sealer) -> str:
    """Tells one vault key from another, and gives nothing of it away."""
    return sealer.blind(0, "backup.key", "").hex()


def hashed(path: Path) -> str:
    """SHA-256 of a file."""
    found = sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def statement(name: str) -> str:
    """A named statement of ``sql/backup.sql``."""
    return sql.load("majung.cli", "backup", name)


def tables(connection: Connection) -> dict[str, list[Any]]:
    """Rows of every table that a backup holds, and a sum over them. Says how far it is: millions of rows take a while."""
    found: dict[str, list[Any]] = {}
    sizes = [(name, size) for name, size in connection.execute(statement("tables")).fetchall() if name not in LEFT_OUT]
    told = _teller(sum(size for _, size in sizes))
    connection.execute(statement("same_words"))
    for name, size in sizes:
        counted = compose.SQL(statement("rows")).format(table=compose.Identifier(name))
        [(rows, total)] = connection.execute(counted).fetchall()
        found[name] = [rows, total]
        told(size, f"표 {name}: {rows:,}줄")
    return found


def ledgers(connection: Connection) -> dict[str, dict[str, str]]:
    """The state of each ledger."""
    held: dict[str, dict[str, str]] = {}
    for name in LEDGERS:
        for number, state in connection.execute(statement(name)).fetchall():
            before = held.setdefault(name, {}).get(number)
            held[name][number] = f"{before}; {state}" if before else state
    return held


def _teller(whole: int) -> Callable[[int, str], None]:
    """Says what was done when another tenth of ``whole`` is behind us."""
    done = shown = 0

    def tell(part: int, what: str) -> None:
        nonlocal done, shown
        done += part
        if whole and done * 10 // whole > shown:
            shown = done * 10 // whole
            say(f"  {shown * 10}%  {what}")

    return tell


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Names under which the two say something different."""
    return sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name))
