"""The inlet as it runs: granian, the web's database role, and Kakao's webhooks as the sandbox sends them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.db import connection

from majung.channels import dealer, wakes
from majung.channels.accounts import load
from majung.channels.adapters.base import Batch, Kind, Message
from majung.channels.friends import FriendState
from majung.channels.models import Friendship
from majung.cli.processes import free_port
from majung.core import roles
from majung.core.db import raw
from majung.core.embedded import APP
from majung.core.sealing import sealer_at
from majung.people.models import Person
from tests.ingest.conftest import ADMIN_KEY, Scene
from tests.make import channels as make
from tests.make.sandbox import KEY, SECRET, Sandbox, running

pytestmark = [pytest.mark.slow, pytest.mark.product("F1", "M10"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def inlet(scene: Scene) -> Iterator[str]:
    """The address of a real inlet on this test's database, running as the web role."""
    roles.apply()
    port = free_port(18001)
    environment = {
        **os.environ, **_as_web(), "MAJUNG_ROLE": APP, "MAJUNG_VAULT_KEY": str(settings.VAULT_KEY), "PYTHONPATH": "src",
    }  # fmt: skip
    command = [sys.executable, "-m", "granian", "--interface", "asginl", "--port", str(port), "--no-ws"]
    command.append("majung.ingest.app:application")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(lambda: urlopen(f"{address}/healthz", timeout=2).status == 200)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _as_web() -> dict[str, str]:
    """The test database as the web's role: by its own password on an embedded server, by SET ROLE on any other."""
    at = connection.settings_dict
    where = f"{at['NAME']}?host={quote(at['HOST'], safe='')}" + (f"&port={at['PORT']}" if at["PORT"] else "")
    found = {"DATABASE_URL": f"postgresql://{at['USER']}:{quote(at['PASSWORD'])}@/{where}"}
    for base in (Path(at["HOST"]).parent, Path(settings.HOME) / "postgres"):
        if (base / "passwords.json").exists():
            password = json.loads((base / "passwords.json").read_text("ascii"))[APP]
            found["DATABASE_URL_APP"] = f"postgresql://{APP}:{quote(password)}@/{where}"
    return found


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
