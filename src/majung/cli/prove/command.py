"""The command: which seeds are still to be run, on one stage or on several side by side, and the totals of the record."""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from majung.cli.installation import say, writable
from majung.cli.processes import end_in_order
from majung.cli.prove import abreast, act, loading, record
from majung.cli.prove.plan import AT_ONCE, Way, drawn
from majung.core import env

_POINT = re.compile(r'\bcrash\("(\w+)"\)')
_INSTEAD = "fallback_"


def points() -> Mapping[Way, Sequence[str]]:
    """The named points that a campaign of each way comes to, read from the code, so that a new one is hit unasked."""
    folder = Path(__file__).resolve().parents[2] / "delivery"

    def of(*files: str) -> set[str]:
        return {name for file in files for name in _POINT.findall((folder / file).read_text("utf-8"))}

    shared, at_once = of("handover.py", "settle.py"), of("handover.py", "settle.py", "direct.py")
    found = {Way.BASKET: shared, Way.INSTEAD: shared, **dict.fromkeys(AT_ONCE, at_once)}
    return {
        way: sorted(name for name in names if name.startswith(_INSTEAD) == (way is Way.INSTEAD))
        for way, names in found.items()
    }


def run(arguments: argparse.Namespace) -> int:
    """Run what is missing of ``--runs`` (or one ``--seed`` again); 0 when nothing was lost and no double was unknown."""
    end_in_order()
    home = env.home() / "prove"
    if arguments.lane is not None:
        _on_lane(home, arguments.lane, arguments.people)
        return 0
    kept = record.Record(path=home / "runs.jsonl", people=arguments.people)
    again = arguments.seed is not None
    seeds = [arguments.seed] if again else kept.missing(arguments.runs)
    told = _run(seeds, home, kept, 1 if again else arguments.abreast)
    lines = told if again else [line for line in kept.lines() if line["seed"] <= arguments.runs]
    for line in lines:
        if record.has_failed(line):
            say(f"씨앗 {line['seed']}: {line['problem']} {json.dumps(line['findings'], ensure_ascii=False)}")
    found = record.totals(lines)
    print(json.dumps(found) if arguments.json else _in_words(found), flush=True)
    return 1 if record.has_failed(found) else 0


def _run(seeds: Sequence[int], home: Path, kept: record.Record, lanes: int) -> list[dict[str, Any]]:
    """The lines of these runs, each written down when it is over."""
    told: list[dict[str, Any]] = []
    if not seeds:
        return told
    lanes = min(lanes, len(seeds))
    with writable(home):
        home.mkdir(parents=True, exist_ok=True)
    if lanes == 1:
        lines = _one_after_another(abreast.lane(home, 0), kept.people, seeds)
    else:
        lines = abreast.lines(home, kept.people, seeds, lanes)
    for number, line in enumerate(lines, start=1):
        kept.add(line)
        told.append(line)
        say(f"{number}/{len(seeds)}")
        act.tell(line)
    return told


def _one_after_another(home: Path, people: int, seeds: Iterable[int]) -> Iterable[dict[str, Any]]:
    with loading.standing(home, people) as stage:
        for seed in seeds:
            plan = drawn(seed, points())
            yield act.Run(stage, plan).done().line(plan)


def _on_lane(home: Path, number: int, people: int) -> None:
    """A process of ``abreast``: seeds come in by lines, and what their runs were goes out by lines."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever prints must not be taken for an answer
    seeds = (int(line) for line in iter(sys.stdin.readline, ""))
    with loading.standing(abreast.lane(home, number), people) as stage:
        print(abreast.READY, file=answers, flush=True)
        for seed in seeds:
            plan = drawn(seed, points())
            print(json.dumps(act.Run(stage, plan).done().line(plan), ensure_ascii=False), file=answers, flush=True)


def _in_words(found: dict[str, float]) -> str:
    return (
        f"{found['runs']:,}번 돌렸습니다: 죽임 {found['kills']:,}, 고장 {found['faults']:,}, {found['seconds']:,.0f}초.\n"
        f"잃은 것 {found['lost']:,}, 모르는 중복 {found['unknown_doubles']:,}, 아는 반복 {found['known_repeats']:,}."
    )
