"""The command: which seeds are still to be run, one after the other, and the totals of the whole record."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from majung.cli.installation import say
from majung.cli.processes import end_in_order
from majung.cli.prove import act, record, stage
from majung.cli.prove.plan import drawn
from majung.core import env

_POINT = re.compile(r'\bcrash\("(\w+)"\)')


def points() -> list[str]:
    """The named points that a campaign by brand message comes to, read from the code, so that a new one is hit unasked.

    Those of fallbacks and of dealers that send at once are not among them: such campaigns are not proved here.
    """
    folder = Path(__file__).resolve().parents[2] / "delivery"
    found = {
        name for file in ("handover.py", "settle.py") for name in _POINT.findall((folder / file).read_text("utf-8"))
    }
    return sorted(name for name in found if not name.startswith("fallback_"))


def run(arguments: argparse.Namespace) -> int:
    """Run what is missing of ``--runs`` (or one ``--seed`` again); 0 when nothing was lost and no double was unknown."""
    end_in_order()
    home = env.home() / "prove"
    kept = record.Record(path=home / "runs.jsonl", people=arguments.people)
    again = arguments.seed is not None
    told = _run([arguments.seed] if again else kept.missing(arguments.runs), home, kept)
    lines = told if again else [line for line in kept.lines() if line["seed"] <= arguments.runs]
    for line in lines:
        if record.has_failed(line):
            say(f"씨앗 {line['seed']}: {line['problem']} {json.dumps(line['findings'], ensure_ascii=False)}")
    found = record.totals(lines)
    print(json.dumps(found) if arguments.json else _in_words(found), flush=True)
    return 1 if record.has_failed(found) else 0


def _run(seeds: list[int], home: Path, kept: record.Record) -> list[dict[str, Any]]:
    """The lines of these runs, each written down when it is over."""
    told: list[dict[str, Any]] = []
    if not seeds:
        return told
    with stage.standing(home, kept.people) as there:
        for number, seed in enumerate(seeds, start=1):
            say(f"{number}/{len(seeds)}")
            plan = drawn(seed, points())
            told.append(act.Run(there, plan).done().line(plan))
            kept.add(told[-1])
            act.tell(told[-1])
    return told


def _in_words(found: dict[str, float]) -> str:
    return (
        f"{found['runs']:,}번 돌렸습니다: 죽임 {found['kills']:,}, 고장 {found['faults']:,}, {found['seconds']:,.0f}초.\n"
        f"잃은 것 {found['lost']:,}, 모르는 중복 {found['unknown_doubles']:,}, 아는 반복 {found['known_repeats']:,}."
    )
