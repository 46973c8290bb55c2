"""Jobs of the room."""

from majung.consent import services
from majung.core import clock, jobs
from majung.tree.models import Organisation


@jobs.daily("consent.owe_checks")
def owe_checks(timestamp: int) -> None:
    """Once a day: the two-year checks that fall due within a month are owed (ADV-14)."""
    for root_id in Organisation.objects.order_by("pk").values_list("pk", flat=True):
        services.owe_checks(root_id, clock.today())
