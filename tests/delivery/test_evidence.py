"""A copy of a request is held against what was kept of it: whose it is, and that nobody else's is (M9, decision 0046)."""

import argparse
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from majung import settings
from majung.channels.adapters.nhn import Nhn
from majung.channels.adapters.popbill import Popbill
from majung.channels.adapters.terms import Kind, Reply, Wire
from majung.channels.line import Line
from majung.cli import books, installation
from majung.core.db import raw
from majung.core.errors import Invalid
from majung.delivery import evidence, planner
from majung.delivery.engine import Slot
from majung.people.vault import sealer
from tests.delivery.conftest import Sandbox, until
from tests.delivery.dealing import Case
from tests.delivery.dealing import a_campaign as at_once
from tests.delivery.test_engine import a_campaign as in_baskets
from tests.delivery.test_engine import is_finished

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("M9")]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several requests a campaign."""
    monkeypatch.setattr(planner, "CHUNK", 20)


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies of all that went over the wire."""
    seen: list[bytes] = []
    call = Line.call

    def noted(line: Line, wire: Wire) -> Reply:
        seen.append(wire.body)
        return call(line, wire)

    monkeypatch.setattr(Line, "call", noted)
    return seen


@pytest.mark.parametrize(
    "begin",
    [
        lambda sandbox: in_baskets(sandbox, people=60),
        lambda sandbox: at_once(sandbox, Case(Nhn, Kind.ALIM), people=60),
        lambda sandbox: at_once(sandbox, Case(Nhn, Kind.SMS), people=60),
        lambda sandbox: at_once(sandbox, Case(Popbill, Kind.BRAND), people=60),
    ],
    ids=["basket", "key in a header", "key in the body", "key behind"],
)
def test_every_request_is_found_again_by_its_copy_and_no_other_is(
    begin: Callable[[Sandbox], tuple[Any, int]], sandbox: Sandbox, slot: Slot, wires: list[bytes]
) -> None:
    _, campaign = begin(sandbox)
    until(slot, lambda: is_finished(campaign))
    [(left,)] = raw().execute(
        "SELECT count(*) FROM campaign_chunk WHERE campaign_id = %s AND handed_at IS NOT NULL", [campaign]
    ).fetchall()  # fmt: skip

    found = {one.chunk_no: one for body in wires for one in evidence.handed_with(raw(), sealer(), campaign, body)}

    assert len(found) == left > 1 and evidence.hashed(raw(), campaign) == (left, left)
    assert all(one.people and one.group_ref for one in found.values())
    bodies = [body for body in wires if evidence.handed_with(raw(), sealer(), campaign, body)]
    assert not any(evidence.handed_with(raw(), sealer(), campaign, body + b" ") for body in bodies)


def test_a_request_is_the_campaigns_own(sandbox: Sandbox, slot: Slot, wires: list[bytes]) -> None:
    _, mine = in_baskets(sandbox, people=60)
    until(slot, lambda: is_finished(mine))
    before = len(wires)
    _, other = in_baskets(sandbox, people=60)
    until(slot, lambda: is_finished(other))

    assert not any(evidence.handed_with(raw(), sealer(), mine, body) for body in wires[before:])
    with pytest.raises(LookupError):
        evidence.handed_with(raw(), sealer(), 9_000_000_000, b"")


def test_the_command_says_whose_it_is(
    sandbox: Sandbox, slot: Slot, wires: list[bytes], url: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    _, campaign = in_baskets(sandbox, people=60)
    until(slot, lambda: is_finished(campaign))
    monkeypatch.setattr(installation, "found", lambda: None)
    monkeypatch.setattr(installation, "awake", lambda _: nullcontext())
    monkeypatch.setattr(settings, "database_url", lambda: url)
    monkeypatch.setattr(books, "number_of", lambda _, number: number)
    body = next(body for body in wires if evidence.handed_with(raw(), sealer(), campaign, body))
    copy = tmp_path / "request.json"

    def asked(content: bytes) -> tuple[int, str]:
        copy.write_bytes(content)
        return books.run(argparse.Namespace(campaign=str(campaign), request=str(copy))), capsys.readouterr().out

    right, wrong = asked(body), asked(body[:-1])
    assert right[0] == 0 and "요청이 맞습니다" in right[1] and "60명" not in right[1]
    assert wrong[0] == 1 and "한 글자라도" in wrong[1] and asked(b"")[0] == 1


@pytest.mark.parametrize("name", ["none.json", ".", "large.json"])
def test_a_file_that_is_no_request_is_a_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "LARGEST", 10)
    (tmp_path / "large.json").write_bytes(b"x" * 11)

    with pytest.raises(Invalid) as told:
        books.run(argparse.Namespace(campaign="1", request=str(tmp_path / name)))

    assert str(told.value).endswith(".")
