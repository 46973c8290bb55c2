"""The first owner, one-time links and keys (O7, O4)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from majung.accounts import services as accounts
from majung.accounts.models import ApiKey, Invitation, User
from majung.activity.models import Duty
from majung.core import clock
from majung.core.errors import Conflict, Forbidden, Invalid, NotYours
from majung.tree import services
from majung.tree.actor import actor_of_key, actor_of_user
from majung.tree.enums import ACTS, Act, OrganisationKind, Role
from majung.tree.errors import GrantTooWide, InvitationGone
from majung.tree.models import AuthorityRecord, Grant, Organisation, UnitKind
from majung.tree.services import Offer
from tests.make import tree as make
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("O7"), pytest.mark.django_db]
PASSWORD = "seven quiet rivers"


@pytest.fixture
def party() -> Organised:
    return make.organisation(depth=2)


def token_of(link: str) -> str:
    return link.rstrip("/").rsplit("/", 1)[1]


def test_first_owner_stands_at_the_top_of_a_new_organisation() -> None:
    made = services.found("가람당", OrganisationKind.POLITICAL, "가람당 중앙당", "Owner@Example.com", PASSWORD)

    assert (made.owner.email, made.owner.check_password(PASSWORD)) == ("owner@example.com", True)
    actor = actor_of_user(made.owner)
    assert actor is not None
    assert (actor.root_id, list(actor.units()), actor.acts) == (made.root.pk, [made.top], frozenset(Act))
    assert list(UnitKind.objects.filter(root=made.root).values_list("name", flat=True)) == [
        "중앙당",
        "시도당",
        "지역구",
    ]
    kinds = set(AuthorityRecord.objects.values_list("kind", flat=True))
    assert kinds == {"tree.organisation_made", "tree.grant_lent"}
    assert list(Duty.objects.values_list("kind", "unit_id", "done_at")) == [("tree.copy_key", made.top.pk, None)]


def test_two_organisations_do_not_share_paths() -> None:
    one = services.found("하나", OrganisationKind.CIVIC, "하나", "a@example.com", PASSWORD)
    two = services.found("둘", OrganisationKind.COMMERCIAL, "둘", "b@example.com", PASSWORD)

    assert one.top.path != two.top.path
    assert actor_of_user(one.owner, two.root.pk) is None


@pytest.mark.parametrize(
    "change",
    [
        {"organisation": " "},
        {"organisation": "가" * 81},
        {"entity": ""},
        {"kind": "empire"},
        {"email": "not an address"},
        {"email": ""},
        {"password": "short"},
        {"password": "1234567890"},
        {"password": "password1234"[:8]},
    ],
)
def test_bad_first_owners_make_nothing(change: dict[str, Any]) -> None:
    values: dict[str, Any] = {
        "organisation": "가람당", "kind": OrganisationKind.POLITICAL, "entity": "가람당 중앙당", "email": "o@example.com",
        "password": PASSWORD,
    }  # fmt: skip
    with pytest.raises(Invalid):
        services.create_owner(**{**values, **change})
    assert (Organisation.objects.count(), User.objects.count()) == (0, 0)


def test_a_link_is_opened_once_and_the_grant_finds_its_holder(party: Organised) -> None:
    invitation, link = services.invite(party.actor, Offer(unit=party.units[1], role=Role.OPERATOR))
    waiting = Grant.objects.get(invitation=invitation)
    token = token_of(link)

    user = services.accept(token, "new@example.com", PASSWORD)

    assert waiting.user is None
    assert token not in str(Invitation.objects.values())
    assert Grant.objects.get(pk=waiting.pk).user == user
    actor = actor_of_user(user)
    assert actor is not None
    assert list(actor.units()) == [party.units[1]]
    with pytest.raises(InvitationGone):
        services.accept(token, "other@example.com", PASSWORD)
    assert not User.objects.filter(email="other@example.com").exists()


def test_links_that_are_gone_look_alike(party: Organised) -> None:
    offer = Offer(unit=party.units[1], role=Role.OPERATOR)
    _, old = services.invite(party.actor, offer, valid_days=1)
    invitation, taken_back = services.invite(party.actor, offer)
    services.revoke(party.actor, Grant.objects.get(invitation=invitation))

    answers = set()
    with clock.frozen(clock.now() + timedelta(days=1, seconds=1)):
        for token in (token_of(old), token_of(taken_back), "no-such-token", "", "x" * 5000, "\x00"):
            with pytest.raises(InvitationGone) as caught:
                services.accept(token, "new@example.com", PASSWORD)
            answers.add(str(caught.value))
    assert len(answers) == 1


def test_a_bad_password_does_not_spend_the_link(party: Organised) -> None:
    _, link = services.invite(party.actor, Offer(unit=party.units[1], role=Role.OPERATOR))

    with pytest.raises(Invalid):
        services.accept(token_of(link), "new@example.com", "short")
    with pytest.raises(Invalid):
        services.accept(token_of(link), party.owner.email.upper(), PASSWORD)
    assert services.accept(token_of(link), "new@example.com", PASSWORD).pk


def test_somebody_who_signs_in_elsewhere_may_accept_too(party: Organised) -> None:
    other = make.organisation()
    _, link = services.invite(party.actor, Offer(unit=party.units[1], role=Role.VIEWER))

    services.accept_as(other.owner, token_of(link))

    actor = actor_of_user(other.owner, party.root.pk)
    assert actor is not None
    assert list(actor.units()) == [party.units[1]]


def test_nobody_invites_to_more_than_they_hold(party: Organised) -> None:
    local = make.lent(party, party.units[1], ends_at=clock.now() + timedelta(days=3))

    with pytest.raises(NotYours):
        services.invite(local, Offer(unit=party.units[2], role=Role.VIEWER))
    with pytest.raises(GrantTooWide):
        services.invite(local, Offer(unit=party.units[1], role=Role.OWNER))
    for days in (0, 31):
        with pytest.raises(Invalid):
            services.invite(party.actor, Offer(unit=party.units[1], role=Role.VIEWER), valid_days=days)
    assert Invitation.objects.count() == 0


def test_a_key_acts_at_its_unit_with_its_acts_until_it_expires(party: Organised) -> None:
    acts = frozenset({Act.TREE_VIEW, Act.PEOPLE_VIEW})
    offer = Offer(unit=party.units[1], role=Role.OPERATOR, acts=acts)
    until = clock.now() + timedelta(days=5)

    key, secret = services.make_key(party.actor, offer, "명부 연동", until)
    found = accounts.key_from_header(f"Bearer {secret}")

    assert found == key
    assert secret.encode() not in bytes(ApiKey.objects.get(pk=key.pk).secret_hash)
    actor = actor_of_key(key)
    assert actor is not None
    assert (actor.kind, actor.number, list(actor.units()), actor.acts) == ("api_key", key.pk, [party.units[1]], acts)
    with clock.frozen(until):
        assert accounts.key_from_header(f"Bearer {secret}") is None
        assert actor_of_key(key) is None
    assert ApiKey.objects.get(pk=key.pk).last_used_at is not None


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer mj_", "Basic mj_x", "Bearer mj_" + "x" * 200, "Bearer x\x00"]
)
def test_other_headers_open_nothing(header: str) -> None:
    assert accounts.key_from_header(header) is None


def test_a_taken_back_key_opens_nothing(party: Organised) -> None:
    key, secret = services.make_key(
        party.actor, Offer(unit=party.units[1], role=Role.VIEWER), "연동", clock.now() + timedelta(days=5)
    )
    grant = Grant.objects.get(api_key=key)
    sister = make.lent(party, party.units[2])

    for stranger in (sister, make.organisation().actor):
        with pytest.raises((NotYours, Forbidden)):
            services.revoke_key(stranger, grant)
    assert services.revoke_key(party.actor, grant) == 1

    assert accounts.key_from_header(f"Bearer {secret}") is None
    with pytest.raises(Conflict):
        services.revoke_key(party.actor, party.owner_grant)


def test_a_keys_maker_who_left_takes_the_key_along(party: Organised) -> None:
    _, secret = services.make_key(
        party.actor, Offer(unit=party.units[1], role=Role.VIEWER), "연동", clock.now() + timedelta(days=5)
    )
    User.objects.filter(pk=party.owner.pk).update(is_active=False)

    assert accounts.key_from_header(f"Bearer {secret}") is None


def test_bad_keys_are_refused(party: Organised) -> None:
    now = clock.now()
    offer = Offer(unit=party.units[1], role=Role.VIEWER)
    bad = [
        (offer, "", now + timedelta(days=1)),
        (offer, "가" * 81, now + timedelta(days=1)),
        (offer, "연동", now),
        (offer, "연동", now + timedelta(days=367)),
        (replace(offer, role=Role.OWNER), "연동", now + timedelta(days=1)),
    ]
    for each, label, until in bad:
        with pytest.raises(Invalid):
            services.make_key(party.actor, each, label, until)
    key, _ = services.make_key(party.actor, replace(offer, role=Role.OPERATOR), "연동", now + timedelta(days=1))
    program = actor_of_key(key)
    assert program is not None
    with pytest.raises(Forbidden):
        services.make_key(program, offer, "새끼 키", now + timedelta(hours=1))
    with pytest.raises(Forbidden):
        services.invite(program, offer)
    assert ACTS[Role.OPERATOR] >= program.acts
