"""How long a messy list of a million people takes from the upload to the last row (F2).

    python bench/import_1m.py [--runs 5] [import_1m]

Two files, the first CP949 and the second UTF-8, go the way an operator's do: kept sealed, read, cleaned, staged, counted (dry
run), confirmed, and made people block by block, with every trigger, access log, activity and what undoing needs. Timed is what
the machine does: ``upload`` → ``read`` → ``apply`` of both. One run is one process, whose peak memory is told, and again for a
tenth of the rows. Floor: the server alone copying the same rows of ``person`` and ``contact_point`` into tables with the same
indexes.
"""

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
from bench import kit  # noqa: E402  the path is set above

ROWS = 1_000_000
SURNAMES = "김이박최정강조윤장임한오서신권황안송류전"
FIRST, SECOND = (
    "가나다라마바사아자차하서지민준도예수영현은태유윤승재혜성동상",
    "온래솜운루다롬람늘별민준서연우진호아윤희경석철미숙자순",
)
TITLES = ("님", "위원장", "고문", "대의원")
TAGS = ("봉사", "후원", "청년", "여성", "교육", "환경")
WIDE = str.maketrans("0123456789-", "０１２３４５６７８９－")
BLOCK = 1 << 16


def name(at: random.Random) -> str:
    """An invented name, of one in fifty with a title."""
    said = at.choice(SURNAMES) + at.choice(FIRST) + at.choice(SECOND)
    return f"{said} {at.choice(TITLES)}" if at.random() < 0.02 else said


def number(digits: str, at: random.Random) -> str:
    """``digits`` (010…) as people type them."""
    spelled = f"{digits[:3]}-{digits[3:7]}-{digits[7:]}"
    drawn = at.random()
    for share, text in (
        (0.55, spelled), (0.75, digits), (0.83, spelled.replace("-", " ")), (0.88, digits[1:]), (0.92, f"+82 {spelled[1:]}"),
        (0.95, spelled.replace("-", ".")), (0.97, f" {spelled} "), (0.99, spelled.translate(WIDE)),
    ):  # fmt: skip
        if drawn < share:
            return text
    return f"({digits[:3]}) {digits[3:7]}-{digits[7:]}"


def born(at: random.Random) -> str:
    """A birth in one of the usual spellings, or nothing."""
    year, month, day = at.randrange(1940, 2008), at.randrange(1, 13), at.randrange(1, 29)
    drawn = at.random()
    for share, text in (
        (0.5, f"{year}-{month:02}-{day:02}"), (0.65, f"{year}.{month}.{day}"), (0.75, f"{year % 100:02}{month:02}{day:02}"),
        (0.85, f"{year}"), (0.9, f"{year}년 {month}월 {day}일"), (0.93, f"{year}{month:02}{day:02}"),
    ):  # fmt: skip
        if drawn < share:
            return text
    return ""


def wrong(digits: str, at: random.Random) -> str:
    """What is no mobile number."""
    return at.choice(
        ("", "02-123-4567", "없음", digits[:9], f"011-{digits[3:6]}-{digits[7:]}", "031-765-4321", digits * 2)
    )


def lines(first: int, count: int, units: list[str]) -> Iterator[str]:
    """A header and ``count`` rows of the people from ``first`` on: one in twenty was there before, one in fifty is wrong."""
    at = random.Random(first)
    yield "성명,휴대폰 번호,생년월일,성별,분류,조직코드\r\n"
    before: list[tuple[str, str]] = []
    for i in range(first, first + count):
        who, digits = name(at), kit.mobile((i * 7_919 + 10_000_000) % 100_000_000 if i else 0)
        drawn = at.random()
        if drawn < 0.05 and before:
            who, digits = at.choice(before)
        elif len(before) < 10_000:
            before.append((who, digits))
        said = wrong(digits, at) if drawn > 0.98 else number(digits, at)
        tags = at.choice(TAGS) if at.random() < 0.2 else ""
        yield f"{who},{said},{born(at)},{at.choice(('남', '여', '남자', 'F', ''))},{tags},{at.choice(units)}\r\n"


def write(folder: Path, rows: int, units: list[str]) -> None:
    """A CP949 and a UTF-8 list; the second begins with a fiftieth of the first one's people."""
    half = rows // 2
    parts = (("cp949", 0, half), ("utf-8", half - half // 50, rows - half))
    for encoding, first, count in parts:
        with (folder / f"{encoding}.csv").open("w", encoding=encoding, newline="") as file:
            file.writelines(lines(first, count, units))


def organised() -> None:
    """A party of 273 units without people: made once, emptied each time."""
    from majung.core import db
    from majung.tree.models import Organisation
    from tests.make import tree

    if not Organisation.objects.exists():
        tree.organisation(depth=3, width=16)
    db.raw().execute(
        "TRUNCATE person, contact_point, contact_claim, person_tag, membership, external_identity, import_row, import_block,"
        " people_importfile, sealed_page, sealed_page_change,"
        " crowd_change, crowd_bitmap, crowd_horizon, activity, access_log, access_link, access_chain, procrastinate_jobs CASCADE"
    )


def once(rows: int, folder: Path) -> dict[str, float]:
    """One import of what ``write`` wrote into an empty party, and what it came to."""
    from majung.core import db
    from majung.people.enums import Basis
    from majung.people.imports import services
    from majung.tree.actor import actor_of_user
    from majung.tree.models import Grant, Unit

    grant = Grant.objects.select_related("user").get(parent=None)
    top = Unit.objects.get(depth=1)
    before, spent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, dict.fromkeys(("upload", "read", "apply"), 0.0)
    told = {"total": 0, "new": 0, "merged": 0, "duplicate": 0, "problem": 0, "applied": 0}
    for path in sorted(folder.iterdir()):
        actor = actor_of_user(grant.user, top.root_id)
        begun = time.perf_counter()
        with path.open("rb") as file:
            source = services.upload(actor, top, path.name, iter(lambda: file.read(BLOCK), b""))
        spent["upload"] += time.perf_counter() - begun
        services.begin(
            actor, source, columns=source.columns, ground=Basis.CONTRACT, notice_ids=(), media=(), are_members=False,
            evidence="", obtained_on=None,
        )  # fmt: skip
        begun = time.perf_counter()
        services.read(source.pk)
        spent["read"] += time.perf_counter() - begun
        source.refresh_from_db()
        services.confirm(actor, source)
        begun = time.perf_counter()
        services.apply(source.pk)
        spent["apply"] += time.perf_counter() - begun
        source.refresh_from_db()
        for key in told:
            told[key] += getattr(source, f"{key}_rows")
    [(people,)] = db.raw().execute("SELECT count(*) FROM person").fetchall()
    assert told["total"] == rows and told["applied"] + told["duplicate"] + told["problem"] == rows, told
    assert people == told["new"] == told["applied"] - told["merged"], (people, told)
    kit.has_sentinel(top.root_id)
    peak, helper = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        **spent,
        "seconds": sum(spent.values()),
        "before_mb": before / 1024,
        "peak_mb": peak / 1024,
        "helper_mb": helper / 1024,
        **told,
    }


def units() -> list[str]:
    """The codes that rows may name."""
    from majung.tree.models import Unit

    return list(Unit.objects.filter(depth=3).order_by("path").values_list("code", flat=True))


def floor() -> float:
    """Seconds in which the server copies what the run left into bare tables with the same indexes."""
    from majung.core import db

    connection, spent = db.raw(), 0.0
    for table in ("person", "contact_point"):
        connection.execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING INDEXES)")
        begun = time.perf_counter()
        connection.execute(f"INSERT INTO floor_{table} SELECT * FROM {table}")
        spent += time.perf_counter() - begun
        connection.execute(f"DROP TABLE floor_{table}")
    return spent


def child(rows: int, folder: Path) -> dict[str, float]:
    """``once`` in a process of its own, for its memory."""
    organised()
    command = [sys.executable, __file__, str(rows), str(folder)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | {ONCE: "1"}).stdout
    told: dict[str, float] = json.loads(said.splitlines()[-1])
    return told


ONCE = "MAJUNG_BENCH_ONCE"


def main() -> None:
    """Run, tell each run, and answer."""
    asked = kit.asked("import_1m.py", ["import_1m"])
    kit.installation("import")
    with TemporaryDirectory() as few, TemporaryDirectory() as many:
        organised()
        codes = units()
        write(Path(few), ROWS // 10, codes)
        write(Path(many), ROWS, codes)
        small = child(ROWS // 10, Path(few))
        kit.say(f"{ROWS // 10:,} rows: {small['seconds']:.1f} s, peak {small['peak_mb']:.0f} MB")
        made, floors = [], []
        for _ in range(asked.runs):
            made.append(child(ROWS, Path(many)))
            floors.append(floor())
            kit.say(
                json.dumps({key: round(value, 2) for key, value in made[-1].items()} | {"floor": round(floors[-1], 1)})
            )
        organised()
    more = {
        "rows": ROWS, "peak_mb": round(max(told["peak_mb"] for told in made)), "idle_mb": round(small["before_mb"]),
        "peak_mb_of_a_tenth": round(small["peak_mb"]), "helper_mb": round(max(told["helper_mb"] for told in made)),
        **{key: round(statistics.median(told[key] for told in made), 1) for key in ("upload", "read", "apply")},
        **{key: made[0][key] for key in ("new", "merged", "duplicate", "problem")},
    }  # fmt: skip
    kit.answer(
        [
            kit.Measured(
                name="import_1m",
                runs=[round(told["seconds"], 2) for told in made],
                floor=round(statistics.median(floors), 2),
                floor_is="the server alone copying the same people and numbers into tables with the same indexes",
                more=more,
            )
        ]
    )


if __name__ == "__main__":
    if os.environ.get(ONCE):
        import django

        django.setup()
        print(json.dumps(once(int(sys.argv[1]), Path(sys.argv[2]))))
    else:
        main()
