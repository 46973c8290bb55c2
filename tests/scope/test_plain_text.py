"""No telephone number, in any spelling, and no name stands in plain text in the database, files, logs or jobs (X1)."""

import base64
import io
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from psycopg import sql

from majung.activity import services as activity
from majung.campaigns.services import freezing
from majung.core import clock
from majung.core.db import raw
from majung.delivery.models import Dispatch
from majung.people import services as people
from majung.people.bulk import NewPerson
from majung.people.enums import Basis, MemberState
from majung.people.imports import services as imports
from majung.people.imports.models import ImportFile, ImportState
from majung.people.models import Person
from majung.tree.actor import system_actor
from majung.tree.enums import Role
from majung.tree.services import Offer, make_key
from tests.make import campaigns as make_campaigns
from tests.make.delivery import Party
from tests.scope.plain import Sought, mobiles, names

pytestmark = pytest.mark.product("X1", "X7")

NOON = datetime(2027, 3, 3, 3, tzinfo=UTC)
NAMES, NUMBERS = names(), mobiles(1_000)
BY_HAND = 700


def dashed(number: str) -> str:
    return f"{number[:3]}-{number[3:7]}-{number[7:]}"


SPELLINGS: dict[str, Callable[[str], str]] = {
    "digits": lambda number: number,
    "dashes": dashed,
    "blanks": lambda number: dashed(number).replace("-", " "),
    "dots": lambda number: dashed(number).replace("-", "."),
    "+82": lambda number: f"+82{number[1:]}",
    "+82 with dashes": lambda number: f"+82 {dashed(number)[1:]}",
    "brackets": lambda number: f"({number[:3]}) {number[3:7]}-{number[7:]}",
    "full width": lambda number: number.translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    "hex": lambda number: number.encode().hex(),
    "a bytea": lambda number: f"\\\\x{number.encode().hex()}",
    "base64": lambda number: base64.b64encode(f"tel={number}".encode()).decode(),
    "urlsafe base64, cut": lambda number: base64.urlsafe_b64encode(f"tel={number};x".encode()).decode()[2:].rstrip("="),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_search_finds_every_spelling(spelling: str) -> None:
    sought = Sought(NUMBERS, NAMES)
    assert sought.in_text(f"1\t{SPELLINGS[spelling](NUMBERS[17])}\t\\N\n") == {NUMBERS[17]}
    assert sought.in_text(f"1\t{SPELLINGS[spelling]('01000000000')}\t\\N\n") == set()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_the_search_finds_names_in_every_encoding(encoding: str) -> None:
    name, sought = NAMES[123], Sought(NUMBERS, NAMES)
    for written in (name, f"\\\\x{name.encode(encoding).hex()}", base64.b64encode(name.encode(encoding)).decode(),
                    f'"{name}"'.encode("unicode_escape").decode()):  # fmt: skip
        assert sought.in_text(f"7\t{written}\t\\N\n") == {name}


@pytest.fixture
def stderr_log(caplog: pytest.LogCaptureFixture) -> Iterator[io.StringIO]:
    """What our own handler writes: the format and level of the settings, into a string."""
    written, root = io.StringIO(), logging.getLogger()
    ours = [handler for handler in root.handlers if type(handler) is logging.StreamHandler]
    handler = logging.StreamHandler(written)
    if ours:
        handler.setFormatter(ours[0].formatter)
        for each in ours[0].filters:
            handler.addFilter(each)
    root.addHandler(handler)
    caplog.set_level(logging.INFO)
    yield written
    root.removeHandler(handler)


def server_log() -> Path | None:
    """The log of the embedded server this connection goes to, if it is one."""
    host = connection.settings_dict["HOST"]
    found = Path(host).parent / "postgres.log" if str(host).startswith("/") else None
    return found if found is not None and found.is_file() else None


def add_by_hand(party: Party) -> None:
    rows = [
        NewPerson(
            entity_id=party.made.entity.pk, name=name, mobile=number, birth_ym=198001, basis=Basis.CONSENT,
            home_unit_id=party.made.units[i % len(party.made.units)].pk, member=MemberState.MEMBER,
        )
        for i, (name, number) in enumerate(zip(NAMES[:BY_HAND], NUMBERS[:BY_HAND], strict=True))
    ]  # fmt: skip
    assert len(people.add_people(party.made.actor, rows).people) == BY_HAND


def add_by_import(party: Party) -> ImportFile:
    """The others come by a messy list: spellings, a duplicate, and rows with a name or number in the wrong column."""
    spell = [SPELLINGS[word] for word in ("digits", "dashes", "blanks", "dots", "+82", "+82 with dashes", "full width")]
    lines = [
        f"{name},{spell[i % len(spell)](number)},1980.1.2,남"
        for i, (name, number) in enumerate(zip(NAMES[BY_HAND:-3], NUMBERS[BY_HAND:-3], strict=True))
    ]
    lines += [
        f"{NAMES[BY_HAND]},{NUMBERS[BY_HAND]},,",
        f"{NUMBERS[-3]},{NAMES[-3]},1980,여",
        f"{NAMES[-2]},{NUMBERS[-2]}0,1980,여",
        f"{NAMES[-1]},{dashed(NUMBERS[-1])},{dashed(NUMBERS[-1])},여",
    ]
    actor = party.made.actor
    text = "성명,휴대폰 번호,생년월일,성별\r\n" + "\r\n".join(lines) + "\r\n"
    source = imports.upload(actor, party.top, f"명단 {dashed(NUMBERS[-2])}.csv", [text.encode("utf-16")])
    imports.begin(
        actor, source, columns=source.columns, ground=Basis.MEMBERSHIP, notice_ids=(), media=(), are_members=True, evidence="",
        obtained_on=None,
    )  # fmt: skip
    imports.read(source.pk)
    source.refresh_from_db()
    assert source.state == ImportState.READY, source.problem
    imports.confirm(actor, source)
    imports.apply(source.pk)
    source.refresh_from_db()
    assert (source.state, source.problem_rows > 0) == (ImportState.DONE, True)
    return source


def look_around(party: Party, source: ImportFile) -> None:
    """Pages and calls through which names and numbers pass on their way in and out."""
    client, holder = Client(), party.made.owner
    client.force_login(holder)
    assert client.post("/people/find/", {"q": dashed(NUMBERS[5])}, follow=True).status_code == 200
    assert client.post("/people/find/", {"q": NAMES[BY_HAND]}, follow=True).status_code == 200
    for asked in (dashed(NUMBERS[5]), NAMES[5]):
        assert client.post("/search/", {"q": asked}, follow=True).status_code == 200
    person = party.people[5]
    revealed = client.post(f"/people/{person}/reveal/", {"reason": "1", "note": "본인이 물음"}, follow=True)
    assert dashed(NUMBERS[5]) in revealed.content.decode()
    for url in (
        "/people/",
        f"/people/{person}/",
        "/access-log/",
        f"/imports/{source.public_id}/problems.csv",
    ):
        assert client.get(url).status_code == 200, url
    _, secret = make_key(
        party.made.actor, Offer(unit=party.top, role=Role.OPERATOR), "시험", clock.now() + timedelta(days=1)
    )
    headers = {"authorization": f"Bearer {secret}", "idempotency-key": "1"}
    call: dict[str, Any] = {"content_type": "application/json", "headers": headers}
    found = client.post("/api/v1/people/find", {"mobile": SPELLINGS["+82"](NUMBERS[6])}, **call)
    assert found.json() == {"number": party.people[6]}
    body = {"unit": str(party.top.public_id), "people": [{"name": NAMES[7], "mobile": dashed(NUMBERS[7])}]}
    assert client.post("/api/v1/people", body, **call).status_code == 201
    bad = {"unit": str(party.top.public_id), "people": [{"name": NAMES[8], "mobile": f"{NUMBERS[8]}99"}]}
    assert client.post("/api/v1/people", bad, **call).status_code in {409, 422}


def dumped() -> Iterator[tuple[str, str]]:
    """Every table as text, by name (a partitioned one by its partitions)."""
    tables = """SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"""
    for schema, table in raw().execute(tables).fetchall():
        with (
            raw()
            .cursor()
            .copy(sql.SQL("COPY {}.{} TO STDOUT").format(sql.Identifier(schema), sql.Identifier(table))) as rows
        ):
            yield table, b"".join(map(bytes, rows)).decode()


@pytest.mark.django_db(transaction=True)
def test_nothing_of_a_person_stands_in_plain_text(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    stderr_log: io.StringIO,
) -> None:
    monkeypatch.setattr(settings, "MEDIA_ROOT", tmp_path)
    log, sought = server_log(), Sought(NUMBERS, NAMES)
    read = log.stat().st_size if log else 0
    with clock.frozen(NOON):
        party = make_campaigns.party(depth=2, people=0)
        add_by_hand(party)
        source = add_by_import(party)
        assert Person.objects.count() >= len(NAMES) - 5
        party.people.extend(Person.objects.order_by("pk").values_list("pk", flat=True))
        make_campaigns.sensitive(party, party.people)
        campaign = make_campaigns.confirmed(party)
        assert freezing.freeze(campaign.pk)
        assert Dispatch.objects.only("planned").get(campaign_id=campaign.pk).planned > 900
        # A second list waits in the middle of its dry run: file and staging are there.
        waiting = imports.upload(
            party.made.actor, party.top, "둘째.csv", [f"성명,휴대폰\r\n{NAMES[0]},{NUMBERS[0]}\r\n".encode()]
        )
        look_around(party, source)
        assert imports.sample(waiting)

    sizes, leaks = {}, {}
    for table, text in dumped():
        sizes[table] = len(text)
        if found := sought.in_text(text):
            leaks[table] = sorted(found)[:3]
    assert leaks == {}
    for table in (
        "person",
        "contact_point",
        "import_block",
        "campaign_chunk",
        "access_log",
        "activity",
        "procrastinate_jobs",
    ):
        held = sum(size for name, size in sizes.items() if name.startswith(table))
        assert held > 0, f"{table} is empty, so that the search proves nothing"

    activity.write(system_actor(party.root_id), "tests.told", facts={"told": f"{NAMES[3]} {dashed(NUMBERS[3])}"})
    told = {found for _, text in dumped() for found in sought.in_text(text)}
    assert told == {NAMES[3], NUMBERS[3]}, "what is written in plain text is found"

    sessions = "\n".join(str(session.get_decoded()) for session in Session.objects.all())
    assert sessions and sought.in_text(sessions) == set(), "a session"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files, "no file was kept, so that the search proves nothing"
    for path in files:
        assert sought.in_bytes(path.read_bytes()) | sought.in_text(path.name) == set(), "a kept file"
    streams = capfd.readouterr()
    assert sought.in_text("\n".join((stderr_log.getvalue(), caplog.text, streams.out, streams.err))) == set(), "our log"
    if log:
        with log.open("rb") as file:
            file.seek(read)
            assert sought.in_text(file.read().decode("utf-8", "replace")) == set(), "the server's log"
