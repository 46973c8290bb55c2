"""``majung bench``: measures rows of the benchmark, each beside its floor, and writes the table of docs/benchmarks.md."""

import argparse
import importlib.util
import json
import mmap
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from majung.cli import scratch
from majung.cli.installation import say
from majung.cli.main import project_folder
from majung.cli.processes import end_in_order
from majung.core import clock
from majung.core.errors import Invalid, Misconfigured, Outside

ALL = "all"
OPEN, CLOSE = "<!-- table: written by majung bench --write -->", "<!-- end of the table -->"
_MEGABYTE = 2**20


def run(arguments: argparse.Namespace) -> int:
    """Measure; 0 when every figure could be measured and none of the sentinel's traces was found."""
    end_in_order()
    folder = project_folder() / "bench"
    table = _table(folder)
    wanted = _wanted(table, arguments.rows)
    with scratch.installation("majung-bench-", arguments.home) as environment:
        environment["PYTHONPATH"] = os.pathsep.join(str(project_folder() / part) for part in ("src", "sandbox", "."))
        before = calibration()
        told, troubles = _measure(folder, table, wanted, arguments.runs, environment)
        found = _traces(environment, _module(folder, "kit").SENTINEL)
        after = calibration()
    result: dict[str, Any] = {
        "machine": machine(),
        "calibration": {name: round((before[name] + after[name]) / 2, 4) for name in before},
        "rows": [_row(table[name], told.get(name), troubles.get(table[name].program)) for name in wanted],
    }
    for trouble in [*troubles.values(), *found]:
        say(trouble)
    if os.environ.get("DATABASE_URL"):
        say(
            "DATABASE_URL의 서버가 쓰는 파일은 뒤지지 않았습니다. 표지 번호까지 확인하려면 DATABASE_URL 없이 돌려 주세요."
        )
    if arguments.write:
        asked = " ".join(["./majung bench", *(arguments.rows or [ALL]), f"--runs {arguments.runs}"])
        write(project_folder() / "docs", result, list(table.values()), asked)
    if not arguments.json:
        print("\n".join(_lines(result["rows"])))
    else:
        print(json.dumps(result, ensure_ascii=False))
    return 1 if troubles or found else 0


def _module(folder: Path, name: str) -> ModuleType:
    """A module of ``bench/``, which is no part of the package. Raises Misconfigured outside of a checkout."""
    path = folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"majung_bench_{name}", path)
    if not path.exists() or spec is None or spec.loader is None:
        raise Misconfigured(
            f"{folder}에 잴 프로그램이 없습니다. 저장소를 내려받은 폴더에서 ./majung bench 로 돌려 주세요."
        )
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def _table(folder: Path) -> dict[str, Any]:
    return {row.name: row for row in _module(folder, "rows").ROWS}


def _wanted(table: Mapping[str, Any], asked: Sequence[str]) -> list[str]:
    if not asked or ALL in asked:
        return list(table)
    if unknown := [name for name in asked if name not in table]:
        raise Invalid(problem=f"모르는 항목: {', '.join(unknown)}. 잴 수 있는 것: {', '.join(table)}, {ALL}")
    return [name for name in table if name in asked]


def _measure(
    folder: Path, table: Mapping[str, Any], wanted: Sequence[str], runs: int, environment: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Rows as their programs told them, by name; and by program, why one could not tell."""
    told: dict[str, Any] = {}
    troubles: dict[str, str] = {}
    for program in dict.fromkeys(table[name].program for name in wanted):
        mine = [name for name in wanted if table[name].program == program]
        say(f"{program}: {', '.join(mine)}")
        if not (folder / program).exists():
            troubles[program] = f"bench/{program}이(가) 없습니다."
            continue
        command = [sys.executable, str(folder / program), "--runs", str(runs), *mine]
        done = subprocess.run(
            command, cwd=folder.parent, env=environment, stdout=subprocess.PIPE, check=False, text=True
        )
        try:
            rows = json.loads(done.stdout.strip().rpartition("\n")[2])["rows"]
            found = {row["name"]: row for row in rows if row["runs"] and row["name"] in mine}
        except (ValueError, KeyError, TypeError):
            found = {}
        if done.returncode or set(found) != set(mine):
            missing = ", ".join(name for name in mine if name not in found)
            troubles[program] = f"bench/{program}이(가) 끝까지 재지 못했습니다 (상태 {done.returncode}): {missing}"
        told |= found
    return told, troubles


def _row(row: Any, told: Mapping[str, Any] | None, trouble: str | None) -> dict[str, Any]:
    """A row of the answer; one that could not be measured has no value and meets nothing."""
    bounds: dict[str, Any] = {"unit": row.unit, "must": row.must, "aim": row.aim}
    if row.must_also is not None:
        bounds |= {"must_also": row.must_also, "aim_also": row.aim_also}
    if told is None:
        lost: dict[str, Any] = {
            "must_met": False,
            "aim_met": False,
            "floor": None,
            "runs": [],
            "problem": trouble or "not told",
        }
        return {"name": row.name, "value": None, **bounds, **lost}
    value, also = statistics.median(told["runs"]), told.get("also")
    met = {"must_met": row.is_met(value, also), "aim_met": row.is_aim_met(value, also)}
    rest = {"floor": told.get("floor"), "floor_is": told.get("floor_is", ""), "runs": told["runs"]}
    extra = {name: told[name] for name in ("also", "sandbox", "more") if told.get(name) is not None}
    return {"name": row.name, "value": value, **bounds, **met, **rest, **extra}


def _commit() -> str:
    """The commit that is measured, with a ``+`` where files differ from it; "" outside of a repository."""
    told = ["git", "-C", str(project_folder()), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(told, capture_output=True, text=True, check=False, timeout=10).stdout.strip()
    except OSError:
        return ""


def machine() -> dict[str, Any]:
    """What the figures hold for."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in _text("/proc/cpuinfo").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def calibration() -> dict[str, float]:
    """Three loops that say how fast this machine is just now: one of Python, one of memory, one of the disk."""
    return {"render_us": _render_us(), "copy_gb_per_s": _copy_gb_per_s(), "sync_ms": _sync_ms()}


def _render_us(count: int = 100_000) -> float:
    """Microseconds a message of filling a template of bytes."""
    pattern = b'{"to":"%b","text":"' + "가".encode() * 80 + b' %b %b"}'
    rows = [(b"01000000000", b"name", b"unit")] * count
    started = time.perf_counter()
    b",".join([pattern % row for row in rows])
    return (time.perf_counter() - started) / count * 1e6


def _copy_gb_per_s(megabytes: int = 256) -> float:
    source = bytearray(megabytes * _MEGABYTE)
    started = time.perf_counter()
    bytes(source)
    return megabytes / 1024 / (time.perf_counter() - started)


def _sync_ms(times: int = 50) -> float:
    """Milliseconds of writing 8 kB and having it on the disk, the middle one."""
    taken = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(times):
            started = time.perf_counter()
            file.write(b"x" * 8192)
            file.flush()
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - started) * 1e3)
    return statistics.median(taken)


def _traces(environment: Mapping[str, str], sentinel: str) -> list[str]:
    """Sentences about files of the installation in which the sentinel's number can be read.

    No checkpoint is needed before: what is not in the tables' files yet stands in the write-ahead log.
    """
    return [
        f"{path}에서 표지 번호 {sentinel}을(를) 찾았습니다: 전화번호가 봉해지지 않은 채 남았습니다."
        for path in sorted(Path(environment["MAJUNG_HOME"]).rglob("*"))
        if path.is_file() and not path.is_symlink() and holds(path, sentinel.encode())
    ]


def holds(path: Path, what: bytes) -> bool:
    """Whether the bytes stand anywhere in the file. A file that went away in the meantime holds nothing."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return False
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as bytes_of_it:
                return bytes_of_it.find(what) >= 0
    except FileNotFoundError:
        return False


def _lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{row['name']:<16} {shown(row['value']):>12} {row['unit']:<11} must {shown(row['must']):>9}"
        f"  aim {shown(row['aim']):>9}  {'met' if row['must_met'] else 'NOT MET'}"
        for row in rows
    ]


def shown(value: float | None) -> str:
    """A figure with as many digits as it is worth."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def write(docs: Path, result: Mapping[str, Any], table: Sequence[Any], command: str) -> None:
    """docs/benchmarks.md has the newest figure of every row; what was not measured now keeps its older one, with its date."""
    kept_at, page = docs / "benchmarks.json", docs / "benchmarks.md"
    kept: dict[str, Any] = json.loads(kept_at.read_text()) if kept_at.exists() else {}
    context = {
        "on": clock.today().isoformat(),
        "command": command,
        "commit": _commit(),
        "machine": result["machine"],
        "calibration": result["calibration"],
    }
    for row in result["rows"]:
        if row["value"] is not None:
            kept[row["name"]] = row | context
    text = page.read_text() if page.exists() else f"# Benchmarks\n\n{OPEN}\n{CLOSE}\n"
    if OPEN not in text or CLOSE not in text:
        raise Outside(f"{page}에 표의 자리가 없습니다: {OPEN} … {CLOSE}", retryable=False)
    head, _, rest = text.partition(OPEN)
    kept_at.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n")
    page.write_text(f"{head}{OPEN}\n{rendered(kept, table)}{CLOSE}{rest.partition(CLOSE)[2]}")


def rendered(kept: Mapping[str, Any], table: Sequence[Any]) -> str:
    """The table, and under it on what and how each figure was measured."""
    lines = ["| row | figure | measured | must | aim | met | floor |", "| --- | --- | --- | --- | --- | --- | --- |"]
    origins: dict[str, list[str]] = {}
    for row in table:
        found = kept.get(row.name)
        must, aim = (_bounds(*pair) for pair in ((row.must, row.must_also), (row.aim, row.aim_also)))
        if found is None:
            lines.append(f"| {row.name} | {row.says}; {row.unit} | not measured yet | {must} | {aim} | | |")
            continue
        met = "aim" if found["aim_met"] else "must" if found["must_met"] else "**no**"
        spread = f" ({shown(min(found['runs']))}–{shown(max(found['runs']))})" if len(found["runs"]) > 1 else ""
        value = _bounds(found["value"], found.get("also")) + spread
        if found.get("sandbox") is not None:
            value += f"; with the sandbox itself {shown(found['sandbox'])}"
        floor = f"{shown(found['floor'])}: {found['floor_is']}" if found.get("floor") is not None else ""
        lines.append(f"| {row.name} | {row.says}; {row.unit} | {value} | {must} | {aim} | {met} | {floor} |")
        origins.setdefault(_origin(found), []).append(row.name)
    notes = [f"- {', '.join(names)}: {origin}" for origin, names in origins.items()]
    return "\n".join([*lines, "", *notes, ""])


def _bounds(value: float, also: float | None) -> str:
    return shown(value) if also is None else f"{shown(value)} ({shown(also)})"


def _origin(found: Mapping[str, Any]) -> str:
    on, told = found["machine"], found["calibration"]
    commit = f", commit `{found['commit']}`" if found.get("commit") else ""
    return (
        f"`{found['command']}` on {found['on']}{commit}; {on['cores']} cores of {on['cpu']}, {on['memory_gb']} GB, {on['system']}, "
        f"Python {on['python']}; calibration: template loop {told['render_us']:.3g} µs a message, memory copy "
        f"{told['copy_gb_per_s']:.3g} GB/s, write and sync {told['sync_ms']:.3g} ms."
    )
