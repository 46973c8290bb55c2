"""Joining on a phone: from published notices, nothing pre-ticked, nothing told about who was known, nothing from scripts."""

import re
from datetime import datetime

import pytest
from django.test import Client

from majung.consent import notices, services
from majung.consent.enums import ConsentMedium, ConsentPurpose, RefusalPath
from majung.consent.models import ConsentEntry, ConsentState, Refusal
from majung.core import clock
from majung.core.clock import SEOUL
from majung.people import vault
from majung.people.models import Person
from majung.portal import limits
from majung.portal.models import Knock
from majung.tree.enums import OrganisationKind
from majung.tree.models import LegalEntity, Unit
from tests.make import channels as make_channels
from tests.make import consent as make
from tests.make import tree

pytestmark = pytest.mark.django_db
PURPOSES = ConsentPurpose
NOW = datetime(2026, 11, 21, 12, tzinfo=SEOUL)


@pytest.fixture(autouse=True)
def _clock():
    with clock.frozen(NOW):
        yield


class Town:
    """A party with two districts, complete notices at the top and one visitor."""

    def __init__(self) -> None:
        self.made = tree.organisation(depth=3, width=2)
        self.district = self.made.units[3]
        for number, unit in enumerate(self.made.units[3:]):
            Unit.objects.filter(pk=unit.pk).update(district_code=f"11{number:03}")
        self.notices = {
            purpose: make.notice(self.made.actor, self.made.top, purpose)
            for purpose in (
                PURPOSES.SERVICE,
                PURPOSES.SENSITIVE,
                PURPOSES.ADVERTISING,
                PURPOSES.NIGHT,
                PURPOSES.PARTY_NOTICE,
            )
        }
        self.visitor = Client()

    def address(self, unit=None) -> str:
        return f"/p/u/{(unit or self.district).public_id}/join/"

    def answers(self, **changes) -> dict[str, object]:
        given: dict[str, object] = {
            "name": "시험용", "phone": "010-0000-3471", "year": "1984", "place": str(self.district.public_id),
        }  # fmt: skip
        for purpose, notice in self.notices.items():
            given[f"agree-{notice.pk}"] = "yes" if notice.required else "no"
            given[f"text-{notice.pk}"] = notice.text_hash
            if f"{purpose.value}_media" in changes:
                given[f"media-{notice.pk}"] = changes.pop(f"{purpose.value}_media")
            if purpose.value in changes:
                given[f"agree-{notice.pk}"] = changes.pop(purpose.value)
        return {**given, **changes}

    def post(self, unit=None, **changes):
        return self.visitor.post(self.address(unit), self.answers(**changes))

    def states(self) -> set[tuple[str, str]]:
        return set(ConsentState.objects.filter(withdrawn_at=None).values_list("purpose", "medium"))


@pytest.fixture
def town() -> Town:
    return Town()


def errors(answer) -> list[str]:
    return re.findall(r'form-error"[^>]*>.*?<span>([^<]+)</span>', answer.content.decode())


@pytest.mark.product("C1", "C2")
def test_joining_writes_the_person_and_each_consent_with_its_proof(town):
    answer = town.post(advertising="yes", advertising_media=["SMS"])

    person = Person.objects.get(root_id=town.made.root.pk)
    entries = {e.purpose: e for e in ConsentEntry.objects.filter(person_id=person.pk)}
    assert (answer.status_code, answer["Location"]) == (302, f"/p/u/{town.district.public_id}/thanks/")
    assert (person.home_unit_id, person.district_code, person.birth_ym, person.basis) == (
        town.district.pk, "11000", 198412, 1,
    )  # fmt: skip
    assert town.states() == {("service", "*"), ("sensitive", "*"), ("advertising", "SMS")}
    for purpose, entry in entries.items():
        assert (entry.how, entry.actor_kind, entry.actor_id) == ("web", "person", person.pk)
        assert entry.proof["text"] == town.notices[PURPOSES(purpose)].text_hash
        assert set(entry.proof) == {"screen", "page", "address", "browser", "text"}
        assert "127.0.0.1" not in str(entry.proof)
        assert entry.proof["address"] == vault.mark(person.root_id, person.pk, "consent_entry/address", "127.0.0.1")
    assert town.visitor.get(answer["Location"]).status_code == 200


def test_nothing_is_ticked_before(town):
    page = town.visitor.get(town.address()).content.decode()

    assert page.count('type="radio"') == 10
    assert " checked" not in page
    assert page.count("보유기간") >= 5


@pytest.mark.parametrize("purpose", ["service", "sensitive"])
@pytest.mark.parametrize("answer", ["no", "", "on", "YES"])
def test_what_is_needed_is_not_taken_for_granted(town, purpose, answer):
    found = town.post(**{purpose: answer})

    assert found.status_code == 422
    assert len(errors(found)) == 1
    assert Person.objects.count() == 0


def test_a_choice_must_be_made_and_may_be_no(town):
    without = town.answers()
    del without[f"agree-{town.notices[PURPOSES.ADVERTISING].pk}"]

    assert town.visitor.post(town.address(), without).status_code == 422
    assert town.post().status_code == 302
    assert town.states() == {("service", "*"), ("sensitive", "*")}


def test_advertising_needs_a_way_and_night_needs_advertising(town):
    assert errors(town.post(advertising="yes")) == ["받을 방법을 하나 이상 골라 주세요."]
    assert errors(town.post(night="yes")) == ["홍보 받기에 동의해야 고를 수 있습니다."]
    assert errors(town.post(advertising="yes", advertising_media=["FAX"])) == ["받을 방법을 하나 이상 골라 주세요."]
    assert town.post(advertising="yes", advertising_media=["SMS", "EMAIL"], night="yes").status_code == 302
    assert town.states() == {
        ("service", "*"),
        ("sensitive", "*"),
        ("advertising", "SMS"),
        ("advertising", "EMAIL"),
        ("night", "*"),
    }


def test_a_text_that_changed_meanwhile_is_read_again(town):
    stale = town.answers()
    old = town.notices[PURPOSES.SERVICE]
    notices.publish_notice(town.made.actor, notices.draft_next(town.made.actor, old))

    answer = town.visitor.post(town.address(), stale)

    assert answer.status_code == 422
    assert Person.objects.count() == 0


def test_somebody_known_is_merged_and_nothing_tells(town):
    first = town.post()
    again = town.post(name="시험용", phone="+82 10 0000 3471", year="1990")
    other = town.post(name="다른이", phone="01000003471")

    assert {(a.status_code, a["Location"], a.content) for a in (first, again, other)} == {
        (first.status_code, first["Location"], first.content)
    }
    assert Person.objects.count() == 2


def test_joining_again_does_not_take_a_refusal_back(town):
    town.post()
    person = Person.objects.get()
    services.refuse(town.made.root.pk, [person.pk], town.made.entity.pk, (ConsentMedium.EVERY,), RefusalPath.LINK)

    town.post()

    assert Refusal.objects.filter(person_id=person.pk, medium="*").exists()


@pytest.mark.parametrize(("year", "young"), [("2012", True), ("2013", True), ("2026", True), ("2011", False)])
def test_under_14_is_stopped_and_nothing_is_kept(town, year, young):
    answer = town.post(year=year)

    assert ("보호자와 함께" in answer.content.decode()) is young
    assert Person.objects.count() == (0 if young else 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "가" * 10_000),
        ("name", "   "),
        ("name", "01012345678"),
        ("name", "1234"),
        ("name", "\x00\u200b"),
        ("phone", "02-700-0000"),
        ("phone", "011-123-4567"),
        ("phone", "0" * 10_000),
        ("phone", "010-0000-347"),
        ("year", "84"),
        ("year", "1884"),
        ("year", "2030"),
        ("year", "천구백"),
        ("year", "１９８４９"),
        ("place", "x"),
        ("place", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_bad_fields_are_told_one_by_one(town, field, value):
    answer = town.post(**{field: value})

    assert answer.status_code == 422
    assert len(errors(answer)) == 1
    assert len(answer.content) < 60_000
    assert Person.objects.count() == 0


def test_full_width_and_nfd_are_read(town):
    answer = town.post(name="가람", phone="０１０－００００－３４７１", year="1984년")

    assert answer.status_code == 302


def test_what_was_written_is_not_lost_and_is_escaped(town):
    page = town.post(name="<b>나무</b>", phone="없음").content.decode()

    assert "&lt;b&gt;나무&lt;/b&gt;" in page
    assert "<b>나무</b>" not in page
    assert f'value="{town.district.public_id}" selected' in page


def test_a_script_that_fills_the_trap_is_thanked_and_forgotten(town):
    answer = town.post(homepage="http://example.invalid")

    assert answer["Location"].endswith("/thanks/")
    assert Person.objects.count() == 0


def test_one_address_may_not_flood(town):
    for _ in range(limits.JOINS_PER_HOUR):
        town.post(phone="no")

    answer = town.post()

    assert answer.status_code == 429
    assert "너무 많은 신청" in answer.content.decode()
    assert Person.objects.count() == 0
    with clock.frozen(NOW.replace(hour=13)):
        assert town.post().status_code == 302
    assert {bytes(knock.address) for knock in Knock.objects.all()} != {b"127.0.0.1"}


def test_the_form_needs_its_csrf_token(town):
    strict = Client(enforce_csrf_checks=True)

    assert strict.post(town.address(), town.answers()).status_code == 403
    assert Person.objects.count() == 0


def test_a_party_needs_its_sensitive_notice_and_nobody_joins_without_one(town):
    notices.retire_notice(town.made.actor, town.notices[PURPOSES.SENSITIVE])

    page = town.visitor.get(town.address())

    assert "아직 신청을 받지 않습니다" in page.content.decode()
    assert town.post().status_code == 200
    assert Person.objects.count() == 0


def test_a_company_needs_no_district_and_no_sensitive_notice():
    made = tree.organisation(kind=OrganisationKind.COMMERCIAL)
    notice = make.notice(made.actor, made.top)
    sent = {
        "name": "시험용", "phone": "01000003471", "year": "1984", f"agree-{notice.pk}": "yes",
        f"text-{notice.pk}": notice.text_hash,
    }  # fmt: skip

    answer = Client().post(f"/p/u/{made.top.public_id}/join/", sent)

    assert answer.status_code == 302
    assert Person.objects.get().home_unit_id == made.top.pk


def test_a_neighbouring_entity_cannot_be_chosen_as_home(town):
    other = LegalEntity.objects.create(root=town.made.root, name="다른 법인")
    stranger = town.made.units[4]
    Unit.objects.filter(pk=stranger.pk).update(entity=other)

    assert town.post(place=str(stranger.public_id)).status_code == 422


# ── the page of a unit ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_units_page_shows_its_channel_and_the_way_up(town):
    make_channels.channel(unit=town.district, number=1, name="우리 동네")
    page = town.visitor.get(f"/p/u/{town.district.public_id}/").content.decode()

    assert "https://pf.kakao.com/_ch1/friend" in page
    assert "<svg" in page
    assert page.index(town.made.top.name) < page.index("나에게 가까운 길")
    assert town.address() in page
    assert "<c-" not in page


def test_the_channel_of_the_unit_above_stands_in(town):
    make_channels.channel(unit=town.made.top, number=2, name="중앙")

    page = town.visitor.get(f"/p/u/{town.district.public_id}/").content.decode()

    assert "https://pf.kakao.com/_ch2/friend" in page
    assert "그동안" in page


def test_a_channel_of_the_sandbox_leads_there(town, settings):
    settings.SANDBOX_URL = "http://sandbox.invalid"
    channel = make_channels.channel(unit=town.district, number=3)
    make_channels.profile(account=make_channels.account(unit=town.made.top), channel=channel)

    page = town.visitor.get(f"/p/u/{town.district.public_id}/").content.decode()

    assert "http://sandbox.invalid/?q=" in page
    assert "pf.kakao.com" not in page


@pytest.mark.parametrize("page", ["", "find/", "join/", "thanks/"])
def test_a_unit_that_does_not_work_has_no_pages(town, page):
    tree.suspend(town.district)
    missing = town.visitor.get(f"/p/u/00000000-0000-0000-0000-000000000000/{page}")

    found = town.visitor.get(f"/p/u/{town.district.public_id}/{page}")

    assert (found.status_code, found.content) == (404, missing.content)


def test_places_are_found_by_name(town):
    page = town.visitor.get(f"/p/u/{town.district.public_id}/find/", {"q": town.district.name}).content.decode()
    none = town.visitor.get(f"/p/u/{town.district.public_id}/find/", {"q": "<script>없는곳"}).content.decode()

    assert f"/p/u/{town.district.public_id}/" in page
    assert "그런 이름의 곳이 없습니다" in none
    assert "<script>없는곳" not in none
