"""The one door to background work: jobs commit with the data and are run by ``majung worker`` (Procrastinate)."""

from collections.abc import Callable
from typing import Any

from procrastinate.contrib.django import app


def task(name: str, *, queue: str = "default", retry: int = 0) -> Callable[[Callable[..., Any]], Any]:
    """Register a function as the job ``name`` (``room.verb``). Its arguments are ids and plain values, never personal data."""
    return app.task(name=name, queue=queue, retry=retry or False)


def daily(name: str) -> Callable[[Callable[..., Any]], Any]:
    """Register a function as a job that runs every night at 03:17 in Seoul; it is given the planned ``timestamp``."""

    def register(function: Callable[..., Any]) -> Any:
        return app.periodic(cron="17 18 * * *")(app.task(name=name, queueing_lock=name)(function))

    return register


def defer(name: str, **arguments: Any) -> int:
    """Queue the job ``name``; it becomes visible when the surrounding transaction commits. Returns its number."""
    return app.configure_task(name, allow_unknown=False).defer(**arguments)


SILENT_SECONDS = 60.0


@app.periodic(cron="* * * * *")
@app.task(name="core.retry_stalled", queueing_lock="core.retry_stalled", pass_context=False)
async def retry_stalled(timestamp: int) -> None:
    """Jobs whose worker was killed are put back into the queue; every job of ours goes on where it was cut off."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENT_SECONDS):
        await app.job_manager.retry_job(job)


def defer_at(name: str, at: Any, *, lock: str | None = None, **arguments: Any) -> int:
    """Queue the job ``name`` for the machine's instant ``at``."""
    return app.configure_task(name, schedule_at=at, lock=lock, allow_unknown=False).defer(**arguments)
