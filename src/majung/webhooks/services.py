"""Registering endpoints and changing them; a test; telling something again (O4)."""

from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from majung.activity import services as activity
from majung.core import clock, jobs
from majung.core.errors import Invalid, NotYours
from majung.core.text import nfc
from majung.people.vault import sealer
from majung.tree.actor import Actor, system_actor
from majung.tree.enums import Act
from majung.tree.models import Grant, Unit
from majung.webhooks import events, post, sign
from majung.webhooks.enums import TRIAL, Course, Event, State, Why, act_for
from majung.webhooks.errors import Held, Known, NotLent
from majung.webhooks.keys import secret_place
from majung.webhooks.models import Delivery, Endpoint

OLD_SECRET_KEPT = timedelta(days=1)
"""How long the secret before the last still signs: so long the other side has to take the new one."""
MOST_A_UNIT = 20
DUTY_WITHIN = timedelta(days=3)


def grant_for(actor: Actor, unit: Unit, chosen: Collection[str], *, covers_subtree: bool) -> Grant:
    """The grant by whose leave the events are told: it may lend, and sees all of them there. Raises NotLent, and as ``require``."""
    actor.require(Act.GRANTS_LEND, unit)
    needed = {Act.GRANTS_LEND, *map(act_for, chosen)}
    for grant in actor.grants_for(Act.GRANTS_LEND, unit):
        if needed <= set(grant.acts) and (grant.covers_subtree or not covers_subtree):
            return grant
    raise NotLent()


@transaction.atomic
def add_endpoint(
    actor: Actor, unit: Unit, *, label: str, url: str, chosen: Collection[str], covers_subtree: bool = False
) -> tuple[Endpoint, str]:
    """The address is told ``chosen`` from now on. Returns its secret, which is shown once. Raises Invalid, Known, NotLent."""
    told = _events(chosen)
    grant = grant_for(actor, unit, told, covers_subtree=covers_subtree)
    Unit.objects.select_for_update(no_key=True).get(pk=unit.pk)
    if Endpoint.objects.filter(unit=unit).exclude(state=State.REMOVED).count() >= MOST_A_UNIT:
        raise Invalid(problem=f"한 조직에 {MOST_A_UNIT}개까지 둘 수 있습니다. 쓰지 않는 것을 지워 주세요.")
    try:
        with transaction.atomic():
            endpoint = Endpoint.objects.create(
                root_id=actor.root_id, unit=unit, covers_subtree=covers_subtree, grant=grant, label=_label(label),
                url=checked_url(url), events=told,
            )  # fmt: skip
    except IntegrityError:
        raise Known() from None
    secret = sign.new_secret()
    endpoint.secret_sealed = sealer().seal(secret_place(endpoint.root_id), endpoint.pk, secret)
    endpoint.save(update_fields=["secret_sealed"])
    _record(actor, endpoint, "endpoint_added")
    return endpoint, secret


@transaction.atomic
def change_endpoint(actor: Actor, endpoint: Endpoint, *, label: str, url: str, chosen: Collection[str]) -> None:
    """The endpoint is as said, by the actor's own leave from now on. Raises Invalid, Known, NotLent."""
    current = _locked(endpoint)
    told = _events(chosen)
    current.grant = grant_for(actor, current.unit, told, covers_subtree=current.covers_subtree)
    current.label, current.url, current.events, current.changed_at = _label(label), checked_url(url), told, clock.now()
    try:
        with transaction.atomic():
            current.save(update_fields=["grant", "label", "url", "events", "changed_at"])
    except IntegrityError:
        raise Known() from None
    _record(actor, current, "endpoint_changed")


@transaction.atomic
def new_secret(actor: Actor, endpoint: Endpoint) -> str:
    """A new secret, shown once. The one before signs beside it for a day; one still older ends now."""
    current = _locked(endpoint)
    actor.require(Act.GRANTS_LEND, current.unit)
    secret = sign.new_secret()
    current.old_secret_sealed, current.old_until = current.secret_sealed, clock.now() + OLD_SECRET_KEPT
    current.secret_sealed = sealer().seal(secret_place(current.root_id), current.pk, secret)
    current.save(update_fields=["secret_sealed", "old_secret_sealed", "old_until"])
    _record(actor, current, "secret_made")
    return secret


@transaction.atomic
def hold(actor: Actor, endpoint: Endpoint) -> None:
    """Nothing is told until somebody resumes; what happens meanwhile is not told later either."""
    current = _locked(endpoint)
    actor.require(Act.GRANTS_LEND, current.unit)
    if current.state == State.ACTIVE:
        _hold(current, Why.ASKED)
        _record(actor, current, "endpoint_held", why=Why.ASKED)


@transaction.atomic
def resume(actor: Actor, endpoint: Endpoint) -> None:
    """Told again, by the actor's own leave; what waited when it was held is told first. Raises NotLent."""
    current = _locked(endpoint)
    current.grant = grant_for(actor, current.unit, current.events, covers_subtree=current.covers_subtree)
    current.state, current.why, current.failing_since, current.changed_at = State.ACTIVE, "", None, clock.now()
    current.save(update_fields=["grant", "state", "why", "failing_since", "changed_at"])
    current.deliveries.filter(course=Course.WAITING).update(next_at=clock.now(), tries=0)
    _record(actor, current, "endpoint_resumed")


@transaction.atomic
def remove(actor: Actor, endpoint: Endpoint) -> None:
    """The endpoint is told nothing any more, for ever; its secrets and what waited are gone."""
    current = _locked(endpoint)
    actor.require(Act.GRANTS_LEND, current.unit)
    current.state, current.why, current.secret_sealed, current.old_secret_sealed = State.REMOVED, "", b"", b""
    current.changed_at = clock.now()
    current.save(update_fields=["state", "why", "secret_sealed", "old_secret_sealed", "changed_at"])
    current.deliveries.all().delete()
    _record(actor, current, "endpoint_removed")


@transaction.atomic
def send_trial(actor: Actor, endpoint: Endpoint) -> Delivery:
    """A test body goes out at once. Raises Held."""
    current = _locked(endpoint)
    actor.require(Act.GRANTS_LEND, current.unit)
    if current.state != State.ACTIVE:
        raise Held()
    now = clock.now()
    made = Delivery.objects.create(
        endpoint=current, event=TRIAL, body=events.body(TRIAL, now, {"endpoint": str(current.public_id)}), next_at=now
    )
    jobs.defer("webhooks.send_now", delivery=made.pk)
    return made


@transaction.atomic
def send_again(actor: Actor, endpoint: Endpoint, delivery: Delivery) -> None:
    """The same body under the same id once more, whatever came of it before; at once. Raises Held."""
    current = _locked(endpoint)
    actor.require(Act.GRANTS_LEND, current.unit)
    if current.state != State.ACTIVE:
        raise Held()
    current.deliveries.filter(pk=delivery.pk).update(course=Course.WAITING, next_at=clock.now(), tries=0)
    _record(actor, current, "sent_again", delivery=str(delivery.public_id))
    jobs.defer("webhooks.send_now", delivery=delivery.pk)


@transaction.atomic
def hold_for(endpoint: Endpoint, why: Why) -> None:
    """The platform itself stops telling the endpoint, and the unit owes a look at it."""
    current = _locked(endpoint)
    if current.state != State.ACTIVE:
        return
    _hold(current, why)
    _record(system_actor(current.root_id), current, "endpoint_held", why=why)
    activity.owe(
        root_id=current.root_id, unit_id=current.unit_id, kind="webhooks.held", due_at=clock.now() + DUTY_WITHIN,
        title=f"외부 알림 ‘{current.label}’이 멈춤: {why.label} 고친 뒤 다시 알리거나 지워 주세요",
        object_kind="endpoint", object_id=current.pk,
    )  # fmt: skip


def secrets_of(endpoint: Endpoint) -> list[str]:
    """The secrets in force, the newest first."""
    place, seal = secret_place(endpoint.root_id), sealer()
    sealed = [bytes(endpoint.secret_sealed)]
    if endpoint.old_until is not None and endpoint.old_until > clock.now():
        sealed.append(bytes(endpoint.old_secret_sealed))
    return [seal.open(place, endpoint.pk, one) for one in sealed]


def checked_url(url: str) -> str:
    """``url`` as it is kept. Raises Invalid. Where its name leads is looked at each time something is sent."""
    clean = url.strip()
    try:
        parts = post.parts_of(clean)
    except post.Unfit:
        raise Invalid(
            problem="주소를 https://…로 시작해 영문 그대로 적어 주세요. 아이디와 비밀번호는 넣지 않습니다."
        ) from None
    if parts.scheme != "https" and not settings.WEBHOOK_NETWORKS:
        raise Invalid(problem="주소는 https://로 시작해야 합니다.")
    return clean


def _hold(endpoint: Endpoint, why: Why) -> None:
    endpoint.state, endpoint.why, endpoint.changed_at = State.HELD, why, clock.now()
    endpoint.save(update_fields=["state", "why", "changed_at"])


def _locked(endpoint: Endpoint) -> Endpoint:
    found = Endpoint.objects.select_for_update(no_key=True, of=("self",)).select_related("unit", "root", "grant")
    current = found.exclude(state=State.REMOVED).filter(pk=endpoint.pk).first()
    if current is None:
        raise NotYours()
    return current


def _events(chosen: Collection[str]) -> list[str]:
    if not chosen or not set(chosen) <= set(Event.values):
        raise Invalid(problem="알릴 일을 하나 이상 골라 주세요.")
    return sorted(set(chosen))


def _label(label: str) -> str:
    clean = nfc(label)
    if not 1 <= len(clean) <= 60:
        raise Invalid(problem="쓰임을 1–60자로 적어 주세요.")
    return clean


def _record(actor: Actor, endpoint: Endpoint, happened: str, **facts: str) -> None:
    activity.write(
        actor, f"webhooks.{happened}", unit_id=endpoint.unit_id, object_kind="endpoint", object_id=endpoint.pk,
        facts=facts,
    )  # fmt: skip
