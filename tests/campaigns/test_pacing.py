"""The page on pace: caps, limits and shares are set by whom they belong to, and nonsense changes nothing."""

import uuid
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from majung.campaigns.services import pacing
from majung.core import clock
from majung.core.db import raw
from majung.core.errors import Invalid, NotYours
from majung.delivery import pace, week
from majung.policy.enums import Purpose
from majung.tree.enums import Role
from tests.make import campaigns as make
from tests.make import delivery as make_delivery
from tests.make import tree as make_tree
from tests.make.delivery import Party

pytestmark = [pytest.mark.django_db, pytest.mark.product("M5")]


@pytest.fixture
def party() -> Party:
    return make.party(people=20)


def test_a_cap_is_set_and_counts_in_the_next_check(party: Party) -> None:
    pacing.set_cap(party.made.actor, "PARTY_NOTICE", "2")

    assert dict(week.limits(raw(), party.root_id)) | {} == {
        str(one): 2 if one == Purpose.PARTY_NOTICE else week.DEFAULTS.get(one, 0) for one in Purpose
    }


@pytest.mark.parametrize("most", ["", "-1", "101", "셋", "3.5", "９", "9" * 40, "1e2"])
def test_a_cap_that_is_no_number_is_refused(party: Party, most: str) -> None:
    with pytest.raises(Invalid):
        pacing.set_cap(party.made.actor, "ADVERTISING", most)

    assert raw().execute("SELECT count(*) FROM week_limit").fetchone() == (0,)


@pytest.mark.parametrize("purpose", ["", "ELECTION_CAMPAIGN", "advertising", "'; DROP TABLE week_limit; --"])
def test_a_cap_on_something_else_is_refused(party: Party, purpose: str) -> None:
    with pytest.raises(Invalid):
        pacing.set_cap(party.made.actor, purpose, "3")


def test_a_branch_sets_limits_of_its_own_account_alone(party: Party) -> None:
    holder = make_tree.user()
    make_tree.grant(holder, party.made.units[1], parent=party.made.owner_grant, role=Role.OPERATOR)
    branch = make_tree.actor(holder)

    with pytest.raises(NotYours):
        pacing.set_cap(branch, "ADVERTISING", "9")
    with pytest.raises(NotYours):
        pacing.set_limit(branch, f"account:{party.account.public_id}", "60")
    own = party.channels[party.made.units[1].pk]
    pacing.set_limit(branch, f"channel:{own.public_id}", "60")

    known, _ = pace.of_root(raw(), party.root_id)
    assert list(known) == [("channel", own.pk)] and known["channel", own.pk].per_minute == 60


@pytest.mark.parametrize(
    "target",
    ["", "account:", "account:1", f"unit:{uuid.uuid4()}", f"account:{uuid.uuid4()}", "entity:-1", "entity:" + "9" * 30],
)
def test_a_target_that_is_not_ones_own_is_not_there(party: Party, target: str) -> None:
    with pytest.raises(NotYours):
        pacing.set_limit(party.made.actor, target, "60")


@pytest.mark.parametrize("per_minute", ["0", "-5", "10000001", "빨리", "1" * 50])
def test_a_limit_that_is_no_number_is_refused(party: Party, per_minute: str) -> None:
    with pytest.raises(Invalid):
        pacing.set_limit(party.made.actor, f"account:{party.account.public_id}", per_minute)


def test_the_page_says_in_words_what_is_slow(party: Party, client: Client) -> None:
    client.force_login(party.made.owner)
    make_delivery.handed(party.root_id, 1, dict.fromkeys(range(1, 1001), "a"), at=clock.now())
    raw().execute("UPDATE dispatch SET account_id = %s", [party.account.pk])
    quiet = client.get(reverse("campaigns:pace")).content.decode()
    pace.trouble(raw(), party.root_id, party.account.pk, "대행사가 바쁘다고 답했습니다.", now=clock.now())
    client.post(reverse("campaigns:pace_change", args=["cap"]), {"purpose": "ADVERTISING", "most": "5"})
    client.post(
        reverse("campaigns:pace_change", args=["limit"]),
        {"target": f"account:{party.account.public_id}", "per_minute": "1,200"},
    )
    client.post(reverse("campaigns:pace_change", args=["share"]), {"unit": str(party.top.public_id), "shares": "4"})
    shown = client.get(reverse("campaigns:pace")).content.decode()

    assert "모두 제 빠르기입니다" in quiet and "모두 제 빠르기입니다" not in shown
    assert (
        "대행사가 바쁘다고 답했습니다." in shown
        and "1분에 1,200통까지" in shown
        and "5통까지" in shown
        and "4몫" in shown
    )


def test_words_tell_when_it_is_over() -> None:
    learned = pace.slowed(None, 0.0, observed=6_000, factor=pace.HALF)
    slow = pace.Pace(
        kind="account", ref=1, per_minute=None, declared=None, learned=learned, free_at=0.0, trouble="느립니다."
    )

    assert "3,000통" in pacing.words_of(slow, 0.0) and "5분 안에" in pacing.words_of(slow, 0.0)
    assert pacing.words_of(slow, 301.0) == "" == pacing.words_of(replace(slow, learned=None), 0.0)
