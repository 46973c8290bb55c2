"""A message that is a letter: what stands below it, whom it reaches, and accounts that cannot send it (M10)."""

from typing import Any

import pytest

from majung.campaigns import plan, services
from majung.campaigns.models import Campaign
from majung.channels.models import DealerAccount
from majung.core import clock
from majung.core.db import raw
from majung.policy import judge
from tests.make import campaigns as make
from tests.make import channels as make_channels
from tests.make import consent as make_consent
from tests.make.delivery import Party

pytestmark = [pytest.mark.django_db, pytest.mark.product("M10")]
MORE = {"server": "smtp+plain://127.0.0.1:25", "from": "news@party.example", "from_name": "가람당"}


@pytest.fixture
def party() -> Party:
    made = make.party(people=10)
    make_consent.mail_addresses(made.root_id, made.people[:4])
    return made


def mail_account(party: Party) -> DealerAccount:
    return make_channels.account(
        unit=party.top, name="편지", adapter="smtp", key="", secret="", more=MORE, with_prices=False, sender=""
    )


def draft(party: Party, account: DealerAccount, **words: Any) -> Campaign:
    given = {"kind": "email", "subject": "토요일 모임", "account": str(account.public_id), **words}
    return make.draft(party, **given)


def look(party: Party, campaign: Campaign) -> plan.Plan:
    return plan.look_up(campaign, lambda unit: party.made.actor.may("campaigns.write", unit), clock.now())


def test_a_letter_reaches_who_has_an_address_and_costs_nothing(party: Party) -> None:
    campaign = draft(party, mail_account(party))
    found = services.check(party.made.actor, campaign)
    planned = (
        raw()
        .execute("SELECT count(*) FROM membership WHERE state = 2 AND person_id = ANY(%s)", [party.people[:4]])
        .fetchall()
    )
    assert [(found.estimate.planned,)] == planned
    assert found.estimate.cost_centiwon == 0
    assert not [problem.sentence for problem in found.problems]


def test_who_writes_and_the_way_out_stand_below_it_once(party: Party) -> None:
    account, entity = mail_account(party), party.made.entity
    said = look(party, draft(party, account, text="안녕하세요.")).template.message
    assert said.subject == "토요일 모임"
    assert said.text == f"안녕하세요.\n\n{entity.name} · {entity.phone}\n수신거부 / Unsubscribe: #{{수신설정}}"
    own = "안녕하세요.\n수신거부 / unsubscribe: #{수신설정}"
    assert look(party, draft(party, account, text=own)).template.message.text.count("수신거부") == 1


def test_an_advertising_letter_has_its_mark_in_the_subject_and_passes_the_rule(party: Party) -> None:
    campaign = draft(party, mail_account(party), purpose="ADVERTISING", text="겨울 음료가 나왔습니다.")
    found = look(party, campaign)
    assert found.template.message.subject == "(광고) 토요일 모임"
    assert not found.template.message.text.startswith("(광고)")
    assert "LABEL" not in [rule.code for rule in judge.gates(found.occasion).denials]


@pytest.mark.parametrize(
    ("words", "told"), [({"subject": " "}, "제목"), ({"kind": "brand"}, "이 종류를 보내지 않습니다")]
)
def test_what_is_missing_is_told(party: Party, words: dict[str, str], told: str) -> None:
    campaign = draft(party, mail_account(party), **words)
    assert any(told in sentence for sentence in look(party, campaign).lacking)
    found = services.check(party.made.actor, campaign)
    assert not found.may_send


def test_an_account_of_a_messenger_sends_no_letters(party: Party) -> None:
    assert any("이 종류를 보내지 않습니다" in sentence for sentence in look(party, draft(party, party.account)).lacking)
