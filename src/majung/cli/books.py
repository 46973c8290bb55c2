"""``majung books CAMPAIGN``: the books of one campaign, each term with the SQL behind it; or one of its requests, found again."""

import argparse
import uuid
from pathlib import Path

from majung.cli import database, installation
from majung.cli.database import Connection
from majung.core import clock
from majung.core.errors import Invalid
from majung.core.sealing import sealer_at

SHOWN = 10
LARGEST = 50_000_000
"""No dealer takes a larger request: who names a film or a disk by mistake is told so."""


def run(arguments: argparse.Namespace) -> int:
    """Print every term; the exit status is 1 when the sums do not agree. A stopped installation is woken for it.

    With ``--request FILE``: whether the file is a request that this campaign handed over, byte for byte; 1 when it is not.
    """
    what = asked(arguments.campaign)
    body = None if arguments.request is None else _body(Path(arguments.request))
    with installation.awake(installation.found()):
        from majung import settings  # reason: not readable before the database runs

        with database.connect(settings.database_url()) as connection:
            number = number_of(connection, what)
            try:
                told, is_right = _books(connection, number) if body is None else _request(connection, number, body)
            except LookupError:
                raise Invalid(problem=f"{number}번 메시지는 아직 명단이 굳지 않아 장부가 없습니다.") from None
            print(told)
    return 0 if is_right else 1


def _books(connection: Connection, number: int) -> tuple[str, bool]:
    from majung.delivery import books

    told = books.books(connection, number)
    return books.in_words(told), told.is_balanced


def _request(connection: Connection, number: int, body: bytes) -> tuple[str, bool]:
    from majung import settings
    from majung.delivery import evidence

    found = evidence.handed_with(connection, sealer_at(settings.VAULT_KEY), number, body)
    if found:
        lines = (
            f"  묶음 {one.chunk_no}: {one.people:,}명, 요청 {one.group_ref}, {clock.seoul(one.handed_at):%Y-%m-%d %H:%M:%S}"
            for one in found
        )
        return "\n".join([f"{number}번 메시지로 보낸 요청이 맞습니다.", *lines]), True
    hashed, left = evidence.hashed(connection, number)
    return (
        f"{number}번 메시지로 보낸 요청이 아니거나, 한 글자라도 다릅니다. "
        f"나간 묶음 {left:,}개 가운데 {hashed:,}개에 견줄 자취가 있습니다 (답을 받지 못한 요청에는 없습니다).",
        False,
    )


def _body(path: Path) -> bytes:
    """A file's bytes. Raises Invalid."""
    try:
        if path.is_file() and path.stat().st_size > LARGEST:
            raise Invalid(
                problem=f"‘{path}’은(는) {LARGEST // 1_000_000}MB가 넘습니다. 요청 하나의 본문을 담은 파일이 아닙니다."
            )
        return path.read_bytes()
    except OSError:
        raise Invalid(problem=f"‘{path}’ 파일이 없거나 읽을 수 없습니다.") from None


def asked(text: str) -> int | uuid.UUID:
    """A campaign's number or public id. Raises Invalid."""
    if text.isascii() and text.isdecimal() and len(text) < 19:
        return int(text)
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Invalid(problem=f"‘{text}’은(는) 메시지의 번호나 공개 id가 아닙니다.") from None


def number_of(connection: Connection, asked: int | uuid.UUID) -> int:
    """The campaign's number. Raises Invalid with those that there are."""
    if connection.execute("SELECT to_regclass('campaigns_campaign')").fetchall() == [(None,)]:
        raise Invalid(problem="데이터베이스에 표가 없습니다. majung migrate 를 돌려 주세요.")
    column = "id" if isinstance(asked, int) else "public_id"
    row = connection.execute(f"SELECT id FROM campaigns_campaign WHERE {column} = %s", [asked]).fetchone()
    if row is None:
        latest = connection.execute(
            "SELECT id, title FROM campaigns_campaign WHERE frozen_at IS NOT NULL ORDER BY id DESC LIMIT %s", [SHOWN]
        ).fetchall()
        known = "".join(f"\n  {number}  {title}" for number, title in latest) or " 아직 없습니다."
        raise Invalid(problem=f"메시지 {asked}이(가) 없습니다. 장부가 있는 것:{known}")
    return int(row[0])
