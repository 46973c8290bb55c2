"""The worker: one process of jobs (Procrastinate, with Django) and several dispatchers (without), watched by this one."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType

from majung.cli.installation import say
from majung.cli.processes import ENDINGS, Family


def run(senders: int) -> int:
    """Until SIGTERM or SIGINT; then every process ends after the request it is in."""
    from majung import settings

    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in ENDINGS:
        signal.signal(number, stop)
    family = Family(Path(settings.HOME) / "logs")
    family.start(
        "jobs",
        [sys.executable, "-m", "django", "procrastinate", "worker", "--concurrency", "2"],
        DJANGO_SETTINGS_MODULE="majung.settings",
    )
    url = settings.database_url(settings.ROLE)
    for place in range(senders):
        family.start(f"sender-{place}", [sys.executable, "-m", "majung.delivery.worker"], MAJUNG_DISPATCH_URL=url)
    try:
        while not stopping:
            time.sleep(0.5)
            for name in family.check():
                say(f"{name}이(가) 멈춰 다시 켰습니다. 기록: {family.logs / f'{name}.log'}")
    finally:
        family.stop()
    return 0
