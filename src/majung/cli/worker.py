"""The worker: one process of jobs (Procrastinate, with Django) and several dispatchers (without), watched by this one."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType

from majung.cli.processes import Family


def run(senders: int) -> int:
    """Until SIGTERM or SIGINT; then every process ends after the request it is in."""
    from majung import settings

    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    family = Family(Path(settings.HOME) / "logs")
    family.start(
        "jobs",
        [sys.executable, "-m", "django", "procrastinate", "worker", "--concurrency", "2"],
        DJANGO_SETTINGS_MODULE="majung.settings",
    )
    url = settings.database_url(settings.ROLE)
    for number in range(senders):
        family.start(f"sender-{number}", [sys.executable, "-m", "majung.delivery.worker"], MAJUNG_DISPATCH_URL=url)
    try:
        while not stopping:
            time.sleep(0.5)
            for name in family.check():
                print(f"{name} restarted", file=sys.stderr, flush=True)
    finally:
        family.stop()
    return 0
