"""``majung books CAMPAIGN``: the books of one campaign, each term with the SQL behind it."""

import argparse
import uuid

import psycopg

from majung.core.errors import Invalid


def run(arguments: argparse.Namespace) -> int:
    """Print every term; the exit status is 1 when the sums do not agree."""
    from majung import settings
    from majung.delivery import books

    with psycopg.connect(settings.database_url()) as connection:
        found = books.books(connection, _number(connection, arguments.campaign))
        print(books.in_words(found))
    return 0 if found.is_balanced else 1


def _number(connection: psycopg.Connection[tuple[object, ...]], text: str) -> int:
    if text.isdecimal() and len(text) < 19:
        return int(text)
    try:
        public_id = uuid.UUID(text)
    except ValueError:
        raise Invalid(problem=f"‘{text}’은 캠페인 번호나 공개 id가 아닙니다.") from None
    row = connection.execute("SELECT id FROM campaigns_campaign WHERE public_id = %s", [public_id]).fetchone()
    if row is None:
        raise Invalid(problem="그런 캠페인이 없습니다.")
    return int(str(row[0]))
