"""The vault opens only for whom revealing was lent, and never without a line in the log before (X1, X2)."""

import threading
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from majung.core import db
from majung.core.errors import Forbidden, Invalid, NotYours
from majung.core.sealing import Unreadable
from majung.people import services, vault
from majung.people.models import AccessEntry
from majung.tree.enums import Role
from tests.make import people as make_people
from tests.make import tree
from tests.make.database import second_connection
from tests.people.conftest import Place

WHY = "본인 요청에 답하기: 열람 청구"


def reveal(place: Place, person: int, **changes: Any) -> dict[str, str]:
    values = {"fields": ["name", "mobile"], "why": WHY, "address": "192.0.2.7", **changes}
    return vault.reveal(values.pop("actor", place.operator), person, **values)


def entries(root: int, what: str) -> list[AccessEntry]:
    return list(AccessEntry.objects.filter(root_id=root, what__startswith=what).order_by("id"))


@pytest.mark.product("X1", "X2")
def test_reveal_opens_and_logs_who_whom_what_why_and_where(place: Place) -> None:
    assert reveal(place, place.own) == {"name": "가람이", "mobile": "01011112222"}
    [entry] = entries(place.root, "people.reveal")
    assert (entry.actor_kind, entry.actor_id, entry.person_id) == ("user", place.operator.number, place.own)
    assert (entry.what, entry.why, entry.address) == ("people.reveal:name,mobile", WHY, "192.0.2.7")
    assert entry.unit_id == place.branch.pk


def test_reveal_reaches_below_and_not_beside(place: Place) -> None:
    assert reveal(place, place.below)["name"] == "나루이"
    for person in (place.sister, place.top, place.foreign, place.homeless, 2**31 - 1, 2**40, 0, -1):
        with pytest.raises(NotYours):
            reveal(place, person)
    assert len(entries(place.root, "people.reveal")) == 1


def test_reveal_needs_the_right_even_in_sight(place: Place) -> None:
    with pytest.raises(Forbidden):
        reveal(place, place.own, actor=place.lent(Role.WRITER))
    for role in (Role.BLIND_SENDER, Role.VIEWER):
        with pytest.raises(NotYours):
            reveal(place, place.own, actor=place.lent(role))
    with pytest.raises(NotYours):
        reveal(place, place.below, actor=place.lent(Role.OPERATOR, subtree=False))
    assert entries(place.root, "people.reveal") == []


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        ("", "까닭을 적어"),
        ("   ", "까닭을 적어"),
        ("가" * 201, "200자까지"),
        ("전화 010-1234-5678 확인", "전화번호"),
        ("가람이 님 요청", "이름을 적지"),
        ("가 람 이 확인", "이름을 적지"),
    ],
)
def test_a_reason_is_a_reason_and_names_nobody(place: Place, why: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        reveal(place, place.own, why=why)
    assert entries(place.root, "people.reveal") == []


@pytest.mark.parametrize("fields", [[], ["salt"], ["name", "hash"]])
def test_only_known_fields_are_opened(place: Place, fields: list[str]) -> None:
    with pytest.raises(Invalid):
        reveal(place, place.own, fields=fields)


def test_opening_without_its_log_line_is_impossible(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log cannot be written, nothing is opened; and what cannot be opened leaves no line."""
    opened: list[Any] = []
    inner = vault._open
    monkeypatch.setattr(vault, "_open", lambda *a: opened.append(a) or inner(*a))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE access_log ADD CONSTRAINT shut CHECK (what NOT LIKE 'people.reveal%%') NOT VALID")
    with pytest.raises(psycopg.errors.CheckViolation), transaction.atomic():
        reveal(place, place.own)
    assert opened == []


def test_masked_people_follow_one_pattern_and_are_counted_in_the_log(place: Place) -> None:
    shown = vault.masked(place.operator, [place.own, place.below])
    assert (shown[place.own].name, shown[place.own].mobile, shown[place.own].email) == ("가*이", "010-****-2222", "–")
    [entry] = entries(place.root, "people.list")
    assert (entry.n, entry.person_id) == (2, None)


@pytest.mark.parametrize(
    "text", ["010-1111-2222", "+82 10 1111 2222", "０１０１１１１２２２２", " 가람이 ", "가 람 이"]
)
def test_find_by_number_or_whole_name_in_any_spelling(place: Place, text: str) -> None:
    assert vault.find(place.operator, text) == [place.own]
    [entry] = entries(place.root, "people.find")
    assert (entry.n, entry.person_id, entry.why) == (1, place.own, "")


@pytest.mark.parametrize(
    "text", ["010-3333-4444", "010-5555-6666", "다래이", "마루이", "가람", "가", "", "%", "가람이%", "x@y.example"]
)
def test_find_shows_nobody_out_of_sight(place: Place, text: str) -> None:
    assert vault.find(place.operator, text) == []
    assert vault.find_by_phone(place.operator, text) is None
    assert [entry.n for entry in entries(place.root, "people.find")] == [0, 0]


def test_namesakes_elsewhere_hide_nobody_in_sight(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a million people one name is borne by thousands; those out of sight come first by number."""
    monkeypatch.setattr(vault, "MOST_FOUND", 2)
    elsewhere = [make_people.person(unit=place.sister_branch, name="민서준") for _ in range(3)]
    mine = [make_people.person(unit=place.branch, name="민서준") for _ in range(3)]

    assert elsewhere < mine
    assert vault.find(place.operator, "민서준") == mine[:2]
    [entry] = entries(place.root, "people.find")
    assert entry.n == 2


def test_blind_indexes_differ_between_roots_and_fields(place: Place) -> None:
    digits = "01011112222"
    assert len({vault.blind(root, field, digits) for root in (1, 2) for field in ("mobile", "landline", "name")}) == 6


# ── the chain ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.product("X2")
@pytest.mark.parametrize("table", ["access_log", "access_link"])
def test_access_log_refuses_change(place: Place, table: str) -> None:
    assert vault.broken(place.root) == []
    for statement in ("UPDATE {} SET root_id = root_id", "DELETE FROM {}"):
        with pytest.raises(DatabaseError, match="only grows"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.format(table))


THIRD = "id = (SELECT entry_id FROM access_link WHERE root_id = %(root)s AND seq = 3)"


@pytest.mark.product("X2")
@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (f"UPDATE access_log SET why = 'nothing' WHERE {THIRD}", [(3, "changed")]),
        (f"UPDATE access_log SET at = at + interval '1 microsecond' WHERE {THIRD}", [(3, "changed")]),
        (f"UPDATE access_log SET n = 0, actor_id = NULL WHERE {THIRD}", [(3, "changed")]),
        (f"DELETE FROM access_log WHERE {THIRD}", [(3, "missing")]),
        ("DELETE FROM access_link WHERE root_id = %(root)s AND seq = 3", [(4, "missing"), (0, "unlinked")]),
        ("DELETE FROM access_link WHERE root_id = %(root)s AND seq = 9", [(9, "shortened"), (0, "unlinked")]),
        (
            "UPDATE access_link SET hash = sha256('x') WHERE root_id = %(root)s AND seq = 3",
            [(3, "changed"), (4, "cut")],
        ),
        (
            "UPDATE access_link SET hash = sha256('x') WHERE root_id = %(root)s AND seq = 9",
            [(9, "changed"), (9, "shortened")],
        ),
    ],
)
def test_tampering_with_the_log_shows(place: Place, tamper: str, expected: list[tuple[int, str]]) -> None:
    while AccessEntry.objects.filter(root_id=place.root).count() < 9:
        vault.log(place.operator, "people.test")
    assert vault.broken(place.root) == []
    with connection.cursor() as cursor:
        for table in ("access_log", "access_link"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
        cursor.execute(tamper, {"root": place.root})
    found = vault.broken(place.root)
    assert sorted((0 if problem == "unlinked" else seq, problem) for seq, problem in found) == sorted(expected)


LOG = "INSERT INTO access_log (root_id, at, actor_kind, what, why, address) VALUES (%s, now(), 'system', %s, '', '')"


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_leave_one_whole_chain() -> None:
    made = tree.organisation()
    start = threading.Barrier(4)

    def write() -> None:
        with second_connection() as other:
            start.wait()
            for number in range(25):
                other.execute(LOG, [made.root.pk, "people.test"])
                (other.rollback if number % 5 == 3 else other.commit)()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert AccessEntry.objects.filter(root_id=made.root.pk).count() == 80
    assert vault.broken(made.root.pk) == []


@pytest.mark.django_db(transaction=True)
def test_a_long_transaction_that_has_logged_makes_nobody_wait() -> None:
    made = tree.organisation()
    with second_connection() as long, second_connection() as frozen, second_connection() as short:
        frozen.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        frozen.execute(LOG, [made.root.pk, "delivery"])
        long.execute(LOG, [made.root.pk, "people.first"])
        short.execute("SET lock_timeout = '500ms'")
        short.execute(LOG, [made.root.pk, "people.second"])
        short.commit()
        frozen.commit()
        assert vault.broken(made.root.pk) == []
        long.commit()
    linked = AccessEntry.objects.raw(
        "SELECT l.* FROM access_log l JOIN access_link k ON k.entry_id = l.id WHERE k.root_id = %s ORDER BY k.seq",
        [made.root.pk],
    )
    assert [entry.what for entry in linked] == ["people.second", "delivery", "people.first"]
    assert vault.broken(made.root.pk) == []


# ── the person's own key ─────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=st.text(max_size=100))
def test_a_mark_is_the_same_for_the_same_value_of_one_person_at_one_place(place: Place, value: str) -> None:
    mark = vault.mark(place.root, place.own, "consent_entry/address", value)

    assert mark == vault.mark(place.root, place.own, "consent_entry/address", value)
    assert len(mark) == 32
    assert mark not in {
        vault.mark(place.root, place.below, "consent_entry/address", value),
        vault.mark(place.root, place.own, "consent_entry/browser", value),
        vault.mark(place.root, place.own, "consent_entry/address", f"{value}x"),
    }
    with pytest.raises(Unreadable):
        vault.mark(place.root + 1, place.own, "consent_entry/address", value)


@pytest.mark.product("X1")
def test_erasing_destroys_the_key_of_every_mark(place: Place) -> None:
    services.erase(place.operator, [place.own], why="동의 철회")

    with pytest.raises(Unreadable, match="destroyed"):
        vault.mark(place.root, place.own, "consent_entry/address", "192.0.2.7")
    assert psycopg.Cursor(db.raw()).execute(
        "SELECT count(*) FROM contact_point WHERE person_id = %s", [place.own]
    ).fetchall() == [(0,)]
