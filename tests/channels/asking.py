"""Asking a dealer and waiting for the answer, as a worker would."""

from majung.channels import services
from majung.channels.enums import JobKind
from majung.channels.models import AccountJob, DealerAccount
from majung.channels.services import jobs
from tests.make.tree import Organised


def ask(made: Organised, account: DealerAccount, kind: JobKind) -> AccountJob:
    job = services.ask(made.actor, account, kind)
    jobs.run(job.pk)
    job.refresh_from_db()
    account.refresh_from_db()
    return job
