"""Jobs of the room: the round by the minute, one delivery at once, forgetting by night."""

import time

from procrastinate.contrib.django import app

from majung.core import clock
from majung.core.jobs import daily, task
from majung.webhooks import sending

ROUND_SECONDS = 30.0


@app.periodic(cron="* * * * *")
@app.task(name="webhooks.round", queueing_lock="webhooks.round", lock="webhooks.round", pass_context=False)
def round_(timestamp: int) -> None:
    """The stream becomes deliveries, and what is due is sent, for as long as the next round is not due itself."""
    until = time.monotonic() + ROUND_SECONDS
    while sending.read_stream() and time.monotonic() < until:
        pass
    while sending.send_due() and time.monotonic() < until:
        pass


@task("webhooks.send_now")
def send_now(delivery: int) -> None:
    """Somebody pressed a button and waits for the answer."""
    sending.send_due([delivery])


@daily("webhooks.forget")
def forget(timestamp: int) -> None:
    """The log is kept for a month."""
    sending.forget(clock.now() - sending.KEPT)
