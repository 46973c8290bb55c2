"""Who gets to hold a grant: the first owner, people invited by a link, programs with a key (O7, O4)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from majung.accounts import services as accounts
from majung.accounts.models import ApiKey, Invitation, User
from majung.activity import services as activity
from majung.core import clock
from majung.core.errors import Conflict, Forbidden, Invalid, NotYours
from majung.core.text import nfc
from majung.tree.actor import Actor, system_actor
from majung.tree.enums import ACTS, OrganisationKind, Role
from majung.tree.errors import InvitationGone
from majung.tree.models import Grant, LegalEntity, Organisation, Unit, UnitKind
from majung.tree.services.grants import Offer, lend_to, may_revoke, revoke_all
from majung.tree.services.records import lock_root, record
from majung.tree.services.units import respan

# The tiers an organisation starts with; it renames and adds its own.
TIERS: dict[OrganisationKind, tuple[str, ...]] = {
    OrganisationKind.POLITICAL: ("중앙당", "시도당", "지역구"),
    OrganisationKind.LOCAL_GOV: ("본청", "실국", "읍면동"),
    OrganisationKind.COMMERCIAL: ("본사", "지역", "지점"),
    OrganisationKind.CIVIC: ("본부", "지부", "모임"),
}
MOST_INVITATION_DAYS = 30
MOST_KEY_DAYS = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new organisation with its top."""

    root: Organisation
    entity: LegalEntity
    top: Unit
    owner: User
    grant: Grant


def create_owner(organisation: str, kind: str, entity: str, email: str, password: str) -> User:
    """As ``found``; returns the owner."""
    return found(organisation, kind, entity, email, password).owner


@transaction.atomic
def found(organisation: str, kind: str, entity: str, email: str, password: str) -> Made:
    """A new organisation stands, with its legal entity, tiers, top unit and owner. Raises Invalid."""
    name, entity_name = nfc(organisation), nfc(entity)
    if not 1 <= len(name) <= 80 or not 1 <= len(entity_name) <= 80:
        raise Invalid(problem="단체와 법인 이름을 1–80자로 적어 주세요.")
    if kind not in OrganisationKind.values:
        raise Invalid(problem="단체의 갈래를 골라 주세요.")
    owner = accounts.create_user(email, password)
    with connection.cursor() as cursor:
        # Paths of tops are numbered across organisations: one at a time.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('majung.tree.tops'))")
    root = Organisation.objects.create(name=name, kind=kind)
    legal = LegalEntity.objects.create(root=root, name=entity_name)
    tiers = UnitKind.objects.bulk_create(
        UnitKind(root=root, name=text, rank=rank) for rank, text in enumerate(TIERS[OrganisationKind(kind)])
    )
    top: Unit = Unit.objects.add_root(
        instance=Unit(root=root, kind=tiers[0], entity=legal, code="TOP", name=name, opened_on=clock.today())
    )
    respan(root.pk, top.path)
    now = clock.now()
    grant = Grant.objects.create(
        root=root, user=owner, unit=top, covers_subtree=True, role=Role.OWNER, acts=sorted(ACTS[Role.OWNER]),
        starts_at=now, lent_at=now,
    )  # fmt: skip
    record(system_actor(root.pk), "tree.organisation_made", root, unit_id=top.pk, owner=owner.pk)
    record(system_actor(root.pk), "tree.grant_lent", grant, unit_id=top.pk, role=Role.OWNER)
    activity.owe(
        root_id=root.pk, unit_id=top.pk, kind="tree.copy_key", due_at=now + timedelta(days=1),
        title="금고 열쇠를 다른 곳에 복사하기: 잃으면 이름과 번호를 다시 열 수 없습니다",
    )  # fmt: skip
    return Made(root=root, entity=legal, top=top, owner=owner, grant=grant)


@transaction.atomic
def invite(actor: Actor, offer: Offer, *, valid_days: int = 7) -> tuple[Invitation, str]:
    """The grant waits for whoever opens the link first, within ``valid_days``. Returns the link, which is shown once."""
    if actor.user is None:
        raise Forbidden()
    if not 1 <= valid_days <= MOST_INVITATION_DAYS:
        raise Invalid(problem=f"초대는 1일부터 {MOST_INVITATION_DAYS}일까지 열어 둘 수 있습니다.")
    invitation, token = accounts.open_invitation(actor.user, expires_at=clock.now() + timedelta(days=valid_days))
    lend_to(actor, replace(offer, user=None), invitation=invitation)
    return invitation, f"{settings.BASE_URL}/invitation/{token}/"


def invited(token: str) -> list[Grant]:
    """What the link offers. Raises InvitationGone when it offers nothing (any more)."""
    invitation = accounts.find_invitation(token)
    return _waiting(invitation)


def _waiting(invitation: Invitation | None) -> list[Grant]:
    if invitation is None:
        raise InvitationGone()
    grants = list(
        Grant.objects.filter(invitation=invitation, user=None, revoked_at=None)
        .exclude(ends_at__lte=clock.now())
        .select_related("unit", "root", "lent_by")
    )
    if not grants:
        raise InvitationGone()
    return grants


@transaction.atomic
def accept(token: str, email: str, password: str) -> User:
    """A new user holds what the link offered; the link is spent. Raises InvitationGone, Invalid (taken address, password)."""
    invitation = accounts.find_invitation(token, lock=True)
    grants = _waiting(invitation)
    user = accounts.create_user(email, password)
    return _hand_over(token, user, grants)


@transaction.atomic
def accept_as(user: User, token: str) -> User:
    """As ``accept``, for somebody who already signs in. Raises InvitationGone."""
    invitation = accounts.find_invitation(token, lock=True)
    return _hand_over(token, user, _waiting(invitation))


def _hand_over(token: str, user: User, grants: list[Grant]) -> User:
    accounts.spend_invitation(token, user)
    for grant in grants:
        lock_root(grant.root_id)
        if not Grant.objects.filter(pk=grant.pk, user=None, revoked_at=None).update(user=user):
            raise InvitationGone()
        grant.user = user
        actor = Actor(root_id=grant.root_id, user=user)
        record(actor, "tree.grant_accepted", grant, unit_id=grant.unit_id, role=grant.role)
    return user


@transaction.atomic
def make_key(actor: Actor, offer: Offer, label: str, expires_at: datetime) -> tuple[ApiKey, str]:
    """A key that may do what ``offer`` says at its unit until ``expires_at``. Returns the secret, which is shown once."""
    if actor.user is None:
        raise Forbidden()
    text = nfc(label)
    if not 1 <= len(text) <= 80:
        raise Invalid(problem="키의 쓰임을 1–80자로 적어 주세요.")
    if not clock.now() < expires_at <= clock.now() + timedelta(days=MOST_KEY_DAYS):
        raise Invalid(problem="키는 오늘부터 1년 안에서 끝나는 날을 정해 주세요.")
    if offer.role == Role.OWNER:
        raise Invalid(problem="소유자 권한은 키에 빌려줄 수 없습니다.")
    key, secret = accounts.issue_key(actor.user, text, expires_at)
    grant = lend_to(actor, replace(offer, user=None, ends_at=expires_at, label=text), api_key=key)
    record(actor, "tree.key_made", grant, unit_id=grant.unit_id, key=key.pk)
    return key, secret


@transaction.atomic
def revoke_key(actor: Actor, grant: Grant) -> int:
    """The key of ``grant`` opens nothing any more. Raises NotYours, Forbidden, Conflict (no key)."""
    lock_root(actor.root_id)
    if grant.root_id != actor.root_id:
        raise NotYours()
    if grant.api_key is None:
        raise Conflict(problem="키에 빌려준 권한이 아닙니다.")
    if not may_revoke(actor, grant):
        raise Forbidden()
    accounts.revoke_key(grant.api_key)
    return len(revoke_all(actor, [grant.pk], why="key_revoked"))
