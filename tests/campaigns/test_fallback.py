"""The text instead, from the wizard to the last won: bytes, marks, reasons, worst case, screens, API (M7, M10)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import ProgrammingError, transaction
from django.test import Client
from django.urls import reverse

from majung.campaigns import exports, fallback, person, report, services, why
from majung.campaigns.enums import Kind, State
from majung.campaigns.errors import CannotSend, CannotWrite
from majung.campaigns.models import Campaign
from majung.campaigns.services import Texting, freezing
from majung.channels.adapters.outcomes import UNREACHED, Outcome
from majung.channels.models import DealerAccount, Price, SenderNumber
from majung.core import clock
from majung.core.db import raw
from majung.delivery import planner
from majung.delivery.engine import Slot
from majung.delivery.models import Chunk, Dispatch
from majung.people.models import Person
from majung.policy.enums import Purpose
from majung.tree.actor import system_actor
from majung.tree.models import Budget, Reservation
from majung.tree.services import set_budget
from tests.api.test_api import key
from tests.campaigns.test_console import client_of, text_of
from tests.delivery.conftest import Sandbox, noon, register, running, sandbox, slot, until
from tests.delivery.conftest import url as url_of_database
from tests.make import campaigns as make
from tests.make.delivery import Party

pytestmark = [pytest.mark.product("M7", "M10")]
FIXTURES = (noon, running, sandbox, slot, url_of_database)
"""Of the delivery room: the real sandbox and a slot of the engine, for the one test that goes all the way."""

ALL = tuple(outcome.name for outcome in UNREACHED)


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """The test database's address, as ``slot`` wants it."""
    return str(request.getfixturevalue("url_of_database"))


@pytest.fixture
def day() -> Iterator[datetime]:
    at = datetime(2027, 3, 3, 3, tzinfo=UTC)  # 12:00 in Seoul
    with clock.frozen(at):
        yield at


@pytest.fixture
def party(db: None, day: datetime) -> Party:
    return make.party(people=200)


def written(made: Party, text: str = "모임을 알립니다.", *, reasons: tuple[str, ...] = ALL, **words: Any) -> Campaign:
    """A campaign with a text instead."""
    of_text = {name: words.pop(name) for name in ("subject", "sender") if name in words}
    campaign = make.draft(made, **words)
    return services.edit_fallback(made.made.actor, campaign, Texting(text=text, reasons=reasons, **of_text))


# ── what it is, and what it costs ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "kind", "used"),
    [
        ("가" * 45, "SMS", 90),
        ("가" * 45 + "a", "LMS", 91),
        ("가" * 24 + "#{이름}", "SMS", 88),  # a name of twenty letters is forty bytes
        ("가" * 26 + "#{이름}", "LMS", 92),
    ],
)
def test_bytes_at_the_longest_decide_what_it_is(party: Party, text: str, kind: str, used: int) -> None:
    found = services.check(party.made.actor, written(party, text, subject="알림"))

    assert found.may_send, found.problems
    instead = found.plan.instead
    assert instead is not None and (str(instead.template.kind), instead.size.used) == (kind, used)
    assert instead.template.message.subject == ("알림" if kind == "LMS" else "")


@pytest.mark.parametrize(("text", "dearer", "text_price"), [("짧은 글", 2500, 1200), ("긴 글 " * 30, 3900, 3900)])
def test_the_dearer_of_both_is_reserved_for_everybody(party: Party, text: str, dearer: int, text_price: int) -> None:
    campaign = written(party, text)
    found = services.check(party.made.actor, campaign)
    planned = found.estimate.planned

    services.confirm(party.made.actor, campaign)

    held = Reservation.objects.get()
    assert (found.money.unit_centiwon, found.money.text_centiwon) == (2500, text_price)
    assert found.money.cost_centiwon == planned * 2500
    assert (held.messages, held.centiwon) == (planned, planned * dearer) == (planned, found.money.worst_centiwon)


def test_a_budget_that_covers_the_message_but_not_the_text_is_not_enough(party: Party) -> None:
    campaign = written(party, "긴 글 " * 30)
    planned = services.look(party.made.actor, campaign).estimate.planned
    set_budget(party.made.actor, party.top, clock.today(), planned * 3900 - 1)

    assert "OUT_OF_BUDGET" in {problem.code for problem in services.check(party.made.actor, campaign).problems}


def test_advertising_carries_the_marks_of_the_law(party: Party) -> None:
    given = {"purpose": Purpose.ADVERTISING, "declared": {"is_commercial": True}, "reasons": ("NO_TALK",)}
    DealerAccount.objects.update(sender_certificate="2027-12-31")
    campaign = written(party, "토요일 장터가 열립니다. " * 4, subject="장터", **given)

    found = services.check(party.made.actor, campaign)
    instead = found.plan.instead

    assert instead is not None and str(instead.template.kind) == "LMS"
    entity = party.top.entity.name
    assert instead.template.message.text.startswith(f"(광고){entity}\n")
    assert instead.template.message.text.endswith("\n무료수신거부 080-1234-5678")
    assert instead.template.message.subject == "(광고) 장터"
    assert instead.occasion.medium == "SMS" and instead.occasion.account.sender_number == "0212345678"
    assert not [p for p in found.problems if p.step == "fallback"]

    DealerAccount.objects.update(sender_certificate="", refusal_number="")
    codes = {
        p.code for p in services.check(party.made.actor, campaign).problems if p.sentence.startswith("대체 문자: ")
    }
    assert codes == {"VENDOR_UNCERTIFIED", "LABEL"}


def test_nobody_is_advertised_to_whom_the_messenger_says_blocked_or_idle(party: Party) -> None:
    given = {"purpose": Purpose.ADVERTISING, "declared": {"is_commercial": True}}
    campaign = written(party, "토요일 장터", **given)

    found = services.check(party.made.actor, campaign)

    assert any("오래 쓰지 않았거나 알림을 막음" in p.sentence for p in found.problems)
    assert Outcome.TALK_BLOCKED not in fallback.offered(Kind.BRAND, Purpose.ADVERTISING)
    assert fallback.offered(Kind.ALIM, Purpose.PARTY_NOTICE) == (Outcome.NO_TALK, Outcome.TALK_BLOCKED)
    turned = written(party, "회원권을 할인 판매합니다. 지금 구매하세요.")
    assert any("오래 쓰지" in p.sentence for p in services.check(party.made.actor, turned).problems)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"text": "안녕 😀"}, "문자로 보낼 수 없는 글자"),
        ({"text": "#{봉급} 안내"}, "#{봉급}"),
        ({"text": "닫지 않은 #{이름"}, "변수"),
        ({"text": "가" * 1001}, "2,000바이트"),
        ({"text": "글", "reasons": ()}, "까닭"),
        ({"text": "기호 3번 후보를 꼭 지지해 주세요."}, "규칙은 아직 준비되지 않아"),
    ],
)
def test_what_cannot_be_sent_is_told_exactly(party: Party, given: dict[str, Any], told: str) -> None:
    campaign = written(party, **given)

    found = services.check(party.made.actor, campaign)

    assert any(told in p.sentence and p.sentence.startswith("대체 문자: ") for p in found.problems), found.problems
    with pytest.raises(CannotSend):
        services.confirm(party.made.actor, campaign)


def test_a_text_without_price_or_sender_does_not_leave(party: Party) -> None:
    campaign = written(party)
    Price.objects.filter(kind="SMS").delete()
    SenderNumber.objects.all().delete()

    told = " ".join(p.sentence for p in services.check(party.made.actor, campaign).problems)

    assert "단문 문자의 오늘 단가가" in told and "등록한 발신번호가 없습니다" in told and "SENDER_NUMBER" not in told


@pytest.mark.parametrize(
    "hostile",
    [
        Texting(text="글", reasons=("OPTED_OUT",)),
        Texting(text="글", reasons=("IN_DOUBT", "NO_TALK")),
        Texting(text="글", reasons=("'; --",)),
        Texting(text="글", reasons=ALL, sender="01099999999"),
        Texting(text="글", reasons=ALL, subject="가" * 41),
        Texting(text="가" * 4001, reasons=ALL),
    ],
)
def test_nonsense_is_refused_and_nothing_is_lost(party: Party, hostile: Texting) -> None:
    campaign = written(party)

    with pytest.raises(CannotWrite):
        services.edit_fallback(party.made.actor, campaign, hostile)

    campaign.refresh_from_db()
    assert (campaign.fallback_text, campaign.fallback_reasons) == ("모임을 알립니다.", list(ALL))


def test_a_text_has_no_text_instead(party: Party) -> None:
    plain = make.draft(party, kind="lms")
    with pytest.raises(CannotWrite):
        services.edit_fallback(party.made.actor, plain, Texting(text="글", reasons=ALL))
    turned = written(party)
    turned.kind = Kind.LMS
    turned.save()

    found = services.check(party.made.actor, turned)

    assert found.plan.instead is None and found.money.text_centiwon == 0


def test_after_the_press_no_letter_of_it_changes(party: Party) -> None:
    campaign = written(party)
    services.check(party.made.actor, campaign)
    services.confirm(party.made.actor, campaign)
    copied = services.copy(party.made.actor, campaign)

    for change in ({"fallback_text": "다른 글"}, {"fallback_reasons": []}, {"fallback_sender": "021"}):
        with pytest.raises(ProgrammingError), transaction.atomic():
            Campaign.objects.filter(pk=campaign.pk).update(**change)
    assert (copied.fallback_text, copied.fallback_reasons) == ("모임을 알립니다.", list(ALL))


def test_a_changed_text_is_checked_again(party: Party) -> None:
    campaign = written(party)
    services.check(party.made.actor, campaign)
    Campaign.objects.filter(pk=campaign.pk).update(fallback_reasons=["NO_TALK"])

    with pytest.raises(CannotSend):
        services.confirm(party.made.actor, campaign)


# ── screens and API ──────────────────────────────────────────────────────────────────────────────────────────────────

TYPED = {
    "falls_back": "on",
    "fallback_text": "모임을 알립니다.",
    "fallback_reasons": ["NO_TALK"],
    "fallback_sender": "0212345678",
}


def step(campaign: Campaign, name: str = "fallback") -> str:
    return reverse(f"campaigns:{name}", args=[campaign.public_id])


def test_the_step_counts_bytes_and_money_as_one_types(party: Party) -> None:
    owner, campaign = client_of(party.made.actor), make.draft(party)
    planned = services.check(party.made.actor, campaign).estimate.planned

    page = text_of(owner.get(step(campaign)))
    assert "대체 문자를 쓰지 않습니다" in page and page.count('name="fallback_reasons"') == 3
    short = text_of(owner.post(step(campaign, "fallback-preview"), TYPED))
    idle = {name: value for name, value in TYPED.items() if name != "falls_back"}
    assert "이 글은 아직 나가지 않습니다" in text_of(owner.post(step(campaign, "fallback-preview"), idle))
    assert "아직 나가지 않습니다" not in short
    assert "단문 문자 · 가장 길 때" in short and ">16</b> / 90바이트" in short and f"{planned * 25:,}원" in short
    long = text_of(owner.post(step(campaign, "fallback-preview"), {**TYPED, "fallback_text": "가" * 46}))
    assert "장문 문자 · 가장 길 때" in long and ">92</b> / 2,000바이트" in long
    assert f"{planned * 25:,}원" in long and f"{planned * 39:,}원" in long
    campaign.refresh_from_db()
    assert campaign.fallback_text == ""

    kept = owner.post(step(campaign), {**TYPED, "fallback_text": "가" * 46})
    assert kept["Location"] == step(campaign, "check")
    check = text_of(owner.get(step(campaign, "check")))
    assert "장문 문자 · 한 통 39원" in check and f"{planned * 39:,}원" in check and "카카오톡을 쓰지 않는 번호" in check
    assert "장문 문자" in text_of(owner.get(step(campaign, "send")))
    again = text_of(owner.get(step(campaign)))
    assert "가" * 46 in again and re.search(r'value="NO_TALK" checked', again) and 'value="NOT_A_FRIEND">' in again

    assert owner.post(step(campaign), {"fallback_text": "남은 글"})["Location"] == step(campaign, "check")
    campaign.refresh_from_db()
    assert not campaign.falls_back


@pytest.mark.parametrize(
    "hostile", [{"fallback_reasons": ["'; --"]}, {"fallback_sender": "<script>"}, {"fallback_text": "가" * 4001}]
)
def test_a_hostile_form_gets_a_sentence_and_keeps_what_was_typed(party: Party, hostile: dict[str, Any]) -> None:
    owner, campaign = client_of(party.made.actor), written(party)

    answer = owner.post(step(campaign), {**TYPED, **hostile})
    shown = owner.post(step(campaign, "fallback-preview"), {**TYPED, **hostile})

    assert answer.status_code == 422 and "저장하지 않았습니다" in text_of(answer) and shown.status_code == 200
    assert "<script>" not in re.sub(r"<script src=[^>]*>", "", text_of(answer))
    campaign.refresh_from_db()
    assert campaign.fallback_text == "모임을 알립니다."


def test_a_text_message_has_no_such_step(party: Party) -> None:
    owner, campaign = client_of(party.made.actor), make.draft(party, kind="sms", text="짧은 글")

    assert owner.get(step(campaign))["Location"] == step(campaign, "words")
    assert "대체 문자</" not in text_of(owner.get(step(campaign, "words"))).split("mj-actionbar")[0]


def test_the_api_writes_and_checks_it(party: Party) -> None:
    client, headers = Client(), key(party.made.actor, party.top)
    body = {"unit": str(party.top.public_id), "title": "소식", "text": "안녕하세요."}
    given = {"text": "가" * 46, "subject": "소식", "reasons": ["NO_TALK", "NOT_A_FRIEND"]}

    made = client.post("/api/v1/campaigns", {**body, "fallback": given}, "application/json", headers=headers)
    assert made.status_code == 201, made.content
    found = client.post(f"/api/v1/campaigns/{made.json()['id']}/check", headers=headers).json()

    assert found["fallback"] == {
        "kind": "LMS", "bytes": 92, "sender": "0212345678", "reasons": ["NOT_A_FRIEND", "NO_TALK"], "unit_krw": 39.0,
    }  # fmt: skip
    assert (found["cost_krw"], found["worst_krw"]) == (found["planned"] * 25, found["planned"] * 39)
    before = Campaign.objects.count()
    for hostile in (
        {"reasons": []},
        {"reasons": ["OPTED_OUT"]},
        {"text": "가" * 4001},
        {"sender": "01000000000"},
        {"more": 1},
    ):
        answer = client.post(
            "/api/v1/campaigns", {**body, "fallback": {**given, **hostile}}, "application/json", headers=headers
        )
        assert answer.status_code in (400, 409, 422), hostile
    sms = {**body, "kind": "sms", "fallback": given}
    assert client.post("/api/v1/campaigns", sms, "application/json", headers=headers).status_code == 422
    assert Campaign.objects.count() == before


# ── all the way ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.product("M9", "T7", "C3", "F6")
def test_a_campaign_with_texts_instead_shows_its_cost_to_the_won(sandbox: Sandbox, slot: Slot) -> None:
    """Written, checked, confirmed, sent, settled. Every won is added up from what the sandbox says became of each number."""
    made = make.party(people=400, depth=2, base_url=sandbox.base_url)
    register(sandbox, made)
    actor = made.made.actor
    set_budget(actor, made.top, clock.today(), 10_000_000_00)
    campaign = written(made, "가" * 46, subject="모임")
    services.check(actor, campaign)
    services.confirm(actor, campaign)
    freezing.freeze(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.worst_centiwon == Budget.objects.get().reserved_centiwon == (campaign.planned or 0) * 3900

    until(slot, lambda: freezing.follow(campaign.pk) == State.FINISHED)

    lines = sandbox.messages(campaign.pk)
    by_talk = sum(1 for _, _, pf_id, code in lines if pf_id != "-" and code == "4000")
    in_vain = sum(1 for _, _, pf_id, code in lines if pf_id != "-" and code in ("3102", "3104", "3107"))
    by_text = sum(1 for _, _, pf_id, _ in lines if pf_id == "-")
    assert {code for _, _, pf_id, code in lines if pf_id == "-"} == {"4000"} and by_text > 20
    money = report.money(actor, campaign)
    assert [(row.kind, row.charged, row.returned, row.paid, row.unit_centiwon) for row in money.kinds] == [
        ("BRAND", by_talk + in_vain, in_vain, by_talk, 2500),
        ("LMS", by_text, 0, by_text, 3900),
    ]
    won = by_talk * 25 + by_text * 39
    assert money.cost_centiwon == won * 100
    assert money.lms_centiwon == (by_talk + by_text) * 3900 and money.saving_centiwon == by_talk * (3900 - 2500)
    campaign.refresh_from_db()
    budget = Budget.objects.get()
    assert (campaign.spent_centiwon, budget.spent_centiwon, budget.reserved_centiwon) == (won * 100, won * 100, 0)

    page = text_of(client_of(actor).get(step(campaign, "campaign")))
    for expected in (
        f"{won:,}원",
        f"{by_text * 39:,}원",
        f"{by_talk * 25:,}원",
        "대체 문자로 보낸 까닭",
        "장문 문자",
        "양쪽이 맞습니다",
    ):
        assert expected in page, expected
    told = Client().get(f"/api/v1/campaigns/{campaign.public_id}/books", headers=key(actor, made.top)).json()
    assert (told["fell_back"], told["cost_krw"]) == (by_text, float(won))
    assert {row["kind"]: row["cost_krw"] for row in told["costs"]} == {"BRAND": by_talk * 25.0, "LMS": by_text * 39.0}
    assert exports.rows_of(actor, campaign, "money")[2] == ("장문 문자", 39.0, by_text, 0, by_text, by_text * 39.0)
    assert sum(row.people.number or 0 for row in report.fell_back(actor, campaign)) == by_text
    rows = report.by_unit(system_actor(made.root_id), campaign)
    assert (
        sum(row.planned.number or 0 for row in rows) - sum(row.moved_on.number or 0 for row in rows) == campaign.planned
    )
    assert sum(row.fell_back.number or 0 for row in rows) == by_text
    a_persons_story(made, campaign)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.product("T7")
def test_the_reservation_shrinks_as_reports_arrive(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every step it is what each person may still cost, added up by hand; what is free is free for others at once."""
    monkeypatch.setattr(planner, "CHUNK", 20)
    made = make.party(people=200, depth=2, base_url=sandbox.base_url)
    register(sandbox, made)
    actor = made.made.actor
    set_budget(actor, made.top, clock.today(), 10_000_000_00)
    campaign = written(made, "가" * 46)
    services.check(actor, campaign)
    services.confirm(actor, campaign)
    freezing.freeze(campaign.pk)
    seen = [Budget.objects.get().reserved_centiwon]

    def is_over() -> bool:
        over = freezing.follow(campaign.pk) == State.FINISHED
        if not over:
            held = Reservation.objects.get()
            assert held.centiwon == Budget.objects.get().reserved_centiwon == min(worst_by_hand(campaign), seen[-1])
            seen.append(held.centiwon)
        return over

    until(slot, is_over)

    budget = Budget.objects.get()
    assert (
        seen[0] == Campaign.objects.get().worst_centiwon and seen == sorted(seen, reverse=True) and len(set(seen)) > 3
    )
    assert 0 < budget.spent_centiwon <= seen[-1] and budget.reserved_centiwon == 0


def worst_by_hand(campaign: Campaign) -> int:
    total = 0
    for chunk in Chunk.objects.filter(campaign_id=campaign.pk):
        dearer = 3900 if chunk.parent_chunk is None else chunk.unit_centiwon
        for letter in bytes(chunk.outcome).decode("latin1"):
            is_open = letter == "n" or (letter in "aq" and chunk.state < 3)
            total += dearer if is_open else chunk.unit_centiwon if letter in "adq" else 0
    return total


def a_persons_story(made: Party, campaign: Campaign) -> None:
    """The explainer and the person's page know of the text."""
    [of_text] = Chunk.objects.filter(campaign_id=campaign.pk, parent_chunk__isnull=False).order_by("chunk_no")[:1]
    someone = Person.objects.get(pk=of_text.people[0])
    answer = why.why(made.made.actor, campaign, someone)
    story = [event.note for event in person.events(made.made.actor, someone, 10)]

    assert answer.verdict == "보냈습니다" and "대체 문자" in answer.sentence and "도착" in answer.sentence
    assert any("SMS" in str(rule) or "문자" in rule.text for rule in answer.rules)
    assert story[0] == "장문 문자 · 도착" and story[-1].endswith("· 대체 문자로")
    assert Dispatch.objects.get(pk=campaign.pk).fallback is not None
    assert raw().execute("SELECT count(*) FROM reached_open WHERE campaign_id = %s", [campaign.pk]).fetchone() == (1,)
