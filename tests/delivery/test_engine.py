"""The engine against the real sandbox: what the ledger says is what arrived, in every weather."""

import itertools
import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from majung.channels.adapters.outcomes import CONSEQUENCES, Outcome
from majung.core import clock
from majung.core.db import raw
from majung.core.sql import load
from majung.crowd import catalogue, registry
from majung.crowd.expression import leaves, resolve
from majung.delivery import planner
from majung.delivery.books import Books, books
from majung.delivery.engine import Slot
from majung.delivery.order import on_channel
from majung.people import vault
from majung.policy import judge
from majung.policy.enums import Medium, Purpose
from majung.tree import services
from majung.tree.models import Grant
from tests.delivery.conftest import Sandbox, register, start, until
from tests.make import delivery as make
from tests.make import tree as make_tree

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("M4", "M9")]


def a_number() -> int:
    """A campaign's number that the sandbox of this session has not seen."""
    return random.randrange(1_000, 10**9)


def a_campaign(sandbox: Sandbox, *, people: int = 300, campaign: int = 0, **order: object) -> tuple[make.Party, int]:
    """A frozen and started campaign to a fresh party whose channels the sandbox knows."""
    party = make.party(people=people, base_url=sandbox.base_url)
    register(sandbox, party)
    number = campaign or a_number()
    planner.freeze(raw(), make.order(party, campaign=number, at=clock.now(), **order))  # type: ignore[arg-type]
    start(number)
    return party, number


def is_finished(campaign: int) -> bool:
    return raw().execute(
        "SELECT finished_at IS NOT NULL FROM dispatch WHERE campaign_id = %s", [campaign]
    ).fetchone() == (True,)


def in_flight() -> int:
    """Chunks that are claimed, or handed over and not settled."""
    [n] = raw().execute("SELECT count(*) FROM campaign_chunk WHERE state IN (1, 2)").fetchone() or (0,)
    return int(n)


def sent_ids(campaign: int) -> set[str]:
    """Ids that the ledger says were taken by the dealer."""
    rows = raw().execute("SELECT chunk_no, outcome FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchall()
    return {
        f"{campaign}-{chunk}-{seq}"
        for chunk, outcome in rows
        for seq, byte in enumerate(outcome)
        if chr(byte) not in "nlq"
    }


def assert_both_sides_agree(sandbox: Sandbox, campaign: int, *, repeats: int = 0) -> Books:
    """Lost 0, double 0 but the known repeats, the same deliveries and refusals, balanced books, and each paid for once."""
    told, seen = books(raw(), campaign), sandbox.books(campaign)
    assert sent_ids(campaign) == sandbox.ids(campaign, "taken")
    assert seen["ids_taken_more_than_once"] == repeats == told.repeats
    assert told.is_balanced and told.not_yet == told.in_doubt == 0
    spent, due = (
        raw().execute(load("majung.campaigns", "report", name), {"campaign": campaign}).fetchall()
        for name in ("spent", "still_needed")
    )
    assert spent == due
    if not repeats:
        assert seen["numbers_delivered_more_than_once"] == 0
        assert told.delivered == seen["delivered"]
        # Refused at registration, put back because the group was thrown away, and refused again: one message all the same.
        refused = {id_ for id_, _, _, code in sandbox.messages(campaign) if code not in ("4000", "2000")}
        assert told.refused + told.moved_on + told.fell_back == len(refused)
    return told


def state(campaign: int) -> tuple[str, str]:
    found = raw().execute("SELECT state, pause_reason FROM dispatch WHERE campaign_id = %s", [campaign]).fetchone()
    assert found is not None
    return found[0], found[1]


def test_a_campaign_goes_out_and_both_sides_agree(sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox)

    until(slot, lambda: is_finished(campaign))
    told = assert_both_sides_agree(sandbox, campaign)

    assert told.delivered > 50 and told.refused > 5 and told.moved_on > 5 and told.audience == 300
    assert state(campaign) == ("finished", "")
    assert raw().execute("SELECT count(*) FROM campaign_chunk WHERE sealed IS NOT NULL").fetchone() == (0,)
    assert told.cost_centiwon == told.accepted * 2500


@pytest.mark.product("X2")
def test_each_chunk_that_is_opened_stands_in_the_access_log(sandbox: Sandbox, slot: Slot) -> None:
    party, campaign = a_campaign(sandbox)
    until(slot, lambda: is_finished(campaign))

    logged = (
        "SELECT n, why FROM access_log WHERE what = 'delivery' AND root_id = %s AND actor_kind = 'system' ORDER BY 2"
    )
    chunks = raw().execute("SELECT chunk_no, n FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchall()
    said = sorted((n, f"메시지 {campaign}번을 보내려고 묶음 {number}을 엶") for number, n in chunks)
    assert sorted(raw().execute(logged, [party.root_id]).fetchall()) == said
    assert vault.broken(party.root_id) == []


def test_not_a_friend_moves_on_along_the_route_and_is_remembered(sandbox: Sandbox, slot: Slot) -> None:
    party, campaign = a_campaign(sandbox)
    until(slot, lambda: is_finished(campaign))
    tries: dict[str, list[tuple[str, str]]] = {}
    for _, number, pf_id, code in sandbox.messages(campaign):
        tries.setdefault(number, []).append((pf_id, code))
    homes = {}
    rows = (
        raw()
        .execute("SELECT channel_id, wave, people FROM campaign_chunk WHERE campaign_id = %s ORDER BY wave", [campaign])
        .fetchall()
    )
    waves: dict[int, list[int]] = {}
    for channel, _, people in rows:
        for person in people:
            waves.setdefault(person, []).append(channel)
    units = {unit.pk: unit.path for unit in party.made.units}
    paths = {channel.pk: units[unit] for unit, channel in party.channels.items()}
    homes = dict(raw().execute("SELECT id, home_unit_id FROM person").fetchall())
    unfriended = set(raw().execute("SELECT person_id, channel_id FROM friendship WHERE state = 3").fetchall())

    for number, tried in tries.items():
        ending, codes = int(number[-2:]), [code for _, code in tried]
        if 70 <= ending <= 79:
            assert set(codes) == {"3102"}
        elif 80 <= ending <= 92:
            assert codes[-1] == "4000" and set(codes[:-1]) <= {"3102"}
    for person, channels in waves.items():
        route = [units[homes[person]][:end] for end in range(len(units[homes[person]]), 0, -4)]
        assert [paths[channel] for channel in channels] == route[: len(channels)]
        assert all((person, channel) in unfriended for channel in channels[:-1])


def test_a_refusal_code_becomes_a_refusal(sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox, people=900)
    until(slot, lambda: is_finished(campaign))
    opted_out = [line for line in sandbox.messages(campaign) if line[3] == "1061"]

    rows = raw().execute("SELECT DISTINCT person_id, path FROM refusal WHERE medium = 'KAKAO_AD'").fetchall()

    assert (
        opted_out
        and len(rows) == len({line[1] for line in opted_out})
        and {row[1] for row in rows} == {CONSEQUENCES[Outcome.OPTED_OUT].path}
    )


def test_local_words_and_names_reach_the_phone(sandbox: Sandbox, slot: Slot) -> None:
    party = make.party(people=40, base_url=sandbox.base_url, depth=2)
    register(sandbox, party)
    sandbox.ask("/_control/phones", [{"name": "폰", "number": "01000000000"}])
    campaign = a_number()
    planner.freeze(raw(), make.order(party, campaign=campaign, at=clock.now()))
    start(campaign)
    until(slot, lambda: is_finished(campaign))
    listed = sandbox_list(sandbox, party)

    units = {f"PF{c.profile_id}": u.name for u in party.made.units for c in [party.channels[u.pk]]}
    assert listed and all(
        text.endswith(f"님, {units[pf_id]} 소식입니다.") and not text.startswith("회원") for pf_id, text in listed
    )


def sandbox_list(sandbox: Sandbox, party: make.Party) -> list[tuple[str, str]]:
    """Profile and text of the newest messages, as the dealer's own list has them."""
    import urllib.request

    import orjson

    from majung.channels.adapters.solapi import Solapi
    from majung.channels.adapters.terms import Account, Wire

    adapter = Solapi(Account(base_url=sandbox.base_url, key=sandbox.key, secret="SANDBOX-SECRET"))
    wire = adapter.sign(Wire("GET", f"{sandbox.base_url}/messages/v4/list?limit=20"), clock.now(), "a" * 32)
    request = urllib.request.Request(wire.url, headers=dict(wire.headers))
    with urllib.request.urlopen(request, timeout=10) as answer:
        found = orjson.loads(answer.read())["messageList"].values()
    return [(one["kakaoOptions"]["pfId"], one["kakaoOptions"]["bms"]["content"]) for one in found]


def test_no_balance_pauses_and_nobody_fails(sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox)
    sandbox.faults(no_balance=True)
    until(slot, lambda: state(campaign)[0] == "paused")
    paused, seen = books(raw(), campaign), sandbox.books(campaign)

    assert state(campaign) == ("paused", "no_balance")
    # Whom registration refused (080) is told so whatever the money says; nobody else has failed, and nobody was sent to.
    assert (
        paused.accepted == 0 and paused.refused == seen["refused"] and paused.not_yet > 100 and seen["delivered"] == 0
    )
    sandbox.faults()
    raw().execute("UPDATE dispatch SET state = 'sending', pause_reason = '' WHERE campaign_id = %s", [campaign])
    until(slot, lambda: is_finished(campaign))
    assert_both_sides_agree(sandbox, campaign)


def test_a_wrong_key_pauses_with_a_reason(sandbox: Sandbox, slot: Slot) -> None:
    from majung.channels import services

    party, campaign = a_campaign(sandbox)
    services.store_keys(party.account, key=sandbox.key, secret="WRONG")
    until(slot, lambda: state(campaign)[0] == "paused")

    assert state(campaign) == ("paused", "account") and sandbox.books(campaign)["messages"] == 0


@pytest.mark.product("T3")
def test_a_revoked_grant_stops_what_has_not_left(sandbox: Sandbox, slot: Slot) -> None:
    party, campaign = a_campaign(sandbox)
    Grant.objects.filter(pk=party.made.owner_grant.pk).update(revoked_at=clock.now())
    until(slot, lambda: state(campaign)[0] == "paused")

    assert state(campaign) == ("paused", "grant_ended") and sandbox.books(campaign)["messages"] == 0


@pytest.mark.product("T3")
@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("moved", ("grant_ended", "‘{local}’이(가) 옮겨져")), ("expired", ("grant_ended", "‘{province}’에 준 권한의 기한이")),
        ("suspended", ("suspended", "쉬고 있는 조직: {province}.")), ("revoked_above", ("grant_ended", "거두어졌습니다")),
    ],
)  # fmt: skip
def test_a_right_that_ends_in_flight_stops_what_has_not_left(
    what: str, why: tuple[str, str], sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its own reason."""
    monkeypatch.setattr(planner, "CHUNK", 5)
    monkeypatch.setattr("majung.delivery.ledger.MOST_MESSAGES", 5)
    party = make.party(people=200, base_url=sandbox.base_url)
    register(sandbox, party)
    province, other, local = party.made.units[1], party.made.units[2], party.made.units[3]
    above = make_tree.grant(make_tree.user(), province, parent=party.made.owner_grant)
    ends = clock.now() + timedelta(hours=1)
    grant = make_tree.grant(make_tree.user(), province, parent=above, ends_at=ends)
    campaign = a_number()
    order = make.order(party, campaign=campaign, scope=local, at=clock.now(), grant_id=grant.pk)
    occasion = replace(order.occasion, unit_id=local.pk, unit_path=local.path)
    planner.freeze(raw(), replace(order, occasion=occasion))
    start(campaign)
    slot.step()
    if what == "moved":
        services.move_unit(party.made.actor, local, other)
    elif what == "expired":
        monkeypatch.setenv("MAJUNG_CLOCK", str(clock.offset_to(ends)))
        sandbox.clock(ends)
    elif what == "suspended":
        services.suspend_unit(party.made.actor, province)
    else:
        services.revoke(party.made.actor, above)
    until(slot, lambda: state(campaign)[0] == "paused")
    until(slot, lambda: not in_flight())

    told = books(raw(), campaign)
    assert state(campaign) == ("paused", why[0])
    [(problem,)] = raw().execute("SELECT problem FROM dispatch WHERE campaign_id = %s", [campaign]).fetchall()
    assert why[1].format(local=local.name, province=province.name) in problem
    assert told.not_yet > 0 and told.is_balanced and sandbox.books(campaign)["messages"] <= 5 * 8


@pytest.mark.product("M5", "C3")
def test_a_refusal_between_freeze_and_hand_over_is_dropped_with_its_reason(sandbox: Sandbox, slot: Slot) -> None:
    from majung.consent import ledger as consent

    party, campaign = a_campaign(sandbox)
    planned = [
        p
        for (people,) in raw().execute("SELECT people FROM campaign_chunk WHERE campaign_id = %s", [campaign])
        for p in people
    ]
    gone, erased = planned[::9], planned[1::31]
    consent.refuse(raw(), party.root_id, gone, party.made.entity.pk, ["*"], "link", at=clock.now())
    raw().execute("UPDATE person SET state = 2 WHERE id = ANY(%s)", [erased])
    until(slot, lambda: is_finished(campaign))
    told = assert_both_sides_agree(sandbox, campaign)
    rows = (
        raw()
        .execute(
            "SELECT reason, people FROM campaign_left_out WHERE campaign_id = %s AND stage = 'hand_over'", [campaign]
        )
        .fetchall()
    )
    dropped = {person: reason for reason, people in rows for person in people}

    assert set(dropped) == set(gone) | set(erased) and told.dropped == len(dropped)
    assert {dropped[p] for p in erased} == {"PROC_STOP"} and {dropped[p] for p in set(gone) - set(erased)} == {
        "OPTED_OUT_INFO"
    }
    assert {line[1] for line in sandbox.messages(campaign)}.isdisjoint(numbers_of(party, [*gone, *erased]))


def test_where_the_change_log_was_cut_too_far_everybody_is_asked_again(sandbox: Sandbox, slot: Slot) -> None:
    from majung.consent import ledger as consent

    party, campaign = a_campaign(sandbox)
    chunks = raw().execute("SELECT people FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchall()
    gone = [person for (people,) in chunks for person in people][::9]
    consent.refuse(raw(), party.root_id, gone, party.made.entity.pk, ["*"], "link", at=clock.now())
    raw().execute("DELETE FROM crowd_change WHERE root_id = %s", [party.root_id])
    raw().execute("INSERT INTO crowd_horizon VALUES (%s, pg_current_xact_id())", [party.root_id])

    until(slot, lambda: is_finished(campaign))

    assert assert_both_sides_agree(sandbox, campaign).dropped == len(gone) > 0
    assert {line[1] for line in sandbox.messages(campaign)}.isdisjoint(numbers_of(party, gone))


def numbers_of(party: make.Party, people: list[int]) -> set[str]:
    from majung.people.vault import place, sealer

    rows = (
        raw()
        .execute("SELECT person_id, sealed FROM contact_point WHERE kind = 1 AND person_id = ANY(%s)", [people])
        .fetchall()
    )
    return {sealer().open(place(party.root_id, "mobile"), person, sealed) for person, sealed in rows}


@pytest.mark.product("M5")
def test_at_the_end_of_the_window_the_rest_is_held_until_it_opens(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "CHUNK", 5)
    monkeypatch.setattr("majung.delivery.ledger.MOST_MESSAGES", 5)
    late = datetime.fromisoformat("2026-11-20T20:49:30+09:00")
    monkeypatch.setenv("MAJUNG_CLOCK", str(clock.offset_to(late)))
    sandbox.clock(late)
    _, campaign = a_campaign(sandbox, people=400)
    opens = datetime.fromisoformat("2026-11-21T08:00:00+09:00")

    def held() -> bool:
        return raw().execute("SELECT not_before FROM dispatch WHERE campaign_id = %s", [campaign]).fetchone() == (
            opens,
        )

    for _ in range(6):
        slot.step()
    monkeypatch.setenv("MAJUNG_CLOCK", str(clock.offset_to(late + timedelta(seconds=27.5))))
    until(slot, held)
    until(slot, lambda: not in_flight())
    evening = books(raw(), campaign)
    monkeypatch.setenv("MAJUNG_CLOCK", str(clock.offset_to(opens - timedelta(seconds=1))))
    assert evening.not_yet > 0 and evening.accepted > 0 and state(campaign) == ("sending", "")
    monkeypatch.setenv("MAJUNG_CLOCK", str(clock.offset_to(opens + timedelta(seconds=1))))
    sandbox.clock(opens + timedelta(seconds=1))
    until(slot, lambda: is_finished(campaign))
    assert_both_sides_agree(sandbox, campaign)
    assert "3108" not in Counter(line[3] for line in sandbox.messages(campaign))


@pytest.mark.product("M5")
def test_whom_the_dealer_refuses_at_night_is_sent_to_in_the_morning(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dealer's clock is seven minutes ahead of ours: we think that it is day."""
    evening_at = datetime.fromisoformat("2026-11-20T20:45:00+09:00")
    monkeypatch.setenv("MAJUNG_CLOCK", str(clock.offset_to(evening_at)))
    sandbox.clock(evening_at + timedelta(minutes=7))
    _, campaign = a_campaign(sandbox, people=120)
    until(slot, lambda: books(raw(), campaign).moved_on > 0 and not in_flight())
    evening = raw().execute("SELECT not_before, problem FROM dispatch WHERE campaign_id = %s", [campaign]).fetchone()
    told = books(raw(), campaign)
    morning = datetime.fromisoformat("2026-11-21T08:00:00+09:00")
    monkeypatch.setenv("MAJUNG_CLOCK", str(clock.offset_to(morning + timedelta(minutes=1))))
    sandbox.clock(morning + timedelta(minutes=1))
    until(slot, lambda: is_finished(campaign))

    assert evening is not None and evening[0] == morning and "아침" in evening[1]
    assert told.is_balanced and told.delivered == 0 and told.not_yet == told.moved_on
    assert_both_sides_agree(sandbox, campaign)
    codes = Counter(line[3] for line in sandbox.messages(campaign))
    assert codes["3108"] == told.moved_on
    costs = raw().execute(
        "SELECT sum(n) FILTER (WHERE kind = 'returned') FROM cost_entry WHERE campaign_id = %s", [campaign]
    )
    assert costs.fetchone()[0] >= told.moved_on  # type: ignore[index]


@pytest.mark.product("M5")
def test_a_small_campaign_is_not_delayed_by_a_big_one(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "CHUNK", 4)
    monkeypatch.setattr("majung.delivery.ledger.MOST_MESSAGES", 4)
    monkeypatch.setattr("majung.delivery.handover.BUSY_LOOK_SECONDS", 0.0)  # groups of four are no sign of a big load
    _, big = a_campaign(sandbox, people=400)
    _, small = a_campaign(sandbox, people=12)

    until(slot, lambda: is_finished(small))

    assert not is_finished(big) and books(raw(), big).not_yet > 0


def test_no_rule_asks_the_change_log_for_what_it_leaves_out() -> None:
    """``ledger.sql: changes`` passes over places of the week and what was sent: no rule that is judged again depends on them."""
    party = make.party()
    order = make.order(party, campaign=a_number(), at=clock.now())
    catalogue.load()
    asked: set[str] = set()
    for purpose, medium in itertools.product(Purpose, Medium):
        occasion = on_channel(replace(order.occasion, purpose=purpose, medium=medium), order.stops[0])
        for rule, expression in judge.person_denials(occasion) + judge.channel_denials(occasion):
            if not rule.is_reserved:
                for leaf in leaves(resolve(expression, clock.today())):
                    asked |= {*registry.get(leaf.family).changes}

    assert "consent" in asked or "refusal" in asked
    assert not asked & {"week", "sent"}
