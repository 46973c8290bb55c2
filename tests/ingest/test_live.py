"""Inlet and folder as they run: processes in their own database roles, webhooks as the sandbox sends them, and sudden deaths."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.db import connection

from majung.channels import dealer, identities, inbox, wakes
from majung.channels.accounts import load
from majung.channels.adapters.terms import Batch, Kind, Message
from majung.channels.friends import FriendState
from majung.channels.models import Friendship
from majung.cli.processes import free_port
from majung.core import roles
from majung.core.db import raw
from majung.core.embedded import APP, WORKER, Embedded
from majung.core.sealing import sealer_at
from majung.people.models import Person
from tests.ingest import wire
from tests.ingest.conftest import ADMIN_KEY, Scene
from tests.make import channels as make
from tests.make.sandbox import KEY, SECRET, Sandbox, running

pytestmark = [pytest.mark.slow, pytest.mark.product("F1", "M10"), pytest.mark.django_db(transaction=True)]


class Living:
    """The inlet and the folder as processes of their own, in their own roles, which can be killed and started again."""

    def __init__(self) -> None:
        roles.apply()
        self.port = free_port(18001)
        self.address = f"http://127.0.0.1:{self.port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """``server`` or ``folder``."""
        role, more = (APP, ["--port", str(self.port)]) if name == "server" else (WORKER, [])
        environment = os.environ | _as(role) | {
            "MAJUNG_ROLE": role, "MAJUNG_VAULT_KEY": str(settings.VAULT_KEY), "PYTHONPATH": "src",
        }  # fmt: skip
        command = [sys.executable, "-m", f"majung.ingest.{name}", *more]
        self._processes[name] = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        if name == "server":
            _wait(lambda: urlopen(f"{self.address}/healthz", timeout=2).status == 200)

    def kill(self, name: str) -> None:
        """Without a chance to finish anything."""
        self._processes[name].send_signal(signal.SIGKILL)
        self._processes[name].wait(10)

    def stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
            process.wait(20)


@pytest.fixture
def living(scene: Scene) -> Iterator[Living]:
    made = Living()
    try:
        made.start("server")
        made.start("folder")
        yield made
    finally:
        made.stop()


@pytest.fixture
def inlet(living: Living) -> str:
    """The address of a real inlet on this test's database."""
    return living.address


def _as(role: str) -> dict[str, str]:
    """The test database as a role: by its own password on an embedded server, by SET ROLE on any other."""
    at = connection.settings_dict
    where = f"{at['NAME']}?host={quote(at['HOST'], safe='')}" + (f"&port={at['PORT']}" if at["PORT"] else "")
    found = {"DATABASE_URL": f"postgresql://{at['USER']}:{quote(at['PASSWORD'])}@/{where}"}
    for base in (Path(at["HOST"]).parent, Path(settings.HOME) / "postgres"):
        if (base / "passwords.json").exists():
            password = json.loads((base / "passwords.json").read_text("ascii"))[role]
            found[VARIABLES[role]] = f"postgresql://{role}:{quote(password)}@/{where}"
    return found


VARIABLES = {APP: "DATABASE_URL_APP", WORKER: "DATABASE_URL_WORKER"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running() as box:
        box.reset()
        yield box


def _wait(test: object, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if test():  # type: ignore[operator]
                return
        except (URLError, OSError):
            pass
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_a_friend_on_the_phones_page_is_seen_here(scene: Scene, inlet: str, sandbox: Sandbox) -> None:
    """Pressed in the sandbox: the webhook comes twice, with the primary key, and one friendship is known."""
    sandbox.control("channels", [{"pfId": "PF1", "profileId": scene.near.profile_id, "searchId": scene.near.search_id,
                                  "name": "가까운", "reach": "near"}])  # fmt: skip
    sandbox.control("kakao", {"webhook_url": f"{inlet}{scene.path}", "admin_key": ADMIN_KEY})
    sandbox.control("faults", {"kakao_twice": True})

    sandbox.control("friend", {"number": "01000000042", "pfId": "PF1", "added": True})
    _wait(lambda: Friendship.objects.filter(state=FriendState.ADDED).exists())
    sandbox.control("friend", {"number": "01000000042", "pfId": "PF1", "added": False})
    _wait(lambda: Friendship.objects.filter(state=FriendState.BLOCKED).exists())

    assert (Person.objects.count(), Friendship.objects.count()) == (1, 1)
    assert raw().execute("SELECT medium, path FROM refusal").fetchall() == [("KAKAO_AD", "block")]


def test_a_wrong_key_in_the_app_console_reaches_nothing(scene: Scene, inlet: str, sandbox: Sandbox) -> None:
    sandbox.control("channels", [{"pfId": "PF1", "profileId": scene.near.profile_id, "searchId": scene.near.search_id,
                                  "name": "가까운", "reach": "near"}])  # fmt: skip
    sandbox.control("kakao", {"webhook_url": f"{inlet}{scene.path}", "admin_key": "not-the-primary-key"})

    sandbox.control("friend", {"number": "01000000042", "pfId": "PF1", "added": True})
    time.sleep(1)

    assert Friendship.objects.count() == 0


def test_a_dealers_report_wakes_its_basket(scene: Scene, inlet: str, sandbox: Sandbox) -> None:
    """Sent, reported (twice), and noted once as a basket to look at."""
    account = make.account(unit=scene.made.top, name="보고 받는 계정", base_url=sandbox.url, key=KEY, secret=SECRET)
    sandbox.control("faults", {"duplicate_webhooks": True})
    sandbox.control(f"accounts/{KEY}/webhook", {"url": f"{inlet}/r/{account.report_token}"})
    live = load(raw(), sealer_at(settings.VAULT_KEY), account.pk)
    made = live.basket
    batch = Batch(
        kind=Kind.SMS, message=Message(text="글"), campaign=1, chunk=1, recipients=[b"01000000001"], sender="0212345678"
    )

    group = made.decode_created(dealer.call(made, made.create_group_request()))
    made.decode_added(dealer.call(made, made.add_messages_request(group, made.encode(batch))), batch)
    made.decode_sent(dealer.call(made, made.send_request(group)))

    taken: list[wakes.Wake] = []
    _wait(lambda: taken.extend(wakes.take(raw())) or taken)
    assert set(taken) == {(account.pk, group, "")}


def test_what_was_answered_is_there_after_every_death_exactly_once(scene: Scene, living: Living) -> None:
    """SIGKILL of the inlet and of the folder and a crash of PostgreSQL, while events come: none that was answered is lost."""
    answered: set[int] = set()
    stop = threading.Event()

    def send(first: int) -> None:
        number = first
        while not stop.is_set():
            content = json.dumps({"event": "added", "id": str(number), "channel_public_id": scene.near.profile_id,
                                  "updated_at": "2026-03-02T03:00:00Z"}).encode()  # fmt: skip
            try:
                if wire.post(living.port, scene.path, content, authorization=f"KakaoAK {ADMIN_KEY}") == 200:
                    answered.add(number)
                    number += 4
            except (OSError, ValueError):
                time.sleep(0.02)  # nobody there: the same event again

    threads = [threading.Thread(target=send, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    try:
        _grows(answered)
        living.kill("server")
        living.start("server")
        _grows(answered)
        living.kill("folder")
        _grows(answered)
        living.start("folder")
        _crash_the_database()
        _grows(answered)
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    _wait(lambda: inbox.waiting(raw())[:2] == (0, 0))
    known = raw().execute("SELECT count(*) FROM external_identity").fetchall()
    assert (Person.objects.count(), Friendship.objects.count()) == (known[0][0],) * 2
    told = raw().execute("SELECT person_id, count(*) FROM activity WHERE kind = 'channels.added' GROUP BY 1").fetchall()
    assert len(told) == known[0][0] and {count for _, count in told} == {1}
    sealer, space = sealer_at(settings.VAULT_KEY), identities.space(scene.app.pk)
    root = scene.made.root.pk
    there = {bytes(blind) for (blind,) in raw().execute("SELECT blind FROM external_identity").fetchall()}
    assert {identities.blind(sealer, root, space, str(number)) for number in answered} <= there


def _grows(answered: set[int]) -> None:
    """Some more events are answered."""
    before = len(answered)
    _wait(lambda: len(answered) > before + 50)


def _crash_the_database() -> None:
    """PostgreSQL goes down as in a power cut and comes back; on a server of others, all connections are cut."""
    server = Embedded(base=Path(connection.settings_dict["HOST"]).parent)
    if (server.base / "passwords.json").exists():
        connection.close()
        server.restart(mode="immediate")
    else:
        raw().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
