"""Outgoing webhooks over the API: endpoints registered, changed and tried. Secrets are told once, when they are made."""

from typing import Any, Literal
from uuid import UUID

from ninja import Field, Router, Schema

from majung.api.app import ApiRequest, Said
from majung.tree.enums import Act
from majung.webhooks import queries, services
from majung.webhooks.enums import Event
from majung.webhooks.models import Delivery, Endpoint

router = Router(tags=["webhooks"])
EventName = Literal[*Event.values]  # type: ignore[valid-type]  # the values of the enum, written once
LOG = 200


class NewEndpoint(Said):
    """An address that is told ``events`` of a unit (and of all below it)."""

    unit: UUID
    label: str = Field(max_length=60)
    url: str = Field(max_length=500)
    events: list[EventName] = Field(min_length=1, max_length=len(Event))
    covers_subtree: bool = False


class EndpointOut(Schema):
    """Where an endpoint stands; ``why`` it is held, if it is."""

    id: UUID
    unit: UUID
    label: str
    url: str
    events: list[str]
    covers_subtree: bool
    state: str
    why: str


class EndpointMade(EndpointOut):
    """With the secret (``whsec_…``), which is never told again."""

    secret: str


class SecretOut(Schema):
    """A new secret; the one before signs beside it for a day."""

    secret: str


class DeliveryOut(Schema):
    """One thing told: ``status`` of the last try, or its ``problem`` in a word. ``id`` is the ``webhook-id``."""

    id: UUID
    event: str
    course: str
    tries: int
    status: int | None
    problem: str


def _out(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.public_id,
        "unit": endpoint.unit.public_id,
        "label": endpoint.label,
        "url": endpoint.url,
        "events": endpoint.events,
        "covers_subtree": endpoint.covers_subtree,
        "state": endpoint.state,
        "why": endpoint.why,
    }


def _told(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.public_id,
        "event": delivery.event,
        "course": delivery.course,
        "tries": delivery.tries,
        "status": getattr(delivery, "status", None),
        "problem": getattr(delivery, "problem", None) or "",
    }


@router.get("", response=list[EndpointOut])
def webhooks(request: ApiRequest) -> list[dict[str, Any]]:
    """The endpoints in sight; at most 200."""
    return [_out(endpoint) for endpoint in queries.endpoints(request.actor)[:200]]


@router.post("", response={201: EndpointMade})
def add_webhook(request: ApiRequest, new: NewEndpoint) -> tuple[int, dict[str, Any]]:
    """Registers an endpoint. The same unit and address again is 409; a lost answer is mended by asking for a new secret."""
    unit = request.actor.unit(new.unit, Act.GRANTS_LEND)
    made, secret = services.add_endpoint(
        request.actor, unit, label=new.label, url=new.url, chosen=new.events, covers_subtree=new.covers_subtree
    )
    return 201, {**_out(made), "secret": secret}


@router.get("/{uuid:public_id}", response=EndpointOut)
def webhook(request: ApiRequest, public_id: UUID) -> dict[str, Any]:
    """One endpoint in sight."""
    return _out(queries.endpoint(request.actor, public_id))


@router.delete("/{uuid:public_id}", response={204: None})
def remove_webhook(request: ApiRequest, public_id: UUID) -> tuple[int, None]:
    """It is told nothing any more; its secret and its log are gone."""
    services.remove(request.actor, queries.endpoint(request.actor, public_id, Act.GRANTS_LEND))
    return 204, None


@router.get("/{uuid:public_id}/deliveries", response=list[DeliveryOut])
def webhook_deliveries(request: ApiRequest, public_id: UUID) -> list[dict[str, Any]]:
    """What it was told lately, the newest first; at most 200."""
    return [_told(row) for row in queries.deliveries(queries.endpoint(request.actor, public_id))[:LOG]]


@router.post("/{uuid:public_id}/deliveries/{uuid:delivery}/again", response={202: DeliveryOut})
def webhook_again(request: ApiRequest, public_id: UUID, delivery: UUID) -> tuple[int, dict[str, Any]]:
    """The same body under the same id once more."""
    endpoint = queries.endpoint(request.actor, public_id, Act.GRANTS_LEND)
    found = queries.delivery(endpoint, delivery)
    services.send_again(request.actor, endpoint, found)
    return 202, _told(queries.delivery(endpoint, delivery))


@router.post("/{uuid:public_id}/secret", response={201: SecretOut})
def webhook_secret(request: ApiRequest, public_id: UUID) -> tuple[int, dict[str, Any]]:
    """A new secret."""
    endpoint = queries.endpoint(request.actor, public_id, Act.GRANTS_LEND)
    return 201, {"secret": services.new_secret(request.actor, endpoint)}


@router.post("/{uuid:public_id}/{verb}", response=EndpointOut)
def webhook_act(request: ApiRequest, public_id: UUID, verb: Literal["trial", "hold", "resume"]) -> dict[str, Any]:
    """A test, a stop, or going on."""
    endpoint = queries.endpoint(request.actor, public_id, Act.GRANTS_LEND)
    verbs = {"trial": services.send_trial, "hold": services.hold, "resume": services.resume}
    verbs[verb](request.actor, endpoint)
    return _out(queries.endpoint(request.actor, public_id))
