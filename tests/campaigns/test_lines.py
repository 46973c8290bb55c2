"""The books on the screen, line by line: after every kind of fault each line adds up and agrees with the sandbox's own list (M9).

The page is parsed as a reader sees it: numbers, signs and sums are taken from what is shown, never from our own objects.
"""

import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from majung.campaigns import services
from majung.campaigns.enums import PauseReason, State
from majung.campaigns.models import Campaign
from majung.campaigns.services import Texting, freezing
from majung.channels import services as channels
from majung.channels.adapters.nhn import Nhn
from majung.channels.adapters.outcomes import UNREACHED
from majung.channels.enums import TemplateState
from majung.channels.friends import FriendState, How
from majung.channels.models import Template
from majung.consent import ledger as consent
from majung.core import clock
from majung.core.db import raw
from majung.crowd import catalogue
from majung.delivery import direct, planner, stuck
from majung.delivery.books import books
from majung.delivery.engine import Slot
from majung.delivery.models import Dispatch
from majung.ingest.folder import Folder
from majung.people.vault import sealer
from majung.tree import services as tree
from majung.tree.actor import Actor
from majung.tree.enums import Role
from majung.tree.services import set_budget
from tests.campaigns.test_console import client_of, text_of
from tests.campaigns.test_console import url as address
from tests.delivery.conftest import NOON, Sandbox, noon, register, running, sandbox, slot, until
from tests.delivery.conftest import url as url_of_database
from tests.delivery.test_crash import worker
from tests.ingest import wire
from tests.make import campaigns as make
from tests.make import tree as make_tree
from tests.make.delivery import Party

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("M9", "O6")]
FIXTURES = (noon, running, sandbox, slot, url_of_database)
"""Of the delivery room: the real sandbox and a slot of the engine."""


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """The test database's address, as ``slot`` wants it."""
    return str(request.getfixturevalue("url_of_database"))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small groups, so that each fault meets some people and not all."""
    monkeypatch.setattr(planner, "CHUNK", 5)
    monkeypatch.setattr("majung.delivery.ledger.MOST_MESSAGES", 40)


# ── reading the page ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True)
class Shown:
    """One line as a reader sees it."""

    key: str
    sign: str = ""
    name: str = ""
    number: str = ""
    means: str = ""
    link: str = ""
    sum: str = ""
    parts: "list[Shown]" = field(default_factory=list)

    @property
    def n(self) -> int:
        """The number that is read."""
        return number_of(self.number)


def number_of(text: str) -> int:
    """Any number with its counter: "1,234명", "−20원"."""
    [(sign, digits)] = re.findall(r"([−-]?)([\d,]+)", text)
    return int(digits.replace(",", "")) * (-1 if sign else 1)


class Reader(HTMLParser):
    """The chapters of a page."""

    WORDS = {"mj-ln__op": "sign", "mj-ln__t": "name", "mj-ln__n": "number", "mj-ln__s": "means", "mj-ln__eq": "sum"}

    def __init__(self) -> None:
        super().__init__()
        self.chapters: list[Shown] = []
        self._open: list[Shown] = []
        self._tags: list[tuple[str, str]] = []
        self._whole: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = given.get("class", "").split()
        what = next((self.WORDS[one] for one in classes if one in self.WORDS), "")
        if "data-chapter" in given:
            self.chapters.append(Shown(key=given["data-chapter"], number=given["data-whole"]))
            what = "chapter"
            self._open.append(self.chapters[-1])
        elif "data-line" in given:
            made = Shown(key=given["data-line"])
            self._open[-1].parts.append(made)
            self._open.append(made)
            what = "line"
        elif "data-sum" in given and self.chapters and given["data-sum"] == self.chapters[-1].key:
            self._open.append(self.chapters[-1])
            what = "whole"
        if tag == "a" and self._open and "/books/" in given.get("href", ""):
            self._open[-1].link = given["href"]
        if tag not in ("br", "input", "img", "meta", "link", "hr", "rect", "path", "polyline", "polygon", "circle"):
            self._tags.append((tag, what))

    def handle_endtag(self, tag: str) -> None:
        while self._tags:
            opened, what = self._tags.pop()
            if what in ("chapter", "line", "whole"):
                self._open.pop()
            if opened == tag:
                break

    def handle_data(self, data: str) -> None:
        what = next((what for _, what in reversed(self._tags) if what), "")
        if not self._open or what in ("chapter", "line", ""):
            return
        name = "sum" if what == "whole" else what
        setattr(self._open[-1], name, f"{getattr(self._open[-1], name)}{data}".strip(" \n") + " ")


def read(client: Client, campaign: Campaign) -> tuple[dict[str, Shown], str]:
    """Every line on the campaign's page by its key, and the page."""
    page = text_of(client.get(address("campaign", campaign)))
    reader = Reader()
    reader.feed(page)
    found: dict[str, Shown] = {}

    def keep(line: Shown) -> None:
        assert line.key not in found, line.key
        found[line.key] = line
        for part in line.parts:
            keep(part)

    for chapter in reader.chapters:
        keep(chapter)
    return found, page


def assert_it_adds_up(lines: dict[str, Shown], client: Client) -> None:
    """Each line is the sum of the lines below it; the sum is written out wherever there is more than one; nothing is unexplained;
    and by channel and by hour it comes to the same.
    """
    assert lines
    for line in lines.values():
        if line.parts:
            assert line.n == sum(part.n if "−" not in part.sign else -part.n for part in line.parts), line.key
        if len(line.parts) > 1:
            assert line.sum.rstrip().endswith("맞습니다") and "≠" not in line.sum, (line.key, line.sum)
            whole, _, rest = line.sum.partition("=")
            told = [number_of(one) * (-1 if sign == "−" else 1) for sign, one in re.findall(r"([+−]?) ?([\d,]+)", rest)]
            assert number_of(whole) == line.n == sum(told) and len(told) == len(line.parts), (line.key, line.sum)
        if line.n and line.sign:
            # Headed by law or a rule's own sentence, or by a sentence of its own.
            assert line.means.strip() or line.key.startswith(("left_out.", "money.")), line.key
        if line.link:
            assert_inside_adds_up(client, line)
    links = [line for line in lines.values() if line.link]
    assert len(links) > 5


def assert_inside_adds_up(client: Client, line: Shown) -> None:
    page = text_of(client.get(line.link))
    tables = re.findall(r"<table.*?</table>", page, re.S)
    assert tables, line.key
    for table in tables:
        rows = [number_of(cell) for cell in re.findall(r'<td class="r mj-num">([^<]+)</td>', table)]
        assert rows[-1] == line.n == sum(rows[:-1]), (line.key, rows)


# ── one campaign, every kind of fault ────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True)
class Run:
    """A campaign under way, and everybody who has a part in it."""

    sandbox: Sandbox
    slot: Slot
    folder: Folder
    made: Party
    campaign: Campaign
    client: Client

    def step(self, times: int) -> None:
        for _ in range(times):
            self.slot.step()
            self.folder.step()

    def follow(self) -> str:
        self.folder.step()
        return freezing.follow(self.campaign.pk)

    def taken(self) -> int:
        """Messages in groups that the dealer has sent."""
        return sum(1 for *_, code in self.sandbox.messages(self.campaign.pk) if code != "2000")

    def cells(self, letters: str) -> int:
        """People with one of these outcomes."""
        rows = raw().execute("SELECT outcome FROM campaign_chunk WHERE campaign_id = %s", [self.campaign.pk]).fetchall()
        return sum(bytes(outcome).count(letter.encode()) for (outcome,) in rows for letter in letters)

    def out(self, letters: str) -> int:
        """People with one of these outcomes in chunks that are not settled."""
        rows = raw().execute(
            "SELECT outcome FROM campaign_chunk WHERE campaign_id = %s AND state < 3", [self.campaign.pk]
        ).fetchall()  # fmt: skip
        return sum(bytes(outcome).count(letter.encode()) for (outcome,) in rows for letter in letters)

    def wait(self, done: Callable[[], object]) -> None:
        """Step until it is done; if that never comes, fail with how everything stands."""
        deadline = time.monotonic() + 300
        while not done():
            if time.monotonic() > deadline:
                chunks = "SELECT state, attempt, count(*), min(lease_until) - now() FROM campaign_chunk GROUP BY 1, 2"
                dispatch = "SELECT state, problem, not_before, rest_until - now() FROM dispatch"
                standing = [raw().execute(one).fetchall() for one in (dispatch, chunks)]
                pytest.fail(f"it did not come to an end: {standing} {stuck.look(raw())} {clock.now()}")
            if not self.slot.step():
                time.sleep(0.01)

    def waiting(self, every: int) -> list[int]:
        """Some of the people who have not been handed over."""
        rows = raw().execute(
            "SELECT people FROM campaign_chunk WHERE campaign_id = %s AND state = 0 ORDER BY chunk_no DESC",
            [self.campaign.pk],
        )
        return [person for (people,) in rows.fetchall() for person in people][::every]

    def page(self) -> tuple[dict[str, Shown], str]:
        return read(self.client, self.campaign)


@pytest.fixture
def folder(url: str, slot: Slot) -> Iterator[Folder]:
    catalogue.load()
    made = Folder(url, sealer())
    yield made
    made.hands.connection.close()


def begin(
    sandbox: Sandbox, slot: Slot, folder: Folder, *, people: int, adapter: str = "solapi", lost_channel: bool = False,
    lent_for: timedelta | None = None, alim: str = "", **words: Any,
) -> Run:  # fmt: skip
    """A province's campaign: written, checked, confirmed and frozen; nothing has left yet."""
    made = make.party(people=people, depth=3, base_url=sandbox.base_url, adapter=adapter)
    known = dict(list(made.channels.items())[: -1 if lost_channel else None])
    register(sandbox, replace(made, channels=known))
    actor = made.made.actor
    set_budget(actor, made.top, clock.today(), 10_000_000_00)
    key = f"KEY{made.root_id}"
    own = {"apiKey": key, "apiSecret": "SECRET", "balance": 10**7, "any_sender": True}
    sandbox.ask("/_control/accounts", own)
    channels.store_keys(made.account, key=key, secret="SECRET")
    unit = made.made.units[2]
    if lent_for is not None:
        actor = make_tree.lent(made.made, unit, ends_at=clock.now() + lent_for)
    if alim:
        told = {"account": key, "templateId": key, "name": "소식", "content": alim}
        sandbox.ask("/_control/templates", [told])
        template = Template.objects.create(
            account=made.account, dealer_id=key, name="소식", content=alim, state=TemplateState.APPROVED
        )
        words |= {"kind": "alim", "template": str(template.pk), "text": alim}
    campaign = make.draft(made, actor=actor, unit=unit, **words)
    if adapter == "solapi":
        texting = Texting(text="모임을 알립니다.", reasons=tuple(one.name for one in UNREACHED))
        campaign = services.edit_fallback(actor, campaign, texting)
    found = services.check(actor, campaign)
    assert found.may_send, found.problems
    services.confirm(actor, campaign)
    freezing.freeze(campaign.pk)
    return Run(
        sandbox=sandbox, slot=slot, folder=folder, made=made, campaign=Campaign.objects.get(pk=campaign.pk),
        client=client_of(at_home_everywhere(made)),
    )  # fmt: skip


def at_home_everywhere(made: Party) -> Actor:
    """Somebody to whom every unit is their own, and every number exact."""
    holder = make_tree.user()
    for unit in made.made.units:
        make_tree.grant(holder, unit, parent=made.made.owner_grant)
    return make_tree.actor(holder, made.made.root)


def at(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, ours: datetime, theirs: datetime | None = None) -> None:
    """The time of day, here and at the dealer."""
    monkeypatch.setenv("MAJUNG_CLOCK", str(clock.offset_to(ours)))
    sandbox.clock(theirs or ours)


def everything_was_looked_at(campaign: int) -> None:
    """Hours have passed: whatever is out is due to be looked at."""
    raw().execute("UPDATE campaign_chunk SET lease_until = now() WHERE campaign_id = %s AND state = 2", [campaign])


def test_every_kind_of_fault_can_be_read_line_by_line(
    sandbox: Sandbox, slot: Slot, folder: Folder, url: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(sandbox, slot, folder, people=5000, lost_channel=True)
    made, campaign, client = run.made, run.campaign, run.client
    lines, _ = run.page()
    assert_it_adds_up(lines, client)
    assert lines["not_yet.first"].n == lines["not_yet"].n == campaign.planned

    with wire.listening(url, sealer()) as port:
        hook = {"url": f"http://127.0.0.1:{port}/r/{made.account.report_token}"}
        sandbox.ask(f"/_control/accounts/KEY{made.root_id}/webhook", hook)

        # a hidden record, and workers that are killed with a claim in hand
        sandbox.faults(hide_next=1, duplicate_webhooks=True)
        for point in ("after_hand_over", "after_claim"):
            assert worker(url, home, crash_at=point, slots=1).wait(60) == -signal.SIGKILL
        run.wait(lambda: books(raw(), campaign.pk).repeats > 0)
        run.step(4)
        assert_it_adds_up(run.page()[0], client)

        # answers lost, 5xx, slow answers, results that never come, every report twice
        sandbox.faults(
            drop_next=2, drop_endpoints=["groups.put", "groups.send"], error_next=3, error_status=503,
            delay_after_ms={"groups.put": 20}, never_probability=0.1, duplicate_webhooks=True, seed=7,
        )  # fmt: skip
        before = run.taken()
        run.wait(lambda: bool(run.step(1)) or run.taken() > before + 120)
        assert_it_adds_up(run.page()[0], client)
        assert run.cells("n") > 200

        # people refuse and block while it is under way
        refuse, block = run.waiting(9), run.waiting(7)
        consent.refuse(raw(), made.root_id, refuse, made.made.entity.pk, ["*"], "link", at=clock.now())
        for channel in made.channels.values():
            channels.observe(made.root_id, channel.pk, block, FriendState.BLOCKED, clock.now(), How.WEBHOOK)
        run.step(1)

        # no balance
        sandbox.faults(no_balance=True)
        run.wait(lambda: run.follow() == State.PAUSED)
        lines, page = run.page()
        assert_it_adds_up(lines, client)
        assert Campaign.objects.get(pk=campaign.pk).pause_reason == PauseReason.NO_BALANCE and "충전한 뒤" in page
        sandbox.faults()
        services.resume(made.made.actor, campaign)
        run.step(1)

        # the sending unit is suspended
        tree.suspend_unit(made.made.actor, campaign.unit)
        run.wait(lambda: run.follow() == State.PAUSED)
        page = text_of(client_of(made.made.actor).get(address("campaign", campaign)))
        assert Campaign.objects.get(pk=campaign.pk).pause_reason == PauseReason.SUSPENDED
        assert f"쉬고 있는 조직: {campaign.unit.name}." in page and "‘다시 보내기’" in page
        tree.resume_unit(made.made.actor, campaign.unit)

        # the evening: the dealer's clock is ahead of ours, then it is night
        at(monkeypatch, sandbox, NOON + timedelta(hours=8, minutes=46), NOON + timedelta(hours=8, minutes=53))
        services.resume(made.made.actor, campaign)
        until(slot, lambda: bool(run.step(1)) or (books(raw(), campaign.pk).not_yet > 0 and run.cells("w") > 0))
        lines, page = run.page()
        assert_it_adds_up(lines, client)
        assert lines["tries.waited"].n == run.cells("w") > 0 and "08:00" in page
        at(monkeypatch, sandbox, NOON + timedelta(hours=20, minutes=1))
        # one more is killed as it writes down results: it may have sent all that was left
        assert worker(url, home, crash_at="during_settle", slots=1).wait(120) == -signal.SIGKILL

        def only_the_silent_are_left() -> bool:
            run.folder.step()
            if not run.cells("n"):
                everything_was_looked_at(campaign.pk)
            return not run.out("nq")

        run.wait(only_the_silent_are_left)
        lines, _ = run.page()
        assert_it_adds_up(lines, client)
        assert lines["accepted.open"].n == run.out("a") > 0
        raw().execute(
            "UPDATE campaign_chunk SET handed_at = handed_at - interval '73 hours', lease_until = now()"
            " WHERE campaign_id = %s AND state = 2", [campaign.pk],
        )  # fmt: skip
        run.wait(lambda: run.follow() == State.FINISHED)

    lines, page = run.page()
    assert_it_adds_up(lines, client)
    agree_with_the_sandbox(run, lines)
    for key in (
        "left_out.freeze", "left_out.hand_over", "accepted.delivered.message", "accepted.delivered.text", "accepted.closed",
        "refused.OPTED_OUT", "refused.BAD_PROFILE", "tries.moved_on", "tries.waited", "tries.text.NO_TALK", "texts.delivered",
        "again.REPEAT", "money.BRAND.returned", "money.SMS.charged", "set_aside.returned", "week.returned",
    ):  # fmt: skip
        assert lines[key].n > 0, key
    assert lines["set_aside.spent"].n + lines["set_aside.returned"].n == lines["set_aside"].n
    assert {line.key for line in lines.values() if line.key.startswith("left_out.hand_over.")} >= {
        "left_out.hand_over.OPTED_OUT_INFO"
    }
    assert lines["week.kept"].n == lines["accepted"].n + lines["in_doubt"].n


def agree_with_the_sandbox(run: Run, lines: dict[str, Shown]) -> None:
    """What is on the page is what the other side counted from the raw requests."""
    campaign, known = run.campaign.pk, books(raw(), run.campaign.pk)
    seen, messages = run.sandbox.books(campaign), run.sandbox.messages(campaign)
    # Put into a group that was thrown away; whom a rule left out before the second try: the dealer alone knows of the first.
    dropped = raw().execute(
        "SELECT e.chunk_no, e.seq FROM chunk_exception e JOIN campaign_chunk c USING (campaign_id, chunk_no)"
        " WHERE e.campaign_id = %s AND e.code = 'REPEAT' AND get_byte(c.outcome, e.seq) = ascii('l')", [campaign],
    ).fetchall()  # fmt: skip
    gone = {f"{campaign}-{chunk}-{seq}" for chunk, seq in dropped}
    messages = [one for one in messages if one[3] != "2000" and one[0] not in gone]
    last = {id_: code for id_, _, _, code in messages}
    repeated = Counter(id_ for id_, _, _, code in messages if code not in ("1026", "1061"))
    codes = Counter(last.values())
    is_text = {id_ for id_, _, pf_id, _ in messages if pf_id == "-"}
    doubles = sum(n - 1 for n in repeated.values())
    assert lines["again.REPEAT"].n == doubles == seen["ids_taken_more_than_once"]
    assert lines["again"].n == known.repeats == lines["again.REPEAT"].n + len(gone)
    assert lines["accepted.delivered"].n == codes["4000"]
    assert lines["accepted.closed"].n == codes["3000"]
    assert lines["accepted.delivered.text"].n == sum(1 for id_ in is_text if last[id_] == "4000")
    assert lines["texts"].n == len(is_text) + lines.get("texts.left_out", Shown(key="", number="0명")).n
    assert lines["refused.OPTED_OUT"].n == codes["1061"]
    assert lines["tries.waited"].n == codes["3108"]
    not_friends = lines.get("refused.NOT_A_FRIEND", Shown(key="", number="0명")).n + lines["tries.moved_on"].n
    assert not_friends + lines["tries.text.NOT_A_FRIEND"].n == codes["3102"]
    assert lines["refused.BAD_PROFILE"].n == codes["3101"]
    assert lines["tries.text.NO_TALK"].n == codes["3104"] and lines["tries.text.TALK_BLOCKED"].n == codes["3107"]
    assert lines["audience"].n == lines["left_out"].n + lines["accepted"].n + lines["refused"].n + lines["in_doubt"].n
    assert lines["paid"].n == lines["accepted"].n + lines["in_doubt"].n
    won = sum(25 if id_ not in is_text else 12 for id_, code in last.items() if code in ("4000", "3000"))
    assert lines["money"].n == won


# ── rights that end, doubt that stays, what the dealer denies ────────────────────────────────────────────────────────


def test_a_right_that_ends_and_a_stop_are_explained(
    sandbox: Sandbox, slot: Slot, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(sandbox, slot, folder, people=2500, lent_for=timedelta(hours=1))
    run.step(2)
    at(monkeypatch, sandbox, NOON + timedelta(hours=1, minutes=1))
    run.wait(lambda: run.follow() == State.PAUSED)
    lines, page = run.page()
    assert_it_adds_up(lines, run.client)
    assert "빌린 권한이 끝남" in page and "다시 빌린 뒤" in page and lines["not_yet"].n > 50

    services.stop(run.made.made.actor, run.campaign)
    run.wait(lambda: bool(run.follow()) and not run.out("naq"))
    run.wait(lambda: bool(run.follow()) and Dispatch.objects.get(pk=run.campaign.pk).finished_at is not None)
    run.follow()

    lines, _ = run.page()
    assert_it_adds_up(lines, run.client)
    seen = run.sandbox.books(run.campaign.pk)
    assert lines["left_out.stop.STOPPED"].n == lines["left_out.stop"].n > 50
    assert lines["accepted.delivered"].n == seen["delivered"] and lines["not_yet"].n == 0
    assert lines["week.kept"].n == lines["accepted"].n and lines["set_aside.returned"].n > 0
    assert lines["again"].number.strip() == "0번"


@pytest.fixture
def listed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several requests a campaign, and a dealer that lists at once what it took."""
    monkeypatch.setattr(planner, "CHUNK", 20)
    monkeypatch.setattr(direct, "ASK_AGAIN_SECONDS", 0.05)
    able = {kind: replace(one, find_seconds=0.2) for kind, one in Nhn.abilities.items()}
    monkeypatch.setattr(Nhn, "abilities", able)


@pytest.mark.usefixtures("listed_at_once")
def test_doubt_and_the_dealers_no_are_explained(
    sandbox: Sandbox, slot: Slot, folder: Folder, url: str, home: Path
) -> None:
    """A dealer that sends at once: killed before the request left, answers lost with refusals in them."""
    run = begin(sandbox, slot, folder, people=1800, adapter="nhn", text="#{조직} 소식입니다.")
    assert worker(url, home, crash_at="before_hand_over", slots=1).wait(120) == -signal.SIGKILL
    run.wait(lambda: run.cells("q") > 0)
    lines, _ = run.page()
    assert lines["in_doubt.asking"].n == lines["in_doubt"].n == run.cells("q") > 0
    sandbox.faults(drop_next=3)
    run.wait(lambda: bool(run.step(1)) or not run.cells("na"))
    raw().execute(
        "UPDATE campaign_chunk SET handed_at = handed_at - interval '73 hours', lease_until = now()"
        " WHERE campaign_id = %s AND state = 2", [run.campaign.pk],
    )  # fmt: skip
    run.wait(lambda: run.follow() == State.FINISHED)

    lines, page = run.page()
    assert_it_adds_up(lines, run.client)
    codes = Counter(code for *_, code in run.sandbox.messages(run.campaign.pk))
    lost = raw().execute(
        "SELECT chunk_no FROM campaign_chunk WHERE campaign_id = %s AND request_hash IS NULL", [run.campaign.pk]
    )
    of_lost = {f"{run.campaign.pk}-{chunk}" for (chunk,) in lost.fetchall()}
    denied = [
        id_ for id_, *_, code in run.sandbox.messages(run.campaign.pk)
        if code == "1061" and id_.rpartition("-")[0] in of_lost
    ]  # fmt: skip
    assert lines["in_doubt.never"].n == lines["in_doubt"].n > 0 and "받았을 수도 있어 다시 보내지 않습니다" in page
    assert lines["paid.in_doubt"].n == lines["in_doubt"].n
    not_taken = lines.get("refused.NOT_TAKEN", Shown(key="", number="0명")).n
    opted_out = lines.get("refused.OPTED_OUT", Shown(key="", number="0명")).n
    assert not_taken == len(denied) and not_taken + opted_out == codes["1061"]
    assert lines["accepted.delivered"].n == run.sandbox.books(run.campaign.pk)["delivered"]


@pytest.mark.usefixtures("listed_at_once")
def test_what_is_sent_again_on_the_dealers_word_is_told(
    sandbox: Sandbox, slot: Slot, folder: Folder, url: str, home: Path
) -> None:
    """AGAIN: the request never left, and the dealer can say so. Nobody gets it twice, and the page says why."""
    run = begin(sandbox, slot, folder, people=600, adapter="nhn", alim="#{이름} 님, #{조직} 소식입니다.")
    assert worker(url, home, crash_at="before_hand_over", slots=1).wait(120) == -signal.SIGKILL
    run.wait(lambda: run.follow() == State.FINISHED)

    lines, _ = run.page()
    assert_it_adds_up(lines, run.client)
    taken = Counter(id_ for id_, *_, code in run.sandbox.messages(run.campaign.pk) if code != "1061")
    assert lines["again.AGAIN"].n == lines["again"].n == 20 and set(taken.values()) == {1}
    assert lines["accepted.delivered"].n == run.sandbox.books(run.campaign.pk)["delivered"]


# ── who may not know everything ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.product("T5")
@pytest.mark.parametrize("role", [Role.BLIND_SENDER, Role.VIEWER])
def test_to_the_blind_no_line_is_finer_than_ten(role: Role, sandbox: Sandbox, slot: Slot, folder: Folder) -> None:
    run = begin(sandbox, slot, folder, people=700)
    run.wait(lambda: run.follow() == State.FINISHED)
    blind = client_of(make_tree.lent(run.made.made, run.campaign.unit, role=role))
    exact, _ = run.page()
    lines, page = read(blind, run.campaign)

    assert set(lines) >= {"audience", "left_out", "accepted", "refused", "again"}
    assert not any(key.startswith(("money", "paid", "set_aside", "week")) for key in lines)
    small = [line for line in exact.values() if 0 < line.n < 10 and line.key in lines]
    assert small, "something could leak"
    for line in lines.values():
        told = line.number.strip()
        assert "미만" in told or told in ("0명", "0번") or number_of(told) % 10 == 0, (line.key, told)
        if line.link:
            inside = text_of(blind.get(line.link))
            assert all(
                "미만" in n or n == "0명" or number_of(n) % 10 == 0 for n in re.findall(r'mj-num">([^<]+)</td>', inside)
            )
    assert "작은 수는 어림" in page


@pytest.mark.parametrize(
    "key",
    [
        "nothing",
        "accepted.",
        "left_out.freeze.X",
        "money",
        "audience",
        "a" * 80,
        "..",
        "again",
        "left_out.freeze.__class__",
    ],
)
def test_a_line_that_there_is_not_is_not_found(key: str, noon: datetime) -> None:
    made = make.party(people=60)
    campaign = make.confirmed(made)
    freezing.freeze(campaign.pk)
    client = client_of(made.made.actor)

    assert client.get(address("line", campaign, key="accepted")).status_code == 200
    assert client.get(address("line", campaign, key=key)).status_code == 404
