"""Who is left out: vectors of law.md G.8 about people, and the agreement of the set form with the one-person form."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from majung.channels.friends import FriendState
from majung.consent import services
from majung.consent.enums import ConsentMedium, ConsentPurpose, GuardianMethod, How, RefusalPath
from majung.core.db import raw
from majung.crowd import catalogue, evaluate
from majung.policy import judge, looks
from majung.policy.enums import Medium, Outcome, Purpose, Verdict
from majung.policy.occasion import Content
from majung.tree.enums import OrganisationKind
from majung.tree.models import LegalEntity
from tests.make import consent as make
from tests.make import tree
from tests.policy.make_occasion import NOON, advertising, party_notice, seoul
from tests.policy.sorting import by_bitmap, by_sql, sort_people, verdict_of

pytestmark = pytest.mark.django_db
SMS, AD, MAIL = ConsentMedium.SMS, ConsentMedium.KAKAO_AD, ConsentMedium.EMAIL
ADS, NIGHT = ConsentPurpose.ADVERTISING, ConsentPurpose.NIGHT
CHANNEL = 900_001


@pytest.fixture(autouse=True)
def _sets():
    catalogue.load()


def placed(occasion, made, unit=None):
    """The occasion in that organisation, sent by its top."""
    top = unit or made.top
    return replace(
        occasion, root_id=made.root.pk, entity_id=top.entity_id, unit_id=top.pk, unit_path=top.path,
    )  # fmt: skip


def reason(occasion, person: int) -> str:
    """The one-person answer as a code, checked against the set form."""
    findings = judge.why(raw(), occasion, person)
    deciding = verdict_of(findings)
    found = sort_people(occasion, BitMap([person]), by_sql(occasion))
    in_sets = [rule.code for rule, people in found.left_out if person in people]
    if deciding is None:
        assert (in_sets, person in found.allowed, person in found.waiting) == ([], True, False)
        return "OK"
    if deciding.outcome is Outcome.DEFERRED:
        assert (in_sets, person in found.allowed, person in found.waiting) == ([], False, True)
        assert deciding.until == found.until
        return deciding.rule.code
    assert (in_sets, person in found.allowed, person in found.waiting) == ([deciding.rule.code], False, False)
    return deciding.rule.code


def shop():
    """A company with one person, a published advertising notice and a notice for the night."""
    made = tree.organisation(kind=OrganisationKind.COMMERCIAL)
    [person] = make.people(1, unit=made.top)
    return made, person, make.notice(made.actor, made.top, ADS)


@pytest.mark.product("C3", "C4")
def test_vector_1_consent_by_the_hour():
    made, person, notice = shop()
    make.consent(made.actor, [person], notice, media=[SMS])
    by_law = replace(advertising().account, safe_cutoff=None)
    occasion = placed(advertising(account=by_law, at=seoul("2026-11-21", "20:59:59")), made)

    assert reason(occasion, person) == "OK"
    assert reason(replace(occasion, at=seoul("2026-11-21", "21:00:00")), person) == "NIGHT"


def test_vector_2_mail_reaches_who_agreed_to_it_at_any_hour():
    made, person, notice = shop()
    [other] = make.people(1, unit=made.top)
    make.mail_addresses(made.root.pk, [person, other])
    make.consent(made.actor, [person], notice, media=[MAIL])
    make.consent(made.actor, [other], notice, media=[SMS])
    text = "느린물커피 02-700-0000 겨울 음료가 나왔습니다. 수신거부 / Unsubscribe: https://example.invalid/x"
    content = Content(text=text, title="(광고) 겨울 음료")
    occasion = placed(advertising(medium=Medium.EMAIL, at=seoul("2026-11-21", "23:30:00"), content=content), made)

    assert (reason(occasion, person), reason(occasion, other)) == ("OK", "NO_CONSENT")


@pytest.mark.product("M10")
def test_mail_needs_an_address_from_which_nothing_came_back():
    made, person, notice = shop()
    make.consent(made.actor, [person], notice, media=[MAIL])
    text = "느린물커피 02-700-0000 겨울 음료가 나왔습니다. 수신거부 / Unsubscribe: https://example.invalid/x"
    content = Content(text=text, title="(광고) 겨울 음료")
    occasion = placed(advertising(medium=Medium.EMAIL, at=seoul("2026-11-21", "23:30:00"), content=content), made)

    assert reason(occasion, person) == "NO_CONTACT"
    make.mail_addresses(made.root.pk, [person])
    assert reason(occasion, person) == "OK"
    raw().execute("INSERT INTO mail_returned SELECT root_id, blind, now(), '5.1.1' FROM contact_point WHERE kind = 3")
    assert reason(occasion, person) == "NO_CONTACT"


def test_night_consent_counts_only_beside_a_general_one():
    made, person, notice = shop()
    [other] = make.people(1, unit=made.top)
    night = make.notice(made.actor, made.top, NIGHT)
    make.consent(made.actor, [person, other], night)
    make.consent(made.actor, [person], notice, media=[SMS])
    occasion = placed(advertising(at=seoul("2026-11-21", "23:00:00")), made)

    assert reason(occasion, person) == "OK"
    assert reason(occasion, other) == "NO_CONSENT"


def test_a_night_consent_whose_check_is_overdue_does_not_reach_the_night():
    made, person, notice = shop()
    make.consent(made.actor, [person], make.notice(made.actor, made.top, NIGHT), at=seoul("2024-11-01", "10:00:00"))
    make.consent(made.actor, [person], notice, media=[SMS], at=seoul("2026-01-01", "10:00:00"))
    occasion = placed(advertising(at=seoul("2026-11-21", "23:00:00")), made)
    overdue = reason(occasion, person)

    services.confirm_checked(made.actor, [person], made.entity.pk, NIGHT, (), at=seoul("2026-10-01", "10:00:00"))

    assert (overdue, reason(occasion, person)) == ("NIGHT", "OK")


def test_vector_3_consent_is_by_medium():
    made, person, notice = shop()
    make.consent(made.actor, [person], notice, media=[SMS])

    assert reason(placed(advertising(medium=Medium.KAKAO_AD), made), person) == "NO_CONSENT"
    assert reason(placed(advertising(), made), person) == "OK"


@pytest.mark.parametrize("media", [(SMS,), (ConsentMedium.EVERY,), (SMS, AD)])
def test_vector_4_a_refusal_stops_what_is_about_to_leave(media):
    made, person, notice = shop()
    make.consent(made.actor, [person], notice, media=[SMS])
    occasion = placed(advertising(), made)
    before = reason(occasion, person)

    services.refuse(
        made.root.pk, [person], made.entity.pk, media, RefusalPath.LINK, at=occasion.at - timedelta(seconds=1)
    )

    assert (before, reason(occasion, person)) == ("OK", "OPTED_OUT")


def test_vector_4_a_withdrawal_too_and_over_the_deal():
    made, person, notice = shop()
    make.consent(made.actor, [person], notice, media=[SMS, MAIL])
    services.record_deals(made.actor, made.entity.pk, "coffee", {person: NOON.date()}, is_direct=True)
    services.withdraw(made.actor, [person], made.entity.pk, ADS, (SMS,), How.LINK)
    content = replace(advertising().content, goods_class="coffee")

    assert reason(placed(advertising(content=content), made), person) == "OPTED_OUT"


def test_vector_5_the_deal_exception():
    made, person, _notice = shop()
    services.record_deals(made.actor, made.entity.pk, "coffee", {person: NOON.date()}, is_direct=True)
    content = replace(advertising().content, goods_class="coffee")
    within = placed(advertising(content=content, at=seoul("2027-05-21", "12:00:00")), made)
    tea = replace(within, content=replace(content, goods_class="tea"))

    assert reason(within, person) == "OK"
    assert reason(replace(within, at=seoul("2027-05-22", "12:00:00")), person) == "TXEXC_EXPIRED"
    assert reason(tea, person) == "TXEXC_KIND"
    assert reason(replace(within, at=seoul("2027-05-21", "22:00:00")), person) == "NIGHT"
    assert reason(replace(within, content=advertising().content), person) == "NO_CONSENT"


def test_a_deal_with_somebody_else_is_no_deal():
    made, person, _notice = shop()
    services.record_deals(made.actor, made.entity.pk, "coffee", {person: NOON.date()}, is_direct=False)
    content = replace(advertising().content, goods_class="coffee")

    assert reason(placed(advertising(content=content), made), person) == "NO_CONSENT"


def test_vector_7_the_two_year_check():
    made, person, notice = shop()
    make.consent(made.actor, [person], notice, media=[SMS], at=seoul("2024-11-29", "10:00:00"))
    occasion = placed(advertising(at=seoul("2026-11-28", "12:00:00")), made)
    later = replace(occasion, at=seoul("2026-11-29", "12:00:00"))
    in_time, overdue = reason(occasion, person), reason(later, person)

    services.confirm_checked(made.actor, [person], made.entity.pk, ADS, [SMS], at=seoul("2026-11-20", "10:00:00"))

    assert (in_time, overdue, reason(later, person)) == ("OK", "RECONFIRM_OVERDUE", "OK")


def test_vector_10_the_wall_between_owners():
    made = tree.organisation(kind=OrganisationKind.COMMERCIAL, depth=2)
    store_a, store_b = made.children(made.top)
    for store, name in ((store_a, "가 매장"), (store_b, "나 매장")):
        store.entity = LegalEntity.objects.create(root=made.root, name=name)
        store.save(update_fields=["entity"])
    [person] = make.people(1, unit=store_a)
    make.members([person], unit=store_a)
    notice = make.notice(made.actor, store_b, ADS)
    make.consent(made.actor, [person], notice, media=[SMS])
    occasion = placed(advertising(), made, store_b)
    before = reason(occasion, person)

    services.record_provision(made.actor, [person], store_b.entity_id)
    after = reason(occasion, person)
    services.end_provision(made.actor, [person], store_b.entity_id)

    assert (before, after, reason(occasion, person)) == ("ENTITY_BOUNDARY", "OK", "ENTITY_BOUNDARY")


@pytest.mark.parametrize("tie", ["member", "consent"])
def test_members_and_consenters_of_ones_own_are_not_behind_the_wall(tie):
    made, _person, notice = shop()
    other = LegalEntity.objects.create(root=made.root, name="다른 법인")
    [stranger] = make.people(1, unit=made.top, entity_id=other.pk)
    make.consent(made.actor, [stranger], notice, media=[SMS])
    before = reason(placed(advertising(), made), stranger)

    if tie == "member":
        make.members([stranger], unit=made.top)
    else:
        make.consent(made.actor, [stranger], make.notice(made.actor, made.top))

    assert (before, reason(placed(advertising(), made), stranger)) == ("ENTITY_BOUNDARY", "OK")


def test_a_member_keeps_the_basis_that_membership_is():
    made, person, occasion = party()
    make.consent(made.actor, [person], make.notice(made.actor, made.top))
    services.withdraw(made.actor, [person], made.entity.pk, ConsentPurpose.SERVICE, (), How.LINK)

    assert reason(occasion, person) == "OPTED_OUT_INFO"
    assert reason(replace(occasion, essential=True), person) == "OK"


@pytest.mark.parametrize(
    ("medium", "codes"),
    [
        (Medium.KAKAO_AD, ["CHANNEL_BLOCKED", "NOT_FRIEND"]),
        (Medium.KAKAO_ALIM, ["CHANNEL_BLOCKED"]),
        (Medium.KAKAO_CHAT, ["CHANNEL_BLOCKED", "NOT_FRIEND"]),
        (Medium.SMS, []),
    ],
)
def test_what_a_channel_itself_forbids_by_medium(medium, codes):
    found = judge.channel_denials(party_notice(medium=medium, channel_id=CHANNEL))

    assert [rule.code for rule, _ in found] == codes


def test_vector_11_under_14_needs_a_guardian():
    made = tree.organisation()
    [child, year_only, grown] = (make.people(1, unit=made.top, born=born)[0] for born in (201305, 201212, 201210))
    notice = make.notice(made.actor, made.top)
    sensitive = make.notice(made.actor, made.top, ConsentPurpose.SENSITIVE)
    make.members([child, year_only, grown], unit=made.top)
    make.consent(made.actor, [child, year_only, grown], sensitive)
    occasion = placed(party_notice(), made)
    before = [reason(occasion, person) for person in (child, year_only, grown)]

    services.record_guardian(made.actor, child, notice, GuardianMethod.CALL)

    assert before == ["UNDER14", "UNDER14", "OK"]
    assert reason(occasion, child) == "OK"


def party():
    """A party with one member in good order, and an occasion of its own."""
    made = tree.organisation(depth=2)
    [person] = make.people(1, unit=made.top)
    make.members([person], unit=made.top)
    make.consent(made.actor, [person], make.notice(made.actor, made.top, ConsentPurpose.SENSITIVE))
    return made, person, placed(party_notice(channel_id=CHANNEL), made)


@pytest.mark.parametrize(("state", "code"), [(1, "NOT_MEMBER"), (2, "OK"), (3, "NOT_MEMBER"), (4, "NOT_MEMBER")])
def test_party_notices_go_to_members_only(state, code):
    made, person, occasion = party()

    make.members([person], unit=made.top, state=state)

    assert reason(occasion, person) == code


def test_leaving_a_party_stops_its_notices_at_once():
    made, person, occasion = party()

    services.leave(made.actor, [person], made.entity.pk)

    assert reason(occasion, person) == "NOT_MEMBER"


def test_membership_is_sensitive():
    made, person, occasion = party()
    services.withdraw(made.actor, [person], made.entity.pk, ConsentPurpose.SENSITIVE, (), How.LINK)

    assert reason(occasion, person) == "SENSITIVE_NO_CONSENT"
    assert reason(replace(occasion, account=replace(occasion.account, roll_by_law=True)), person) == "OK"


def test_optional_notices_can_be_refused_and_essential_ones_come():
    made, person, occasion = party()
    services.withdraw(made.actor, [person], made.entity.pk, ConsentPurpose.PARTY_NOTICE, (AD,), How.LINK)

    assert reason(occasion, person) == "OPTED_OUT_INFO"
    assert reason(replace(occasion, essential=True), person) == "OK"
    assert reason(replace(occasion, medium=Medium.SMS), person) == "OK"


def test_people_out_of_the_senders_branch():
    made, person, occasion = party()
    [here, there] = made.children(made.top)
    [local] = make.people(1, unit=here)
    make.members([local], unit=here)
    make.consent(made.actor, [local], make.notice(made.actor, made.top, ConsentPurpose.SENSITIVE, code="s2"))

    assert reason(replace(occasion, unit_id=there.pk, unit_path=there.path), person) == "SCOPE"
    assert reason(occasion, local) == "OK"


@pytest.mark.parametrize(
    ("row", "code"),
    [({"basis": 0}, "NO_BASIS"), ({"state": 2}, "PROC_STOP"), ({"with_mobile": False}, "NO_CONTACT")],
)
def test_what_the_persons_own_row_says(row, code):
    made, _person, occasion = party()
    [person] = make.people(1, unit=made.top, **row)
    make.members([person], unit=made.top)
    make.consent(made.actor, [person], make.notice(made.actor, made.top, ConsentPurpose.SENSITIVE, code="s3"))

    assert reason(occasion, person) == code


def test_withdrawing_the_collection_itself_takes_the_basis():
    made, person, notice = shop()
    make.consent(made.actor, [person], notice, media=[SMS])
    make.consent(made.actor, [person], make.notice(made.actor, made.top))
    services.withdraw(made.actor, [person], made.entity.pk, ConsentPurpose.SERVICE, (), How.LINK)

    assert reason(placed(advertising(), made), person) == "NO_BASIS"


def test_retention_ends_after_its_last_day():
    made, person, notice = shop()
    kept = make.notice(made.actor, made.top, retention_months=24)
    make.consent(made.actor, [person], kept, at=seoul("2025-03-01", "10:00:00"))
    make.consent(made.actor, [person], notice, media=[SMS], at=seoul("2026-03-01", "10:00:00"))

    assert reason(placed(advertising(at=seoul("2027-03-01", "12:00:00")), made), person) == "OK"
    assert reason(placed(advertising(at=seoul("2027-03-02", "12:00:00")), made), person) == "RETENTION"


@pytest.mark.parametrize(("state", "code"), [(1, "OK"), (2, "CHANNEL_BLOCKED"), (3, "NOT_FRIEND"), (None, "OK")])
def test_friendship_decides_on_the_channel(state, code):
    made, person, occasion = party()
    if state:
        make.friends([person], root_id=made.root.pk, channel_id=CHANNEL, state=state)

    assert reason(occasion, person) == code


def test_a_block_is_not_gone_round_by_text():
    made, person, notice = shop()
    make.consent(made.actor, [person], notice, media=[SMS])
    make.friends([person], root_id=made.root.pk, channel_id=CHANNEL, state=looks.BLOCKED)
    text = placed(advertising(fallback_of=CHANNEL, fallback_since=NOON), made)

    assert reason(text, person) == "CHANNEL_BLOCKED"


def test_a_channel_of_another_entity_is_asked_as_that_entity():
    made, person, occasion = party()
    other = LegalEntity.objects.create(root=made.root, name="경기도당")
    through = replace(occasion, channel_entity_id=other.pk)

    assert reason(through, person) == "ENTITY_BOUNDARY"
    assert [rule.code for rule, _ in judge.person_denials(through)] == [
        rule.code for rule, _ in judge.person_denials(occasion)
    ]


def test_states_of_friendship_are_the_channels():
    assert (FriendState.BLOCKED, FriendState.NOT_A_FRIEND) == (looks.BLOCKED, looks.NOT_FRIEND)


@pytest.mark.product("J5")
def test_why_tells_every_rule_in_order():
    made, person, occasion = party()
    services.refuse(made.root.pk, [person], made.entity.pk, (ConsentMedium.EVERY,), RefusalPath.LINK)
    make.friends([person], root_id=made.root.pk, channel_id=CHANNEL, state=looks.BLOCKED)

    findings = judge.why(raw(), occasion, person)
    further = judge.why(raw(), occasion, person, further=True)

    outcomes = [finding.outcome for finding in findings]
    stop = outcomes.index(Outcome.STOPPED)
    assert findings[stop].rule.code == "OPTED_OUT_INFO"
    assert set(outcomes[:stop]) == {Outcome.PASSED}
    assert set(outcomes[stop + 1 :]) == {Outcome.NOT_LOOKED_AT}
    assert [f.rule.order for f in findings] == sorted(f.rule.order for f in findings)
    assert [f.rule.code for f in further if f.outcome is Outcome.ALSO] == ["CHANNEL_BLOCKED"]


# ── agreement ────────────────────────────────────────────────────────────────────────────────────────────────────────

BORN = st.sampled_from([None, 199003, 201210, 201211, 201212, 201305])
PERSON = st.fixed_dictionaries(
    {
        "born": BORN,
        "state": st.sampled_from([1, 1, 1, 2]),
        "basis": st.sampled_from([0, 1, 1, 1]),
        "with_mobile": st.sampled_from([True, True, True, False]),
        "member": st.sampled_from([0, 1, 2, 2, 2, 3]),
        "consents": st.sets(st.sampled_from(["service", "sensitive", "night", "SMS", "KAKAO_AD"])),
        "years_ago": st.integers(0, 3),
        "withdrawn": st.sampled_from(["", "", "", "advertising", "party_notice", "service"]),
        "refused": st.sampled_from(["", "", "", "SMS", "KAKAO_AD", "*"]),
        "deal": st.sampled_from([None, None, ("coffee", 10), ("coffee", 300), ("tea", 10)]),
        "friend": st.sampled_from([0, 0, 1, 2, 3]),
        "foreign": st.sampled_from([False, False, False, True]),
    }
)
OCCASION = st.fixed_dictionaries(
    {
        "is_party": st.booleans(),
        "medium": st.sampled_from([Medium.SMS, Medium.KAKAO_AD]),
        "hours": st.integers(0, 23),
        "essential": st.booleans(),
        "targets_sensitive": st.booleans(),
        "on_channel": st.booleans(),
        "text": st.sampled_from(["", "", "", "지지해 주세요"]),
    }
)


@pytest.mark.product("C3", "J5")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(crowd=st.lists(PERSON, min_size=1, max_size=6), facts=OCCASION)
def test_a_crowd_and_one_person_get_the_same_answer(crowd, facts):
    made = tree.organisation(kind=OrganisationKind.POLITICAL if facts["is_party"] else OrganisationKind.COMMERCIAL)
    other = LegalEntity.objects.create(root=made.root, name="다른 법인")
    notices = {p: make.notice(made.actor, made.top, ConsentPurpose(p)) for p in ("service", "sensitive", "night", ADS)}
    people = [_live(made, other.pk, notices, person) for person in crowd]
    base = party_notice() if facts["is_party"] else advertising()
    content = replace(base.content, text=base.content.text + facts["text"], goods_class="coffee")
    occasion = replace(
        placed(base, made),
        medium=facts["medium"],
        at=NOON.replace(hour=facts["hours"]),
        essential=facts["essential"],
        targets_sensitive=facts["targets_sensitive"],
        channel_id=CHANNEL if facts["on_channel"] else None,
        content=content,
    )

    found = sort_people(occasion, BitMap(people), by_sql(occasion))
    of_bitmaps = sort_people(occasion, BitMap(people), by_bitmap(occasion))
    by_set = evaluate.members(raw(), made.root.pk, judge.person_denials(occasion)[0][1]) & BitMap(people)

    assert found == of_bitmaps
    parts = [members for _rule, members in found.left_out] + [found.waiting, found.allowed]
    assert sum(map(len, parts)) == len(people) == len(BitMap.union(*parts))
    assert found.left_out[0][1] == by_set
    assert [reason(occasion, person) for person in people] == [_code(found, occasion, person) for person in people]


def _live(made, foreign: int, notices, person) -> int:
    entity = foreign if person["foreign"] else made.entity.pk
    row = {name: person[name] for name in ("born", "state", "basis", "with_mobile")}
    [number] = make.people(1, unit=made.top, entity_id=entity, **row)
    if person["member"]:
        make.members([number], unit=made.top, state=person["member"])
    at = NOON.replace(year=NOON.year - person["years_ago"])
    for given_to in sorted(person["consents"]):
        purpose, media = (given_to, []) if given_to in notices else (ADS, [ConsentMedium(given_to)])
        make.consent(made.actor, [number], notices[purpose], media=media, at=at)
    if person["withdrawn"]:
        services.withdraw(
            made.actor, [number], made.entity.pk, ConsentPurpose(person["withdrawn"]), (SMS,), How.LINK, at=NOON
        )
    if person["refused"]:
        services.refuse(
            made.root.pk, [number], made.entity.pk, (ConsentMedium(person["refused"]),), RefusalPath.STAFF, at=NOON
        )
    if person["deal"]:
        goods, days = person["deal"]
        ended = {number: NOON.date() - timedelta(days=days)}
        services.record_deals(made.actor, made.entity.pk, goods, ended, is_direct=True)
    if person["friend"]:
        make.friends([number], root_id=made.root.pk, channel_id=CHANNEL, state=person["friend"])
    return number


def _code(found, occasion, person: int) -> str:
    if person in found.allowed:
        return "OK"
    if person in found.waiting:
        return verdict_of(judge.why(raw(), occasion, person)).rule.code
    [code] = [rule.code for rule, members in found.left_out if person in members]
    return code


def test_gates_and_the_left_out_agree_on_a_closed_gate():
    made, person, notice = shop()
    make.consent(made.actor, [person], notice, media=[SMS])
    occasion = placed(advertising(content=replace(advertising().content, text="겨울 음료")), made)

    assert judge.gates(occasion).verdict is Verdict.DENY
    assert reason(occasion, person) == "LABEL"
    assert judge.gates(replace(occasion, purpose=Purpose.INFORMATIONAL)).code == "RULES_NOT_BUILT"
