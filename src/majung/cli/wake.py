"""``majung wake``: the operator says that no other installation sends, and this one begins to (O3)."""

import argparse
import sys

from majung.cli import database, installation
from majung.core.errors import Invalid

QUESTION = (
    "이 데이터베이스의 원본이나 사본에서 보내는 설치가 모두 꺼져 있습니까? "
    "켜져 있으면 같은 메시지가 두 번 나갑니다. (네/아니오) "
)
WORD = "네"


def run(arguments: argparse.Namespace) -> int:
    """This folder sends from its database from here on; other folders stop. Does nothing when it already does."""
    home = installation.found()
    with installation.awake(home):
        from majung import settings
        from majung.delivery import installation as marks

        with database.connect(settings.database_url()) as connection:
            seen = marks.look(connection, home)
            if seen.is_awake:
                print("이미 보낼 수 있습니다. 바꾼 것이 없습니다.")
                return 0
            installation.say(seen.standing.sentence)
            if not arguments.yes and _answer() != WORD:
                raise Invalid(problem="그대로 두었습니다. 옛 설치를 끈 뒤 다시 돌려 주세요. (묻지 않게 하려면 --yes)")
            epoch = marks.wake(connection, home)
    print(
        f"이제 보냅니다. (표식 {epoch})\n다른 기계의 일꾼도 있으면 {home / marks.FILE}을 그 기계의 MAJUNG_HOME에 복사해 주세요."
    )
    return 0


def _answer() -> str:
    return input(QUESTION).strip() if sys.stdin.isatty() else ""
