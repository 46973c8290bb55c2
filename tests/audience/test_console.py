"""The pages of segments: they work without script, count as one edits, and show nobody else's."""

import re
import uuid

import pytest
from django.test import Client

from majung.audience import builder, services
from majung.audience.criteria import Condition, Group
from majung.audience.models import Segment
from majung.tree.actor import Actor
from majung.tree.enums import Role
from tests.audience.conftest import World, channel
from tests.make import tree as make_tree

pytestmark = [pytest.mark.django_db, pytest.mark.product("M2", "T5")]

WOMEN = Group(parts=(Condition(field="gender", values=("2",)),))


def client_of(actor: Actor) -> Client:
    client = Client(raise_request_exception=True)
    assert actor.user is not None
    client.force_login(actor.user)
    return client


@pytest.fixture
def ours(world: World) -> Client:
    return client_of(world.ours.actor)


def form(group: Group, **more: str) -> dict[str, object]:
    return {**builder.inputs(group), **more}


def test_an_empty_list_says_what_to_do(ours: Client) -> None:
    page = ours.get("/segments/")

    assert page.status_code == 200
    assert "저장한 대상이 없습니다" in page.content.decode()
    assert "<c-" not in page.content.decode()


def test_the_list_asks_the_same_number_of_questions_for_one_and_three(
    world: World, ours: Client, django_assert_num_queries: object
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for names in (["하나"], ["둘", "셋"]):
        for name in names:
            services.save_segment(world.ours.actor, world.ours.top, name=name, group=WOMEN)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert ours.get("/segments/").status_code == 200
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_conditions_are_added_and_dropped_without_script(ours: Client) -> None:
    page = ours.post("/segments/new/", form(Group(), **{"do": "add:0", "add.0": "gender", "name": "여성"}))
    text = page.content.decode()
    assert page.status_code == 200
    assert 'name="c.0-0.field" value="gender"' in text
    assert "‘성별’에서 하나 이상 골라 주세요." in text
    assert 'value="여성"' in text

    page = ours.post("/segments/new/", form(WOMEN, do="group:0"))
    assert 'name="c.0-1.join"' in page.content.decode()

    page = ours.post("/segments/new/", form(WOMEN, do="drop:0-0"))
    assert "c.0-0.field" not in page.content.decode()


def test_saving_leads_back_to_the_list(world: World, ours: Client) -> None:
    kept = ours.post("/segments/new/", form(WOMEN, name="여성", unit=str(world.ours.units[1].public_id)))

    assert (kept.status_code, kept["Location"]) == (302, "/segments/")
    segment = Segment.objects.get()
    assert (segment.name, segment.unit_id) == ("여성", world.ours.units[1].pk)
    listed = ours.get("/segments/").content.decode()
    assert "성별 여" in listed
    changed = ours.post(f"/segments/{segment.public_id}/", form(Group(), name="모두"))
    assert changed.status_code == 302
    segment.refresh_from_db()
    assert segment.name == "모두"


def test_a_name_that_is_taken_is_told_on_the_form(world: World, ours: Client) -> None:
    services.save_segment(world.ours.actor, world.ours.top, name="여성", group=WOMEN)

    page = ours.post("/segments/new/", form(WOMEN, name="여성"))

    assert page.status_code == 422
    assert "이름의 대상이 이미 있습니다" in page.content.decode()
    assert 'name="c.0-0.value" value="2" checked' in page.content.decode()


def test_the_count_follows_as_one_edits(ours: Client) -> None:
    headers = {"HX-Request": "true", "HX-Target": "count"}

    part = ours.post("/segments/new/", form(WOMEN, do=""), headers=headers)

    text = part.content.decode()
    assert text.lstrip().startswith('<div id="count"')
    assert "30명" in text
    assert "<html" not in text


def test_a_blind_sender_sees_tens_on_the_page(world: World) -> None:
    blind = make_tree.lent(world.ours, world.ours.units[1], role=Role.BLIND_SENDER)

    text = client_of(blind).post("/segments/new/", form(WOMEN, do="")).content.decode()

    assert "30명 미만" in text
    assert "15명" not in text


def test_delete_can_be_undone(world: World, ours: Client) -> None:
    segment = services.save_segment(world.ours.actor, world.ours.top, name="여성", group=WOMEN)

    gone = ours.post(f"/segments/{segment.public_id}/delete/")
    offered = ours.get(gone["Location"]).content.decode()
    assert "되살리기" in offered
    assert ours.get(f"/segments/{segment.public_id}/").status_code == 404

    ours.post(f"/segments/{segment.public_id}/restore/")
    assert ours.get(f"/segments/{segment.public_id}/").status_code == 200
    ours.post(f"/segments/{segment.public_id}/copy/")
    assert "여성 사본" in ours.get("/segments/").content.decode()


PAGES = ("", "copy/", "delete/", "restore/")


@pytest.mark.parametrize("page", PAGES)
def test_foreign_sister_and_missing_answer_with_the_same_bytes(world: World, page: str) -> None:
    theirs = services.save_segment(world.theirs.actor, world.theirs.top, name="남의 비밀 대상", group=Group())
    sister = services.save_segment(world.ours.actor, world.ours.units[4], name="옆의 비밀 대상", group=Group())
    if page == "restore/":
        services.delete_segment(world.theirs.actor, theirs)
        services.delete_segment(world.ours.actor, sister)
    asker = client_of(make_tree.lent(world.ours, world.ours.units[3]))

    def bytes_of(public_id: uuid.UUID) -> tuple[int, bytes]:
        url = f"/segments/{public_id}/{page}"
        answer = asker.post(url) if page else asker.get(url)
        body = re.sub(rb"csrf[^>]*>|req-[0-9a-z]+|" + str(public_id).encode(), b"", answer.content)
        return answer.status_code, body

    missing = bytes_of(uuid.uuid4())
    assert missing[0] == 404
    assert bytes_of(theirs.public_id) == missing
    assert bytes_of(sister.public_id) == missing


def test_lists_and_choices_show_no_sister_or_stranger(world: World) -> None:
    services.save_segment(world.theirs.actor, world.theirs.top, name="남의 비밀 대상", group=Group())
    services.save_segment(world.ours.actor, world.ours.units[4], name="옆의 비밀 대상", group=Group())
    channel(world.ours.units[4], 31).__class__.objects.filter(profile_id="_a31").update(name="옆의 비밀 채널")
    channel(world.theirs.top, 32).__class__.objects.filter(profile_id="_a32").update(name="남의 비밀 채널")
    asker = client_of(make_tree.lent(world.ours, world.ours.units[3]))

    seen = asker.get("/segments/?q=비밀").content.decode() + asker.get("/segments/").content.decode()
    for field in ("friend_of", "home", "import"):
        seen += asker.post("/segments/new/", form(Group(), **{"do": "add:0", "add.0": field})).content.decode()

    assert "비밀 대상" not in seen
    assert "비밀 채널" not in seen
    assert world.ours.units[4].name not in seen


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PRIVACY_OFFICER])
def test_who_was_not_lent_segments_is_told_so(world: World, role: Role) -> None:
    asker = client_of(make_tree.lent(world.ours, world.ours.top, role=role))

    assert asker.get("/segments/").status_code == 403
    assert asker.post("/segments/new/", form(Group(), name="x")).status_code == 403


def test_a_visitor_is_asked_to_sign_in() -> None:
    assert Client().get("/segments/")["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize(
    "sent",
    [
        {"c.0.join": "xor"},
        {"c.0.join": "all", "c.0-0.field": "salary"},
        {"c.0.join": "all", "do": "add:7", "add.7": "gender"},
        {"c.0.join": "all", "do": "add:0", "add.0": "salary"},
        {"c.0.join": "all", "c.0-0.field": "gender", "c.0-0.value": "' OR 1=1"},
        {"c.0.join": "all", "c.0-0.field": "home", "c.0-0.value": str(uuid.uuid4())},
        {"c.0.join": "all", "unit": "nonsense"},
    ],
)
def test_hostile_forms_get_a_sentence(ours: Client, sent: dict[str, str]) -> None:
    answer = ours.post("/segments/new/", {"name": "x", **sent})

    assert answer.status_code in (404, 422)
    assert Segment.objects.count() == 0
