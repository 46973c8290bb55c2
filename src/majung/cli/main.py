"""Reads the command line and calls one command. Django is loaded only by the commands that need it."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import psycopg

from majung.cli import database
from majung.core.errors import Misconfigured, Outside, Refusal

TEST = "tests:run"


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit status. Refusals and wrong settings are sentences, not tracebacks."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and arguments.run != TEST:
        parser.error(f"모르는 인자: {' '.join(rest)}")
    arguments.rest = rest
    module, _, function = arguments.run.partition(":")
    run: Callable[[argparse.Namespace], int] = getattr(import_module(f"majung.cli.{module}"), function)
    try:
        database.external()
        return run(arguments)
    except (Refusal, Misconfigured, Outside) as error:
        return _sorry(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) left; point stdout elsewhere so that the interpreter's last flush is quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        # Django wraps what psycopg says; a database that went away in the middle is no bug of ours.
        if isinstance(error.__cause__ or error, psycopg.OperationalError):
            return _sorry(database.unreachable(error))
        raise


def _sorry(sentence: str) -> int:
    print(f"majung: {sentence}", file=sys.stderr)
    return 2


def _between(least: int, most: int) -> Callable[[str], int]:
    """A reader of whole numbers for argparse."""

    def read(text: str) -> int:
        try:
            number = int(text.replace(",", ""))
        except ValueError:
            raise argparse.ArgumentTypeError(f"‘{text}’은(는) 수가 아닙니다") from None
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{least:,}–{most:,} 사이여야 합니다")
        return number

    return read


_people, _port, _senders = _between(1_000, 20_000_000), _between(1, 65_535), _between(1, 64)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="majung", description="마중: 빌려 쓰는 카카오톡 채널의 나무")
    commands = parser.add_subparsers(required=True, metavar="명령")

    def command(name: str, run: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    demo = command("demo", "demo:run", "꾸며 낸 정당의 나무를 만들고, 메시지 한 통을 254개 지역구 채널로 보내 봅니다.")
    demo.add_argument("--once", action="store_true", help="임시 폴더에서 한 번 돌리고 끝냅니다")
    demo.add_argument("--people", type=_people, metavar="N", help="꾸며 낼 사람 수 (기본 100,000)")
    demo.add_argument("--json", action="store_true", help="마지막 줄에 결과를 JSON으로 적습니다 (--once와 함께)")
    demo.add_argument(
        "--at", metavar="HH:MM[:SS]", default="10:00", help="메시지를 보내는 때의 데모 시계 (서울, 기본 10:00)"
    )
    _ports(demo)

    up = command("up", "up:run", "이 기계에서 모두 켭니다: 데이터베이스, 웹, 수신, 일꾼.")
    _ports(up)
    web = command("web", "serve:web", "웹(콘솔·포털·API)만 켭니다.")
    web.add_argument("--port", type=_port, default=8000)
    web.add_argument("--host", default="127.0.0.1")
    ingest = command("ingest", "serve:ingest", "웹훅과 결과 보고를 받는 프로세스만 켭니다.")
    ingest.add_argument("--port", type=_port, default=8001)
    ingest.add_argument("--host", default="127.0.0.1")
    worker = command("worker", "serve:worker", "일꾼만 켭니다: 예약된 일과 발송.")
    worker.add_argument(
        "--senders", type=_senders, default=max(1, (os.cpu_count() or 2)), help="발송 프로세스 수 (기본 코어 수)"
    )
    worker.add_argument("--probe-port", type=_port, default=None, help="이 기계에서 /healthz와 /metrics에 답할 포트")
    command("migrate", "up:migrate", "데이터베이스의 표를 이 판에 맞춥니다.")
    command("doctor", "doctor:run", "이 설치를 살펴보고, 고칠 것을 알려 줍니다.")
    backup = command("backup", "backup:run", "데이터베이스와 올린 파일을 한 폴더에 백업합니다.")
    backup.add_argument("folder", help="새로 만들 폴더")
    backup.add_argument("--with-key", action="store_true", help="금고 열쇠도 암호로 봉해 담습니다")
    restore = command("restore", "restore:run", "백업을 빈 데이터베이스에 되살리고 견줍니다.")
    restore.add_argument("folder", help="majung backup이 만든 폴더")
    restore.add_argument("--into", metavar="이름", help="새 데이터베이스에 따로 되살립니다. 쓰던 것은 그대로 둡니다")
    restore.add_argument("--drill", action="store_true", help="연습: 임시 데이터베이스에 되살려 견준 뒤 지웁니다")
    wake = command("wake", "wake:run", "되살리거나 옮긴 설치가 보내기 시작하게 합니다.")
    wake.add_argument("--yes", action="store_true", help="옛 설치가 꺼져 있다고 답한 것으로 합니다")
    distribute = command(
        "distribute", "distribute:run", "큰 표를 Citus로 여러 서버에 나눕니다. Citus가 없으면 그대로 둡니다."
    )
    distribute.add_argument("--dry-run", action="store_true", help="무엇을 할지 적기만 합니다")
    books = command("books", "books:run", "캠페인 하나의 장부를 SQL과 함께 적습니다.")
    books.add_argument("campaign", help="메시지(캠페인)의 번호 또는 공개 id")
    books.add_argument(
        "--request", metavar="파일", help="대행사에 보낸 요청의 사본(본문)이 이 메시지의 것인지 견줍니다"
    )
    nudge = command(
        "nudge", "nudge:run", "멈춰 선 메시지를 다시 해 봅니다: 묻고 이어갈 뿐, 나간 것을 다시 보내지 않습니다."
    )
    nudge.add_argument("campaign", nargs="?", default="", help="메시지(캠페인)의 번호 또는 공개 id")
    nudge.add_argument("--all", action="store_true", help="멈춰 선 메시지 모두")
    nudge.add_argument("--inbox", action="store_true", help="따로 둔 결과 보고를 다시 옮깁니다")
    returns = command("returns", "returns:run", "되돌아온 전자우편을 읽어, 없는 주소에는 다시 보내지 않게 합니다.")
    returns.add_argument("--maildir", metavar="폴더", help="받은 편지함(Maildir). 없으면 표준 입력의 편지 한 통")
    owner = command("create-owner", "owner:run", "조직, 법인, 소유자를 만듭니다.")
    for name, text in (("organisation", "조직 이름"), ("entity", "법인 이름"), ("email", "소유자 전자우편")):
        owner.add_argument(f"--{name}", required=True, metavar=text)
    owner.add_argument("--kind", choices=("political", "local_gov", "commercial", "civic"), required=True)
    bench = command("bench", "bench:run", "빠르기를 잽니다: 항목마다 여러 번, 바닥값과 나란히.")
    bench.add_argument("rows", nargs="*", metavar="항목", help="잴 항목 (all 이면 모두)")
    bench.add_argument("--runs", type=_between(1, 100), default=5, metavar="N", help="항목마다 잴 횟수 (기본 5)")
    bench.add_argument("--json", action="store_true", help="마지막 줄에 결과를 JSON으로 적습니다")
    bench.add_argument("--write", action="store_true", help="docs/benchmarks.md의 표를 새로 씁니다")
    bench.add_argument("--home", type=Path, metavar="폴더", help="다음에 다시 쓸 폴더 (정하지 않으면 임시 폴더)")
    prove = command("prove", "prove:run", "거듭 죽이고 고장 내면서 보낸 뒤, 양쪽 장부를 집합으로 견줍니다.")
    prove.add_argument("what", choices=("crashes",), help="무엇을 보일지")
    prove.add_argument(
        "--runs", type=_between(1, 1_000_000), default=20, metavar="N", help="모두 몇 번 (기본 20, 이어서 돌립니다)"
    )
    prove.add_argument("--seed", type=_between(0, 2**62), metavar="S", help="이 씨앗의 한 번을 다시")
    prove.add_argument("--people", type=_people, default=20_000, metavar="N", help="받을 사람 수 (기본 20,000)")
    prove.add_argument(
        "--abreast", type=_between(1, 64), default=os.cpu_count() or 1, metavar="N",
        help="몇 무대에서 나란히 돌릴지 (기본: 코어 수)",
    )  # fmt: skip
    prove.add_argument("--json", action="store_true", help="마지막 줄에 결과를 JSON으로 적습니다")
    prove.add_argument("--lane", type=_between(0, 63), help=argparse.SUPPRESS)
    test = command("test", TEST, "시험을 돌립니다. 뒤에 pytest 인자를 붙일 수 있습니다.")
    test.add_argument("paths", nargs="*", help="시험 파일이나 폴더")
    return parser


def _ports(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=None, help="웹 포트 (정하지 않으면 8000, 쓰는 중이면 빈 포트)")


def project_folder() -> Path:
    """The checkout, for ``test`` and the sandbox, which are not part of the package."""
    return Path(__file__).resolve().parents[3]
