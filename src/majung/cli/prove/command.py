"""The command: which seeds are still to be run, one after the other, and the totals of the whole record."""

import argparse
import json
import re
from pathlib import Path

from majung.cli.installation import say
from majung.cli.processes import end_in_order
from majung.cli.prove import act, record, stage
from majung.cli.prove.plan import drawn
from majung.core import env

PEOPLE = 20_000
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
    seeds = [arguments.seed] if arguments.seed is not None else kept.missing(arguments.runs)
    if seeds:
        with stage.standing(home, arguments.people) as there:
            for number, seed in enumerate(seeds, start=1):
                say(f"{number}/{len(seeds)}")
                plan = drawn(seed, points())
                line = act.Run(there, plan).done().line(plan)
                kept.add(line)
                act.tell(line)
    mine = [
        line
        for line in kept.lines()
        if (line["seed"] == arguments.seed if arguments.seed is not None else line["seed"] <= arguments.runs)
    ]
    for line in mine:
        if line["lost"] or line["unknown_doubles"]:
            say(f"씨앗 {line['seed']}: {line['problem']} {json.dumps(line['findings'], ensure_ascii=False)}")
    found = record.totals(mine)
    print(json.dumps(found) if arguments.json else _in_words(found), flush=True)
    return 1 if found["lost"] or found["unknown_doubles"] else 0


def _in_words(found: dict[str, float]) -> str:
    return (
        f"{found['runs']:,}번 돌렸습니다: 죽임 {found['kills']:,}, 고장 {found['faults']:,}, {found['seconds']:,.0f}초.\n"
        f"잃은 것 {found['lost']:,}, 모르는 중복 {found['unknown_doubles']:,}, 아는 반복 {found['known_repeats']:,}."
    )
