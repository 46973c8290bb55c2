"""One run: a fresh campaign is sent while its plan happens to it, and what both sides then say is read and judged."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import psycopg

from majung.cli.installation import say
from majung.cli.prove import compare
from majung.cli.prove.compare import Ledger, Line, Promise, Verdict
from majung.cli.prove.loading import numbers
from majung.cli.prove.plan import SENDERS, Kill, Plan, Way
from majung.cli.prove.stage import Stage
from majung.cli.prove.traffic import Events, Going, Refusals
from majung.core import clock, sql
from majung.core.embedded import OWNER

PATIENCE_SECONDS = 150.0
"""A campaign that has not ended by then is stuck: its people count as lost."""
LOOK_SECONDS, DEATH_SECONDS = 0.25, 40.0
EARLY, LATER = 5, 60
"""People who refuse before sending begins, and at most while it goes on."""
NAMED_BACK_SECONDS = 0.3
ASKED_SECONDS = 0.5


@dataclass(slots=True, kw_only=True)
class Done:
    """What happened, for the record's line."""

    verdict: Verdict
    kills: dict[str, int]
    named: bool
    faults: int
    seconds: float
    audience: int
    messages: int
    events: int
    refusals: int
    doubts: int = 0
    problem: str = ""
    fell: list[str] = field(default_factory=list)

    def line(self, plan: Plan) -> dict[str, Any]:
        """As it is written down."""
        found = self.verdict
        return {
            "seed": plan.seed, "way": plan.way, "point": plan.point, "named": self.named, "hidden": plan.hidden,
            "kills": sum(self.kills.values()), "kills_by": self.kills, "faults": self.faults, "lost": found.lost,
            "unknown_doubles": found.unknown_doubles, "known_repeats": found.known_repeats,
            "seconds": round(self.seconds, 2), "audience": self.audience, "messages": self.messages, "events": self.events,
            "refusals": self.refusals, "doubts": self.doubts, "fell": self.fell,
            "problem": self.problem, "findings": {what: rows[:20] for what, rows in found.findings.items()},
        }  # fmt: skip


class Run:
    """One run on the stage."""

    def __init__(self, stage: Stage, plan: Plan) -> None:
        from django.conf import settings

        from majung.demo.gateway import Gateway

        self.stage, self.plan = stage, plan
        self.gateway = Gateway(settings.SANDBOX_URL)
        self.kills: dict[str, int] = {}
        self.named = False
        self.doubts = 0
        self._hastened_at: float | None = None
        self._held: psycopg.Connection[Any] | None = None
        self._dice = random.Random(plan.seed + 1)  # noqa: S311  dice, not secrets
        self._due: list[tuple[float, Callable[[], object]]] = []
        self._begun = 0.0

    def done(self) -> Done:
        """The run, from the copy of the loaded installation to the verdict."""
        from majung.demo import run as demo

        begun = time.monotonic()
        self.stage.fell.clear()
        self.stage.renew(self.plan.way)
        demo.rejoin()
        [(campaign, root)] = self._ask("SELECT campaign_id, root_id FROM dispatch")
        people = numbers(root)
        events, early, later = self._traffic(root, campaign)
        _let_go()
        while early.waiting:
            early.post()
        self._set_faults()
        with Going(events, later):
            problem = self._send(campaign)
        self._calm()
        lines = self._came(campaign)
        verdict = compare.judged(
            self._ledger(campaign), lines, people,
            promises=[
                Promise("events", set(events.answered), {bytes(b) for (b,) in self._ask("SELECT blind FROM external_identity")}),
                Promise("refusals", {*early.answered, *later.answered}, {n for (n,) in self._ask("SELECT person_id FROM refusal")}),
            ],
            refused=early.answered,
        )  # fmt: skip
        [(audience,)] = self._ask("SELECT audience FROM dispatch WHERE campaign_id = %s", campaign)
        self._hang_up()
        return Done(
            verdict=verdict, kills=self.kills, named=self.named, faults=self._fired(self.gateway.get("faults")),
            seconds=time.monotonic() - begun, audience=audience, messages=len(lines), events=len(events.answered),
            refusals=len(early.answered) + len(later.answered), doubts=self.doubts, problem=problem, fell=list(self.stage.fell),
        )  # fmt: skip

    def _traffic(self, root: int, campaign: int) -> tuple[Events, Refusals, Refusals]:
        """Events of strangers, and people of the list who refuse before sending and while it goes on.

        Where a record is hidden nobody refuses later: a repeat that is then not sent would be known and not seen.
        """
        from django.conf import settings

        from majung.channels import identities
        from majung.channels.models import Channel, KakaoApp
        from majung.consent import links
        from majung.demo.world import ADMIN_KEY
        from majung.people.vault import sealer

        app, channel = KakaoApp.objects.earliest("pk"), Channel.objects.filter(root_id=root).earliest("pk")
        rows = self._ask("SELECT people FROM campaign_chunk WHERE campaign_id = %s ORDER BY chunk_no", campaign)
        planned = [person for (some,) in rows for person in some]
        chosen = self._dice.sample(planned, min(EARLY + LATER, len(planned)))
        made = [token.decode() for token in links.tokens(root, chosen, campaign, sealer=sealer())]
        mine = list(zip(chosen, made, strict=True))

        def known(key: str) -> bytes:
            return identities.blind(sealer(), root, identities.space(app.pk), key)

        events = Events(settings.INGEST_URL, app.path_token, ADMIN_KEY, channel.profile_id, known, self.plan.seed)
        later = [] if self.plan.hidden else mine[EARLY:]
        return events, Refusals(settings.BASE_URL, mine[:EARLY]), Refusals(settings.BASE_URL, later)

    def _set_faults(self) -> None:
        self.gateway.post("settings", {"report_delay_seconds": self.plan.report_delay})
        self.gateway.post("faults", {"reset": True, **self.plan.faults})

    def _fired(self, left: dict[str, Any]) -> int:
        """How many faults hit: lost, late and failed answers by count; slowness, jumps, repeated or misordered reports once."""
        given = self.plan.faults
        counted: int = sum(
            max(0, given.get(name, 0) - left.get(name, 0))
            for name in ("drop_next", "late_next", "error_next", "hide_next")
        )
        kinds = [True, given["duplicate_webhooks"], bool(self.plan.later), self.plan.sandbox_jump is not None]
        return counted + sum(map(bool, kinds)) + sum(kill.jump != 0 for kill in self.plan.kills)

    # sending
    def _send(self, campaign: int) -> str:
        """Until the dispatch is finished; returns what is wrong when it is not in time."""
        self._begun = time.monotonic()
        self._start_senders()
        for kill in self.plan.kills:
            self._at(kill.at, partial(self._kill, kill))
        for second, change in self.plan.later:
            self._at(second, partial(self.gateway.post, "settings", change))
        if self.plan.sandbox_jump is not None:
            second, jump = self.plan.sandbox_jump
            self._at(second, lambda: self.gateway.post("clock", {"offset_seconds": clock.offset_seconds() + jump}))
        looked = 0.0
        while time.monotonic() - self._begun < PATIENCE_SECONDS:
            self._do_what_is_due()
            self._look_at_the_named()
            self.stage.supervise()
            if time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                self._forget_pace()
                if self.plan.way is Way.BRAND:
                    self._pass_time(campaign)
                if self._is_finished(campaign) and not self._due:
                    return ""
            time.sleep(0.02)
        with suppress(psycopg.OperationalError):
            [(state, reason, words)] = self._ask(
                "SELECT state, pause_reason, problem FROM dispatch WHERE campaign_id = %s", campaign
            )
            return f"not finished after {PATIENCE_SECONDS:.0f} s: {state} {reason} {words}"
        return "not finished, and the database does not answer"

    def _start_senders(self) -> None:
        """The first one will die at the named point. It begins alone where a record is to be hidden, so that it is its own,
        and where there are so few requests that the other might take them all.
        """
        self.stage.start("folder")
        self.stage.start("sender-0", MAJUNG_CRASH_AT=self.plan.point)
        if self.plan.hidden or self.plan.way is Way.ALIM:
            deadline = time.monotonic() + DEATH_SECONDS
            while not self.stage.has_ended("sender-0") and time.monotonic() < deadline:
                time.sleep(0.02)
            self._look_at_the_named()
            self._begun = time.monotonic()
        for number in range(1, SENDERS):
            self.stage.start(f"sender-{number}")

    def _look_at_the_named(self) -> None:
        """The sender that died at the named point comes back as an ordinary one."""
        if not self.named and "sender-0" not in self.stage.down and self.stage.has_ended("sender-0"):
            self.named = True
            self.kills["named"] = 1
            self.stage.down.add("sender-0")
            self._at(time.monotonic() - self._begun + NAMED_BACK_SECONDS, lambda: self.stage.start("sender-0"))

    def _kill(self, kill: Kill) -> None:
        stage = self.stage
        name = f"sender-{kill.which}" if kill.target == "sender" else kill.target
        back = time.monotonic() - self._begun + kill.absent
        if kill.target == "server":
            if stage.kill_server():
                self._count("server")
            self._at(back, stage.start_server)
        elif kill.target == "backend":
            with suppress(psycopg.OperationalError):
                if stage.kill_backend(self._dice):
                    self._count("backend")
        elif name == "sender-0" and not self.named:
            # It must come to its named point: the other one dies in its place.
            self._kill(replace(kill, which=1))
        elif name not in stage.down and stage.kill(name):
            self._count(kill.target)
            environment = {clock.ERROR: str(kill.jump)}
            self._at(back, lambda: stage.start(name, **environment))

    def _count(self, what: str) -> None:
        self.kills[what] = self.kills.get(what, 0) + 1

    def _at(self, second: float, what: Callable[[], object]) -> None:
        self._due.append((second, what))

    def _do_what_is_due(self) -> None:
        now = time.monotonic() - self._begun
        for entry in sorted((e for e in self._due if e[0] <= now), key=lambda e: e[0]):
            self._due.remove(entry)
            entry[1]()

    # afterwards
    def _calm(self) -> None:
        """Nothing is broken any more: everybody is up, reports have had a moment to arrive, and what was taken is folded."""
        self._hang_up()
        self.stage.start_server()
        for name in ("web", "ingest"):
            if self.stage.has_ended(name):
                self.stage.start(name)
            self.stage.wait(name)
        for number in range(SENDERS):
            self.stage.kill(f"sender-{number}")
        if self.stage.has_ended("folder"):
            self.stage.start("folder")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._ask("SELECT FROM inbox WHERE problem IS NULL LIMIT 1") and time.monotonic() < deadline:
            time.sleep(0.05)

    def _forget_pace(self) -> None:
        """As if the ten minutes had passed after which a pace that was slowed by trouble is back: a run has seconds."""
        with suppress(psycopg.OperationalError):
            self._change(
                "UPDATE pace SET learned = NULL, before = NULL, changed_at = NULL, trouble = '', free_at = 'epoch'"
                " WHERE learned IS NOT NULL"
            )

    def _pass_time(self, campaign: int) -> None:
        """As if three days had passed, when nothing but doubt is left and the dealer has been asked about it once more."""
        doubt = "state = 2 AND group_ref ~ %s"
        key = rf"^{campaign}-\d+-\d+$"
        with suppress(psycopg.OperationalError):
            [(others, doubts, asked)] = self._ask(
                f"SELECT count(*) FILTER (WHERE NOT ({doubt})), count(*) FILTER (WHERE {doubt}),"
                " count(*) FILTER (WHERE lease_until > clock_timestamp() + interval '0.2 s')"
                " FROM campaign_chunk WHERE campaign_id = %s AND state <> 3",
                key, key, campaign,
            )  # fmt: skip
            if others or not doubts:
                self._hastened_at = None
            elif self._hastened_at is None:
                self._hastened_at = time.monotonic()
                self._change(
                    "UPDATE campaign_chunk SET lease_until = clock_timestamp() WHERE campaign_id = %s AND state = 2",
                    campaign,
                )
            elif asked == doubts and time.monotonic() - self._hastened_at > ASKED_SECONDS:
                self._change(
                    "UPDATE campaign_chunk SET handed_at = handed_at - interval '73 hours', lease_until = clock_timestamp()"
                    " WHERE campaign_id = %s AND state = 2", campaign,
                )  # fmt: skip

    def _is_finished(self, campaign: int) -> bool:
        try:
            rows = self._ask("SELECT finished_at IS NOT NULL FROM dispatch WHERE campaign_id = %s", campaign)
        except psycopg.OperationalError:
            return False
        self.stage.flush(on=True)
        return rows == [(True,)]

    def _change(self, statement: str, *facts: Any) -> None:
        self._connection().execute(statement, facts)

    def _ask(self, question: str, *facts: Any) -> list[tuple[Any, ...]]:
        return self._connection().execute(question, facts).fetchall()

    def _connection(self) -> psycopg.Connection[Any]:
        """One that is open as far as is known; whoever finds it broken has the next one made anew."""
        if self._held is None or self._held.closed:
            self._held = psycopg.connect(self.stage.server.url(OWNER), connect_timeout=5, autocommit=True)
        return self._held

    def _hang_up(self) -> None:
        if self._held is not None:
            self._held.close()

    def _ledger(self, campaign: int) -> Ledger:
        from majung.delivery.books import books

        told = books(self._connection(), campaign)
        rows = self._ask("SELECT chunk_no, people, outcome FROM campaign_chunk WHERE campaign_id = %s", campaign)
        written = self._ask("SELECT code, chunk_no, seq FROM chunk_exception WHERE campaign_id = %s", campaign)
        of = {code: frozenset((no, seq) for one, no, seq in written if one == code) for code in ("REPEAT", "AGAIN")}
        self.doubts = told.in_doubt
        return Ledger(
            chunks={no: (people, bytes(outcome)) for no, people, outcome in rows},
            repeats=of["REPEAT"], again=of["AGAIN"], is_balanced=told.is_balanced, is_paid=self._is_paid(campaign),
            unfinished=told.not_yet + (0 if self.plan.way is Way.BRAND else told.in_doubt),
        )  # fmt: skip

    def _is_paid(self, campaign: int) -> bool:
        """Of a campaign that is over, what it has cost and what it may cost at worst are one."""
        spent, due = (
            self._connection().execute(sql.load("majung.campaigns", "report", name), {"campaign": campaign}).fetchall()
            for name in ("spent", "still_needed")
        )
        return spent == due

    def _came(self, campaign: int) -> list[Line]:
        found = []
        for row in self.gateway.lines(campaign):
            id_, number, _, code = row.split()
            _, chunk, seq = id_.split("-")
            found.append(Line(id=(int(chunk), int(seq)), number=number, code=int(code)))
        return found


def _let_go() -> None:
    """Django's connections of this process are closed: the server is about to be killed."""
    from django.db import connections

    connections.close_all()


def tell(line: dict[str, Any]) -> None:
    """A run for whoever watches."""
    by = " ".join(f"{what}×{n}" for what, n in line["kills_by"].items())
    faults = f"고장 {line['faults']}"
    verdict = (
        "이상 없음"
        if not (line["lost"] or line["unknown_doubles"])
        else f"잃음 {line['lost']} 모르는 중복 {line['unknown_doubles']}"
    )
    known = f" 아는 반복 {line['known_repeats']}" if line["known_repeats"] else ""
    say(
        f"  씨앗 {line['seed']}: {line['point']}, {by}, {faults}, {line['seconds']:.1f}초: {verdict}{known} {line['problem']}"
    )
