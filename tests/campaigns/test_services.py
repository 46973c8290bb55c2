"""A campaign from its first word to its last won, against a real database: who may, what stops, what is kept."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from majung.audience import criteria
from majung.audience.criteria import Condition, Group
from majung.campaigns import report, services
from majung.campaigns.enums import PauseReason, State
from majung.campaigns.errors import CannotSend, CannotWrite, Forbids, SaidAlready, TooFew, TooLate, WrongMoment
from majung.campaigns.models import Campaign
from majung.campaigns.services import Wording, freezing
from majung.core import clock
from majung.core.errors import Forbidden, NotYours
from majung.delivery.models import Dispatch
from majung.policy.enums import Purpose
from majung.tree.enums import Role
from majung.tree.errors import OutOfBudget, OverLent
from majung.tree.models import Budget, LegalEntity, Reservation, Unit
from majung.tree.services import change_entity, set_budget
from tests.make import campaigns as make
from tests.make import tree as make_tree
from tests.make.delivery import Party

pytestmark = pytest.mark.product("M1", "M2", "M3", "M5", "M7", "T7")

NOON = datetime(2027, 3, 3, 3, tzinfo=UTC)  # 12:00 in Seoul


@pytest.fixture
def noon() -> Any:
    with clock.frozen(NOON):
        yield NOON


@pytest.fixture
def party(db: None, noon: datetime) -> Party:
    return make.party(people=200)


def dispatch_state() -> str:
    return str(Dispatch.objects.values_list("state", flat=True).get())


def queued(campaign: Campaign) -> int:
    """How many jobs wait to freeze it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'campaigns.freeze' AND args->>'campaign' = %s",
            [str(campaign.pk)],
        )
        [(n,)] = cursor.fetchall()
    return int(n)


# ── writing and checking ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_check_counts_everyone_once(party: Party) -> None:
    campaign = make.draft(party)

    found = services.check(party.made.actor, campaign)

    guess = found.estimate
    assert guess.audience == 200
    assert guess.audience == sum(guess.left_out.values()) + guess.planned
    assert set(guess.left_out) == {"NOT_MEMBER", "UNDER14"}
    assert found.money.worst_centiwon == guess.planned * 2500
    assert found.money.saving_centiwon == guess.planned * (3900 - 2500)
    assert found.may_send, found.problems
    campaign.refresh_from_db()
    assert (campaign.state, campaign.estimate["planned"]) == (State.CHECKED, guess.planned)


def test_an_edit_takes_the_check_back(party: Party) -> None:
    campaign = make.draft(party)
    services.check(party.made.actor, campaign)

    services.edit_audience(
        party.made.actor, campaign, scope=party.top, group=Group(parts=(Condition(field="gender", values=("2",)),))
    )

    campaign.refresh_from_db()
    assert (campaign.state, campaign.checked_at, campaign.estimate) == (State.DRAFT, None, {})
    with pytest.raises(WrongMoment):
        services.confirm(party.made.actor, campaign)


@pytest.mark.parametrize("purpose", [Purpose.INFORMATIONAL, Purpose.ELECTION_CAMPAIGN])
def test_purposes_without_rules_are_refused_with_the_reason(party: Party, purpose: Purpose) -> None:
    campaign = make.draft(party, purpose=purpose)

    found = services.check(party.made.actor, campaign)

    assert "RULES_NOT_BUILT" in {p.code for p in found.problems}
    with pytest.raises(Forbids) as refused:
        services.confirm(party.made.actor, campaign)
    assert refused.value.facts["reason"] == "RULES_NOT_BUILT"
    assert Campaign.objects.get(pk=campaign.pk).state == State.CHECKED
    assert not Reservation.objects.exists()


def test_support_for_a_candidate_is_never_sent_as_a_notice(party: Party) -> None:
    campaign = make.draft(party, text="기호 3번 후보를 꼭 지지해 주세요.")

    found = services.check(party.made.actor, campaign)

    assert "RULES_NOT_BUILT" in {p.code for p in found.problems}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"text": "#{봉급} 안내"}, "#{봉급}"),
        ({"text": "닫지 않은 #{이름"}, "변수"),
        ({"text": ""}, "비어"),
        ({"text": "가" * 1301}, "1,300자"),
        ({"text": "안녕\n" * 101 + "끝"}, "줄을"),
        ({"buttons": [{"type": "WL", "name": "누르기", "link": "javascript:alert(1)"}]}, "연결 주소"),
        ({"buttons": [{"type": "WL", "name": "열네 자보다 훨씬 더 긴 이름", "link": "https://a.example"}]}, "이름"),
        ({"kind": "sms", "text": "가" * 46}, "90바이트"),
        ({"kind": "sms", "text": "안녕 😀"}, "글자"),
        ({"kind": "alim"}, "템플릿"),
        ({"text": "#{대표} 드림"}, "대신 쓸 말"),
    ],
)
def test_words_that_cannot_be_said_are_told_exactly(party: Party, words: dict[str, Any], told: str) -> None:
    campaign = make.draft(party, **words)

    found = services.check(party.made.actor, campaign)

    assert any(told in problem.sentence for problem in found.problems), found.problems
    with pytest.raises((CannotSend, Forbids)):
        services.confirm(party.made.actor, campaign)


@pytest.mark.parametrize(
    "words",
    [
        {"title": ""},
        {"title": "가" * 81},
        {"kind": "fax"},
        {"purpose": "SPAM"},
        {"text": "가" * 4001},
        {"buttons": [{"type": "WL", "name": "a", "link": "b"}] * 6},
        {"buttons": [{"type": "XX", "name": "a", "link": "b"}]},
        {"buttons": [{"type": "WL", "name": 7, "link": "b"}]},
        {"account": "00000000-0000-7000-8000-000000000000"},
        {"picture": "nonsense"},
        {"kind": "alim", "template": "9" * 30},
        {"declared": {"cleared": ["everything"]}},
    ],
)
def test_nonsense_is_refused_and_nothing_changes(party: Party, words: dict[str, Any]) -> None:
    campaign = make.draft(party)
    account = str(party.account.public_id)

    with pytest.raises(CannotWrite):
        services.edit_words(party.made.actor, campaign, Wording(**{"title": "x", "account": account, **words}))

    campaign.refresh_from_db()
    assert (campaign.title, campaign.text) == ("토요일 모임", make.TEXT)


def test_text_is_kept_as_it_was_typed_but_for_control_characters(party: Party) -> None:
    campaign = make.draft(party, text="첫째  줄\r\n둘째\u0007 줄\u200b ")

    assert campaign.text == "첫째  줄\n둘째 줄"


def test_a_foreign_account_reads_like_a_missing_one(party: Party) -> None:
    stranger = make.party(people=0)
    campaign = make.draft(party)

    said = set()
    for account in (str(stranger.account.public_id), "00000000-0000-7000-8000-000000000000"):
        with pytest.raises(CannotWrite) as refused:
            services.edit_words(party.made.actor, campaign, Wording(title="x", account=account))
        said.add(str(refused.value))
    assert len(said) == 1


# ── who may ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_district_speaks_through_its_own_channel_only(party: Party) -> None:
    district = party.made.units[1]
    actor = make_tree.lent(party.made, district)

    campaign = make.draft(party, actor=actor, unit=district)
    found = services.check(actor, campaign)

    assert [stop.unit_id for stop in found.plan.stops] == [district.pk]
    assert set(found.estimate.by_channel) == {party.channels[district.pk].pk}


def test_a_campaign_from_the_centre_leaves_through_every_units_own_channel(party: Party) -> None:
    found = services.check(party.made.actor, make.draft(party))

    assert set(found.estimate.by_channel) == {channel.pk for channel in party.channels.values()}
    words = {local.unit: local.channel for local in found.plan.template.locals}
    assert words == {unit.name: f"{unit.name} 채널" for unit in party.made.units}


def test_out_of_sight_is_not_there_and_unlent_is_said(party: Party) -> None:
    sister = make_tree.lent(party.made, party.made.units[2])
    campaign = make.draft(party, unit=party.made.units[1])
    writer = make_tree.lent(party.made, party.made.units[1], role=Role.WRITER)
    viewer = make_tree.lent(party.made, party.made.units[1], role=Role.VIEWER)

    for act in (services.check, services.confirm, services.copy, services.pause, services.recall):
        with pytest.raises(NotYours):
            act(sister, campaign)
    with pytest.raises(Forbidden):
        services.check(viewer, campaign)
    found = services.check(writer, campaign)
    assert any("권한을 빌리지" in p.sentence for p in found.problems)
    with pytest.raises(Forbidden):
        services.confirm(writer, campaign)


def test_a_blind_sender_addresses_nobody_below_thirty(party: Party) -> None:
    blind = make_tree.lent(party.made, party.top, role=Role.BLIND_SENDER)
    campaign = make.draft(party, actor=blind)
    few = Group(parts=(Condition(field="age", low=30, high=31),))
    services.edit_audience(blind, campaign, scope=party.top, group=few)

    found = services.check(blind, campaign)

    assert 0 < found.estimate.planned < 30
    assert "TOO_FEW" in {p.code for p in found.problems}
    with pytest.raises(TooFew):
        services.confirm(blind, campaign)


# ── confirming ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_confirming_reserves_keeps_the_chain_and_queues_the_list(party: Party) -> None:
    sender = make_tree.lent(party.made, party.top, messages_per_day=1000)
    campaign = make.confirmed(party, actor=sender, recall_seconds=15)

    planned = campaign.estimate["planned"]
    reservation = Reservation.objects.get(campaign_id=campaign.pk)
    assert (reservation.messages, reservation.centiwon, reservation.state) == (planned, planned * 2500, "held")
    assert campaign.not_before == NOON + timedelta(seconds=15)
    roles = [(link["role"], link["messages_per_day"]) for link in campaign.receipt["chain"]]
    assert roles == [("owner", None), ("operator", 1000)]
    assert campaign.confirmed_by == sender.user
    assert queued(campaign) == 1


def test_a_second_press_changes_nothing(party: Party) -> None:
    campaign = make.confirmed(party)
    before = Campaign.objects.get(pk=campaign.pk).changed_at

    again = services.confirm(party.made.actor, campaign)

    assert (again.state, again.changed_at) == (State.CONFIRMED, before)
    assert queued(campaign) == 1
    assert Reservation.objects.count() == 1


def test_the_same_words_to_the_same_people_are_asked_about(party: Party) -> None:
    make.confirmed(party)
    twin = make.draft(party)
    services.check(party.made.actor, twin)

    with pytest.raises(SaidAlready):
        services.confirm(party.made.actor, twin)
    assert services.confirm(party.made.actor, twin, again=True).state == State.CONFIRMED
    with clock.frozen(NOON + timedelta(minutes=11)):
        third = make.draft(party)
        services.check(party.made.actor, third)
        assert services.confirm(party.made.actor, third).state == State.CONFIRMED


def test_quota_and_budget_stop_with_the_sum(party: Party) -> None:
    poor = make_tree.lent(party.made, party.top, messages_total=10)
    campaign = make.draft(party, actor=poor)
    found = services.check(poor, campaign)
    assert [p.code for p in found.problems] == ["OVER_LENT"]
    with pytest.raises(OverLent):
        services.confirm(poor, campaign)

    set_budget(party.made.actor, party.top, clock.today(), 100_00)
    campaign = make.draft(party)
    found = services.check(party.made.actor, campaign)
    assert [p.code for p in found.problems] == ["OUT_OF_BUDGET"]
    with pytest.raises(OutOfBudget):
        services.confirm(party.made.actor, campaign)
    assert not Reservation.objects.exists()


def test_what_was_confirmed_is_said_for_ever(party: Party) -> None:
    campaign = make.confirmed(party)

    with pytest.raises(WrongMoment):
        services.edit_words(party.made.actor, campaign, Wording(title="다른 말"))
    for column, value in (("text", "다른 말"), ("receipt", {}), ("criteria", {})):
        with pytest.raises(Exception, match=r"Cannot update|pgtrigger"), _savepoint():
            Campaign.objects.filter(pk=campaign.pk).update(**{column: value})
    with pytest.raises(Exception, match=r"Cannot delete|pgtrigger"), _savepoint():
        Campaign.objects.filter(pk=campaign.pk).delete()
    with pytest.raises(Exception, match="Invalid transition"), _savepoint():
        Campaign.objects.filter(pk=campaign.pk).update(state=State.SENDING)


def _savepoint() -> Any:
    from django.db import transaction

    return transaction.atomic()


def test_recalled_in_time_nobody_gets_it_and_the_money_is_back(party: Party) -> None:
    set_budget(party.made.actor, party.top, clock.today(), 10_000_000_00)
    campaign = make.confirmed(party, recall_seconds=60)

    recalled = services.recall(party.made.actor, campaign)

    assert recalled.state == State.RECALLED
    assert Reservation.objects.get().state == "released"
    assert Budget.objects.get().reserved_centiwon == 0
    assert freezing.freeze(campaign.pk) is False
    assert not Dispatch.objects.exists()


@pytest.mark.parametrize("minutes", [0, -5, 60 * 24 * 91])
def test_an_hour_in_the_past_or_too_far_is_refused(party: Party, minutes: int) -> None:
    with pytest.raises(CannotWrite):
        services.edit_hour(party.made.actor, make.draft(party), send_at=make.later(minutes), recall_seconds=15)


def test_a_copy_starts_from_the_beginning(party: Party) -> None:
    campaign = make.confirmed(party)

    copied = services.copy(party.made.actor, campaign)

    assert (copied.state, copied.text, copied.confirmed_at, copied.receipt) == (State.DRAFT, make.TEXT, None, {})


# ── freezing and after: outside one big transaction, as the jobs run ─────────────────────────────────────────────────

real = pytest.mark.django_db(transaction=True)


@pytest.fixture
def whole(transactional_db: None, noon: datetime) -> Party:
    return make.party(people=120)


@real
def test_the_list_and_the_state_commit_together(whole: Party) -> None:
    campaign = make.confirmed(whole, recall_seconds=15)

    assert freezing.freeze(campaign.pk) is True

    campaign.refresh_from_db()
    dispatch = Dispatch.objects.only("audience", "planned").get(campaign_id=campaign.pk)
    assert campaign.state == State.FROZEN
    assert (campaign.audience, campaign.planned) == (dispatch.audience, dispatch.planned)
    assert campaign.planned == campaign.estimate["planned"]
    assert Reservation.objects.get().messages == dispatch.planned
    assert freezing.freeze(campaign.pk) is False  # a job that runs twice
    assert freezing.start(campaign.pk) is False  # the window is still open
    with clock.frozen(NOON + timedelta(seconds=16)):
        assert freezing.start(campaign.pk) is True
        assert freezing.start(campaign.pk) is False
    campaign.refresh_from_db()
    assert (campaign.state, dispatch_state()) == (State.SENDING, "sending")
    with pytest.raises(TooLate):
        services.recall(whole.made.actor, campaign)


@real
def test_recalled_while_it_waits_nothing_leaves(whole: Party) -> None:
    campaign = make.confirmed(whole, recall_seconds=60)
    freezing.freeze(campaign.pk)

    services.recall(whole.made.actor, campaign)

    assert dispatch_state() == "stopped"
    assert Reservation.objects.get().state == "released"
    with clock.frozen(NOON + timedelta(minutes=5)):
        assert freezing.start_due() == 0


@real
def test_a_killed_freeze_is_taken_up_again(whole: Party) -> None:
    campaign = make.confirmed(whole)
    Campaign.objects.filter(pk=campaign.pk).update(state=State.FREEZING)  # killed between the two transactions

    with clock.frozen(NOON + timedelta(minutes=2)):
        freezing.start_due()
        assert queued(campaign) == 2
        assert freezing.freeze(campaign.pk) is True
    assert Dispatch.objects.count() == 1


@real
def test_a_grant_that_shrank_refuses_at_the_freeze_and_frees_the_money(whole: Party) -> None:
    sender = make_tree.lent(whole.made, whole.top)
    campaign = make.confirmed(whole, actor=sender)
    sender.grants[0].__class__.objects.filter(pk=sender.grants[0].pk).update(revoked_at=clock.now())

    assert freezing.freeze(campaign.pk) is False

    campaign.refresh_from_db()
    assert campaign.state == State.REFUSED
    assert campaign.problem
    assert not Dispatch.objects.exists()
    assert Reservation.objects.get().state == "released"


@real
def test_a_late_schedule_asks_before_it_sends(whole: Party) -> None:
    campaign = make.draft(whole)
    services.edit_hour(whole.made.actor, campaign, send_at=make.later(60), recall_seconds=15)
    services.check(whole.made.actor, campaign)
    services.confirm(whole.made.actor, campaign)
    freezing.freeze(campaign.pk)

    with clock.frozen(NOON + timedelta(minutes=75)):
        assert freezing.start_due() == 0
        campaign.refresh_from_db()
        assert (campaign.state, campaign.pause_reason) == (State.PAUSED, PauseReason.LATE)
        assert dispatch_state() == "frozen"
        services.resume(whole.made.actor, campaign)
    assert dispatch_state() == "sending"


@real
def test_one_campaign_whose_books_are_wrong_keeps_no_other_from_being_followed(
    whole: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaigns = [make.confirmed(whole, text=f"{make.TEXT} {n}") for n in range(3)]
    for one in campaigns:
        freezing.freeze(one.pk)
    Dispatch.objects.update(state="finished", finished_at=clock.now())
    honest = freezing.follow

    def stumbles(campaign_id: int) -> str:
        if campaign_id == min(one.pk for one in campaigns):
            raise ValueError("settles more than it reserved")
        return honest(campaign_id)

    monkeypatch.setattr(freezing, "follow", stumbles)
    freezing.start_due()

    assert Counter(Campaign.objects.values_list("state", flat=True)) == {State.SENDING: 1, State.FINISHED: 2}


@real
def test_a_schedule_on_time_begins_by_itself(whole: Party) -> None:
    campaign = make.draft(whole)
    services.edit_hour(whole.made.actor, campaign, send_at=make.later(60), recall_seconds=15)
    services.check(whole.made.actor, campaign)
    services.confirm(whole.made.actor, campaign)
    freezing.freeze(campaign.pk)

    with clock.frozen(NOON + timedelta(minutes=59)):
        assert freezing.start_due() == 0
    with clock.frozen(NOON + timedelta(minutes=61)):
        assert freezing.start_due() == 1


@real
def test_pause_resume_stop_reach_the_dispatch(whole: Party) -> None:
    campaign = make.confirmed(whole)
    freezing.freeze(campaign.pk)
    assert dispatch_state() == "sending"

    services.pause(whole.made.actor, campaign)
    assert dispatch_state() == "paused"
    services.resume(whole.made.actor, campaign)
    assert dispatch_state() == "sending"
    services.stop(whole.made.actor, campaign)
    assert dispatch_state() == "stopped"


@real
def test_the_engines_own_pause_shows_and_the_end_settles_the_money(whole: Party) -> None:
    set_budget(whole.made.actor, whole.top, clock.today(), 10_000_000_00)
    campaign = make.confirmed(whole)
    freezing.freeze(campaign.pk)
    Dispatch.objects.update(state="paused", pause_reason="no_balance", problem="잔액이 모자랍니다.")
    assert freezing.follow(campaign.pk) == State.PAUSED
    campaign.refresh_from_db()
    assert campaign.pause_reason == PauseReason.NO_BALANCE

    services.resume(whole.made.actor, campaign)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO cost_entry (campaign_id, chunk_no, attempt, kind, message_kind, root_id, account_id, unit_id, n,
                                       centiwon, at)
               VALUES (%(c)s, 1, 1, 'charged', 'BRAND', %(r)s, 1, 1, 40, 100000, now()),
                      (%(c)s, 1, 1, 'returned', 'BRAND', %(r)s, 1, 1, 10, -25000, now())""",
            {"c": campaign.pk, "r": whole.root_id},
        )
    Dispatch.objects.update(state="finished", finished_at=clock.now())
    assert freezing.follow(campaign.pk) == State.FINISHED
    campaign.refresh_from_db()
    assert campaign.spent_centiwon == 75000
    assert (Budget.objects.get().spent_centiwon, Budget.objects.get().reserved_centiwon) == (75000, 0)
    assert freezing.follow(campaign.pk) == State.FINISHED


@real
def test_nobody_left_is_refused(whole: Party) -> None:
    campaign = make.confirmed(whole)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE membership SET state = 3 WHERE root_id = %s", [whole.root_id])

    assert freezing.freeze(campaign.pk) is False

    campaign.refresh_from_db()
    assert (campaign.state, campaign.problem) == (State.REFUSED, "받을 사람이 없어졌습니다. 제외한 까닭을 살펴보세요.")


def test_everyone_is_what_a_new_campaign_asks_for(party: Party) -> None:
    campaign = services.draft(party.made.actor, party.top, title="새 소식")

    assert criteria.from_json(campaign.criteria) == criteria.EVERYONE
    assert campaign.purpose == Purpose.PARTY_NOTICE
    assert campaign.account == party.account


def test_a_roll_kept_by_law_stands_for_the_consent_to_sensitive_data(db: None, noon: datetime) -> None:
    """P2: separate consent, or a statutory basis, of every legal entity whose channel speaks (law.md PIP-12, GEN-06)."""
    made = make.party(people=60, agree=False)
    district = made.made.units[-1]
    entity = made.top.entity

    def sensitive() -> int:
        found = services.check(made.made.actor, make.draft(made))
        return found.campaign.estimate["left_out"].get("SENSITIVE_NO_CONSENT", 0)

    without = sensitive()
    change_entity(
        made.made.actor, entity.pk, registration_number="", phone="02-000-0000", address="", roll_basis="당규 제12조"
    )
    with_basis = sensitive()
    other = LegalEntity.objects.create(root=made.made.root, name="다른 법인")
    Unit.objects.filter(pk=district.pk).update(entity=other)
    beside_another = sensitive()

    assert without > 0
    assert with_basis == 0
    assert beside_another > 0


@pytest.mark.django_db
def test_a_partys_advertising_chosen_by_membership_needs_the_sensitive_consent(noon: datetime) -> None:
    """C5: who is chosen by an opinion must have agreed to its use (law.md PIP-12); chosen by age nobody must."""
    made = make.party(people=60, agree=False)

    def sensitive(asked: Condition) -> int:
        campaign = make.draft(made, purpose=str(Purpose.ADVERTISING), declared={"is_commercial": True})
        services.edit_audience(made.made.actor, campaign, scope=made.top, group=Group(parts=(asked,)))
        found = services.check(made.made.actor, campaign)
        return found.campaign.estimate["left_out"].get("SENSITIVE_NO_CONSENT", 0)

    assert sensitive(Condition(field="member")) > 0
    assert sensitive(Condition(field="age", low=20)) == 0


def test_a_reason_is_told_in_the_words_of_its_own_table() -> None:
    """C5 and P2 share a code: a party notice that targets nothing sensitive is told P2's sentence."""
    assert report.words_of("SENSITIVE_NO_CONSENT", "PARTY_NOTICE")[0].startswith("당원이라는 민감정보를 쓸 동의")
    assert report.words_of("SENSITIVE_NO_CONSENT", "ADVERTISING")[0].startswith("민감정보로 고른 대상")
    assert report.words_of("UNDER14", "PARTY_NOTICE") == report.words_of("UNDER14")
    assert report.words_of("NEVER_HEARD_OF", "PARTY_NOTICE") == ("NEVER_HEARD_OF", "")
