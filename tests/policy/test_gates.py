"""Gates: what holds for all. Vectors of law.md G.8 that need nobody in particular carry their number."""

from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.policy import judge, occasion, rules
from majung.policy.enums import Medium, OrganisationKind, Purpose, Verdict
from majung.policy.occasion import Content
from majung.policy.switches import SWITCHES
from majung.tree import enums as tree
from tests.policy.make_occasion import ACCOUNT, NOON, advertising, party_notice, seoul


def verdict(of) -> tuple[str, str]:
    gate = judge.gates(of)
    return gate.verdict.value, gate.code


@pytest.mark.product("C3", "C4")
def test_vector_1_night_begins_at_21():
    by_law = replace(ACCOUNT, safe_cutoff=None)

    before = judge.gates(advertising(account=by_law, at=seoul("2026-11-21", "20:59:59")))
    night = judge.gates(advertising(account=by_law, at=seoul("2026-11-21", "21:00:00")))

    assert (before.verdict, before.code) == (Verdict.ALLOW, "OK_AD")
    assert (night.verdict, night.code, night.until) == (Verdict.DEFER, "NIGHT", seoul("2026-11-22", "08:00:00"))


def test_vector_1_the_margin_before_the_night_is_ours():
    assert verdict(advertising(at=seoul("2026-11-21", "20:49:59"))) == ("allow", "OK_AD")
    assert verdict(advertising(at=seoul("2026-11-21", "20:50:00"))) == ("defer", "SAFE_CUTOFF")
    assert verdict(advertising(at=seoul("2026-11-22", "07:59:59"))) == ("defer", "NIGHT")
    assert verdict(advertising(at=seoul("2026-11-22", "08:00:00"))) == ("allow", "OK_AD")


def test_vector_2_mail_has_no_night():
    text = (
        "느린물커피 mail@example.invalid 02-700-0000 서울 중구 을지로 00\n겨울 음료가 나왔습니다.\n"
        "수신거부 / Unsubscribe: https://example.invalid/x"
    )
    mail = advertising(
        medium=Medium.EMAIL, at=seoul("2026-11-21", "23:30:00"), content=Content(text=text, title="(광고) 겨울 음료")
    )

    assert verdict(mail) == ("allow", "OK_AD")
    assert verdict(replace(mail, at=seoul("2026-11-21", "20:55:00"))) == ("allow", "OK_AD")
    assert verdict(party_notice(medium=Medium.EMAIL, at=mail.at)) == ("allow", "OK_PARTY")
    assert judge.gates(mail).labels == ("(광고)",)
    assert verdict(replace(mail, content=Content(text=text, title="겨울 음료"))) == ("deny", "LABEL")


@pytest.mark.parametrize("head", ["[광고] ", " (광고)", "(광 고)", "", "안녕하세요 (광고)"])
def test_vector_6_the_mark_and_nothing_like_it(head):
    body = "느린물커피 겨울 음료가 나왔습니다. 문의 02-700-0000 무료수신거부 080-700-0001"

    assert verdict(advertising(content=Content(text=f"{head}{body}"))) == ("deny", "LABEL")


def test_vector_8_an_order_confirmation_with_a_coupon_is_advertising():
    content = Content(text="주문이 확인되었습니다. 다음에 쓰실 할인 쿠폰을 드립니다.")
    gate = judge.gates(advertising(purpose=Purpose.INFORMATIONAL, content=content))

    assert [(t.rule.code, t.before, t.after) for t in gate.turns] == [
        ("RECLASS_AD", Purpose.INFORMATIONAL, Purpose.ADVERTISING)
    ]
    assert (gate.verdict, gate.code) == (Verdict.DENY, "RULES_NOT_BUILT")


def test_vector_9_alimtalk_gives_no_points():
    content = Content(text="설문에 참여하시면 포인트를 드립니다.")
    alim = advertising(purpose=Purpose.INFORMATIONAL, medium=Medium.KAKAO_ALIM, content=content)

    assert verdict(alim) == ("deny", "ALIM_PURPOSE")


def test_alimtalk_goes_out_by_an_approved_template_only():
    account = replace(ACCOUNT, template_approved=False)
    alim = party_notice(medium=Medium.KAKAO_ALIM, content=Content(text="11월 당비를 받았습니다."))

    assert verdict(alim) == ("allow", "OK_PARTY")
    assert verdict(replace(alim, account=account)) == ("deny", "ALIM_PURPOSE")


def test_vector_18_dues_are_a_notice_and_support_is_none():
    dues = judge.gates(party_notice(content=Content(text="11월 당비를 잘 받았습니다. 영수증을 보내 드렸습니다.")))
    support = judge.gates(party_notice(content=Content(text="가나다 후보를 지지해 주세요.")))

    assert (dues.verdict, dues.code) == (Verdict.ALLOW, "OK_PARTY")
    assert [t.rule.code for t in support.turns] == ["RECLASS_ELEC"]
    assert (support.purpose, support.verdict, support.code) == (
        Purpose.ELECTION_CAMPAIGN,
        Verdict.DENY,
        "RULES_NOT_BUILT",
    )


@pytest.mark.parametrize("kind", list(OrganisationKind))
@pytest.mark.parametrize("purpose", [Purpose.ADVERTISING, Purpose.PARTY_NOTICE, Purpose.INFORMATIONAL])
@pytest.mark.parametrize("head", ["", "(광고)느린물커피 문의 02-700-0000 굿즈를 판매합니다. "])
def test_support_of_a_candidate_is_never_sent_as_something_else(kind, purpose, head):
    content = Content(text=f"{head}가나다 후보를 지지해 주세요. 무료수신거부 080-700-0001")

    gate = judge.gates(advertising(purpose=purpose, organisation_kind=kind, content=content))

    assert (gate.purpose, gate.verdict) == (Purpose.ELECTION_CAMPAIGN, Verdict.DENY)
    assert gate.turns[-1].rule.code == "RECLASS_ELEC"
    assert "RULES_NOT_BUILT" in {rule.code for rule in gate.denials}


@pytest.mark.parametrize("purpose", [Purpose.INFORMATIONAL, Purpose.ELECTION_CAMPAIGN])
@pytest.mark.parametrize("kind", list(OrganisationKind))
@pytest.mark.parametrize("medium", list(Medium))
def test_a_purpose_without_rules_is_never_sent(purpose, kind, medium):
    of = advertising(purpose=purpose, medium=medium, organisation_kind=kind, content=Content(text="알립니다."))

    assert verdict(of) == ("deny", "RULES_NOT_BUILT")


@pytest.mark.product("C5")
def test_a_party_gives_no_gifts_and_a_company_may():
    party = party_notice(content=Content(text="오시는 분께 기념품을 드립니다."))
    company = advertising(
        content=Content(text="(광고)느린물커피 오시는 분께 기념품을 드립니다. 무료수신거부 080-700-0001")
    )

    assert verdict(party) == ("deny", "GIFT_BAN")
    assert judge.gates(party).rule.article == "공직선거법 제114조"
    assert verdict(company) == ("allow", "OK_AD")


def test_party_sale_turns_into_advertising_and_needs_its_marks():
    gate = judge.gates(party_notice(medium=Medium.SMS, content=Content(text="강좌 참가비는 30,000원입니다.")))

    assert [t.rule.code for t in gate.turns] == ["RECLASS_AD"]
    assert (gate.purpose, gate.verdict, gate.code) == (Purpose.ADVERTISING, Verdict.DENY, "LABEL")
    assert [missing.what for missing in gate.missing] == ["label", "sender", "opt_out"]


def test_a_party_that_sells_nothing_does_not_advertise():
    gate = judge.gates(party_notice(purpose=Purpose.ADVERTISING))

    assert [t.rule.code for t in gate.turns] == ["RECLASS_NOT_AD"]
    assert (gate.purpose, gate.code) == (Purpose.PARTY_NOTICE, "OK_PARTY")


def test_favouring_one_contender_is_refused():
    content = Content(text="모임을 알립니다.", favours_contender=True)

    assert verdict(party_notice(content=content)) == ("deny", "PRIMARY_METHOD")


@pytest.mark.parametrize(
    ("clock", "found"),
    [
        ("07:59:59", ("defer", "QUIET_POLICY", "2026-11-21T08:00:00")),
        ("08:00:00", ("allow", "OK_PARTY", None)),
        ("20:49:59", ("allow", "OK_PARTY", None)),
        ("20:50:00", ("defer", "KAKAO_WINDOW", "2026-11-22T08:00:00")),
        ("21:00:00", ("defer", "QUIET_POLICY", "2026-11-22T08:00:00")),
    ],
)
def test_brand_messages_keep_the_messengers_day(clock, found):
    gate = judge.gates(party_notice(at=seoul("2026-11-21", clock)))

    until = gate.until and gate.until.replace(tzinfo=None).isoformat()
    assert (gate.verdict.value, gate.code, until) == found


def test_an_essential_notice_waits_only_for_the_messenger():
    night = seoul("2026-11-21", "22:00:00")

    assert verdict(party_notice(essential=True, at=night)) == ("defer", "KAKAO_WINDOW")
    assert verdict(party_notice(essential=True, medium=Medium.SMS, at=night)) == ("allow", "OK_PARTY")
    assert verdict(party_notice(medium=Medium.SMS, at=night)) == ("defer", "QUIET_POLICY")


def test_a_vendors_narrower_window_moves_the_instant():
    account = replace(ACCOUNT, window_from=time(9), window_until=time(20))

    gate = judge.gates(party_notice(account=account, at=seoul("2026-11-21", "22:00:00")))

    assert gate.until == seoul("2026-11-22", "09:00:00")
    assert verdict(party_notice(account=account, at=gate.until)) == ("allow", "OK_PARTY")


def test_windows_that_never_open_are_an_error_not_a_loop():
    account = replace(ACCOUNT, window_from=time(20, 30), window_until=time(8))

    with pytest.raises(ValueError, match="never open"):
        judge.gates(party_notice(account=account))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sender_number_registered": False}, "SENDER_NUMBER"),
        ({"certificate_until": None}, "VENDOR_UNCERTIFIED"),
        ({"certificate_until": date(2026, 11, 20)}, "VENDOR_UNCERTIFIED"),
        ({"refusal_number": ""}, "LABEL"),
        ({"sender_name": "다른이름"}, "LABEL"),
    ],
)
def test_the_accounts_papers_are_asked_for(changes, code):
    assert verdict(advertising(account=replace(ACCOUNT, **changes))) == ("deny", code)


def test_a_certificate_holds_on_its_last_day():
    assert verdict(advertising(account=replace(ACCOUNT, certificate_until=NOON.date()))) == ("allow", "OK_AD")


def test_a_dealer_that_prints_the_way_out_still_needs_a_free_number():
    prints = occasion.Prints(label=False, sender=False, opt_out=True)
    content = Content(text="(광고)느린물커피 겨울 음료가 나왔습니다.")
    account = replace(ACCOUNT, prints=prints)

    assert verdict(advertising(account=account, content=content)) == ("allow", "OK_AD")
    assert verdict(advertising(account=replace(account, refusal_number=""), content=content)) == ("deny", "LABEL")


def test_the_way_out_stands_at_the_end():
    text = f"{advertising().content.text} {'그리고 더 긴 이야기가 이어집니다. ' * 6}"

    assert verdict(advertising(content=Content(text=text))) == ("deny", "LABEL")


def test_a_contact_is_shown_unless_it_is_the_callers_own_number():
    account = replace(ACCOUNT, contact="02-700-9999")
    text = f"{advertising().content.text}"

    assert verdict(advertising(account=account)) == ("deny", "LABEL")
    assert verdict(advertising(account=account, content=Content(text=text.replace("0000", "9999", 1)))) == (
        "allow",
        "OK_AD",
    )


def test_a_local_government_that_sells_nothing_informs():
    of = advertising(organisation_kind=OrganisationKind.LOCAL_GOV, content=Content(text="주민 설명회를 엽니다."))

    gate = judge.gates(of)

    assert [turned.rule.code for turned in gate.turns] == ["RECLASS_NOT_AD"]
    assert (gate.purpose, gate.code) == (Purpose.INFORMATIONAL, "RULES_NOT_BUILT")


def test_a_new_law_holds_from_its_day():
    account = replace(ACCOUNT, certificate_until=None)
    day = SWITCHES["ICNA_2026_10"]
    noon_before = NOON.replace(year=day.year, month=day.month, day=day.day) - timedelta(days=1)

    assert verdict(advertising(account=account, at=noon_before)) == ("allow", "OK_AD")
    assert verdict(advertising(account=account, at=noon_before + timedelta(days=1))) == ("deny", "VENDOR_UNCERTIFIED")


def test_a_text_in_place_of_a_message_goes_the_same_day_only():
    fallback = advertising(fallback_of=7, fallback_since=NOON - timedelta(hours=1))

    assert verdict(fallback) == ("allow", "OK_AD")
    assert verdict(replace(fallback, fallback_since=NOON - timedelta(days=1))) == ("deny", "FALLBACK_LATE")


def test_illegal_goods_are_never_advertised():
    assert verdict(advertising(content=replace(advertising().content, illegal_goods=True))) == ("deny", "ILLEGAL_GOODS")


def test_the_messenger_prints_the_marks_of_brand_messages():
    brand = advertising(medium=Medium.KAKAO_AD, content=Content(text="겨울 음료가 나왔습니다."))

    assert verdict(brand) == ("allow", "OK_AD")
    assert judge.gates(brand).labels == ()
    assert verdict(replace(brand, content=Content(text="[광고] 겨울 음료"))) == ("deny", "LABEL")


def test_a_denial_comes_before_a_deferral():
    of = advertising(at=seoul("2026-11-21", "23:00:00"), content=Content(text="광고입니다"))

    assert verdict(of) == ("deny", "LABEL")


@given(
    purpose=st.sampled_from(list(Purpose)),
    medium=st.sampled_from(list(Medium)),
    kind=st.sampled_from([kind.value for kind in OrganisationKind]),
    minutes=st.integers(0, 60 * 24 * 366),
    text=st.text(max_size=60) | st.sampled_from(["지지해 주세요", "쿠폰을 드립니다", "판매합니다", "(광고)가"]),
    essential=st.booleans(),
)
def test_turns_end_and_a_deferral_ends_in_an_open_moment(purpose, medium, kind, minutes, text, essential):
    of = advertising(
        purpose=purpose,
        medium=medium,
        organisation_kind=kind,
        at=NOON + timedelta(minutes=minutes),
        content=Content(text=text),
        essential=essential,
    )

    gate = judge.gates(of)

    assert len(gate.turns) < len(Purpose)
    if gate.verdict is Verdict.DEFER:
        assert gate.until > of.at
        assert judge.gates(replace(of, at=gate.until)).verdict is Verdict.ALLOW
    if purpose not in (Purpose.ADVERTISING, Purpose.PARTY_NOTICE):
        assert gate.verdict is Verdict.DENY
    assert occasion.from_json(of.to_json()) == of


def test_every_rule_is_whole():
    for rule in rules.RULES.values():
        looks = [rule.denies, rule.denied, rule.waits, rule.turns]
        assert sum(look is not None for look in looks) == 1
        assert rule.sentence.endswith("다.")
        assert rule.article
        assert rule.stage
    assert len({rule.id for table in rules.TABLES.values() for rule in table}) == len(rules.RULES)


def test_kinds_of_organisation_are_the_trees():
    assert [kind.value for kind in OrganisationKind] == [kind.value for kind in tree.OrganisationKind]


def test_a_moment_without_time_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        advertising(at=NOON.replace(tzinfo=None))
