"""The pages of notices: writing, publishing, versions and what changed; who may; what must not be possible."""

from uuid import UUID

import pytest
from django.test import Client

from majung.consent import notices
from majung.consent.enums import ConsentMedium, ConsentPurpose, NoticeState
from majung.consent.models import Notice
from majung.tree.enums import Role
from tests.make import consent as make
from tests.make import tree

pytestmark = [pytest.mark.django_db, pytest.mark.product("C1")]


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def made():
    return tree.organisation(depth=2)


@pytest.fixture
def owner(made):
    return signed_in(made.owner)


def sent(made, **changes) -> dict[str, object]:
    given = {
        "unit": str(made.top.public_id), "code": "join-service", "purpose": "service", "title": "가입 안내",
        "purpose_text": "소식 전달", "items_text": "이름, 번호", "retention_text": "철회할 때까지",
        "refusal_text": "거부할 수 있습니다.", "required": "on",
    }  # fmt: skip
    return {**given, **changes}


def test_from_draft_to_published_to_next_version(made, owner):
    written = owner.post("/notices/new/", sent(made))
    notice = Notice.objects.get()
    drafted = owner.get(written["Location"]).content.decode()
    owner.post(f"/notices/{notice.public_id}/publish/")
    again = owner.post(f"/notices/{notice.public_id}/next/")
    newer = Notice.objects.get(version=2)
    owner.post(f"/notices/{newer.public_id}/edit/", sent(made, items_text="이름, 번호, 선거구"))
    shown = owner.get(f"/notices/{newer.public_id}/").content.decode()
    owner.post(f"/notices/{newer.public_id}/publish/")

    assert written.status_code == again.status_code == 302
    assert "공개하기" in drafted
    assert "<del>이름, 번호</del>" in shown
    assert "<ins>이름, 번호, 선거구</ins>" in shown
    assert list(Notice.objects.order_by("version").values_list("state", flat=True)) == ["retired", "published"]
    assert "2판" in owner.get("/notices/").content.decode()
    assert "<c-" not in shown


@pytest.mark.parametrize("item", ["purpose_text", "items_text", "retention_text", "refusal_text"])
def test_each_of_the_four_items_is_needed(made, owner, item):
    missing = owner.post("/notices/new/", sent(made, **{item: "   "}))
    draft = notices.write_notice(made.actor, made.top, "by-program", make.words(**{item: "  "}))

    answer = owner.post(f"/notices/{draft.public_id}/publish/")

    assert missing.status_code == 422
    assert answer.status_code == 409
    assert "개인정보 보호법 제15조" in answer.content.decode()
    assert Notice.objects.get().state == NoticeState.DRAFT


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "한글"},
        {"code": "UPPER"},
        {"title": ""},
        {"title": "가" * 10_000},
        {"items_text": "가" * 10_000},
        {"purpose": "advertising", "required": "", "by_media": []},
        {"purpose": "advertising", "required": "on", "by_media": ["SMS"]},
        {"purpose": "service", "by_media": ["SMS"]},
        {"purpose": "advertising", "required": "", "by_media": ["*"]},
        {"purpose": "nothing"},
        {"retention_months": "0"},
        {"retention_months": "many"},
        {"unit": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_bad_input_is_told_and_nothing_is_written(made, owner, changes):
    answer = owner.post("/notices/new/", sent(made, **changes))

    assert answer.status_code == 422
    assert "form-error" in answer.content.decode() or "저장하지 않았습니다" in answer.content.decode()
    assert Notice.objects.count() == 0


def test_what_stands_cannot_be_edited(made, owner):
    notice = make.notice(made.actor, made.top)

    answer = owner.post(f"/notices/{notice.public_id}/edit/", sent(made, title="다른 글"))

    assert answer.status_code == 302
    assert Notice.objects.get().title == notice.title
    assert owner.post(f"/notices/{notice.public_id}/publish/").status_code == 409


def test_a_code_that_stands_is_not_written_over(made, owner):
    notice = make.notice(made.actor, made.top, code="join-service")

    assert owner.post("/notices/new/", sent(made)).status_code == 422
    assert Notice.objects.get().title == notice.title


def test_an_open_draft_is_not_written_over_by_a_new_notice(made, owner):
    draft = notices.write_notice(made.actor, made.top, "join-service", make.words(title="먼저 쓴 글"))

    answer = owner.post("/notices/new/", sent(made, title="나중에 쓴 글"))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "이미 있습니다" in page
    assert f"/notices/{draft.public_id}/" in page
    assert "나중에 쓴 글" in page  # what was typed stays
    assert Notice.objects.get().title == "먼저 쓴 글"


def test_a_code_says_nothing_about_units_out_of_sight(made):
    """The sister's code answers as one that nobody has: both are written (T2)."""
    wide = tree.organisation(depth=2, width=2)
    mine, sister = wide.units[1], wide.units[2]
    theirs = notices.write_notice(wide.actor, sister, "secret-code", make.words(title="이웃의 글"))
    district = signed_in(tree.lent(wide, mine, role=Role.OPERATOR).user)

    taken = district.post("/notices/new/", sent(made, unit=str(mine.public_id), code="secret-code"))
    free = district.post("/notices/new/", sent(made, unit=str(mine.public_id), code="other-code"))

    assert taken.status_code == free.status_code == 302
    notices.publish_notice(wide.actor, Notice.objects.get(unit=mine, code="secret-code"))
    theirs.refresh_from_db()
    assert theirs.state == NoticeState.DRAFT
    page = district.get("/notices/").content.decode()
    assert "이웃의 글" not in page
    assert "secret-code" in page


def test_a_notice_without_a_code_gets_one(made, owner):
    for _ in range(2):
        assert owner.post("/notices/new/", sent(made, code="")).status_code == 302

    assert list(Notice.objects.order_by("pk").values_list("code", flat=True)) == ["notice-1", "notice-2"]


def test_drafts_are_thrown_away_and_notices_retired(made, owner):
    standing = make.notice(made.actor, made.top)
    owner.post("/notices/new/", sent(made))
    draft = Notice.objects.get(state=NoticeState.DRAFT)

    owner.post(f"/notices/{draft.public_id}/retire/")
    owner.post(f"/notices/{standing.public_id}/retire/")

    assert list(Notice.objects.values_list("public_id", "state")) == [(standing.public_id, "retired")]


def paths(public_id: UUID) -> list[tuple[str, str]]:
    inside = f"/notices/{public_id}/"
    posts = [("post", f"{inside}{verb}/") for verb in ("publish", "retire", "next", "edit")]
    return [("get", inside), ("get", f"{inside}edit/"), *posts]


def test_another_organisations_notice_looks_like_none(made, owner):
    other = tree.organisation()
    theirs = make.notice(other.actor, other.top, title="남의 고지문 표지")
    missing = UUID(int=0)

    for (method, path), (_, nowhere) in zip(paths(theirs.public_id), paths(missing), strict=True):
        found, none = getattr(owner, method)(path), getattr(owner, method)(nowhere)
        assert (found.status_code, found.content) == (404, none.content)
    assert "남의 고지문 표지" not in owner.get("/notices/").content.decode()
    assert Notice.objects.get().state == NoticeState.PUBLISHED


@pytest.mark.parametrize("role", [Role.WRITER, Role.BLIND_SENDER, Role.VIEWER, Role.PRIVACY_OFFICER])
def test_roles_without_the_act_get_403(made, role):
    notice = make.notice(made.actor, made.top)
    client = signed_in(tree.lent(made, made.top, role=role).user)

    codes = {
        getattr(client, method)(path).status_code for method, path in [*paths(notice.public_id), ("get", "/notices/")]
    }

    assert codes == {403}


def test_a_lower_units_operator_does_not_touch_the_centres(made):
    notice = make.notice(made.actor, made.top)
    own = make.notice(made.actor, made.units[1], ConsentPurpose.ADVERTISING, media=(ConsentMedium.SMS,))
    client = signed_in(tree.lent(made, made.units[1]).user)

    assert {getattr(client, method)(path).status_code for method, path in paths(notice.public_id)} == {404}
    assert client.get(f"/notices/{own.public_id}/").status_code == 200


def test_visitors_are_sent_to_sign_in():
    assert Client().get("/notices/").status_code == 302
