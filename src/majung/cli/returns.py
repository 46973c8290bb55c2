"""``majung returns``: letters that came back, from a pipe of the mail server or out of a Maildir."""

import argparse
import mailbox
import sys
from collections import Counter
from pathlib import Path

from majung.cli import database, installation
from majung.cli.database import Connection
from majung.core import clock
from majung.core.errors import Invalid
from majung.core.sealing import Sealer, sealer_at
from majung.mail import returns
from majung.mail.returns import Found


def run(arguments: argparse.Namespace) -> int:
    """Each letter is judged, and told in numbers."""
    box = None if arguments.maildir is None else _maildir(arguments.maildir)
    raw = sys.stdin.buffer.read(returns.LARGEST) if box is None else b""
    with installation.awake(installation.found()):
        from majung import settings  # reason: slow, and not readable before the database runs

        sealer = sealer_at(settings.VAULT_KEY)
        with database.connect(settings.database_url()) as connection:
            told = judge(connection, sealer, [raw]) if box is None else collect(connection, sealer, box)
    print(
        f"되돌아온 편지 {told.total():,}통: 없는 주소로 적음 {told[Found.MARKED]:,}, "
        f"적지 않음 {told[Found.PASSING]:,}, 알 수 없음 {told[Found.UNKNOWN]:,}"
    )
    return 0


def judge(connection: Connection, sealer: Sealer, letters: list[bytes]) -> Counter[Found]:
    """What became of each, in a transaction of its own."""
    counted: Counter[Found] = Counter()
    for raw in letters:
        with connection.transaction():
            counted[returns.take(connection, sealer, raw, clock.now())] += 1
    return counted


def collect(connection: Connection, sealer: Sealer, box: "mailbox.Maildir") -> Counter[Found]:
    """Every letter of the folder that was not read yet; each is put down as read after it was judged."""
    counted: Counter[Found] = Counter()
    for key, letter in box.iteritems():
        if letter.get_subdir() == "new" or "S" not in letter.get_flags():
            counted += judge(connection, sealer, [box.get_bytes(key)])
            letter.set_subdir("cur")
            letter.add_flag("S")
            box[key] = letter
    return counted


def _maildir(path: str) -> "mailbox.Maildir":
    folder = Path(path)
    if not all((folder / part).is_dir() for part in ("cur", "new", "tmp")):
        raise Invalid(problem=f"‘{path}’은(는) Maildir 폴더가 아닙니다 (cur, new, tmp가 있어야 합니다).")
    return mailbox.Maildir(str(folder), create=False)
