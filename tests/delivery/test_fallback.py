"""Texts instead of messages that did not arrive: for chosen reasons, once a person, judged anew, right to the won (M7, M10)."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from majung.channels import services
from majung.channels.adapters.outcomes import UNREACHED, Outcome
from majung.channels.adapters.terms import Kind, Message
from majung.consent import ledger as consent
from majung.core import clock
from majung.core.db import raw
from majung.crowd import evaluate, registry
from majung.crowd.expression import Leaf
from majung.delivery import fallback, ledger, outcomes, planner, reached, rejudge, settle, week
from majung.delivery.books import books, costs, statement
from majung.delivery.engine import Slot
from majung.delivery.ledger import Chunk, Dispatch
from majung.delivery.order import Fallback
from majung.delivery.render import Template
from majung.policy.enums import Medium, Purpose
from majung.policy.occasion import AccountFacts, Content, Occasion
from tests.delivery.conftest import NOON, Sandbox, register, start, until
from tests.delivery.test_crash import finish_with_a_new_worker, worker
from tests.delivery.test_engine import a_number, assert_both_sides_agree, is_finished, numbers_of
from tests.make import delivery as make

pytestmark = [pytest.mark.product("M7", "M10")]
BALANCE = 10**9
MESSAGE, TEXT = 2500, 1200
"""Prices in 1/100 won, those of the sandbox."""
NUMBERS = count(2 * 10**9)
"""Campaigns that no sandbox hears of: hypothesis makes ``random`` begin anew with each example."""


def a_campaign(sandbox: Sandbox, *reasons: Outcome, people: int = 300, depth: int = 3) -> tuple[make.Party, int]:
    """A frozen and started campaign with a text instead, to a fresh party with an account of its own at the dealer."""
    party, number = make.party(people=people, base_url=sandbox.base_url, depth=depth), a_number()
    register(sandbox, party)
    own = {"apiKey": f"KEY{number}", "apiSecret": "SECRET", "balance": BALANCE // 100, "any_sender": True}
    sandbox.ask("/_control/accounts", own)
    services.store_keys(party.account, key=f"KEY{number}", secret="SECRET")
    order = make.order(party, campaign=number, at=clock.now())
    order = replace(order, fallback=make.fallback(order, *reasons))
    planner.freeze(raw(), order)
    start(number)
    return party, number


def rows(statement: str, *facts: object) -> list[tuple[object, ...]]:
    return raw().execute(statement.encode(), facts).fetchall()


def standing(campaign: int, *, texts: bool) -> dict[int, int]:
    """The last byte of each person among the messages, or among the texts."""
    found = rows(
        "SELECT people, outcome FROM campaign_chunk WHERE campaign_id = %s AND (parent_chunk IS NOT NULL) = %s ORDER BY wave",
        campaign,
        texts,
    )
    return {person: byte for people, outcome in found for person, byte in zip(people, outcome, strict=True)}  # type: ignore[call-overload]


def paid(sandbox: Sandbox, campaign: int) -> int:
    """What the dealer took for the campaign and did not give back, in 1/100 won."""
    [won] = [row["balance"] for row in sandbox.ask("/_control/accounts") if row["apiKey"] == f"KEY{campaign}"]
    return BALANCE - round(won * 100)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_every_won_of_a_campaign_with_texts_instead(sandbox: Sandbox, slot: Slot) -> None:
    """What each number ends in says what becomes of it (sandbox/README.md); the money is added up from that alone."""
    _, campaign = a_campaign(sandbox, people=400)
    until(slot, lambda: is_finished(campaign))

    told = assert_both_sides_agree(sandbox, campaign)
    tries: dict[str, list[tuple[str, str]]] = {}
    for _, number, pf_id, code in sandbox.messages(campaign):
        tries.setdefault(number, []).append((pf_id, code))
    by_talk = by_text = opted_out = in_vain = 0
    for number, tried in tries.items():
        ending = int(number[-2:])
        channels = [code for pf_id, code in tried if pf_id != "-"]
        if 70 <= ending <= 79 or 93 <= ending <= 97:  # no friend of any channel, not on KakaoTalk, or blocks it
            code = "3102" if ending < 80 else "3104" if ending < 96 else "3107"
            assert tried[-1] == ("-", "4000") and set(channels) == {code}
            by_text, in_vain = by_text + 1, in_vain + len(channels)
        elif ending == 98:
            assert tried == [(tried[0][0], "1061")]
            opted_out += 1
        elif 80 <= ending <= 92 and channels[-1] == "3102":  # only wide channels have them, and none was on the route
            by_text, in_vain = by_text + 1, in_vain + len(channels)
        else:
            assert "-" not in dict(tried) and channels[-1] == "4000"
            by_talk, in_vain = by_talk + 1, in_vain + len(channels) - 1

    assert by_text > 20 and opted_out > 0 and in_vain > by_text
    assert told.fell_back == told.texts_instead == by_text and told.delivered == by_talk + by_text
    assert told.refused == opted_out and told.audience == sum(told.counts.values())
    assert told.cost_centiwon == by_talk * MESSAGE + by_text * TEXT == paid(sandbox, campaign)
    found = {cost.message_kind: cost for cost in costs(raw(), campaign)}
    assert set(found) == {"BRAND", "SMS"}
    assert (found["BRAND"].charged, found["BRAND"].returned) == (by_talk + in_vain, in_vain)
    assert (found["BRAND"].charged_centiwon, found["BRAND"].returned_centiwon) == (
        (by_talk + in_vain) * MESSAGE,
        in_vain * MESSAGE,
    )
    assert (found["SMS"].messages, found["SMS"].centiwon, found["SMS"].returned) == (by_text, by_text * TEXT, 0)
    assert rows("SELECT worst_centiwon, planned FROM dispatch WHERE campaign_id = %s", campaign) == [
        (MESSAGE * len(tries), len(tries))
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.parametrize("reason", UNREACHED)
def test_only_the_chosen_reason_is_followed_by_a_text(reason: Outcome, sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox, reason, people=600)
    until(slot, lambda: is_finished(campaign))

    told = assert_both_sides_agree(sandbox, campaign)
    messages, texts = standing(campaign, texts=False), standing(campaign, texts=True)

    assert texts and {p for p, byte in messages.items() if outcomes.fell_back(byte)} == set(texts)
    assert {byte - outcomes.FELL_BACK for byte in messages.values() if outcomes.fell_back(byte)} == {int(reason)}
    assert {int(other) for other in UNREACHED} - {int(reason)} <= set(messages.values())
    assert told.fell_back == len(texts) and set(texts.values()) == {outcomes.DELIVERED}


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_the_text_speaks_for_the_unit_whose_channel_did_not_arrive(sandbox: Sandbox, slot: Slot) -> None:
    """After the whole route, with the words of its last channel and the person's own name, from the number that was chosen."""
    party = make.party(people=250, base_url=sandbox.base_url, depth=2)
    register(sandbox, party)
    campaign = a_number()
    order = make.order(party, campaign=campaign, at=clock.now())
    told = make.fallback(
        order, text="#{이름} 님, #{조직} 문자입니다.", kind=Kind.LMS, unit_centiwon=3900, sender="0255556666"
    )
    plain = replace(order.template, message=Message(text="이름이 없는 알림"))
    planner.freeze(raw(), replace(order, fallback=told, template=plain))
    start(campaign)
    until(slot, lambda: is_finished(campaign))
    units = {party.channels[unit.pk].pk: unit for unit in party.made.units}
    chunks = rows(
        "SELECT t.channel_id, m.channel_id, t.wave, m.wave, t.message_kind, t.unit_centiwon, t.sealed, t.people <@ m.people"
        "  FROM campaign_chunk t JOIN campaign_chunk m ON m.campaign_id = t.campaign_id AND m.chunk_no = t.parent_chunk"
        " WHERE t.campaign_id = %s",
        campaign,
    )

    assert chunks and all(
        mine == parents and wave == before + 1 and is_part and (kind, price, sealed) == ("LMS", 3900, None)
        for mine, parents, wave, before, kind, price, sealed, is_part in chunks
    )
    said = text_messages(sandbox)
    assert said and {sender for sender, _ in said} == {"0255556666"}
    assert all(text.endswith(" 문자입니다.") and not text.startswith("회원") for _, text in said)
    assert {text.split(" 님, ")[1].removesuffix(" 문자입니다.") for _, text in said} <= {u.name for u in units.values()}


def text_messages(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Sender and text of the newest texts, as the dealer's own list has them."""
    import urllib.request

    import orjson

    from majung.channels.adapters.solapi import Solapi
    from majung.channels.adapters.terms import Account, Wire

    adapter = Solapi(Account(base_url=sandbox.base_url, key=sandbox.key, secret="SANDBOX-SECRET"))
    wire = adapter.sign(Wire("GET", f"{sandbox.base_url}/messages/v4/list?limit=500"), clock.now(), "b" * 32)
    request = urllib.request.Request(wire.url, headers=dict(wire.headers))
    with urllib.request.urlopen(request, timeout=10) as answer:
        found = orjson.loads(answer.read())["messageList"].values()
    return [(one["from"], one["text"]) for one in found if one["type"] == "LMS"]


# ── who is judged, and when ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.product("C3")
def test_whoever_refused_texts_gets_the_message_but_never_the_text(sandbox: Sandbox, slot: Slot) -> None:
    party, campaign = a_campaign(sandbox)
    refused = set(standing(campaign, texts=False))
    gone = sorted(refused)[::2]
    consent.refuse(raw(), party.root_id, gone, party.made.entity.pk, ["SMS"], "link", at=clock.now())

    until(slot, lambda: is_finished(campaign))

    told, texts = assert_both_sides_agree(sandbox, campaign), standing(campaign, texts=True)
    left = {p for p, byte in texts.items() if byte == outcomes.LEFT_OUT}
    written = rows(
        "SELECT stage, reason, people FROM campaign_left_out WHERE campaign_id = %s AND stage <> 'freeze'", campaign
    )
    assert left == set(texts) & set(gone) and 0 < len(left) < len(texts)
    assert {(stage, reason) for stage, reason, _ in written} == {("hand_over", "OPTED_OUT_INFO")}
    assert {p for _, _, people in written for p in people} == left  # type: ignore[attr-defined]
    assert told.dropped == told.left_out["OPTED_OUT_INFO"] == len(left)
    by_text = {number for _, number, pf_id, _ in sandbox.messages(campaign) if pf_id == "-"}
    assert by_text.isdisjoint(numbers_of(party, gone)) and by_text == numbers_of(party, sorted(set(texts) - left))


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.product("M5")
def test_a_text_waits_out_the_night(sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notice may go the next morning; its text is never handed over at night."""
    _, campaign = a_campaign(sandbox, depth=1)
    until(slot, lambda: not rows("SELECT 1 FROM campaign_chunk WHERE campaign_id = %s AND state < 2", campaign))
    night = datetime.fromisoformat("2026-11-20T22:00:00+09:00")
    morning = datetime.fromisoformat("2026-11-21T08:00:00+09:00")

    def is_held() -> bool:
        raw().execute("UPDATE campaign_chunk SET lease_until = now() WHERE state = 2")  # hours have passed: look again
        return rows("SELECT not_before FROM dispatch WHERE campaign_id = %s", campaign) == [(morning,)]

    monkeypatch.setenv("MAJUNG_CLOCK", str(clock.offset_to(night)))
    sandbox.clock(night)
    until(slot, lambda: is_held() and books(raw(), campaign).fell_back > 5)
    assert set(standing(campaign, texts=True).values()) == {outcomes.NOT_YET}
    monkeypatch.setenv("MAJUNG_CLOCK", str(clock.offset_to(morning + timedelta(seconds=1))))
    sandbox.clock(morning + timedelta(seconds=1))
    until(slot, lambda: is_held() and is_finished(campaign))

    texts = standing(campaign, texts=True)
    assert set(texts.values()) == {outcomes.DELIVERED}
    assert_both_sides_agree(sandbox, campaign)
    held: dict[int, BitMap] = {}
    for day, block, bits in raw().execute("SELECT day, block, bits FROM week_hold WHERE campaign_id = %s", [campaign]):
        places = week.people_of(np.array([block]), np.frombuffer(bits, np.uint8).reshape(1, -1))
        held.setdefault(day, BitMap()).update(places)
    assert held[registry.day(morning.date())] == BitMap(texts) and not held[registry.day(night.date())] & BitMap(texts)


def advertising(at: datetime) -> Dispatch:
    """An advertising campaign's text, without a database."""
    text = "(광고)가람상회\n토요일 반값\n무료수신거부 080-1234-5678"
    occasion = Occasion(
        root_id=1, organisation_kind="commercial", purpose=Purpose.ADVERTISING, medium=Medium.SMS, entity_id=1, unit_id=1,
        unit_path="0001", at=at, content=Content(text=text, is_commercial=True),
        account=AccountFacts(
            sender_name="가람상회", contact="0212345678", sender_number="0212345678", sender_number_registered=True,
            refusal_number="080-1234-5678", certificate_until=date(2027, 12, 31),
        ),
    )  # fmt: skip
    told = Fallback(
        reasons=(10,),
        kind=Kind.SMS,
        message=Message(text=text),
        sender="0212345678",
        occasion=occasion,
        unit_centiwon=1200,
    )
    template = Template(kind=Kind.BRAND, message=Message(text="토요일 반값"))
    main = Dispatch(
        campaign_id=1, root_id=1, account_id=1, unit_id=1, scope_unit_id=1, grant_id=None,
        occasion=replace(occasion, medium=Medium.KAKAO_AD), template=template, criteria=Leaf("person"), stops=(),
        unit_centiwon=2500, fallback=told,
    )  # fmt: skip
    return main.as_text()


def a_chunk(
    number: int, *, parent_at: datetime | None = None, outcome: bytes = b"nnn", parent: int | None = 1
) -> Chunk:
    people = np.arange(len(outcome), dtype=np.int32) + 1
    return Chunk(
        chunk_no=number, channel_id=7, wave=2, attempt=1, people=people, outcome=bytearray(outcome), watermark=1,
        parent_chunk=parent, parent_at=parent_at,
    )  # fmt: skip


@pytest.mark.product("C3")
@pytest.mark.parametrize(
    ("hour", "days", "reason"),
    [
        ("12:30", 0, None), ("20:49", 0, None), ("20:51", 0, "FALLBACK_LATE"), ("23:00", 0, "FALLBACK_LATE"),
        ("09:00", 1, "FALLBACK_LATE"),
    ],
)  # fmt: skip
def test_an_advertising_text_goes_on_the_same_day_or_never(hour: str, days: int, reason: str | None) -> None:
    """What would have to wait for the morning is left out at once: tomorrow it would be too late (law.md A10)."""
    now = datetime.fromisoformat(f"2026-11-20T{hour}:00+09:00") + timedelta(days=days)

    closed = rejudge.closed_to_texts(advertising(NOON), [a_chunk(2, parent_at=NOON)], now)

    assert {number: gate.code for number, gate in closed.items()} == ({2: reason} if reason else {})


@pytest.mark.product("C3")
def test_who_blocked_the_channel_is_denied_the_advertising_text() -> None:
    steps = rejudge.Bench().rules(advertising(NOON), 7, NOON).steps

    assert ("CHANNEL_BLOCKED", Leaf("friend", (7, 2))) in [(rule.code, denied) for rule, denied in steps]
    assert {"OPTED_OUT", "NO_CONSENT"} <= {rule.code for rule, _ in steps}


# ── doubt, and death ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.product("O6")
def test_who_is_in_doubt_falls_back_only_when_the_doubt_is_settled_as_failed(
    sandbox: Sandbox, url: str, home: Path, slot: Slot
) -> None:
    _, campaign = a_campaign(sandbox)
    victim = worker(url, home, crash_at="after_hand_over")
    assert victim.wait(40) != 0
    sandbox.faults(error_next=10**6)  # the dealer cannot be asked
    until(slot, lambda: books(raw(), campaign).in_doubt > 0, 30)
    for _ in range(20):
        slot.step()
    doubtful = books(raw(), campaign)
    assert doubtful.in_doubt > 100 and doubtful.fell_back == 0 and not standing(campaign, texts=True)
    sandbox.faults()

    until(slot, lambda: is_finished(campaign), 40)

    told = assert_both_sides_agree(sandbox, campaign)
    assert told.fell_back == len(standing(campaign, texts=True)) > 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.product("O6")
def test_whose_result_never_comes_gets_no_text(sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.faults(never_probability=1.0, seed=5)
    _, campaign = a_campaign(sandbox)
    until(slot, lambda: books(raw(), campaign).accepted > 100)
    for _ in range(20):
        slot.step()

    monkeypatch.setattr(settle, "PATIENCE", timedelta(seconds=-1))  # 72 hours later
    raw().execute("UPDATE campaign_chunk SET lease_until = clock_timestamp() WHERE state = 2")
    until(slot, lambda: is_finished(campaign))

    told = books(raw(), campaign)
    assert told.is_balanced and told.fell_back == told.texts_instead == 0 and told.accepted > 100


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.product("O6")
@pytest.mark.parametrize("point", ["fallback_planned", "fallback_claimed", "fallback_handed"])
def test_killed_around_a_text(
    point: str, sandbox: Sandbox, url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "CHUNK", 20)
    _, campaign = a_campaign(sandbox)
    victim = worker(url, home, crash_at=point)
    assert victim.wait(40) != 0
    at_death = books(raw(), campaign)

    finish_with_a_new_worker(url, home, campaign)

    told, texts = assert_both_sides_agree(sandbox, campaign), standing(campaign, texts=True)
    assert at_death.is_balanced and told.fell_back == len(texts) > 5 and set(texts.values()) == {outcomes.DELIVERED}
    messages = told.delivered - len(texts)
    assert told.cost_centiwon == messages * MESSAGE + len(texts) * TEXT == paid(sandbox, campaign)


# ── counted once, by everybody who counts ────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.product("M2")
def test_who_was_reached_by_the_text_was_reached_by_the_campaign(sandbox: Sandbox, slot: Slot) -> None:
    party, campaign = a_campaign(sandbox)
    until(slot, lambda: is_finished(campaign))
    arrived = {p for p, byte in standing(campaign, texts=False).items() if byte == outcomes.DELIVERED}
    by_text = {p for p, byte in standing(campaign, texts=True).items() if byte == outcomes.DELIVERED}

    def received() -> set[int]:
        return set(evaluate.bitmap(raw(), party.root_id, Leaf("received", (campaign,)), today=clock.today()))

    assert received() == arrived | by_text and by_text and arrived.isdisjoint(by_text)
    assert reached.fold(raw(), campaign)
    assert received() == arrived | by_text


BYTES = st.sampled_from([*(int(outcome) for outcome in Outcome if 10 <= outcome < 255), *b"admlnq"])
REASONS = st.sets(st.sampled_from([int(outcome) for outcome in UNREACHED]), min_size=1)


@given(st.lists(st.lists(BYTES, min_size=1, max_size=40), min_size=1, max_size=4), REASONS)
def test_everybody_of_a_reason_is_planned_once_and_nobody_else(chunks_of: list[list[int]], reasons: set[int]) -> None:
    found = replace(advertising(NOON), is_text_instead=False)
    assert found.fallback is not None
    found = replace(found, fallback=replace(found.fallback, reasons=tuple(reasons)))
    chunks = [a_chunk(number, outcome=bytes(cells), parent=None) for number, cells in enumerate(chunks_of, start=1)]

    planned = fallback.plan(found, chunks)

    meant = Counter(
        (n, person) for n, cells in enumerate(chunks_of, 1) for person, byte in enumerate(cells, 1) if byte in reasons
    )
    assert Counter((one.parent_chunk, person) for one in planned for person in one.people.tolist()) == meant
    for cells, chunk in zip(chunks_of, chunks, strict=True):
        assert [b + outcomes.FELL_BACK if b in reasons else b for b in cells] == list(chunk.outcome)
    assert fallback.plan(found, chunks) == []
    assert fallback.plan(found, [a_chunk(9, outcome=bytes(cells)) for cells in chunks_of]) == []


@pytest.mark.django_db
@given(
    st.lists(st.one_of(BYTES, st.sampled_from([o + outcomes.FELL_BACK for o in UNREACHED])), min_size=1, max_size=60)
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_sql_counts_bytes_as_python_does(db: None, cells: list[int]) -> None:
    terms = ("accepted", "refused", "in_doubt", "not_yet", "dropped", "moved_on", "fell_back")
    sums = ", ".join(f"({_sum_of(statement(name))})" for name in terms)
    facts = {"outcome": bytes(cells), "n": len(cells), "campaign": 0}
    columns = (
        "%(outcome)s::bytea AS outcome, %(n)s AS n, 0::bigint AS campaign_id, 1 AS chunk_no, NULL::int AS parent_chunk"
    )
    chunk = f"(SELECT {columns}) AS c"
    found = raw().execute(f"SELECT {sums} FROM {chunk}".encode(), facts).fetchone()

    assert found == (
        sum(byte in b"ad" for byte in cells), sum(outcomes.is_refused(byte) for byte in cells), cells.count(ord("q")),
        cells.count(ord("n")), cells.count(ord("l")), cells.count(ord("m")), sum(outcomes.fell_back(byte) for byte in cells),
    )  # fmt: skip
    assert all(outcomes.code(byte) and outcomes.sentence(byte) for byte in cells)


def _sum_of(statement: str) -> str:
    """What a statement of the books sums over, without the chunks."""
    return statement.split("coalesce(sum(", 1)[1].split("), 0)::", 1)[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@given(seed=st.integers(0, 2**32 - 1), reasons=REASONS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_sums_hold_for_random_failures(seed: int, reasons: set[int], sandbox: Sandbox, slot: Slot) -> None:
    """Whatever the dealer tells, in whatever portions: books balance, a person has one text at most, money is what is counted."""
    party, random = make.party(people=80, base_url=sandbox.base_url), np.random.default_rng(seed)
    number, hands = next(NUMBERS), slot.hands
    order = make.order(party, campaign=number, at=clock.now())
    planner.freeze(raw(), replace(order, fallback=replace(make.fallback(order), reasons=tuple(reasons))))
    words = np.array([int(o) for o in Outcome if 10 <= o < 255] + list(b"aaddddq") * 3, np.uint8)
    for turn in range(4):
        sent = rows(
            "SELECT chunk_no, n, parent_chunk FROM campaign_chunk WHERE campaign_id = %s AND state = 0 ORDER BY 1",
            number,
        )
        for chunk, n, parent in sent:
            raw().execute(
                """UPDATE campaign_chunk SET state = 2, attempt = 1, worker = %s, group_ref = %s, handed_at = now(),
                          outcome = decode(repeat('61', n), 'hex'), lease_until = now() WHERE campaign_id = %s AND chunk_no = %s""",
                [hands.worker, f"G{number}-{chunk}", number, chunk],
            )
            found = hands.dispatch(number) if parent is None else hands.dispatch(number).as_text()
            ledger.write_cost(hands.connection, found, "charged", {chunk: (1, n)}, clock.now())  # type: ignore[dict-item]
        open_ones = rows(
            "SELECT chunk_no, n FROM campaign_chunk WHERE campaign_id = %s AND state = 2 ORDER BY 1", number
        )
        for chunk, n in open_ones:
            told = random.choice(words, n)
            listing = settle.Told(chunks=np.full(len(told), chunk), seqs=np.arange(len(told)), bytes=told)
            settle.write(
                hands, hands.dispatch(number), f"G{number}-{chunk}", listing, is_last=turn == 3, look_seconds=0
            )
            assert books(raw(), number).is_balanced

    told_books = books(raw(), number)
    texts = rows("SELECT people FROM campaign_chunk WHERE campaign_id = %s AND parent_chunk > 0", number)
    everybody = [person for (people,) in texts for person in people]  # type: ignore[attr-defined]
    assert len(everybody) == len(set(everybody)) == told_books.fell_back
    by_kind = {cost.message_kind: cost for cost in costs(raw(), number)}
    for kind, price, is_text in (("BRAND", MESSAGE, False), ("SMS", TEXT, True)):
        [(people,)] = rows(
            "SELECT coalesce(sum(outcome_count(outcome, 'a') + outcome_count(outcome, 'd') + outcome_count(outcome, 'q')), 0)"
            "  FROM campaign_chunk WHERE campaign_id = %s AND (parent_chunk IS NOT NULL) = %s AND state >= 2",
            number,
            is_text,
        )
        cost = by_kind.get(kind)
        assert (cost.messages, cost.centiwon) == (people, people * price) if cost else people == 0  # type: ignore[operator]
    assert told_books.cost_centiwon == sum(cost.centiwon for cost in by_kind.values())
    assert told_books.cost_centiwon <= rows("SELECT worst_centiwon FROM dispatch WHERE campaign_id = %s", number)[0][0]  # type: ignore[operator]


def test_what_is_no_delivery_failure_cannot_be_chosen() -> None:
    order_text = advertising(NOON).fallback
    assert order_text is not None
    for outcome in set(Outcome) - set(UNREACHED):
        with pytest.raises(ValueError):
            replace(order_text, reasons=(int(outcome),))
    with pytest.raises(ValueError):
        replace(order_text, reasons=())
    with pytest.raises(ValueError):
        replace(order_text, kind=Kind.BRAND)
    assert Fallback.from_json(order_text.to_json()) == order_text
