"""Questions to the room, in the sight of an actor: endpoints, their log."""

from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from majung.core.errors import NotYours
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.webhooks.enums import State
from majung.webhooks.models import Attempt, Delivery, Endpoint


def endpoints(actor: Actor, act: Act = Act.GRANTS_VIEW) -> QuerySet[Endpoint]:
    """The endpoints at units where ``act`` was lent, in tree order."""
    return (
        Endpoint.objects.filter(root_id=actor.root_id, unit__in=actor.units(act))
        .exclude(state=State.REMOVED)
        .select_related("unit", "root", "grant")
        .order_by("unit__path", "pk")
    )


def endpoint(actor: Actor, public_id: UUID, act: Act = Act.GRANTS_VIEW) -> Endpoint:
    """One endpoint. Raises NotYours out of sight, Forbidden in sight without ``act``."""
    found = endpoints(actor).filter(public_id=public_id).first()
    if found is None:
        raise NotYours()
    actor.require(act, found.unit)
    return found


def deliveries(endpoint: Endpoint) -> QuerySet[Delivery]:
    """What the endpoint was and is to be told, newest first; ``status``, ``problem``, ``tried_at`` are of the last try."""
    last = Attempt.objects.filter(delivery=OuterRef("pk")).order_by("-pk")
    return endpoint.deliveries.annotate(
        status=Subquery(last.values("status")[:1]),
        problem=Subquery(last.values("problem")[:1]),
        tried_at=Subquery(last.values("at")[:1]),
    ).order_by("-pk")


def delivery(endpoint: Endpoint, public_id: UUID) -> Delivery:
    """One of the endpoint's. Raises NotYours."""
    found = endpoint.deliveries.filter(public_id=public_id).first()
    if found is None:
        raise NotYours()
    return found
