"""A backup is made, restored and compared; what is restored is muted, and two installations never send from one copy (O3)."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg import sql

from majung.cli import manifest
from majung.core.db import raw
from majung.core.embedded import Embedded
from majung.core.sealing import Keyring, Sealer
from majung.delivery import installation
from majung.delivery.books import books
from majung.people import vault
from tests.cli.test_main import OWNER, majung
from tests.delivery.conftest import ROOT, Sandbox
from tests.delivery.test_engine import a_campaign
from tests.make.database import second_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("O3", "O6")]
PHRASE = "열두 자가 넘는 암호입니다"
PATIENCE_SECONDS = 60.0


def address(name: str | None = None) -> str:
    """The test server's database of that name, for another process."""
    at = connection.settings_dict
    facts = {"host": at["HOST"], "port": at["PORT"], "user": at["USER"], "password": at["PASSWORD"]}
    given = "&".join(f"{key}={value}" for key, value in facts.items() if value)
    return f"postgresql:///{name or at['NAME']}?{given}"


def around(name: str | None = None) -> dict[str, str]:
    """The environment of a command on that database."""
    url = address(name)
    clock = {"MAJUNG_CLOCK": os.environ["MAJUNG_CLOCK"]} if "MAJUNG_CLOCK" in os.environ else {}
    return {"DATABASE_URL": url, "DATABASE_URL_APP": url, "DATABASE_URL_WORKER": url, **clock}


@pytest.fixture
def empty() -> Iterator[str]:
    """An empty database beside the test's."""
    name = sql.Identifier("majung_test_restored")
    with second_connection(autocommit=True) as owner:
        owner.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        owner.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(name))
        yield "majung_test_restored"
        owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The folder of the installation that is backed up: its key is the tests'."""
    made = tmp_path / "old"
    (made / "uploads" / "imports").mkdir(parents=True)
    (made / "uploads" / "imports" / "0123").write_bytes(b"sealed list")
    Keyring.load(settings.VAULT_KEY).save(made / "vault.key")
    (made / "secret.key").write_text("tests-only")
    return made


def backup(old: Path, *more: str, **environment: str) -> Path:
    """A backup of the test database."""
    target = old.with_name("backup")
    done = majung("backup", str(target), *more, home=old, **around(), **environment)
    assert done.returncode == 0, done.stderr
    assert "3/3" in done.stderr and "금고 열쇠" in done.stdout
    return target


def key_of(old: Path, new: Path) -> Path:
    """A new folder that holds the old one's key, as the operator puts it there."""
    new.mkdir()
    Keyring.load(old / "vault.key").save(new / "vault.key")
    return new


def dispatcher(name: str, home: Path) -> "subprocess.Popen[bytes]":
    """The real dispatcher's process of ``home`` on that database."""
    environment = os.environ | around(name) | {
        "MAJUNG_DISPATCH_URL": address(name), "MAJUNG_HOME": str(home), "MAJUNG_VAULT_KEY": str(home / "vault.key"),
        "PYTHONPATH": str(ROOT / "src"),
    }  # fmt: skip
    command = [sys.executable, "-m", "majung.delivery.worker", "--slots", "1", "--look-seconds", "0.1"]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)


def wait_for(name: str, statement: str, wanted: Any) -> None:
    """``statement`` answers ``wanted`` on that database."""
    deadline, found = time.monotonic() + PATIENCE_SECONDS, None
    while time.monotonic() < deadline:
        with psycopg.connect(address(name)) as opened:
            found = opened.execute(statement).fetchall()
        if found == wanted:
            return
        time.sleep(0.1)
    raise AssertionError(f"{statement}: {found}, not {wanted}")


STANDINGS = "SELECT DISTINCT standing FROM worker_beat ORDER BY 1"


def test_a_restored_installation_is_whole_and_muted_until_woken(
    sandbox: Sandbox,
    old: Path,
    empty: str,
    tmp_path: Path,
) -> None:
    """The campaign of the backup leaves once: not before somebody woke it, not from the folder that was not woken."""
    party, campaign = a_campaign(sandbox)
    vault.reveal(party.made.actor, party_person(), fields=("name",), why="백업 시험", address="")
    made = backup(old)
    new = key_of(old, tmp_path / "new")

    done = majung("restore", str(made), home=new, **around(empty))

    assert done.returncode == 0, done.stderr
    assert "백업과 같습니다" in done.stdout and "majung wake" in done.stdout
    assert (new / "uploads" / "imports" / "0123").read_bytes() == b"sealed list"
    with psycopg.connect(address(empty)) as opened:
        assert books(opened, campaign) == books(raw(), campaign)
        end = "SELECT seq, hash FROM access_chain WHERE root_id = %s"
        assert opened.execute(end, [party.root_id]).fetchall() == raw().execute(end, [party.root_id]).fetchall() != []
        opened.execute("INSERT INTO crowd_change (root_id, family) VALUES (%s, 'person')", [party.root_id])
        newest = opened.execute("SELECT xid::text::bigint FROM crowd_change ORDER BY seq DESC LIMIT 1").fetchall()
        assert newest > opened.execute("SELECT max(watermark::text::bigint) FROM campaign_chunk").fetchall()
        opened.rollback()

    muted = dispatcher(empty, new)
    try:
        wait_for(empty, STANDINGS, [("restored",)])
        wait_for(empty, f"SELECT DISTINCT state FROM campaign_chunk WHERE campaign_id = {campaign}", [(0,)])
        doctor = majung("doctor", home=new, **around(empty))
        assert (doctor.returncode, "majung wake" in doctor.stdout) == (1, True)
        asked = majung("wake", home=new, **around(empty))
        assert (asked.returncode, "그대로 두었습니다" in asked.stderr) == (2, True)
        assert sandbox.ids(campaign, "taken") == set()

        woken = majung("wake", "--yes", home=new, **around(empty))
        assert woken.returncode == 0, woken.stderr
        wait_for(empty, f"SELECT finished_at IS NOT NULL FROM dispatch WHERE campaign_id = {campaign}", [(True,)])
    finally:
        muted.terminate()
        muted.wait(20)

    with psycopg.connect(address(empty)) as opened:
        told = books(opened, campaign)
    assert told.is_balanced and told.not_yet == 0 and told.delivered == sandbox.books(campaign)["delivered"] > 50


def party_person() -> int:
    """Somebody of the party."""
    [(person,)] = raw().execute("SELECT min(id) FROM person").fetchall()
    return int(person)


def test_of_two_installations_on_one_copy_the_fence_stops_one(
    sandbox: Sandbox,
    old: Path,
    empty: str,
    tmp_path: Path,
) -> None:
    _, campaign = a_campaign(sandbox)
    made = backup(old)
    first, second = key_of(old, tmp_path / "first"), key_of(old, tmp_path / "second")
    assert majung("restore", str(made), home=first, **around(empty)).returncode == 0
    assert majung("wake", "--yes", home=second, **around(empty)).returncode == 0
    assert majung("wake", "--yes", home=first, **around(empty)).returncode == 0

    late = dispatcher(empty, second)
    try:
        wait_for(empty, STANDINGS, [("overtaken",)])
        assert sandbox.ids(campaign, "taken") == set()
        right = dispatcher(empty, first)
        try:
            wait_for(empty, f"SELECT finished_at IS NOT NULL FROM dispatch WHERE campaign_id = {campaign}", [(True,)])
        finally:
            right.terminate()
            right.wait(20)
        with psycopg.connect(address(empty)) as opened:
            workers = opened.execute("SELECT DISTINCT split_part(worker, '/', 2)::int FROM campaign_chunk").fetchall()
            assert workers == [(right.pid,)]
    finally:
        late.terminate()
        late.wait(20)
    seen = sandbox.books(campaign)
    assert (seen["ids_taken_more_than_once"], seen["numbers_delivered_more_than_once"]) == (0, 0)


def test_the_marks_of_a_database_and_a_folder(tmp_path: Path) -> None:
    """Every way in which a folder may stand to a database, and the one statement that claims."""
    mine, other = tmp_path / "mine", tmp_path / "other"
    mine.mkdir()
    other.mkdir()
    with second_connection(autocommit=True) as opened:
        before = opened.execute("SELECT epoch, server FROM installation").fetchall()
        try:
            opened.execute("UPDATE installation SET server = ''")
            assert installation.look(opened, mine).is_awake
            assert installation.look(opened, other).standing == "strange"
            installation.wake(opened, other)
            assert installation.look(opened, mine).standing == "overtaken"
            assert installation.look(opened, other).is_awake
            opened.execute("UPDATE installation SET server = server || '0'")
            assert installation.look(opened, other).standing == "copied"
            opened.execute("UPDATE installation SET server = 'restored'")
            assert installation.look(opened, other).standing == "restored"
            for standing in installation.Standing:
                assert (standing.sentence == "") is (standing == "awake")
        finally:
            opened.execute("UPDATE installation SET epoch = %s, server = %s", before[0])


def test_a_drill_leaves_nothing_and_a_key_comes_back_by_its_passphrase(old: Path, empty: str, tmp_path: Path) -> None:
    made = backup(old, "--with-key", MAJUNG_BACKUP_PASSPHRASE=PHRASE)
    drilled = majung("restore", str(made), "--drill", home=old, **around())
    assert (drilled.returncode, "백업과 같습니다" in drilled.stdout) == (0, True), drilled.stderr
    with second_connection() as opened:
        assert opened.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'majung_drill%'").fetchall() == [
            (0,)
        ]

    new = tmp_path / "new"
    wrong = majung("restore", str(made), home=new, MAJUNG_BACKUP_PASSPHRASE="전혀 다른 열두 자 암호", **around(empty))
    assert (wrong.returncode, "암호가 틀렸" in wrong.stderr) == (2, True)
    right = majung("restore", str(made), home=new, MAJUNG_BACKUP_PASSPHRASE=PHRASE, **around(empty))
    assert right.returncode == 0, right.stderr
    assert (new / "vault.key").read_bytes() == (old / "vault.key").read_bytes()
    assert (new / "vault.key").stat().st_mode & 0o077 == 0
    plain = (old / "vault.key").read_bytes()
    assert not [path for path in made.rglob("*") if path.is_file() and plain in path.read_bytes()]


def test_what_is_no_whole_backup_is_refused(old: Path, empty: str, tmp_path: Path) -> None:
    made = backup(old)
    new = key_of(old, tmp_path / "new")

    def refused(words: str, folder: Path = made, **environment: str) -> None:
        done = majung("restore", str(folder), home=new, **around(environment.pop("name", empty)), **environment)
        assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
        with psycopg.connect(address(empty)) as opened:
            assert opened.execute(manifest.statement("tables")).fetchall() == []

    refused("없습니다", tmp_path / "nowhere")
    refused("백업이 아니거나", tmp_path)
    refused("빈 데이터베이스에만", name=connection.settings_dict["NAME"])
    whole = (made / manifest.FILE).read_text("utf-8")
    held = json.loads(whole)
    for wrong, words in (
        ("", "망가졌습니다"), ("[]", "망가졌습니다"), (whole[:-20], "망가졌습니다"),
        ('{"manifest": {"format": 1}, "signature": ""}', "망가졌습니다"),
        (json.dumps(held | {"manifest": held["manifest"] | {"format": 99}}), "만든 판"),
        (json.dumps(held | {"manifest": held["manifest"] | {"made_at": "2020-01-01T00:00:00+00:00"}}), "바뀌었습니다"),
        (json.dumps(held | {"manifest": held["manifest"] | {"files": {"../../etc/passwd": [1, ""]}}}), "망가졌습니다"),
    ):  # fmt: skip
        (made / manifest.FILE).write_text(wrong)
        refused(words)
    newer = manifest.Manifest(**held["manifest"] | {"migrations": ["delivery.9999_of_tomorrow"]})
    newer.write(made, Sealer(Keyring.load(settings.VAULT_KEY)))
    refused("더 새로운 마중")
    (made / manifest.FILE).write_text(whole)
    table = max((made / "database").iterdir(), key=lambda path: path.stat().st_size)
    content = table.read_bytes()
    table.write_bytes(content[:-1])
    refused("만들 때와 다릅니다")
    table.unlink()
    refused("다 옮기지 못한")
    table.write_bytes(content)
    (new / "vault.key").unlink()
    refused("vault.key")
    Keyring.fresh().save(new / "vault.key")
    refused("이 금고 열쇠로")


def test_a_backup_goes_into_an_empty_folder_only(old: Path, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter").write_text("mine")
    (tmp_path / "file").write_text("")
    for target, words in ((full, "비어 있지 않습니다"), (tmp_path / "file" / "below", "만들 수 없습니다")):
        done = majung("backup", str(target), home=old, **around())
        assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
    short = majung("backup", str(tmp_path / "x"), "--with-key", home=old, MAJUNG_BACKUP_PASSPHRASE="short", **around())
    assert (short.returncode, "암호" in short.stderr) == (2, True)
    assert not (tmp_path / "x").exists() and not list(tmp_path.glob("*.partial"))
    assert (full / "letter").read_text() == "mine"


def test_a_dump_that_fails_leaves_no_backup(old: Path, tmp_path: Path) -> None:
    """pg_dump ends with an error (here: a table that the user may not read); nothing looks like a backup afterwards."""
    with second_connection(autocommit=True) as owner:
        owner.execute("CREATE TABLE tests_secret (n int)")
        owner.execute("CREATE FUNCTION tests_no() RETURNS boolean LANGUAGE sql AS 'SELECT true'")
        owner.execute("ALTER TABLE tests_secret ENABLE ROW LEVEL SECURITY")
        owner.execute("ALTER TABLE tests_secret FORCE ROW LEVEL SECURITY")
        try:
            done = majung("backup", str(tmp_path / "backup"), home=old, **around())
        finally:
            owner.execute("DROP TABLE tests_secret")
            owner.execute("DROP FUNCTION tests_no")
    assert (done.returncode, "pg_dump" in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
    assert not list(tmp_path.glob("backup*"))


def test_from_one_folder_into_another_with_a_server_of_its_own(folder: Path, tmp_path: Path) -> None:
    """Both servers are embedded; the new one, whose transactions began anew, goes on above the old one's numbers."""
    made, target = tmp_path / "backup", folder / "new"
    first = folder / "old"
    done = majung("create-owner", *OWNER, home=first, MAJUNG_OWNER_PASSWORD="sun-moon-garam-9")
    assert done.returncode == 0, done.stderr
    server = Embedded(base=first / "postgres")
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as opened:
        opened.execute("DO $$ BEGIN FOR i IN 1..5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
        [(past,)] = opened.execute(manifest.statement("numbers")).fetchall()
    server.stop()
    assert majung("backup", str(made), home=first).returncode == 0
    key_of(first, target)

    done = majung("restore", str(made), home=target)

    assert done.returncode == 0, done.stderr
    heir = Embedded(base=target / "postgres")
    heir.start()
    try:
        with psycopg.connect(heir.url()) as opened:
            [(following,)] = opened.execute(manifest.statement("numbers")).fetchall()
            assert following > past
            assert opened.execute("SELECT count(*) FROM tree_organisation").fetchall() == [(1,)]
            assert installation.look(opened, target).standing == "restored"
    finally:
        heir.stop()
    assert majung("restore", str(made), home=target).returncode == 2
