"""One's own settings behind a signed link: one tap, no cookie, no change by looking, nothing for whoever forges."""

import base64
import re

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from majung.activity.models import Activity, Duty
from majung.campaigns.models import Campaign
from majung.consent import links, services
from majung.consent.enums import ConsentMedium, ConsentPurpose, RefusalPath
from majung.consent.models import ConsentEntry, ConsentState, Refusal, RefusalEntry
from majung.core.db import raw
from majung.tree.models import LegalEntity, Unit
from tests.make import consent as make
from tests.make import tree

pytestmark = pytest.mark.django_db
SMS, AD = ConsentMedium.SMS, ConsentMedium.KAKAO_AD


@pytest.fixture
def made():
    return tree.organisation(depth=2)


@pytest.fixture
def person(made):
    return make.people(1, unit=made.top)[0]


@pytest.fixture
def visitor():
    """A browser that keeps no cookies and enforces what a browser would."""
    return Client(enforce_csrf_checks=True)


def address(made, person: int, campaign: int = 7) -> str:
    return f"/p/m/{links.token(made.root.pk, person, campaign)}"


def refused(person: int) -> set[str]:
    return set(Refusal.objects.filter(person_id=person).values_list("medium", flat=True))


@pytest.mark.product("C6", "C2")
def test_one_tap_refuses_without_sign_in_cookie_or_script(made, person, visitor):
    page = visitor.get(address(made, person)).content.decode()
    button = re.search(r'<button[^>]*name="act" value="refuse_all"', page)
    answer = visitor.post(address(made, person), {"act": "refuse_all"})

    assert button
    assert answer.status_code == 303
    assert refused(person) == {"*"}
    assert visitor.cookies == {}
    assert "모든 소식을 끊었습니다" in visitor.get(answer["Location"]).content.decode()
    entry = RefusalEntry.objects.get(person_id=person)
    assert (entry.path, entry.proof, entry.actor_kind, entry.actor_id) == (
        "link", {"screen": "portal.preferences", "campaign": 7}, "person", person,
    )  # fmt: skip
    assert Activity.objects.filter(kind="portal.refused_by_link", object_id=7, person_id=person).count() == 1
    assert Duty.objects.get(kind="consent.result.refused").people == [person]


def test_doing_it_twice_is_doing_it_once(made, person, visitor):
    for _ in range(3):
        visitor.post(address(made, person), {"act": "refuse", "entity": made.entity.pk, "medium": "SMS"})

    assert refused(person) == {"SMS"}
    assert RefusalEntry.objects.filter(person_id=person).count() == 1
    assert Activity.objects.filter(kind="portal.refused_by_link").count() == 1


def test_refusing_and_taking_it_back_by_medium_and_whole(made, person, visitor):
    one = {"entity": made.entity.pk, "medium": "KAKAO_AD"}
    visitor.post(address(made, person), {"act": "refuse", **one})
    visitor.post(address(made, person), {"act": "refuse_all"})
    both = refused(person)
    visitor.post(address(made, person), {"act": "clear_all"})
    first = refused(person)
    visitor.post(address(made, person), {"act": "clear", **one})

    assert (both, first, refused(person)) == ({"KAKAO_AD", "*"}, {"KAKAO_AD"}, set())


def test_looking_never_changes_anything(made, person, visitor):
    make.consent(made.actor, [person], make.notice(made.actor, made.top))

    for query in ("", "?act=refuse_all", "?done=all", "?act=refuse&medium=SMS", f"?entity={made.entity.pk}"):
        assert visitor.get(address(made, person) + query).status_code == 200
        assert visitor.head(address(made, person) + query).status_code == 200

    assert (refused(person), ConsentEntry.objects.filter(person_id=person).count()) == (set(), 1)


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_other_methods_are_refused(made, person, visitor, method):
    assert getattr(visitor, method)(address(made, person)).status_code == 405


def test_consents_are_shown_with_their_text_and_withdrawn(made, person, visitor):
    notice = make.notice(made.actor, made.top, ConsentPurpose.ADVERTISING, purpose_text="유료 강좌를 알리는 광고")
    make.consent(made.actor, [person], notice, media=[SMS])
    page = visitor.get(address(made, person)).content.decode()

    visitor.post(
        address(made, person),
        {"act": "withdraw", "entity": made.entity.pk, "purpose": "advertising", "medium": "SMS"},
    )

    assert "유료 강좌를 알리는 광고" in page
    assert 'value="withdraw"' in page
    assert not ConsentState.objects.get(person_id=person).is_in_force
    assert 'value="withdraw"' not in visitor.get(address(made, person)).content.decode()
    assert Duty.objects.filter(kind="consent.result.withdrawn").count() == 1


def test_withdrawing_the_collection_stops_everything_and_owes_the_erasure(made, person, visitor):
    make.consent(made.actor, [person], make.notice(made.actor, made.top))

    visitor.post(
        address(made, person), {"act": "withdraw", "entity": made.entity.pk, "purpose": "service", "medium": "*"}
    )

    assert refused(person) == {"*"}
    assert Duty.objects.get(kind="consent.erase").people == [person]


def test_everything_means_every_entity_of_the_organisation(made, person, visitor):
    other = tree.LegalEntity.objects.create(root=made.root, name="다른 법인")
    tree.Unit.objects.filter(pk=made.units[1].pk).update(entity=other)

    visitor.post(address(made, person), {"act": "refuse_all"})

    assert set(Refusal.objects.values_list("entity_id", "medium")) == {(made.entity.pk, "*"), (other.pk, "*")}
    assert Duty.objects.filter(kind="consent.result.refused").count() == 1


def test_the_page_names_nobody_and_tells_nobody(made, person, visitor):
    answer = visitor.get(address(made, person))

    assert answer["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer["X-Robots-Tag"]
    assert answer["Cache-Control"] == "no-store"
    assert "style=" not in answer.content.decode().replace('rel="stylesheet"', "")
    assert str(person) not in re.sub(r"\s", "", re.sub(r"<[^>]+>", "", answer.content.decode()))


# ── forged, replayed, strange ────────────────────────────────────────────────────────────────────────────────────────


def missing_page(visitor) -> bytes:
    return visitor.get("/p/m/nothing-here").content


def test_a_forged_link_answers_like_one_that_does_not_exist(made, person, visitor):
    real = links.token(made.root.pk, person, 7)
    other = tree.organisation()
    unknown = links.token(made.root.pk, 2_000_000_000)
    wrong_root = links.token(other.root.pk, person)
    turned = [real[:at] + ("A" if real[at] != "A" else "B") + real[at + 1 :] for at in range(len(real))]
    strange = ["", "x", real + "A", real[:-1], "가" * 36, "%00" * 12, "..%2F..%2Fetc", "A" * 36, "_" * 10_000]

    answers = {visitor.get(f"/p/m/{token}").status_code for token in (*turned, *strange, unknown, wrong_root)}
    bodies = {visitor.get(f"/p/m/{token}").content for token in (*turned[:3], unknown, wrong_root, "A" * 36)}
    posted = {
        visitor.post(f"/p/m/{token}", {"act": "refuse_all"}).status_code for token in (*turned, unknown, wrong_root)
    }

    assert (answers, posted) == ({404}, {404})
    assert len(bodies | {missing_page(visitor)}) == 1
    assert Refusal.objects.count() == 0


def test_the_short_address_is_the_same_page(made, person, visitor):
    token = links.token(made.root.pk, person, 7)

    assert visitor.get(f"/p/{token}").status_code == 200
    assert visitor.post(f"/p/{token}", {"act": "refuse_all"}).status_code == 303
    assert refused(person) == {"*"}
    assert visitor.get(f"/p/{'A' * 36}").status_code == 404


def test_an_erased_person_has_no_page(made, person, visitor):
    raw().execute(
        "UPDATE person SET state = 3, home_unit_id = NULL, birth_ym = NULL, salt = NULL WHERE id = %s", [person]
    )

    assert visitor.get(address(made, person)).content == missing_page(visitor)


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"act": "erase"},
        {"act": "refuse"},
        {"act": "refuse", "entity": "1e9", "medium": "SMS"},
        {"act": "refuse", "entity": "ENTITY", "medium": "FAX"},
        {"act": "refuse", "entity": "OTHER", "medium": "SMS"},
        {"act": "withdraw", "entity": "ENTITY", "medium": "SMS", "purpose": "everything"},
        {"act": "x" * 10_000},
        {"act": "refuse", "entity": "9" * 5000, "medium": "\x00"},
    ],
)
def test_what_the_page_does_not_offer_is_refused_in_korean(made, person, visitor, sent):
    other = tree.organisation()
    names = {"ENTITY": str(made.entity.pk), "OTHER": str(other.entity.pk)}

    answer = visitor.post(address(made, person), {key: names.get(value, value) for key, value in sent.items()})

    assert answer.status_code == 422
    assert "다시 눌러 주세요" in answer.content.decode()
    assert Refusal.objects.count() == ConsentEntry.objects.count() == 0


def test_broken_bodies_are_answered(made, person, visitor):
    for body, kind in (
        (b"\xff\xfe\x00act=refuse_all", "application/x-www-form-urlencoded"),
        (b"{", "application/json"),
    ):
        assert visitor.post(address(made, person), body, content_type=kind).status_code == 422
    broken = "multipart/form-data; boundary=x"
    assert visitor.post(address(made, person), b"--y\r\n\x00", content_type=broken).status_code in (400, 422)
    assert Refusal.objects.count() == 0


def test_a_link_of_one_person_does_nothing_to_another(made, person, visitor):
    [neighbour] = make.people(1, unit=made.top)

    visitor.post(address(made, person), {"act": "refuse_all", "person": neighbour, "root": made.root.pk})

    assert (refused(person), refused(neighbour)) == ({"*"}, set())


@given(root=st.integers(1, 2**32 - 1), person=st.integers(1, 2**32 - 1), campaign=st.integers(0, 2**40 - 1))
def test_tokens_are_short_and_read_back(root, person, campaign):
    token = links.token(root, person, campaign)

    assert len(token) == 36
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert links.read(token) == links.Link(root=root, person=person, campaign=campaign)


@given(st.binary(min_size=27, max_size=27) | st.binary(max_size=60))
def test_random_bytes_are_no_token(raw_bytes):
    assert links.read(base64.urlsafe_b64encode(raw_bytes).decode()) is None


@given(st.text(max_size=80))
def test_any_text_is_answered(text):
    assert links.read(text) is None


@pytest.mark.parametrize("numbers", [(0, 1, 1), (1, 0, 1), (1, 1, -1), (2**32, 1, 1), (1, 2**32, 1), (1, 1, 2**40)])
def test_numbers_that_do_not_fit_are_refused(numbers):
    with pytest.raises(ValueError, match="does not fit"):
        links.token(*numbers)


def test_a_staff_refusal_shows_on_the_page(made, person, visitor):
    services.refuse(made.root.pk, [person], made.entity.pk, (AD,), RefusalPath.STAFF)

    page = visitor.get(address(made, person)).content.decode()

    assert "카카오톡 채널 메시지 다시 받기" in page


# ── the button of the mail program (RFC 8058) ────────────────────────────────────────────────────────────────────────


@pytest.mark.product("C6", "M10")
@pytest.mark.parametrize("encoding", ["form", "multipart"])
def test_one_click_stops_mail_without_sign_in_cookie_or_redirect(made, person, visitor, encoding):
    kwargs = {"content_type": "application/x-www-form-urlencoded"} if encoding == "form" else {}
    body = "List-Unsubscribe=One-Click" if encoding == "form" else {"List-Unsubscribe": "One-Click"}
    for url in (address(made, person), f"/p/{links.token(made.root.pk, person, 7)}"):
        answer = visitor.post(url, body, **kwargs)

        assert (answer.status_code, visitor.cookies) == (200, {})
    assert refused(person) == {"EMAIL"}
    entry = RefusalEntry.objects.get(person_id=person)
    assert (entry.path, entry.proof) == ("link", {"screen": "portal.one_click", "campaign": 7})
    assert Duty.objects.filter(kind="consent.result.refused").count() == 1
    assert "전자우편" in visitor.get(address(made, person)).content.decode()


@pytest.mark.product("M10")
def test_one_click_stops_the_entity_whose_letter_it_was_and_no_other(made, person, visitor):
    other = LegalEntity.objects.create(root=made.root, name="다른 법인")
    make.consent(made.actor, [person], make.notice(made.actor, made.top, ConsentPurpose.SERVICE))
    Unit.objects.filter(pk=made.units[1].pk).update(entity=other)
    campaign = Campaign.objects.create(
        root=made.root, unit=made.units[1], scope=made.units[1], title="소식", purpose="ADVERTISING"
    )

    visitor.post(address(made, person, campaign.pk), {"List-Unsubscribe": "One-Click"})

    assert list(Refusal.objects.values_list("entity_id", "medium")) == [(other.pk, "EMAIL")]


@pytest.mark.product("X7")
@pytest.mark.parametrize(
    "body", [{"List-Unsubscribe": "one-click"}, {"list-unsubscribe": "One-Click"}, {"List-Unsubscribe": ""}, {}]
)
def test_what_is_not_the_one_click_is_not_taken_for_it(made, person, visitor, body):
    assert visitor.post(address(made, person), body).status_code == 422
    assert refused(person) == set()


@pytest.mark.product("X7")
def test_looking_at_the_one_click_address_stops_nothing(made, person, visitor):
    for method in (visitor.get, visitor.head):
        assert method(address(made, person), {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert visitor.post("/p/" + "A" * 36, {"List-Unsubscribe": "One-Click"}).status_code == 404
    assert refused(person) == set()
