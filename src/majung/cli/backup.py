"""``majung backup FOLDER``: everything that can bring this installation back, but the vault's key, which stays apart (O3).

One snapshot serves the dump and the figures of the manifest, so the two agree whatever is written meanwhile. The folder appears
under its name only when it is whole.
"""

import argparse
import getpass
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from majung import __version__
from majung.cli import database, installation, manifest, programs
from majung.cli.installation import say
from majung.cli.manifest import Connection, Manifest
from majung.core import clock, env
from majung.core.errors import Invalid, Misconfigured
from majung.core.sealing import Sealer, sealer_at

DUMP, UPLOADS, KEY = "database", "uploads", "vault.key.sealed"
LEAST_LETTERS = 12
PASSPHRASE = "MAJUNG_BACKUP_PASSPHRASE"  # noqa: S105  the variable's name
ROOM_BYTES = 64 * 2**20


def run(arguments: argparse.Namespace) -> int:
    """Make the backup and say where it is, and where the key is."""
    target = Path(arguments.folder).absolute()
    require_empty(target)
    home = installation.found()
    with installation.awake(home):
        from majung import settings

        sealer = sealer_at(settings.VAULT_KEY)
        phrase = passphrase(new=True) if arguments.with_key else ""
        with _whole_or_not(target) as folder, database.connect(settings.database_url()) as connection:
            made = _make(connection, settings.database_url(), home, folder, sealer, phrase)
        with database.connect(settings.database_url()) as connection:
            from majung.delivery.installation import backed_up

            backed_up(connection, clock.now())
    rows = sum(rows for rows, _ in made.tables.values())
    size = sum(size for size, _ in made.files.values())
    print(f"백업했습니다: {target}  (표 {len(made.tables)}개 {rows:,}줄, {told(size)})")
    if arguments.with_key:
        print(
            "금고 열쇠도 암호로 봉해 담았습니다. 암호를 잃으면 아무도 열 수 없으니, 암호는 백업과 다른 곳에 적어 두세요."
        )
    else:
        print(
            f"금고 열쇠는 담지 않았습니다: {settings.VAULT_KEY}\n"
            "열쇠가 없으면 되살려도 이름과 번호가 열리지 않습니다. 백업과 다른 곳에 따로 복사해 두세요."
        )
    return 0


def require_empty(target: Path) -> None:
    """Raises Invalid unless a new folder can be put there."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Invalid(problem=f"{target}은(는) 비어 있지 않습니다. 없는 폴더나 빈 폴더를 정해 주세요.")


@contextmanager
def _whole_or_not(target: Path) -> Iterator[Path]:
    """A folder beside ``target`` that becomes it at the end of the block, and is gone when the block fails."""
    partial = target.with_name(f"{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise Misconfigured(f"{partial}을 만들 수 없습니다 ({error.strerror}). 쓸 수 있는 곳을 정해 주세요.") from error
    try:
        yield partial
        partial.replace(target)
    except OSError as error:
        raise Misconfigured(
            f"{partial}에 쓰지 못했습니다 ({error.strerror}). 자리를 비우거나 다른 곳을 정해 주세요."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _make(connection: Connection, url: str, home: Path, folder: Path, sealer: Sealer, phrase: str) -> Manifest:
    from majung.delivery.installation import read

    pg_dump = programs.find("pg_dump", connection.info.server_version // 10_000)
    seen = read(connection)
    connection.commit()
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    [(snapshot, size)] = connection.execute(
        "SELECT pg_export_snapshot(), pg_database_size(current_database())"
    ).fetchall()
    [(following,)] = connection.execute(manifest.statement("numbers")).fetchall()
    migrations = [name for (name,) in connection.execute(manifest.statement("migrations")).fetchall()]
    _require_room(folder, size)
    say(f"1/3  데이터베이스를 적습니다 ({told(size)}).")
    left_out = [f"--exclude-table-data={name}" for name in manifest.LEFT_OUT]
    options = [
        "--format=directory", "--compress=1", "--jobs=2", "--no-owner", "--no-privileges", "--verbose", f"--snapshot={snapshot}",
        f"--file={folder / DUMP}", *left_out,
    ]  # fmt: skip
    programs.run(pg_dump, url, options, _progress("dumping contents of table", folder / DUMP))
    say("2/3  올린 파일을 복사합니다.")
    _copy_uploads(home / UPLOADS, folder / UPLOADS)
    if phrase:
        _write(folder / KEY, sealed_key(_vault_key().read_bytes(), phrase))
    say("3/3  장부를 셉니다.")
    made = Manifest(
        format=manifest.FORMAT, version=__version__, made_at=clock.now().isoformat(), installation=seen.id, epoch=seen.epoch,
        postgres=connection.info.server_version, next_transaction=following, migrations=migrations,
        key=manifest.fingerprint(sealer), settings=_settings(), tables=manifest.tables(connection),
        ledgers=manifest.ledgers(connection), files=_files(folder),
    )  # fmt: skip
    connection.rollback()
    made.write(folder, sealer)
    _sync(folder)
    return made


def _require_room(folder: Path, size: int) -> None:
    """A dump takes less than its database; a disk that cannot hold a third of it is refused before the work begins."""
    free = shutil.disk_usage(folder).free
    if free < size // 3 + ROOM_BYTES:
        raise Misconfigured(
            f"자리가 모자랍니다: {told(free)} 남았고, 데이터베이스는 {told(size)}입니다. 비우거나 다른 곳을 정해 주세요."
        )


def _progress(mark: str, folder: Path) -> Callable[[str], None]:
    """Hears pg_dump and says, now and then, how many tables are behind it."""
    begun = 0

    def hear(line: str) -> None:
        nonlocal begun
        if mark in line:
            begun += 1
            if begun % 20 == 0:
                size = sum(path.stat().st_size for path in folder.glob("*")) if folder.is_dir() else 0
                say(f"  표 {begun}개째, {told(size)}")

    return hear


def _copy_uploads(source: Path, target: Path) -> None:
    """Uploaded lists, which lie sealed. One that has served its purpose meanwhile is gone, and is not missed."""
    target.mkdir(mode=0o700)
    for path in sorted(source.rglob("*")) if source.is_dir() else []:
        if path.is_file() and not path.is_symlink():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                _write(copy, path.read_bytes())
            except FileNotFoundError:
                continue


def _files(folder: Path) -> dict[str, list[object]]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): [path.stat().st_size, manifest.hashed(path)] for path in paths}


def _settings() -> dict[str, str]:
    """What the environment changed, without secrets and without what belongs to this machine alone."""
    own = {"MAJUNG_HOME", "MAJUNG_VAULT_KEY", "MAJUNG_ROLE"}
    return {
        name: os.environ[name]
        for name, setting in sorted(env.REGISTER.items())
        if os.environ.get(name) and not setting.secret and name not in own
    }


def _sync(folder: Path) -> None:
    """On the disk, not only on its way: a backup is asked for after the power has failed."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _vault_key() -> Path:
    from majung import settings

    return settings.VAULT_KEY


def told(size: int) -> str:
    """Bytes for people."""
    return f"{size / 2**30:.1f}GB" if size >= 2**30 else f"{size / 2**20:.1f}MB"


# ── the key under a passphrase ───────────────────────────────────────────────────────────────────────────────────────


def passphrase(*, new: bool) -> str:
    """From the environment, its file, or the terminal. Raises Invalid when there is none or it is short."""
    given = env.secret(PASSPHRASE, "Seals the vault key inside a backup (majung backup --with-key).")
    if not given and sys.stdin.isatty():
        given = getpass.getpass("백업의 암호: ")
        if new and given != getpass.getpass("한 번 더: "):
            raise Invalid(problem="두 암호가 다릅니다.")
    if len(given) < LEAST_LETTERS:
        raise Invalid(
            problem=f"금고 열쇠를 봉할 암호가 없거나 짧습니다({LEAST_LETTERS}자부터). "
            f"터미널에서 돌리거나 {PASSPHRASE}_FILE로 정해 주세요."
        )
    return given


def sealed_key(key: bytes, phrase: str) -> bytes:
    """The key file under a passphrase: scrypt (128 MiB a guess) and AES-256-GCM."""
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = AESGCM(_stretched(phrase, salt)).encrypt(nonce, key, b"majung backup key")
    return json.dumps({"scrypt": salt.hex(), "nonce": nonce.hex(), "sealed": sealed.hex()}).encode()


def opened_key(sealed: bytes, phrase: str) -> bytes:
    """The key file again. Raises Invalid for a wrong passphrase."""
    try:
        held = json.loads(sealed)
        salt, nonce, body = (bytes.fromhex(held[name]) for name in ("scrypt", "nonce", "sealed"))
        return AESGCM(_stretched(phrase, salt)).decrypt(nonce, body, b"majung backup key")
    except InvalidTag:
        raise Invalid(problem="암호가 틀렸거나 봉한 열쇠가 망가졌습니다.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Misconfigured("봉한 열쇠를 읽을 수 없습니다.") from error


def _stretched(phrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**17, r=8, p=1).derive(phrase.encode())
