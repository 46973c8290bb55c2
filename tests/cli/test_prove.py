"""``majung prove crashes``: plans from seeds, verdicts over both sides, the record, and twenty real runs (O6)."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from majung.cli.prove import record
from majung.cli.prove.command import points
from majung.cli.prove.compare import Ledger, Line, Promise, Verdict, judged
from majung.cli.prove.plan import (
    AFTER_HAND_OVER,
    AT_ONCE,
    FURTHEST_JUMP_SECONDS,
    LEASE_SECONDS,
    MAY_BE_HIDDEN,
    MOST_KILLS,
    TARGETS,
    WAYS,
    Way,
    drawn,
)
from majung.cli.prove.warm import Forked

pytestmark = pytest.mark.product("O6")

ROOT = Path(__file__).parents[2]
SHARED = ("after_claim", AFTER_HAND_OVER, "during_settle")
POINTS = {
    Way.BASKET: SHARED,
    Way.INSTEAD: ("fallback_claimed", "fallback_handed", "fallback_planned"),
    Way.ALIM: (*SHARED, "before_hand_over"),
    Way.BRAND: (*SHARED, "before_hand_over"),
}


# ── plans ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_seed_says_the_same_every_time() -> None:
    turned = {way: tuple(reversed(names)) for way, names in POINTS.items()}

    assert [drawn(seed, POINTS) for seed in range(50)] == [drawn(seed, turned) for seed in range(50)]
    assert len({drawn(seed, POINTS).kills for seed in range(50)}) > 45


def test_plans_hold_everything_that_may_happen() -> None:
    plans = [drawn(seed, POINTS) for seed in range(600)]

    kills = [kill for plan in plans for kill in plan.kills]
    assert {kill.target for kill in kills} == set(TARGETS)
    assert {(plan.way, plan.point) for plan in plans} == {
        (way, name) for way, names in POINTS.items() for name in names
    }
    assert all(1 <= len(plan.kills) <= MOST_KILLS for plan in plans)
    assert (
        any(kill.jump for kill in kills)
        and any(plan.sandbox_jump for plan in plans)
        and any(plan.later for plan in plans)
    )
    assert all(abs(kill.jump) <= FURTHEST_JUMP_SECONDS for kill in kills)
    for fault in ("drop_next", "late_next", "error_next", "hide_next", "duplicate_webhooks"):
        assert any(plan.faults.get(fault) for plan in plans), fault


def test_most_campaigns_go_by_basket_and_every_way_has_its_share() -> None:
    plans = [drawn(seed, POINTS) for seed in range(1200)]

    for way, share in WAYS.items():
        assert abs(sum(plan.way is way for plan in plans) - 100 * share) < 80, way


def test_answers_get_lost_where_that_way_asks_for_them() -> None:
    for plan in (drawn(seed, POINTS) for seed in range(400)):
        if lost := plan.faults.get("drop_endpoints"):
            assert (
                set(lost) == {"nhn.send"} if plan.way in AT_ONCE else all(name.startswith("groups.") for name in lost)
            )


@pytest.mark.parametrize("way", Way)
def test_on_every_way_senders_come_back_with_clocks_that_are_off_and_answers_outlast_a_lease(way: Way) -> None:
    plans = [plan for plan in (drawn(seed, POINTS) for seed in range(600)) if plan.way is way]

    assert {kill.jump > 0 for plan in plans for kill in plan.kills if kill.target == "sender" and kill.jump} == {
        True,
        False,
    }
    late = [plan.faults["late_ms"] for plan in plans if plan.faults.get("late_next")]
    assert late and all(ms / 1000 > LEASE_SECONDS for ms in late)


def test_a_record_is_hidden_only_where_the_worker_dies_before_it_knows() -> None:
    plans = [drawn(seed, POINTS) for seed in range(400)]
    hidden = [plan for plan in plans if plan.hidden]

    assert 20 < len(hidden) < 90 and {plan.way for plan in hidden} <= MAY_BE_HIDDEN
    assert all(plan.point == AFTER_HAND_OVER and plan.faults["hide_next"] == 1 for plan in hidden)
    assert not any(plan.faults.get(name) for plan in hidden for name in ("drop_next", "late_next", "error_next"))
    assert all(("hide_next" in plan.faults) is plan.hidden for plan in plans)


def test_the_named_points_are_those_of_the_code() -> None:
    assert {way: set(names) for way, names in points().items()} == {way: set(names) for way, names in POINTS.items()}


# ── verdicts ─────────────────────────────────────────────────────────────────────────────────────────────────────────
NUMBERS = {11: "01000000011", 12: "01000000012", 13: "01000000013", 14: "01000000014"}
TWICE = frozenset({(1, 0)})


def ledger(outcome: bytes = b"dd\x0ad", **changes: Any) -> Ledger:
    """Chunk 1 with four people: two delivered, one not a friend, one delivered."""
    given: dict[str, Any] = {"repeats": frozenset(), "unfinished": 0, "is_balanced": True}
    return Ledger(chunks={1: ([11, 12, 13, 14], outcome)}, **(given | changes))


def line(seq: int, code: int = 4000, number: str = "") -> Line:
    return Line(id=(1, seq), number=number or NUMBERS[11 + seq], code=code)


SEEN = [line(0), line(1), line(2, 3102), line(3)]


def verdict(ours: Ledger, seen: list[Line], *promises: Promise, refused: tuple[int, ...] = ()) -> Verdict:
    return judged(ours, seen, NUMBERS, promises=promises, refused=refused)


def test_two_sides_that_agree() -> None:
    found = verdict(ledger(), SEEN, Promise("events", {1}, {1, 2}), refused=(99,))

    assert (found.lost, found.unknown_doubles, found.known_repeats, found.findings) == (0, 0, 0, {})


def test_what_was_never_sent_or_only_put_into_a_basket_is_no_message() -> None:
    assert verdict(ledger(b"ddld"), [line(0), line(1), line(3)]).lost == 0
    assert verdict(ledger(b"ddld"), [line(0), line(1), line(2, 2000), line(3), line(3, 1026)]).lost == 0
    assert verdict(ledger(b"dd\x14d"), [line(0), line(1), line(2, 1061), line(2, 1061), line(3)]).lost == 0


def test_who_was_turned_away_from_a_basket_that_was_thrown_away_may_refuse_before_the_next() -> None:
    seen = [line(0), line(1), line(2, 1061), line(3)]

    assert verdict(ledger(b"ddld"), seen).lost == 0
    assert verdict(ledger(b"ddqd"), seen).lost == 1  # the ledger should know
    assert verdict(ledger(b"ddld"), [*seen, line(2, 3102)]).lost == 1  # taken all the same


@pytest.mark.parametrize(
    ("ours", "seen", "lost"),
    [
        (ledger(), SEEN[1:], 2),  # sent, never seen, and so not delivered there
        (ledger(b"dd\x0an"), SEEN, 2),  # seen, not sent
        (ledger(), [line(0), line(1, 3102), line(2, 3102), line(3)], 1),  # delivered here only
        (ledger(), [line(0), line(1, number="01000000099"), line(2, 3102), line(3)], 1),  # to a stranger
        (ledger(unfinished=3), SEEN, 3),
        (ledger(is_balanced=False), SEEN, 1),
        (ledger(is_paid=False), SEEN, 1),
        (ledger(repeats=TWICE), SEEN, 1),  # a repeat that nobody saw
        (ledger(), [], 7),
    ],
)
def test_every_disagreement_counts_as_lost(ours: Ledger, seen: list[Line], lost: int) -> None:
    found = verdict(ours, seen)

    assert found.lost == lost and found.unknown_doubles == 0 and found.findings


def test_promises_and_refusals_are_kept() -> None:
    assert verdict(ledger(), SEEN, Promise("events", {1, 2}, {2})).lost == 1
    assert verdict(ledger(), SEEN, refused=(12,)).findings == {"sent to who had refused": ["(1, 1)"]}
    assert verdict(ledger(b"dl\x0ad"), [line(0), line(2, 3102), line(3)], refused=(12,)).lost == 0


def test_a_double_is_known_or_not() -> None:
    twice = [*SEEN, line(0)]

    known, unknown = verdict(ledger(repeats=TWICE), twice), verdict(ledger(), twice)

    assert (known.lost, known.unknown_doubles, known.known_repeats) == (0, 0, 1)
    assert (unknown.lost, unknown.unknown_doubles) == (0, 2)


def test_who_is_sent_to_again_on_the_dealers_word_is_a_repeat_only_where_it_lied() -> None:
    again = ledger(again=TWICE)

    true, lied = verdict(again, SEEN), verdict(again, [*SEEN, line(0)])

    assert (true.lost, true.unknown_doubles, true.known_repeats) == (0, 0, 0)
    assert (lied.lost, lied.unknown_doubles, lied.known_repeats) == (0, 0, 1)


def test_who_stays_in_doubt_was_not_seen_by_the_dealer() -> None:
    assert verdict(ledger(b"dd\x0aq"), SEEN[:3]).lost == 0
    assert verdict(ledger(b"dd\x0aq"), SEEN).lost == 2  # it was, and was delivered: the ledger should know


def test_a_message_that_failed_and_the_text_instead_are_no_double() -> None:
    ours = Ledger(
        chunks={1: ([11, 12], b"d\x8a"), 2: ([12], b"d")}, repeats=frozenset(), unfinished=0, is_balanced=True
    )
    seen = [line(0), line(1, 3102), Line(id=(2, 0), number=NUMBERS[12], code=4000)]

    found = verdict(ours, seen)

    assert (found.lost, found.unknown_doubles, found.findings) == (0, 0, {})


def test_the_same_number_under_another_id_is_an_unknown_double() -> None:
    ours = Ledger(chunks={1: ([11, 12], b"dd"), 2: ([11], b"d")}, repeats=frozenset(), unfinished=0, is_balanced=True)
    seen = [line(0), line(1), Line(id=(2, 0), number=NUMBERS[11], code=4000)]

    assert verdict(ours, seen).unknown_doubles == 1


# ── the record ───────────────────────────────────────────────────────────────────────────────────────────────────────
def run_line(seed: int, **changes: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "kills": 2,
        "faults": 3,
        "lost": 0,
        "unknown_doubles": 0,
        "known_repeats": 0,
        "seconds": 1.5,
        **changes,
    }


def test_a_proof_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    kept = record.Record(path=tmp_path / "runs.jsonl", people=100)
    assert kept.missing(3) == [1, 2, 3]

    for seed in (1, 3):
        kept.add(run_line(seed))
    with kept.path.open("a") as file:
        file.write(json.dumps({**run_line(2), "code": "of another version", "people": 100}) + "\n")
        file.write(json.dumps({**run_line(4), "code": record.code(), "people": 99}) + "\n")
        file.write('{"seed": 5, "torn')

    assert kept.missing(5) == [2, 4, 5]
    kept.add(run_line(3, lost=1))  # again, and now it fails
    kept.add(run_line(3))
    found = record.totals(kept.lines())
    assert found == {
        "runs": 2,
        "kills": 4,
        "faults": 6,
        "lost": 1,
        "unknown_doubles": 0,
        "known_repeats": 0,
        "seconds": 3.0,
    }


def test_a_proof_stands_when_a_page_is_mended() -> None:
    beside = ("src/majung/people/console.py", "src/majung/api/campaigns.py", "src/majung/cli/bench.py")
    counts = ("src/majung/delivery/engine.py", "src/majung/cli/prove/act.py", "src/majung/portal/preferences.py")

    assert all(map(record.is_beside, beside)) and not any(map(record.is_beside, counts))
    assert all((ROOT / name).exists() for name in (*record.NOT_RUN, *beside, *counts))


def test_nobody_who_sends_or_receives_loads_django_or_what_the_proof_leaves_out() -> None:
    ask = (
        "import sys, majung.delivery.worker, majung.ingest.folder, majung.ingest.server\n"
        "from majung.crowd import catalogue; catalogue.load()\n"
        "for name, one in sys.modules.items(): print(name, getattr(one, '__file__', None))"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}", "MAJUNG_SECRET_KEY": "tests-only"}

    told = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True)

    modules = dict(line.split(" ", 1) for line in told.stdout.splitlines())
    ours = [str(Path(name).relative_to(ROOT)) for name in modules.values() if name.startswith(str(ROOT / "src"))]
    assert "src/majung/delivery/handover.py" in ours and not [name for name in ours if record.is_beside(name)]
    assert not [name for name in modules if name.split(".")[0] in ("django", "django_stubs_ext", "granian")]


def test_a_process_is_held_until_it_ends() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    held = Forked(child.pid, os.pidfd_open(child.pid))

    assert held.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        held.wait(0.05)
    held.terminate()
    assert held.wait(10) == 0 and held.poll() == 0
    assert child.wait(10) == -signal.SIGTERM


# ── twenty runs ──────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.slow
def test_twenty_runs_lose_nothing_and_double_nothing_unknown() -> None:
    """The same command as the long proof, with fewer people."""
    home = Path(tempfile.mkdtemp(prefix="majung-prove-"))
    home.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "MAJUNG_CLOCK")}
    environment |= {"MAJUNG_HOME": str(home), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'sandbox'}"}
    command = [sys.executable, "-m", "majung", "prove", "crashes", "--runs", "20", "--people", "2000", "--json"]
    try:
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=1_200, check=False
        )
        assert done.returncode == 0, done.stderr[-4000:]
        told = json.loads(done.stdout.splitlines()[-1])
        lines = [json.loads(text) for text in (home / "prove" / "runs.jsonl").read_text().splitlines()]
    finally:
        shutil.rmtree(home, ignore_errors=True)

    assert list(told) == ["runs", "kills", "faults", "lost", "unknown_doubles", "known_repeats", "seconds"]
    assert (
        (told["runs"], told["lost"], told["unknown_doubles"]) == (20, 0, 0)
        and told["kills"] > 40
        and told["faults"] > 40
    )
    assert len({one["way"] for one in lines}) > 1
    assert all(one["named"] for one in lines) and all(bool(one["known_repeats"]) == one["hidden"] for one in lines)
    assert all(one["events"] and one["refusals"] >= 5 and one["messages"] > 1_000 for one in lines)
