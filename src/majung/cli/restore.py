"""``majung restore FOLDER``: a backup in an empty database again, compared with its manifest, and muted until woken (O3)."""

import argparse
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from majung.cli import backup, database, installation, manifest, programs
from majung.cli.installation import say
from majung.cli.manifest import Connection, Manifest
from majung.core import env, roles
from majung.core.embedded import Embedded
from majung.core.errors import Invalid, Misconfigured
from majung.core.sealing import Keyring, Sealer

MOST_BURNED = 100_000_000
"""Transaction numbers that are used up to get above those of a backup; 100,000 take a third of a second."""
BURNED_AT_ONCE = 500_000


def run(arguments: argparse.Namespace) -> int:
    """Restore, compare, and say what comes next. The status is 1 when the restored database is not what was backed up."""
    folder = Path(arguments.folder).absolute()
    if not folder.is_dir():
        raise Invalid(problem=f"{folder}이라는 백업 폴더가 없습니다.")
    manifest.Manifest.read(folder, None)
    if arguments.drill and arguments.into:
        raise Invalid(problem="--drill과 --into 가운데 하나만 정해 주세요.")
    if arguments.drill or arguments.into:
        return _aside(folder, arguments.into or f"majung_drill_{secrets.token_hex(4)}", keep=not arguments.drill)
    return _whole(folder, env.home())


def _aside(folder: Path, name: str, *, keep: bool) -> int:
    """Into a database of its own beside the one in use, which is not touched."""
    with installation.awake(installation.found()):
        from majung import settings

        made = _checked(folder, _sealer(settings.VAULT_KEY))
        given = settings.database_url()
        url = make_conninfo(given, dbname=name)
        with _database(given, name, keep=keep):
            wrong = _pour(folder, made, url)
    print(f"{'되살려' if keep else '연습으로 되살려'} 견주었습니다: {name}  ({_verdict(wrong)})")
    if keep:
        print(f"지금 쓰는 데이터베이스는 그대로입니다. 다 보았으면 지워 주세요: DROP DATABASE {name};")
    return int(bool(wrong))


def _whole(folder: Path, home: Path) -> int:
    """Into the database of ``home``, which holds nothing yet, with files and keys."""
    with installation.writable(home):
        installation.make_folders(home)
    vault = Path(os.environ.get("MAJUNG_VAULT_KEY") or home / "vault.key")
    with installation.awake(home):
        sealer = _key(folder, vault)
        made = _checked(folder, sealer)
        server = None if database.external() else Embedded(base=home / "postgres")
        url = database.external() or (server.url() if server else "")
        with database.connect(url) as connection:
            _require_empty(connection)
        _go_on_above(url, made.next_transaction, server)
        with installation.writable(home):
            _files_again(folder / backup.UPLOADS, home / backup.UPLOADS)
        wrong = _pour(folder, made, url)
        if not wrong:
            with installation.writable(home):
                installation.make_keys(home)
            installation.migrate()
    if wrong:
        print(f"되살렸지만 백업과 다릅니다. 쓰지 마세요. {_verdict(wrong)}")
        return 1
    changed = [name for name, value in made.settings.items() if os.environ.get(name) != value]
    print(f"되살렸습니다: {home}  ({_verdict(wrong)})")
    if changed:
        print(
            "백업할 때 정해 둔 설정이 지금과 다릅니다: "
            + ", ".join(f"{name}={made.settings[name]}" for name in changed)
        )
    print(
        "되살린 설치는 아무것도 보내지 않습니다. 옛 설치가 꺼진 것을 확인한 뒤 majung wake 를 돌리거나, "
        "켜고 나서 정원에서 ‘보내기 시작’을 눌러 주세요."
    )
    return 0


def _verdict(wrong: list[str]) -> str:
    return f"다른 것 {len(wrong)}: {', '.join(wrong[:20])}" if wrong else "모든 표와 장부가 백업과 같습니다"


def _checked(folder: Path, sealer: Sealer) -> Manifest:
    """The manifest, signed by this key, with every file as it was, of a version that this one can carry on."""
    made = Manifest.read(folder, None)
    if made.key != manifest.fingerprint(sealer):
        raise Misconfigured("이 금고 열쇠로 만든 백업이 아닙니다. 백업한 설치의 vault.key를 두고 다시 해 주세요.")
    made = Manifest.read(folder, sealer)
    made.check_files(folder)
    if unknown := set(made.migrations) - _known_migrations():
        raise Misconfigured(
            f"더 새로운 마중({made.version})의 백업입니다. 그 판으로 되살려 주세요. 모르는 것: {', '.join(sorted(unknown)[:5])}"
        )
    return made


def _known_migrations() -> set[str]:
    import django
    from django.db.migrations.loader import MigrationLoader

    django.setup()
    return {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}


def _sealer(vault: Path) -> Sealer:
    return Sealer(Keyring.load(vault))


def _key(folder: Path, vault: Path) -> Sealer:
    """The sealer of the key that lies at ``vault``, put there out of the backup when it holds one."""
    if not vault.exists():
        sealed = folder / backup.KEY
        if not sealed.exists():
            raise Misconfigured(
                f"금고 열쇠가 없습니다. 백업한 설치의 vault.key를 {vault}에 두고 chmod 600 한 뒤 다시 해 주세요."
            )
        plain = backup.opened_key(sealed.read_bytes(), backup.passphrase(new=False))
        with installation.writable(vault.parent):
            descriptor = os.open(vault, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(plain)
        say(f"금고 열쇠를 백업에서 꺼내 두었습니다: {vault}")
    return _sealer(vault)


def _require_empty(connection: Connection) -> None:
    found = connection.execute(manifest.statement("tables")).fetchall()
    if found:
        raise Invalid(
            problem=f"데이터베이스 {connection.info.dbname}에 표가 {len(found)}개 있습니다. 빈 데이터베이스에만 되살립니다. "
            "새 MAJUNG_HOME이나 빈 데이터베이스의 DATABASE_URL을 정하거나, --into 이름 으로 따로 되살려 주세요."
        )


@contextmanager
def _database(given: str, name: str, *, keep: bool) -> Iterator[None]:
    """A new database ``name`` on the server of ``given``; dropped after the block, or when the block fails."""
    quoted, whole = sql.Identifier(name), False
    with database.connect(given) as connection:
        connection.autocommit = True
        try:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(quoted))
        except psycopg.errors.DuplicateDatabase:
            raise Invalid(problem=f"데이터베이스 {name}이 이미 있습니다. 다른 이름을 정해 주세요.") from None
        except psycopg.errors.InsufficientPrivilege:
            raise Misconfigured(
                f"데이터베이스를 만들 수 없습니다. 관리자로 한 번: ALTER ROLE {connection.info.user} CREATEDB;"
            ) from None
    try:
        yield
        whole = keep
    finally:
        if not whole:
            with database.connect(given) as connection:
                connection.autocommit = True
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(quoted))


def _pour(folder: Path, made: Manifest, url: str) -> list[str]:
    """The dump is in the database of ``url``, which is muted; returns what differs from the manifest."""
    from majung.delivery.installation import restored

    with database.connect(url) as connection:
        roles.make(connection)
        pg_restore = programs.find("pg_restore", max(made.postgres, connection.info.server_version) // 10_000)
    say(f"1/2  데이터베이스를 되살립니다 (표 {len(made.tables)}개).")
    options = [
        "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", "--verbose",
        f"--dbname={conninfo_to_dict(url)['dbname']}", str(folder / backup.DUMP),
    ]  # fmt: skip
    programs.run(pg_restore, url, options, _progress(len(made.tables)))
    with database.connect(url) as connection:
        restored(connection, made.installation, made.epoch, datetime.fromisoformat(made.made_at))
    say("2/2  백업과 견줍니다.")
    with database.connect(url) as connection:
        found, books = manifest.tables(connection), manifest.ledgers(connection)
        wrong = manifest.differences(made.tables, found)
        wrong += [f"장부 {name}" for name in manifest.differences(made.ledgers, books)]
        connection.rollback()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return wrong


def _progress(whole: int) -> Callable[[str], None]:
    begun = 0

    def hear(line: str) -> None:
        nonlocal begun
        if "processing data for table" in line:
            begun += 1
            if begun % 20 == 0:
                say(f"  표 {begun}/{whole}")

    return hear


def _files_again(source: Path, target: Path) -> None:
    """Uploaded lists lie where they lay; what is there already stays."""
    for path in sorted(source.rglob("*")) if source.is_dir() else []:
        copy = target / path.relative_to(source)
        if path.is_file() and not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            copy.touch(mode=0o600)
            copy.write_bytes(path.read_bytes())


# ── transaction numbers ──────────────────────────────────────────────────────────────────────────────────────────────


def _go_on_above(url: str, past: int, server: Embedded | None) -> None:
    """The server's transactions are numbered above ``past``: rows hold such numbers, and what is new must come after them.

    Otherwise a refusal given after the restore would look older than the list it must stop. Our own server is set forward;
    another's numbers are used up one by one. Raises Misconfigured when they are too many for that.
    """
    with database.connect(url) as connection:
        [(following,)] = connection.execute(manifest.statement("numbers")).fetchall()
        if following > past:
            return
        if server is None:
            _burn(connection, past + 1 - following)
            return
    server.go_on_above(past)


def _burn(connection: Connection, many: int) -> None:
    if many > MOST_BURNED:
        raise Misconfigured(
            f"이 서버의 거래 번호가 백업보다 {many:,} 뒤에 있습니다. "
            "서버를 끄고 한 번: pg_resetwal -e <지금 세대+1> -D <데이터 폴더>"
        )
    connection.rollback()
    connection.autocommit = True
    connection.execute("SET synchronous_commit = off")
    for done in range(0, many, BURNED_AT_ONCE):
        say(f"거래 번호를 백업 위로 올립니다: {done:,}/{many:,}")
        some = min(BURNED_AT_ONCE, many - done)
        connection.execute(
            f"DO $$ BEGIN FOR i IN 1..{some} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
        )
    connection.execute("RESET synchronous_commit")
