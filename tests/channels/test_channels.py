"""Friendships, routes, accounts for units, health: what other rooms ask of this one."""

from datetime import timedelta

import pytest

from majung.channels import friends, queries, services
from majung.channels.friends import FriendState, How
from majung.channels.models import (
    Channel,
    DealerAccount,
    Friendship,
    KakaoApp,
)
from majung.core import clock
from majung.core.db import raw
from majung.core.errors import Conflict, Invalid, NotYours
from majung.tree.enums import Role
from tests.make import channels as make
from tests.make import tree
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("M10"), pytest.mark.django_db]


@pytest.mark.product("F1")
def test_newer_news_win_in_sets(made: Organised, near: Channel) -> None:
    now = clock.now()
    root = made.root.pk
    services.observe(root, near.pk, [1, 2, 3, 3], FriendState.ADDED, now, How.IMPORT)

    older = services.observe(root, near.pk, [1], FriendState.BLOCKED, now - timedelta(seconds=1), How.WEBHOOK)
    same = services.observe(root, near.pk, [1], FriendState.NOT_A_FRIEND, now, How.SENDING)
    newer = services.observe(root, near.pk, [2, 4], FriendState.NOT_A_FRIEND, now + timedelta(seconds=1), How.SENDING)

    assert (older, same, newer) == (0, 0, 2)
    assert dict(Friendship.objects.values_list("person_id", "state")) == {1: 1, 2: 3, 3: 1, 4: 3}
    assert friends.observe(raw(), root, near.pk, [], FriendState.ADDED, now, How.IMPORT) == 0


@pytest.mark.product("F1")
@pytest.mark.parametrize("states", [(FriendState.ADDED, FriendState.BLOCKED), (FriendState.BLOCKED, FriendState.ADDED)])
def test_of_two_news_in_one_second_a_block_wins(
    made: Organised, near: Channel, states: tuple[FriendState, FriendState]
) -> None:
    """Webhooks tell whole seconds; in whatever order the two come (together: tests/ingest)."""
    now, root = clock.now(), made.root.pk
    for state in states:
        services.observe(root, near.pk, [1], state, now, How.WEBHOOK)

    assert dict(Friendship.objects.values_list("person_id", "state")) == {1: FriendState.BLOCKED}


@pytest.mark.product("F1")
def test_changes_are_noted_by_statement_and_only_where_the_state_moved(made: Organised, near: Channel) -> None:
    now, root = clock.now(), made.root.pk
    services.observe(root, near.pk, list(range(1, 50)), FriendState.ADDED, now, How.IMPORT)
    services.observe(root, near.pk, list(range(1, 50)), FriendState.ADDED, now + timedelta(seconds=1), How.SENDING)
    services.observe(root, near.pk, [7, 8], FriendState.BLOCKED, now + timedelta(seconds=2), How.WEBHOOK)

    rows = raw().execute(
        "SELECT subject, cardinality(people) FROM crowd_change WHERE family = 'friend' AND root_id = %s ORDER BY seq",
        [root],
    )
    assert rows.fetchall() == [(near.pk, 49), (near.pk, 2)]


@pytest.mark.product("T2")
def test_route_channels_say_which_may_be_used(made: Organised, account: DealerAccount, near: Channel) -> None:
    top = make.channel(unit=made.top, number=2)
    paused = make.channel(unit=made.top, number=3, state="paused")
    for channel in (near, paused):
        make.profile(account=account, channel=channel)
    other = make.account(unit=made.top, name="둘째")

    found = {c.channel_id: c for c in queries.route_channels(made.root.pk)}

    assert {number: c.usable for number, c in found.items()} == {near.pk: True, top.pk: False, paused.pk: False}
    assert (found[near.pk].unit_path, found[near.pk].unit_code) == (made.units[1].path, made.units[1].code)
    assert not any(c.usable for c in queries.route_channels(made.root.pk, other.pk))
    tree.suspend(made.units[1])
    assert not any(c.usable for c in queries.route_channels(made.root.pk))


@pytest.mark.product("T2")
def test_accounts_serve_the_units_below_their_holder(made: Organised, account: DealerAccount) -> None:
    district = tree.lent(made, made.units[1], role=Role.WRITER)
    local = make.account(unit=made.units[1], name="지역 계정")

    assert list(queries.accounts_for(district, made.units[1])) == [local, account]
    assert list(queries.accounts_for(made.actor, made.top)) == [account]
    with pytest.raises(NotYours):
        queries.accounts_for(district, made.top)


def test_a_search_id_never_changes(made: Organised, near: Channel) -> None:
    from majung.channels.enums import ChannelKind, Reach
    from majung.channels.services.channels import ChannelFacts

    facts = ChannelFacts(
        name="새 이름", profile_id="_ch1", search_id="@other", kind=ChannelKind.BUSINESS, reach=Reach.NEAR
    )

    with pytest.raises(Conflict):
        services.change_channel(made.actor, near, facts)


def test_an_app_of_another_entity_does_not_connect(made: Organised, near: Channel) -> None:
    from majung.channels.enums import ChannelKind, Reach
    from majung.channels.services.channels import ChannelFacts

    other = tree.organisation()
    foreign: KakaoApp = make.kakao_app(unit=other.top)
    facts = ChannelFacts(
        name="이름", profile_id="_ch1", search_id="@ch1", kind=ChannelKind.BUSINESS, reach=Reach.NEAR, kakao_app=foreign
    )

    with pytest.raises(Invalid, match="법인"):
        services.change_channel(made.actor, near, facts)


@pytest.mark.product("T6")
def test_health_goes_by_what_is_there(made: Organised, account: DealerAccount, near: Channel) -> None:
    def word() -> str:
        return queries.health_of([Channel.objects.get(pk=near.pk)])[near.pk].word

    words = [word()]
    near.kakao_app = make.kakao_app(unit=made.units[1])
    near.save()
    words.append(word())
    bare = make.account(unit=made.top, name="값 없음", with_prices=False)
    make.profile(account=bare, channel=near, pf_id="PFX")
    words.append(word())
    make.profile(account=account, channel=near)
    words.append(word())
    Channel.objects.update(heard_at=clock.now())
    words.append(word())

    assert words == ["연결 안 됨", "발신 프로필 없음", "값 없음", "알림 기다림", "보낼 수 있음"]
