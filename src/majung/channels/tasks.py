"""Jobs of the room: asking dealers, and the hourly and nightly rounds."""

from datetime import timedelta

from procrastinate.contrib.django import app

from majung.channels.enums import JobKind
from majung.channels.models import DealerAccount, DealerWake
from majung.channels.services import jobs
from majung.core import clock
from majung.core.jobs import task

WAKES_KEPT = timedelta(days=30)


@task("channels.ask_dealer", queue="dealers")
def ask_dealer(job_id: int) -> None:
    """Do what the account job wants."""
    jobs.run(job_id)


@app.periodic(cron="11 * * * *")
@task("channels.hourly")
def hourly(timestamp: int) -> None:
    """Connection, balance and refusals of every working account; low balances become duties."""
    jobs.ask_all((JobKind.CHECK, JobKind.BLOCKS))
    for account in DealerAccount.objects.filter(low_balance_centiwon__gt=0):
        jobs.note_low_balance(account)


@app.periodic(cron="40 3 * * *")
@task("channels.nightly")
def nightly(timestamp: int) -> None:
    """Templates of every account; wakes nobody took are forgotten."""
    jobs.ask_all((JobKind.TEMPLATES,))
    long_ago = clock.now() - WAKES_KEPT
    DealerWake.objects.filter(at__lt=long_ago).delete()
