"""Kakao's channel webhook: who may knock, what is taken, what a repeat and old news do."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from psycopg import OperationalError

from majung.activity.models import Duty
from majung.channels import identities, inbox
from majung.channels.friends import FriendState
from majung.channels.models import Channel, Friendship, KakaoApp
from majung.core import clock
from majung.core.db import raw
from majung.core.sealing import sealer_at
from majung.ingest import http, writer
from majung.ingest.folder import Folder
from majung.people.models import Person
from tests.ingest import wire
from tests.ingest.conftest import ADMIN_KEY, Scene, database
from tests.make import channels as make
from tests.make import tree

pytestmark = [pytest.mark.product("F1"), pytest.mark.django_db(transaction=True)]

NOON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def body(scene: Scene, **fields: Any) -> bytes:
    given = {
        "event": "added", "id": "1000000001", "id_type": "app_user_id", "channel_public_id": scene.near.profile_id,
        "channel_uuid": scene.near.search_id, "updated_at": NOON.isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    return json.dumps(given | fields).encode()


def knock(scene: Scene, content: bytes, *, key: str = f"KakaoAK {ADMIN_KEY}", path: str = "", **rest: Any) -> int:
    status = wire.post(scene.port, path or scene.path, content, authorization=key, **rest)
    scene.fold()
    return status


def rows(query: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return list(cursor.fetchall())


def identity(scene: Scene, key: str, id_type: str = "app_user_id") -> int | None:
    space = identities.space(scene.app.pk, id_type)
    blind = identities.blind(sealer_at(settings.VAULT_KEY), scene.made.root.pk, space, key)
    found = rows(
        "SELECT person_id FROM external_identity WHERE root_id = %s AND app = %s AND blind = %s",
        scene.made.root.pk, space, blind,
    )  # fmt: skip
    return found[0][0] if found else None


def test_an_unknown_id_becomes_somebody_known_only_by_it(scene: Scene) -> None:
    assert knock(scene, body(scene)) == 200

    person = Person.objects.get()
    assert identity(scene, "1000000001") == person.pk
    assert (person.root_id, person.entity_id, person.basis, person.name_sealed) == (
        scene.made.root.pk, scene.app.entity_id, 0, None,
    )  # fmt: skip
    seen = Friendship.objects.get()
    assert (seen.person_id, seen.channel_id, seen.state, seen.seen_at) == (
        person.pk,
        scene.near.pk,
        FriendState.ADDED,
        NOON,
    )
    assert Channel.objects.get(pk=scene.near.pk).heard_at and KakaoApp.objects.get().heard_at
    assert rows("SELECT kind, person_id, object_id, unit_id FROM activity WHERE kind LIKE 'channels.added'") == [
        ("channels.added", person.pk, scene.near.pk, scene.near.unit_id)
    ]
    assert [
        r[0] for r in rows("SELECT people FROM crowd_change WHERE family = 'friend' AND subject = %s", scene.near.pk)
    ] == [[person.pk]]


def test_the_same_person_is_found_again_on_another_channel(scene: Scene) -> None:
    knock(scene, body(scene))
    knock(scene, body(scene, channel_public_id=scene.wide.profile_id, channel_uuid=scene.wide.search_id))

    assert Person.objects.count() == 1
    assert set(Friendship.objects.values_list("channel_id", flat=True)) == {scene.near.pk, scene.wide.pk}


def test_an_open_id_is_an_id_space_of_its_own(scene: Scene) -> None:
    knock(scene, body(scene, id_type="open_id"))
    knock(scene, body(scene))

    assert Person.objects.count() == 2
    assert identity(scene, "1000000001", "open_id") != identity(scene, "1000000001")


def test_old_names_of_fields_are_read(scene: Scene) -> None:
    old = {
        "event": "blocked", "id": 1000000001, "plus_friend_public_id": scene.near.profile_id,
        "plus_friend_uuid": scene.near.search_id, "timestamp": int(NOON.timestamp() * 1000),
    }  # fmt: skip

    assert knock(scene, json.dumps(old).encode()) == 200

    seen = Friendship.objects.get()
    assert (seen.state, seen.seen_at) == (FriendState.BLOCKED, NOON)


def test_a_block_refuses_advertising_by_that_entity(scene: Scene) -> None:
    knock(scene, body(scene, event="blocked"))

    person = Person.objects.get().pk
    assert rows("SELECT person_id, entity_id, medium, path, since FROM refusal") == [
        (person, scene.near.unit.entity_id, "KAKAO_AD", "block", NOON)
    ]
    assert Duty.objects.get(kind="consent.result.refused").people == [person]


def test_a_replay_changes_nothing(scene: Scene) -> None:
    content = body(scene, event="blocked")
    first = knock(scene, content, x_kakao_resource_id="r-1")
    before = rows("SELECT count(*), max(xid::text::bigint) FROM crowd_change")

    again = [knock(scene, content, x_kakao_resource_id="r-1") for _ in range(3)]

    assert [first, *again] == [200] * 4
    assert rows("SELECT count(*), max(xid::text::bigint) FROM crowd_change") == before
    assert rows("SELECT count(*) FROM activity WHERE kind = 'channels.blocked'") == [(1,)]
    assert rows("SELECT count(*) FROM refusal_entry") == [(1,)]


def test_one_resource_id_for_two_events_loses_neither(scene: Scene) -> None:
    """What the id names is not documented: a repeat is only what is equal in everything."""
    knock(scene, body(scene), x_kakao_resource_id="r-1")
    knock(scene, body(scene, event="blocked", updated_at="2026-03-02T04:00:00Z"), x_kakao_resource_id="r-1")

    assert Friendship.objects.get().state == FriendState.BLOCKED


def test_older_news_change_nothing(scene: Scene) -> None:
    knock(scene, body(scene, event="blocked"))
    knock(scene, body(scene, updated_at="2026-03-02T02:59:59Z"))

    seen = Friendship.objects.get()
    assert (seen.state, seen.seen_at) == (FriendState.BLOCKED, NOON)


def test_news_from_the_future_are_taken_as_now(scene: Scene) -> None:
    """Else one forged or broken moment would hide all later news."""
    knock(scene, body(scene, updated_at="2999-01-01T00:00:00Z"))

    assert Friendship.objects.get().seen_at < clock.now() + timedelta(minutes=1)


@pytest.mark.parametrize(
    "key", ["", "KakaoAK", "KakaoAK wrong", f"Bearer {ADMIN_KEY}", ADMIN_KEY, f"KakaoAK {ADMIN_KEY}x"]
)
def test_a_forged_key_is_refused_and_writes_nothing(scene: Scene, key: str) -> None:
    assert knock(scene, body(scene), key=key) == 401

    assert (Person.objects.count(), rows("SELECT count(*) FROM inbox")) == (0, [(0,)])


def test_the_key_of_another_organisation_opens_nothing(scene: Scene) -> None:
    other = tree.organisation()
    theirs = make.kakao_app(unit=other.top, admin_key="the-other-organisations-key")
    make.channel(unit=other.top, number=9, app=theirs)

    on_our_path = knock(scene, body(scene), key="KakaoAK the-other-organisations-key")
    ours_on_theirs = knock(
        scene, body(scene), key="KakaoAK the-other-organisations-key", path=f"/k/{theirs.path_token}"
    )

    assert on_our_path == 401
    assert ours_on_theirs == 200, "their app may speak, but our channel is not one of theirs"
    assert (Friendship.objects.count(), Person.objects.count()) == (0, 0)


def test_an_unknown_path_is_not_found(scene: Scene) -> None:
    assert knock(scene, body(scene), path="/k/unknown") == 404
    assert knock(scene, body(scene), path="/elsewhere") == 404
    assert knock(scene, body(scene), method="GET") == 405


def test_a_new_app_is_heard_without_a_restart(scene: Scene) -> None:
    assert knock(scene, body(scene)) == 200
    late = make.kakao_app(unit=scene.made.top, name="나중 앱", admin_key="another-admin-key")
    channel = make.channel(unit=scene.made.top, number=7, app=late)
    content = body(scene, channel_public_id=channel.profile_id, channel_uuid=channel.search_id)

    import time

    time.sleep(0.6)
    assert knock(scene, content, key="KakaoAK another-admin-key", path=f"/k/{late.path_token}") == 200

    assert Friendship.objects.filter(channel_id=channel.pk).exists()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe\x00", "가".encode("cp949"), b"[" * 50_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"event":"added"}', b'{"event":["added"],"id":"1","channel_public_id":"_ch1","updated_at":"2026-03-02T00:00:00Z"}',
        b'{"event":"added","id":"","channel_public_id":"_ch1","updated_at":"2026-03-02T00:00:00Z"}',
        b'{"event":"added","id":true,"channel_public_id":"_ch1","updated_at":"2026-03-02T00:00:00Z"}',
        b'{"event":"added","id":"1","channel_public_id":"_ch1","updated_at":"soon"}',
        b'{"event":"added","id":"1","channel_public_id":"_ch1","timestamp":1e400}',
        b'{"event":"added","id":"1","channel_public_id":"_ch1","timestamp":99999999999999999999}',
        b'{"event":"added","id":"1","id_type":"phone","channel_public_id":"_ch1","updated_at":"2026-03-02T00:00:00Z"}',
        b'{"event":"added","id":"1","channel_public_id":"_ch1\\u0000","updated_at":"2026-03-02T00:00:00Z"}',
        b'{"event":"added","id":"1","updated_at":"2026-03-02T00:00:00Z"}',
    ],
)  # fmt: skip
def test_nonsense_is_told_and_writes_nothing(scene: Scene, content: bytes) -> None:
    assert knock(scene, content) == 400

    assert rows("SELECT count(*) FROM inbox") == [(0,)]


def test_an_id_with_a_zero_byte_or_of_any_script_is_only_a_blind_index(scene: Scene) -> None:
    assert knock(scene, body(scene, id="홍길동\u0000")) == 200

    assert Person.objects.count() == 1


@pytest.mark.parametrize("chunks", [1, 50])
def test_a_huge_body_is_refused(scene: Scene, chunks: int) -> None:
    assert knock(scene, b"x" * 200_000, chunks=chunks) == 413


def test_a_body_that_never_ends_does_not_hold_its_place(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEAD_AND_BODY_SECONDS", 0.05)
    whole = wire.request(scene.path, body(scene), authorization=f"KakaoAK {ADMIN_KEY}")

    assert wire.say(scene.port, whole[:-3]) == [408]
    assert wire.say(scene.port, whole[:20]) == [408], "a head that never ends, too"
    assert knock(scene, body(scene)) == 200


def test_many_at_once_are_all_taken(scene: Scene) -> None:
    """Callers at the same moment share commits; each is answered after its own is durable."""
    with ThreadPoolExecutor(50) as pool:
        key = f"KakaoAK {ADMIN_KEY}"
        calls = [
            pool.submit(wire.post, scene.port, scene.path, body(scene, id=str(at % 150)), authorization=key)
            for at in range(200)
        ]
    assert {call.result() for call in calls} == {200}
    assert inbox.waiting(raw())[:2] == (200, 0)

    scene.fold()

    assert (Person.objects.count(), Friendship.objects.count()) == (150, 150)


def test_two_folders_make_one_person_of_one_id(scene: Scene) -> None:
    """Both claim the identity at once; the loser finds the winner's person."""
    key = f"KakaoAK {ADMIN_KEY}"
    for at in range(40):
        content = body(scene, updated_at=f"2026-03-02T00:00:{at:02d}Z")
        assert wire.post(scene.port, scene.path, content, authorization=key) == 200
    folders = [Folder(database(), sealer_at(settings.VAULT_KEY)) for _ in range(4)]
    for folder in folders:
        folder.most_rows = 1

    def fold(folder: Folder) -> None:
        while folder.step():
            pass
        folder.hands.connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fold, folders))

    assert (Person.objects.count(), Friendship.objects.count()) == (1, 1)
    assert Friendship.objects.get().seen_at == datetime(2026, 3, 2, 0, 0, 39, tzinfo=UTC)


def test_no_answer_200_without_a_commit(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the database refuses the write, the caller is told to come again, and nothing half-written stays."""
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.2)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE inbox ADD CONSTRAINT closed CHECK (n < 0)")
    try:
        assert knock(scene, body(scene)) == 503
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE inbox DROP CONSTRAINT closed")

    assert rows("SELECT count(*) FROM inbox") == [(0,)]
    assert knock(scene, body(scene)) == 200, "the same news is no repeat: it was never taken"
    assert Friendship.objects.count() == 1


def test_what_cannot_be_folded_is_set_aside_alone(scene: Scene) -> None:
    """One event whose person cannot be written keeps none of the others from being folded, and waits to be looked at."""
    key = f"KakaoAK {ADMIN_KEY}"
    content = [body(scene, id=str(at), updated_at=f"2026-03-02T00:00:{at:02d}Z") for at in range(20)]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE friendship ADD CONSTRAINT closed CHECK (seen_at <> '2026-03-02T00:00:07Z')")
    try:
        assert [wire.post(scene.port, scene.path, one, authorization=key) for one in content] == [200] * 20
        rows("WITH gone AS (DELETE FROM inbox RETURNING body) INSERT INTO inbox (kind, source, n, body)"
             " SELECT 1, 0, count(*), string_agg(body, '') FROM gone RETURNING seq")  # fmt: skip
        scene.fold()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE friendship DROP CONSTRAINT closed")

    assert Friendship.objects.count() == 19
    assert rows("SELECT kind, n, problem FROM inbox") == [(1, 1, "CheckViolation")]

    rows("UPDATE inbox SET problem = NULL RETURNING seq")
    scene.fold()
    assert Friendship.objects.count() == 20


def test_the_inlet_survives_a_lost_connection(scene: Scene) -> None:
    assert knock(scene, body(scene)) == 200
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    with pytest.raises(OperationalError):
        scene.folder.step()
    scene.folder.reconnect()

    assert knock(scene, body(scene, id="2")) == 200, "the writer had it written on a new connection"
    assert Friendship.objects.count() == 2


def test_healthz(scene: Scene) -> None:
    assert wire.post(scene.port, "/healthz", method="GET") == 200
