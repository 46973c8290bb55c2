"""The pages of campaigns: the whole wizard without script, the live page, and nobody else's campaign anywhere."""

import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from majung.audience import builder
from majung.audience.criteria import Condition, Group
from majung.campaigns import exports, services
from majung.campaigns.enums import State
from majung.campaigns.models import Campaign, Export
from majung.campaigns.services import freezing
from majung.channels.models import TestSend
from majung.channels.services import numbers
from majung.core import clock
from majung.tree.actor import Actor
from majung.tree.enums import Role
from tests.make import campaigns as make
from tests.make import tree as make_tree
from tests.make.delivery import Party

pytestmark = [pytest.mark.django_db, pytest.mark.product("M1", "M2", "M5", "M7", "M9", "T5")]

NOON = datetime(2027, 3, 3, 3, tzinfo=UTC)


@pytest.fixture
def noon() -> Any:
    with clock.frozen(NOON):
        yield NOON


@pytest.fixture
def party(db: None, noon: datetime) -> Party:
    return make.party(people=200)


def client_of(actor: Actor) -> Client:
    client = Client()
    assert actor.user is not None
    client.force_login(actor.user)
    return client


@pytest.fixture
def owner(party: Party) -> Client:
    return client_of(party.made.actor)


def url(name: str, campaign: Campaign, **more: Any) -> str:
    return reverse(f"campaigns:{name}", kwargs={"public_id": campaign.public_id, **more})


def text_of(answer: Any) -> str:
    text: str = answer.content.decode()
    assert "<c-" not in text
    return text


WORDS = {
    "title": "토요일 모임", "purpose": "PARTY_NOTICE", "kind": "brand", "text": make.TEXT, "button_0_type": "WL",
    "button_0_name": "신청하기", "button_0_link": "https://moim.example/a",
}  # fmt: skip


def test_the_wizard_goes_from_the_first_word_to_the_press(party: Party, owner: Client) -> None:
    made = owner.post(reverse("campaigns:new"), {"title": "토요일 모임", "unit": str(party.top.public_id)})
    campaign = Campaign.objects.get()
    assert made["Location"] == url("audience", campaign)

    asked = Group(parts=(Condition(field="age", low=14, high=90),))
    page = text_of(owner.get(url("audience", campaign)))
    assert "200명" in page
    kept = owner.post(url("audience", campaign), {**builder.inputs(asked), "scope": str(party.top.public_id)})
    assert kept["Location"] == url("words", campaign)

    assert "누르기" not in text_of(owner.get(url("words", campaign)))
    kept = owner.post(url("words", campaign), {**WORDS, "account": str(party.account.public_id)})
    assert kept["Location"] == url("check", campaign)

    page = text_of(owner.get(url("check", campaign)))
    for expected in (
        "정당법 제23조·제25조",
        "당원명부에 있는 당원이 아닙니다.",
        "모의 발송",
        "이수아",
        "신청하기",
        "덜 듭니다",
    ):
        assert expected in page, expected

    page = text_of(owner.get(url("send", campaign)))
    assert "에게 보냅니다" in page
    pressed = owner.post(url("send", campaign), {"when": "now", "recall": "60"})
    assert pressed["Location"] == url("campaign", campaign)
    campaign.refresh_from_db()
    assert campaign.state == State.CONFIRMED

    page = text_of(owner.get(url("campaign", campaign)))
    assert "거두기" in page
    assert 'hx-trigger="every 1s"' in page
    recalled = owner.post(url("act", campaign, what="recall"), follow=True)
    assert "거두었습니다" in text_of(recalled)


def test_words_show_as_one_types_and_nothing_is_kept(party: Party, owner: Client) -> None:
    campaign = make.draft(party)

    shown = text_of(
        owner.post(
            url("preview", campaign),
            {**WORDS, "text": "#{이름} 님 <b>안녕</b>", "account": str(party.account.public_id)},
        )
    )
    nameless = text_of(owner.post(url("preview", campaign), {**WORDS, "text": "#{이름} 님", "as": "nameless"}))
    long = text_of(owner.post(url("preview", campaign), {**WORDS, "text": "가" * 1301}))

    assert "이수아 님 &lt;b&gt;안녕" in shown
    assert "회원 님" in nameless
    assert "1,301" in long
    assert "1,300" in long
    campaign.refresh_from_db()
    assert campaign.text == make.TEXT


@pytest.mark.parametrize("role", [Role.BLIND_SENDER, Role.WRITER, Role.OPERATOR])
def test_a_district_tests_to_its_own_number_and_loses_no_words(party: Party, role: Role) -> None:
    """Asking for the code, typing it in and testing are presses of the form that holds the words (M1, T5)."""
    unit = party.made.units[-1]
    district = make_tree.lent(party.made, unit, role=role)
    assert district.user is not None
    asker = client_of(district)
    campaign = make.draft(party, actor=district, unit=unit)
    typed = {**WORDS, "text": "새로 쓴 말입니다", "account": str(party.account.public_id)}

    def press(do: str, **more: str) -> str:
        return text_of(asker.post(url("words", campaign), {**typed, "do": do, **more}, follow=True))

    assert "먼저 등록" in press("try")
    assert "확인 번호를 문자로 보냈습니다" in press("number", number="010-0000-0001")
    assert "다릅니다" in press("code", code="abc")
    shown = press("code", code=numbers.code_of(party.made.root.pk, district.user.pk))
    assert "010-****-0001번으로 시험 발송" in shown
    assert "시험 발송을 맡겼습니다" in press("try")

    campaign.refresh_from_db()
    assert campaign.text == "새로 쓴 말입니다"
    kinds = list(TestSend.objects.filter(by=district.user).order_by("pk").values_list("kind", "channel__unit"))
    assert kinds == [("SMS", None), ("BRAND", unit.pk)]
    page = text_of(asker.get(url("words", campaign)))
    assert "보내는 중" in page
    assert "01000000001" not in page
    assert "확인 번호 받기" in press("forget")


@pytest.mark.parametrize("purpose", ["INFORMATIONAL", "ELECTION_CAMPAIGN"])
def test_an_unbuilt_purpose_is_refused_on_the_page(party: Party, owner: Client, purpose: str) -> None:
    campaign = make.draft(party)
    owner.post(url("words", campaign), {**WORDS, "purpose": purpose, "account": str(party.account.public_id)})

    page = text_of(owner.get(url("check", campaign)))

    assert "이 목적의 규칙은 아직 준비되지 않아" in page
    assert "보내기로" not in page
    pressed = owner.post(url("send", campaign), {"when": "now", "recall": "0"})
    assert pressed.status_code == 409
    assert Campaign.objects.get().state == State.CHECKED


def test_a_refused_press_says_why_and_keeps_the_campaign(party: Party, owner: Client) -> None:
    twin = make.confirmed(party)
    campaign = make.draft(party)
    services.check(party.made.actor, campaign)

    pressed = owner.post(url("send", campaign), {"when": "now", "recall": "0"})

    assert pressed.status_code == 409
    assert "한 번 더 보내기" in text_of(pressed)
    assert owner.post(url("send", campaign), {"when": "now", "recall": "0", "again": "yes"}).status_code == 302
    assert {c.state for c in Campaign.objects.all()} == {State.CONFIRMED}
    assert twin.pk != campaign.pk


@pytest.mark.parametrize(
    "sent",
    [
        {"when": "at", "on": "어제", "at": "25:00", "recall": "15"},
        {"when": "at", "on": "2020-01-01", "at": "10:00", "recall": "15"},
        {"when": "now", "recall": "-1"},
        {"when": "now", "recall": "99999"},
    ],
)
def test_a_hostile_hour_gets_a_sentence(party: Party, owner: Client, sent: dict[str, str]) -> None:
    campaign = make.draft(party)
    services.check(party.made.actor, campaign)

    answer = owner.post(url("send", campaign), sent)

    assert answer.status_code == 409
    assert Campaign.objects.get().state == State.CHECKED


def test_lists_have_empty_states_search_and_phases(party: Party, owner: Client) -> None:
    assert "아직 보낸 메시지가 없습니다" in text_of(owner.get("/campaigns/"))
    make.draft(party, title="봄 소식")
    make.confirmed(party, title="가을 소식")

    assert "봄 소식" in text_of(owner.get("/campaigns/?phase=writing"))
    assert "가을 소식" not in text_of(owner.get("/campaigns/?phase=writing"))
    found = text_of(owner.get("/campaigns/?q=가을"))
    assert "가을 소식" in found
    assert "봄 소식" not in found
    assert "할 일이 없습니다" in text_of(owner.get("/tasks/"))


def test_the_list_asks_the_same_number_of_questions_for_one_and_three(party: Party, owner: Client) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for titles in (("하나",), ("둘", "셋")):
        for title in titles:
            make.draft(party, title=title)
        with CaptureQueriesContext(connection) as asked:
            owner.get("/campaigns/")
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_a_blind_sender_sees_tens_everywhere(party: Party) -> None:
    blind = make_tree.lent(party.made, party.top, role=Role.BLIND_SENDER)
    asker = client_of(blind)
    campaign = make.draft(party, actor=blind)
    services.check(blind, campaign)
    campaign.refresh_from_db()
    exact = campaign.estimate["planned"]

    pages = "".join(text_of(asker.get(url(name, campaign))) for name in ("check", "send", "audience"))

    assert "약 200명" in pages
    shown = {int(n.replace(",", "")) for n in re.findall(r"([\d,]+)명", pages)}
    assert all(n % 10 == 0 for n in shown), shown
    assert f"{exact * 25:,}원" not in pages or exact % 10 == 0
    assert asker.get(url("why", campaign)).status_code == 403


def test_the_receipt_shows_the_chain(party: Party) -> None:
    sender = make_tree.lent(party.made, party.top, messages_per_day=5000)
    campaign = make.confirmed(party, actor=sender)

    page = text_of(client_of(sender).get(url("receipt", campaign)))

    assert "5,000" in page
    assert party.top.name in page


def test_why_not_tells_the_verdict_and_the_rules(party: Party, owner: Client) -> None:
    campaign = make.draft(party)
    services.check(party.made.actor, campaign)

    verdicts = set()
    for person in party.people[:30]:
        page = text_of(owner.get(url("why", campaign), {"person": person}))
        verdicts |= {word for word in ("지금은 제외됩니다", "받을 사람입니다") if word in page}
    assert verdicts == {"지금은 제외됩니다", "받을 사람입니다"}
    assert owner.get(url("why", campaign), {"person": "'; --"}).status_code == 422
    assert owner.get(url("why", campaign), {"person": "9999999"}).status_code == 404


def test_files_are_formula_safe_and_say_why(party: Party, owner: Client) -> None:
    campaign = make.draft(party)
    services.check(party.made.actor, campaign)

    refused = owner.post(url("export", campaign), {"table": "left_out", "form": "csv", "why": ""}, follow=True)
    assert "까닭을" in refused.content.decode()
    made = owner.post(url("export", campaign), {"table": "left_out", "form": "csv", "why": "=월간 보고"})
    content = owner.get(made["Location"]).content.decode("utf-8-sig")
    lines = content.splitlines()
    assert lines[0] == "까닭,근거,코드,사람"
    assert any("NOT_MEMBER" in line for line in lines)
    assert Export.objects.get().why == "=월간 보고"
    assert [exports.safe(cell) for cell in ("=1+1", "+82", "-1", "@x", "가", 7)] == [
        "'=1+1",
        "'+82",
        "'-1",
        "'@x",
        "가",
        7,
    ]
    book = owner.post(url("export", campaign), {"table": "units", "form": "xlsx", "why": "보고"})
    assert owner.get(book["Location"]).content[:2] == b"PK"


# ── nobody else's ────────────────────────────────────────────────────────────────────────────────────────────────────

GETS = ("campaign", "audience", "words", "fallback", "check", "send", "live", "tables", "receipt", "why")
POSTS = ("audience", "words", "preview", "fallback", "fallback-preview", "check", "send", "export", "copy", "discard")
ACTS = ("recall", "pause", "resume", "stop")


@pytest.fixture
def strangers(party: Party) -> tuple[Client, list[Campaign]]:
    """A district's operator, and campaigns of the sister district and of another organisation."""
    other = make.party(people=0)
    sister = make.draft(party, unit=party.made.units[2], title="옆 지역의 비밀 소식")
    foreign = make.draft(other, title="남의 당의 비밀 소식")
    return client_of(make_tree.lent(party.made, party.made.units[1])), [sister, foreign]


def answer_of(client: Client, method: str, name: str, public_id: uuid.UUID, **more: str) -> tuple[int, bytes]:
    path = reverse(f"campaigns:{name}", kwargs={"public_id": public_id, **more})
    answer = getattr(client, method)(path)
    return answer.status_code, re.sub(rb"req-[0-9a-z]+|csrf[^>]*>|" + str(public_id).encode(), b"", answer.content)


@pytest.mark.parametrize(
    ("method", "name", "more"),
    [("get", name, {}) for name in GETS]
    + [("post", name, {}) for name in POSTS]
    + [("post", "act", {"what": what}) for what in ACTS]
    + [("get", "file", {}), ("get", "task", {}), ("post", "tick", {}), ("post", "result", {})],
)
def test_foreign_sister_and_missing_answer_with_the_same_bytes(
    strangers: tuple[Client, list[Campaign]], method: str, name: str, more: dict[str, str]
) -> None:
    client, hidden = strangers

    missing = answer_of(client, method, name, uuid.uuid4(), **more)

    assert missing[0] == 404
    for campaign in hidden:
        assert answer_of(client, method, name, campaign.public_id, **more) == missing


def test_no_list_shows_a_stranger(strangers: tuple[Client, list[Campaign]]) -> None:
    client, _ = strangers

    seen = "".join(
        text_of(client.get(path)) for path in ("/campaigns/", "/campaigns/?q=비밀", "/tasks/", "/tasks/?done=1")
    )

    assert "비밀 소식" not in seen


def test_a_scope_outside_ones_own_is_not_there(party: Party) -> None:
    district = make_tree.lent(party.made, party.made.units[1])
    campaign = make.draft(party, actor=district, unit=party.made.units[1])
    client = client_of(district)

    for scope in (party.made.units[2].public_id, party.top.public_id, uuid.uuid4(), "nonsense"):
        assert client.post(url("audience", campaign), {"c.0.join": "all", "scope": str(scope)}).status_code == 404


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        (Role.VIEWER, {"campaign": 200, "audience": 403, "check": 403, "new": 403, "receipt": 200}),
        (Role.WRITER, {"campaign": 302, "audience": 200, "check": 200, "new": 200, "receipt": 200}),
        (Role.PRIVACY_OFFICER, {"campaign": 403, "audience": 403, "check": 403, "new": 403, "receipt": 403}),
    ],
)
def test_roles_see_what_they_were_lent(party: Party, role: Role, statuses: dict[str, int]) -> None:
    campaign = make.draft(party)
    services.check(party.made.actor, campaign)
    asker = client_of(make_tree.lent(party.made, party.top, role=role))

    for name, status in statuses.items():
        path = reverse("campaigns:new") if name == "new" else url(name, campaign)
        assert asker.get(path).status_code == status, (role, name)
    if role != Role.WRITER:
        return
    assert asker.post(url("act", campaign, what="recall")).status_code == 403


def test_a_visitor_is_asked_to_sign_in(party: Party) -> None:
    campaign = make.draft(party)

    for name in GETS:
        assert Client().get(url(name, campaign))["Location"].startswith("/accounts/login/")


@pytest.mark.django_db(transaction=True)
def test_the_live_page_shows_books_that_balance(transactional_db: None, noon: datetime) -> None:
    party = make.party(people=150)
    campaign = make.confirmed(party, recall_seconds=15)
    freezing.freeze(campaign.pk)

    page = text_of(client_of(party.made.actor).get(url("campaign", campaign)))
    part = text_of(client_of(party.made.actor).get(url("live", campaign), headers={"HX-Request": "true"}))

    assert "양쪽이 맞습니다" in page
    assert "정당법 제23조·제25조" in page
    assert part.lstrip().startswith('<div id="live"')
    for unit in party.made.units:
        assert unit.name in page
