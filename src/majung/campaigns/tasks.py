"""Jobs of campaigns: freeze, start, finish, and once a minute whatever is due or was left lying."""

from procrastinate.contrib.django import app

from majung.campaigns.services import freezing
from majung.core import jobs


@jobs.task("campaigns.freeze", retry=5)
def freeze(campaign: int) -> None:
    """Write the list of a confirmed campaign."""
    freezing.freeze(campaign)


@jobs.task("campaigns.start", retry=5)
def start(campaign: int) -> None:
    """Begin a frozen campaign whose window is over."""
    freezing.start(campaign)


@jobs.task("campaigns.finish", retry=5)
def finish(campaign: int) -> None:
    """Follow a dispatch to its end and settle its money."""
    freezing.follow(campaign)


@app.periodic(cron="* * * * *")
@jobs.task("campaigns.start_due")
def start_due(timestamp: int) -> None:
    """Begin what is due, take up what a killed job left, follow what is being sent."""
    freezing.start_due()
