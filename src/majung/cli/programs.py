"""pg_dump and pg_restore: found beside the embedded server or on the PATH, run without a password on the command line."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from majung.core import embedded
from majung.core.errors import Misconfigured

ENVIRONMENT = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE", "options": "PGOPTIONS",
    "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
    "passfile": "PGPASSFILE", "service": "PGSERVICE", "channel_binding": "PGCHANNELBINDING",
}  # fmt: skip
_LAST_WORDS = 5
_FAULT = re.compile(r"\b(error|FATAL|DETAIL|HINT)\b:")


def find(program: str, server: int) -> Path:
    """``program`` of a PostgreSQL that is at least as new as the server (a major version). Raises Misconfigured."""
    own = embedded.programs() / program
    for path in (own, Path(shutil.which(program) or own)):
        if path.exists() and _major(path) >= server:
            return path
    raise Misconfigured(f"PostgreSQL {server}의 {program}이 없습니다. postgresql-client-{server}를 설치해 주세요.")


def _major(path: Path) -> int:
    done = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False)
    word = done.stdout.split()[2] if len(done.stdout.split()) > 2 else "0"
    return int(word.split(".")[0]) if word.split(".")[0].isdecimal() else 0


def run(program: Path, url: str, arguments: Sequence[str], hears: Callable[[str], None]) -> None:
    """Run it to its end against ``url``; ``hears`` gets each line it says. Raises Misconfigured with its last words."""
    facts = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    if unknown := facts.keys() - ENVIRONMENT.keys() - {"application_name", "connect_timeout"}:
        raise Misconfigured(
            f"DATABASE_URL의 {', '.join(sorted(unknown))}은(는) {program.name}에 넘길 수 없습니다. 빼고 돌려 주세요."
        )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    clean |= {ENVIRONMENT[key]: value for key, value in facts.items() if key in ENVIRONMENT} | {"LC_ALL": "C"}
    said: list[str] = []
    with subprocess.Popen(
        [str(program), *arguments], env=clean, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, errors="replace", umask=0o077,
    ) as process:  # fmt: skip
        assert process.stderr is not None  # noqa: S101  asked for just above
        try:
            for line in process.stderr:
                hears(line.rstrip())
                if _FAULT.search(line):
                    said = [*said[-_LAST_WORDS + 1 :], line.rstrip()]
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise Misconfigured(f"{program.name}이(가) 마치지 못했습니다:\n" + "\n".join(said))
