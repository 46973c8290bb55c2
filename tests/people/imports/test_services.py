"""A messy list becomes people, can be taken back, and survives being cut off; nothing of it stands in plain text (F2, X1)."""

import threading
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from majung.core import clock
from majung.core.errors import Conflict, Forbidden, Invalid, NotYours
from majung.people import vault
from majung.people.enums import Basis
from majung.people.imports import digest, reader, services, staging, store
from majung.people.imports.models import ImportFile, ImportState
from majung.people.models import Person
from majung.people.vault import sealer
from majung.tree.enums import Role
from tests.make import people as make_people
from tests.make import tree as make

pytestmark = pytest.mark.django_db

LIST = (
    "성명,휴대폰 번호,생년월일,성별,분류\r\n"
    "홍길동,+82 10-0123-4567,1980.1.2,남,봉사\r\n"
    "성춘향,０１０ ０１２３ ４５６８,80년 3월 4일,여,\r\n"
    "이몽룡,02-123-4567,1981-01-01,남,\r\n"
    "변학도,01001234570,어제,남,\r\n"
    "홍길동,01001234567,,,\r\n"
).encode("cp949")


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "MEDIA_ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def organised() -> make.Organised:
    return make.organisation(depth=2)


def uploaded(o: make.Organised, body: bytes = LIST, *, actor: Any = None, unit: Any = None) -> ImportFile:
    return services.upload(actor or o.actor, unit or o.top, "명단.csv", [body])


def begin(o: make.Organised, source: ImportFile, **changes: Any) -> None:
    values: dict[str, Any] = {
        "columns": source.columns, "ground": Basis.MEMBERSHIP, "notice_ids": (), "media": (), "are_members": False,
        "evidence": "", "obtained_on": None,
    }  # fmt: skip
    services.begin(o.actor, source, **{**values, **changes})


def dry_run(o: make.Organised, body: bytes = LIST) -> ImportFile:
    source = uploaded(o, body)
    begin(o, source)
    services.read(source.pk)
    source.refresh_from_db()
    return source


def applied(o: make.Organised, body: bytes = LIST) -> ImportFile:
    source = dry_run(o, body)
    services.confirm(o.actor, source)
    services.apply(source.pk)
    source.refresh_from_db()
    return source


@pytest.mark.product("F2")
def test_dry_run_counts_and_changes_nobody(organised: make.Organised) -> None:
    source = dry_run(organised)

    assert source.state == ImportState.READY
    assert (source.total_rows, source.new_rows, source.merged_rows) == (5, 2, 0)
    assert (source.duplicate_rows, source.problem_rows) == (1, 2)
    assert dict(services.problem_counts(source)).keys() == {
        "유선전화 번호입니다. 휴대전화 번호가 필요합니다.", "생년월일을 읽을 수 없습니다.",
        "이 파일에 같은 사람이 먼저 나왔습니다.",
    }  # fmt: skip
    assert not Person.objects.exists()


@pytest.mark.product("F2")
def test_apply_adds_people_and_undo_takes_them_back(organised: make.Organised) -> None:
    source = applied(organised)
    assert (source.state, source.applied_rows) == (ImportState.DONE, 2)
    assert set(Person.objects.values_list("birth_ym", "gender", "basis")) == {(198001, 1, 4), (198003, 2, 4)}

    services.undo(organised.actor, source)
    services.take_back(source.pk)
    source.refresh_from_db()
    assert source.state == ImportState.UNDONE
    assert not Person.objects.exclude(state=3).exists()


def test_known_person_is_filled_in_and_emptied_again(organised: make.Organised) -> None:
    known = make_people.person(unit=organised.top, name="홍길동", mobile="01001234567", gender=0, birth_ym=None)
    source = applied(organised)
    assert (source.new_rows, source.merged_rows) == (1, 1)
    assert Person.objects.get(pk=known).birth_ym == 198001

    services.undo(organised.actor, source)
    services.take_back(source.pk)
    person = Person.objects.get(pk=known)
    assert (person.birth_ym, person.gender, person.state) == (None, 0, 1)


MAILS = (
    "이름,휴대폰,E-mail\r\n"
    "홍길동,010-0123-4567,Hong@Mail.EXAMPLE\r\n"
    "성춘향,,spring@우체국.example\r\n"
    "성춘향,,SPRING@우체국.example\r\n"
    "이몽룡,,spring@우체국.example\r\n"
    "변학도,010-0123-4570,hak do@mail.example\r\n"
    "임꺽정,010-0123-4571,없음\r\n"
    "무명씨,,-\r\n"
).encode()


def contacts(person: int) -> dict[str, str]:
    """What can be opened of somebody, as the vault opens it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, sealed FROM contact_point WHERE person_id = %s ORDER BY kind", [person])
        fields: dict[int, vault.Field] = {1: "mobile", 3: "email"}
        root = Person.objects.get(pk=person).root_id
        return {
            fields[kind]: sealer().open(vault.place(root, fields[kind]), person, bytes(sealed))
            for kind, sealed in cursor.fetchall()
        }


@pytest.mark.product("F2")
def test_addresses_come_with_a_list_and_are_found(organised: make.Organised) -> None:
    source = applied(organised, MAILS)

    assert (source.total_rows, source.new_rows, source.duplicate_rows, source.problem_rows) == (7, 4, 1, 2)
    told = {row: problems for row, problems, _ in staging.problem_rows(source, after=0, limit=10)}
    assert told == {4: ["duplicate"], 6: ["bad_email"], 8: ["no_contact"]}
    [hong] = vault.find(organised.actor, "hong@mail.example")
    assert contacts(hong) == {"mobile": "01001234567", "email": "Hong@mail.example"}
    spring, dream = vault.find(organised.actor, "Spring@우체국.example")
    assert contacts(spring) == contacts(dream) == {"email": "spring@" + "우체국".encode("idna").decode() + ".example"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT person_id, holders FROM contact_claim WHERE kind = 3")
        assert cursor.fetchall() == [(spring, 2)]


@pytest.mark.product("F2")
def test_the_same_list_of_addresses_adds_nobody_twice(organised: make.Organised) -> None:
    applied(organised, MAILS)
    again = applied(organised, MAILS)
    assert (again.new_rows, again.merged_rows, again.applied_rows) == (0, 4, 4)
    assert Person.objects.count() == 4


@pytest.mark.product("F2")
def test_an_address_is_filled_in_and_taken_back_but_never_changed(organised: make.Organised) -> None:
    lacks = make_people.person(unit=organised.top, name="홍길동", mobile="01001234567")
    has = make_people.person(unit=organised.top, name="임꺽정", mobile="01001234571", email="before@mail.example")
    body = "이름,휴대폰,메일\n홍길동,01001234567,hong@mail.example\n임꺽정,01001234571,other@mail.example\n"
    source = applied(organised, body.encode())
    assert (contacts(lacks)["email"], contacts(has)["email"]) == ("hong@mail.example", "before@mail.example")

    services.undo(organised.actor, source)
    services.take_back(source.pk)
    assert contacts(lacks) == {"mobile": "01001234567"}
    assert contacts(has)["email"] == "before@mail.example"


@pytest.mark.product("F2", "X1")
def test_an_address_stands_nowhere_in_plain_text(organised: make.Organised, media: Path) -> None:
    source = dry_run(organised, MAILS)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(b::text, '') || (SELECT string_agg(r::text, '') FROM import_row r) FROM import_block b"
        )
        [(staged,)] = cursor.fetchall()
    services.confirm(organised.actor, source)
    services.apply(source.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(c::text, '') || (SELECT string_agg(b::text, '') FROM import_block b) FROM contact_point c"
        )
        [(kept,)] = cursor.fetchall()
        cursor.execute("SELECT num_nonnulls(numbers, names, mails) FROM import_block")
        assert cursor.fetchall() == [(0,)]
    for secret in ("mail.example", "Hong", "spring", "xn--"):
        assert secret not in staged
        assert secret not in kept
        assert secret.encode().hex() not in staged + kept


def test_import_does_not_tell_who_is_in_a_sister_unit(organised: make.Organised) -> None:
    first, sister = organised.children(organised.top)[:2]
    make_people.person(unit=sister, name="홍길동", mobile="01001234567")
    operator = make.lent(organised, first)
    source = uploaded(organised, actor=operator, unit=first)
    services.begin(
        operator, source, columns=source.columns, ground=Basis.MEMBERSHIP, notice_ids=(), media=(), are_members=False,
        evidence="", obtained_on=None,
    )  # fmt: skip
    services.read(source.pk)
    source.refresh_from_db()
    assert (source.new_rows, source.merged_rows) == (2, 0)


@pytest.mark.product("F2")
def test_a_medium_without_a_notice_says_what_is_missing(organised: make.Organised) -> None:
    source = uploaded(organised)
    with pytest.raises(Invalid, match="고지문도 골라 주세요"):
        services.begin(
            organised.actor, source, columns=source.columns, ground=Basis.MEMBERSHIP, notice_ids=(), media=("KAKAO_BRAND",),
            are_members=False, evidence="", obtained_on=None,
        )  # fmt: skip


@pytest.mark.product("F2")
def test_cut_off_in_mid_file_goes_on_without_loss_or_repeat(
    organised: make.Organised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "BLOCK", 10)
    body = "이름,전화\n" + "".join(f"사람{i},0100200{i:04d}\n" for i in range(57))
    source = uploaded(organised, body.encode())
    begin(organised, source)
    real, batches = staging._stage, []

    def dies(*arguments: Any) -> Any:
        batches.append(1)
        if len(batches) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(staging, "_stage", dies)
    with pytest.raises(KeyboardInterrupt):
        services.read(source.pk)
    services.read(source.pk)
    source.refresh_from_db()
    assert (source.total_rows, source.new_rows) == (57, 57)

    services.confirm(organised.actor, source)
    add, calls = services.people.add_columns, []

    def dies_too(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return add(*arguments)

    monkeypatch.setattr(services.people, "add_columns", dies_too)
    with pytest.raises(KeyboardInterrupt):
        services.apply(source.pk)
    assert Person.objects.count() == 30
    services.apply(source.pk)
    assert Person.objects.count() == 57


@pytest.mark.product("F2")
@pytest.mark.django_db(transaction=True)
def test_a_long_list_is_read_by_helpers_and_applied_side_by_side(
    organised: make.Organised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "HELPED_BYTES", 0)
    monkeypatch.setattr(staging, "BLOCK", 7)
    rows = [f"사람{i},0100200{i:04d}\n" for i in range(60)]
    rows[20], rows[41] = "무명,없음\n", rows[3]
    source = applied(organised, ("이름,전화\n" + "".join(rows)).encode())

    told = (source.state, source.total_rows, source.applied_rows, source.duplicate_rows, source.problem_rows)
    assert told == (ImportState.DONE, 60, 58, 1, 1)
    assert Person.objects.count() == 58
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_row FROM import_block WHERE import_id = %s ORDER BY last_row", [source.pk])
        assert [row for (row,) in cursor.fetchall()] == [8, 15, 21, 29, 36, 43, 50, 57, 61]


def test_a_kept_list_is_read_from_any_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BLOCK", 16)
    content = bytes(range(250))
    name, size = store.keep(sealer(), 1, [content[:3], content[3:100], content[100:]])
    assert size == 250

    with store.opener(sealer(), 1, name)() as file:
        assert file.read() == content
        for at, length in ((0, 5), (15, 2), (16, 16), (31, 40), (248, 9), (250, 1)):
            file.seek(at)
            assert file.read(length) == content[at : at + length]
        assert file.seek(0, 2) == 250


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["read", "apply", "take_back"])
def test_a_step_that_runs_twice_at_once_is_done_once(
    organised: make.Organised, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A worker that was only slow goes on beside the one that was given its job."""
    monkeypatch.setattr(staging, "BLOCK", 5)
    source = uploaded(organised, ("이름,전화\n" + "".join(f"사람{i},0100200{i:04d}\n" for i in range(40))).encode())
    begin(organised, source)
    confirm, undo = services.confirm, services.undo
    for before, verb in (("read", confirm), ("apply", undo), ("take_back", undo)):
        if before == step:
            break
        getattr(services, before)(source.pk)
        verb(organised.actor, source)

    start, failures = threading.Barrier(2), []

    def work() -> None:
        try:
            start.wait()
            getattr(services, step)(source.pk)
        except Exception as error:  # noqa: BLE001  told below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    source.refresh_from_db()
    states = {"read": ImportState.READY, "apply": ImportState.DONE, "take_back": ImportState.UNDONE}
    assert (failures, source.state) == ([], states[step])
    assert (source.total_rows, source.new_rows, source.applied_rows) == (40, 40, 0 if step == "read" else 40)
    assert Person.objects.count() == (0 if step == "read" else 40)
    assert not Person.objects.exclude(state=3 if step == "take_back" else 1).exists()


def test_a_reader_that_comes_late_changes_nothing(organised: make.Organised, monkeypatch: pytest.MonkeyPatch) -> None:
    """It read on while another finished, and the operator confirmed: neither the state nor the place is taken back."""
    source = uploaded(organised)
    begin(organised, source)

    def confirmed_meanwhile(batch: Any, size: int) -> Any:
        monkeypatch.setattr(staging, "islice", islice)
        services.read(source.pk)
        services.confirm(organised.actor, source)
        return islice(batch, size)

    monkeypatch.setattr(staging, "islice", confirmed_meanwhile)
    services.read(source.pk)

    source.refresh_from_db()
    assert (source.state, source.next_row) == (ImportState.APPLYING, 0)


@pytest.mark.product("X1")
def test_no_copy_of_a_person_stays_in_the_list_they_came_by(organised: make.Organised) -> None:
    source = applied(organised)

    left = _rows(source)

    assert left == [(6, 0, [4, 4, 3]), (4, 1, ["landline"]), (5, 1, ["bad_birth"]), (6, 1, ["duplicate"])]


def _rows(source: ImportFile) -> list[tuple[int, int, Any]]:
    """Of blocks and of rows with problems: row, copies of what the file said, and what became of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT last_row, sign(length(sealed)) + num_nonnulls(numbers, names, mails), states FROM import_block
                WHERE import_id = %s ORDER BY last_row""",
            [source.pk],
        )
        blocks = cursor.fetchall()
        cursor.execute(
            "SELECT row, sign(length(sealed)), problems FROM import_row WHERE import_id = %s ORDER BY row", [source.pk]
        )
        return blocks + cursor.fetchall()


@pytest.mark.product("F2", "X1")
@pytest.mark.django_db(transaction=True)
def test_what_became_nobody_goes_after_its_time(organised: make.Organised, media: Path) -> None:
    done, idle, fresh = applied(organised), dry_run(organised), uploaded(organised)
    ImportFile.objects.filter(pk=idle.pk).update(uploaded_at=clock.now() - timedelta(days=31))
    ImportFile.objects.filter(pk=done.pk).update(finished_at=clock.now() - timedelta(days=31))

    assert services.expire(clock.now() - timedelta(days=30)) == 1

    states = dict(ImportFile.objects.values_list("pk", "state"))
    assert states == {done.pk: "done", idle.pk: "discarded", fresh.pk: "uploaded"}
    assert [states for _, _, states in _rows(done)] == [[4, 4, 3]]
    assert _rows(idle) == []
    assert [path.name for path in (media / "imports").iterdir()] == [fresh.stored_as]


@pytest.mark.product("X1")
def test_nothing_of_a_list_stands_in_plain_text(organised: make.Organised, media: Path) -> None:
    dry_run(organised)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(r::text, E'\\n') || string_agg(b::text, E'\\n') FROM import_row r, import_block b"
        )
        [(dump,)] = cursor.fetchall()
        cursor.execute("SELECT string_agg(args::text, ' ') FROM procrastinate_jobs")
        [(arguments,)] = cursor.fetchall()
    disk = b"".join(path.read_bytes() for path in media.rglob("*") if path.is_file())
    assert disk
    for secret in ("홍길동", "성춘향", "0123-4567", "01001234567", "1980.1.2"):
        assert secret not in dump
        assert secret not in arguments
        assert secret.encode() not in disk
        assert secret.encode("cp949") not in disk


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": ["name", "nonsense", "", "", ""]},
        {"columns": ["name"]},
        {"columns": ["name", "", "", "", ""]},
        {"columns": ["mobile", "mobile", "", "", ""]},
        {"ground": Basis.CONSENT},
        {"obtained_on": date(2999, 1, 1)},
    ],
)
def test_unusable_choices_are_refused(organised: make.Organised, changes: dict[str, Any]) -> None:
    source = uploaded(organised)
    with pytest.raises(Invalid):
        begin(organised, source, **changes)
    source.refresh_from_db()
    assert source.state == ImportState.UPLOADED


def test_mapping_is_remembered_by_header(organised: make.Organised) -> None:
    source = uploaded(organised)
    begin(organised, source, columns=["name", "mobile", "", "", ""])
    assert uploaded(organised).columns == ["name", "mobile", "", "", ""]


def test_large_file_leaves_nothing_behind(
    organised: make.Organised, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "IMPORT_MAX_BYTES", 3 * 2**20)

    def endless() -> Any:
        while True:
            yield b"x" * 2**20

    with pytest.raises(store.FileTooLarge):
        services.upload(organised.actor, organised.top, "큰 파일.csv", endless())
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_unreadable_file_leaves_nothing_behind(organised: make.Organised, media: Path) -> None:
    with pytest.raises(reader.Unreadable):
        uploaded(organised, b"PK\x03\x04 torn")
    assert not [path for path in media.rglob("*") if path.is_file()]
    assert not ImportFile.objects.exists()


def test_steps_out_of_order_are_refused(organised: make.Organised) -> None:
    source = uploaded(organised)
    with pytest.raises(Conflict):
        services.confirm(organised.actor, source)
    with pytest.raises(Conflict):
        services.undo(organised.actor, source)
    services.discard(organised.actor, source)
    with pytest.raises(Conflict):
        begin(organised, source)


def test_only_who_was_lent_importing_imports(organised: make.Organised) -> None:
    first, sister = organised.children(organised.top)[:2]
    operator = make.lent(organised, first)
    with pytest.raises(NotYours):
        uploaded(organised, actor=operator, unit=sister)
    with pytest.raises(Forbidden):
        uploaded(organised, actor=make.lent(organised, first, role=Role.VIEWER), unit=first)
