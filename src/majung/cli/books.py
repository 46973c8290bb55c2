"""``majung books CAMPAIGN``: the books of one campaign, each term with the SQL behind it."""

import argparse
import uuid

from majung.cli import database, installation
from majung.cli.database import Connection
from majung.core.errors import Invalid

SHOWN = 10


def run(arguments: argparse.Namespace) -> int:
    """Print every term; the exit status is 1 when the sums do not agree. A stopped installation is woken for it."""
    what = asked(arguments.campaign)
    with installation.awake(installation.found()):
        from majung import settings
        from majung.delivery import books

        with database.connect(settings.database_url()) as connection:
            number = number_of(connection, what)
            try:
                told = books.books(connection, number)
            except LookupError:
                raise Invalid(problem=f"{number}번 메시지는 아직 명단이 굳지 않아 장부가 없습니다.") from None
            print(books.in_words(told))
    return 0 if told.is_balanced else 1


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
