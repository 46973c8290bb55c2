"""``majung bench``: the table of rows, what programs tell, what is made of it, and the page in the docs."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.kit import SENTINEL
from bench.rows import ROWS
from majung.cli import bench
from majung.cli.main import main
from majung.core.errors import Invalid, Misconfigured, Outside

pytestmark = pytest.mark.product("O6")

ISSUE = {
    "e2e_1m": (220_000, 400_000), "e2e_10m": (180_000, 350_000), "single": (40_000, 75_000), "count_1m": (10, 1),
    "count_10m": (50, 15), "freeze_1m": (1.5, 0.5), "friend_webhooks": (12_000, 20_000), "receipts": (150_000, 215_000),
    "worker_rss": (40, 15), "wal_send": (60, 35), "wal_receipt": (40, 15), "import_1m": (60, 20), "revoke": (2, 0.5),
    "fairness": (5, 2),
}  # fmt: skip
BY_NAME = {row.name: row for row in ROWS}


def test_musts_and_aims_are_those_that_were_asked_for() -> None:
    assert {row.name: (row.must, row.aim) for row in ROWS} == ISSUE
    assert (BY_NAME["worker_rss"].must_also, BY_NAME["worker_rss"].aim_also) == (150, 80)
    assert all((row.must > row.aim) is row.less for row in ROWS)


@pytest.mark.parametrize(
    ("name", "value", "also", "must", "aim"),
    [
        ("single", 40_000, None, True, False), ("single", 39_999, None, False, False), ("single", 75_000, None, True, True),
        ("revoke", 2, None, True, False), ("revoke", 2.01, None, False, False), ("revoke", 0.5, None, True, True),
        ("worker_rss", 15, 80, True, True), ("worker_rss", 15, 81, True, False), ("worker_rss", 15, 151, False, False),
        ("worker_rss", 15, None, False, False),
    ],
)  # fmt: skip
def test_a_bound_is_met_or_not(name: str, value: float, also: float | None, must: bool, aim: bool) -> None:
    assert (BY_NAME[name].is_met(value, also), BY_NAME[name].is_aim_met(value, also)) == (must, aim)


GOOD = """
import json, sys
rows = sys.argv[3:]
print("a line before")
print(json.dumps({"rows": [{"name": r, "runs": [3.0, 1.0, 2.0], "floor": 0.5, "floor_is": "one question"} for r in rows]}))
"""
KIT = f"SENTINEL = {SENTINEL!r}\n"
TABLE = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("real_rows", {real!r})
made = importlib.util.module_from_spec(spec); sys.modules["real_rows"] = made; spec.loader.exec_module(made)
Row = made.Row
ROWS = (
    Row(name="quick", program="good.py", says="a good one", unit="s", must=2, aim=1, less=True),
    Row(name="other", program="good.py", says="another", unit="s", must=1, aim=0.5, less=True),
    Row(name="torn", program="bad.py", says="a bad one", unit="s", must=1, aim=1),
    Row(name="absent", program="nowhere.py", says="none", unit="s", must=1, aim=1),
)
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with programs of our own."""
    folder = tmp_path / "bench"
    folder.mkdir()
    (tmp_path / "docs").mkdir()
    real = str(Path(__file__).parents[2] / "bench" / "rows.py")
    for name, text in {"rows": TABLE.format(real=real), "kit": KIT, "good": GOOD}.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "bad.py").write_text('print(\'{"rows": [{"name": "torn"\')\nraise SystemExit(3)')
    monkeypatch.setattr(bench, "project_folder", lambda: tmp_path)
    monkeypatch.setattr("majung.cli.processes.end_in_order", lambda: None)
    monkeypatch.setattr(bench, "end_in_order", lambda: None)
    return tmp_path


def measured(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = main(["bench", "--json", *arguments])
    return status, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_last_line_has_machine_calibration_and_rows(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = measured(capsys, "quick", "other", "--home", str(tmp_path / "home"))

    quick, other = told["rows"]
    assert status == 0 and list(told) == ["machine", "calibration", "rows"]
    assert quick["name"] == "quick" and quick["value"] == 2.0 and quick["runs"] == [3.0, 1.0, 2.0]
    assert (quick["must_met"], quick["aim_met"], quick["floor"], quick["unit"]) == (True, False, 0.5, "s")
    assert other["must_met"] is False
    assert told["machine"]["cores"] > 0 and all(value > 0 for value in told["calibration"].values())


def test_what_cannot_be_measured_has_no_figure_and_fails(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = measured(capsys, "all", "--home", str(tmp_path / "home"))

    by_name = {row["name"]: row for row in told["rows"]}
    assert status == 1 and by_name["quick"]["value"] == 2.0
    for name in ("torn", "absent"):
        assert (by_name[name]["value"], by_name[name]["must_met"]) == (None, False) and by_name[name]["problem"]


def test_the_sentinel_is_searched_for(checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    (home / "deep").mkdir(parents=True)
    (home / "deep" / "file").write_bytes(b"\x00" * 5000 + SENTINEL.encode() + b"\x00")

    status = main(["bench", "quick", "--json", "--home", str(home)])

    assert status == 1 and "deep/file" in capsys.readouterr().err


def test_the_page_keeps_what_was_not_measured_again(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = str(tmp_path / "home")
    page = checkout / "docs" / "benchmarks.md"
    page.write_text(f"# Benchmarks\n\nBefore.\n\n{bench.OPEN}\nold\n{bench.CLOSE}\n\nWhat is in the way: much.\n")

    main(["bench", "quick", "--write", "--home", home])
    main(["bench", "other", "--write", "--home", home])

    text = page.read_text()
    assert (
        text.startswith("# Benchmarks\n\nBefore.\n")
        and text.endswith("What is in the way: much.\n")
        and "old" not in text
    )
    assert "| quick | a good one; s | 2 (1–3) | 2 | 1 | must | 0.5: one question |" in text
    assert "| other | another; s | 2 (1–3) | 1 | 0.5 | **no** | 0.5: one question |" in text
    assert "| torn | a bad one; s | not measured yet | 1 | 1 | | |" in text
    assert "./majung bench quick --runs 5" in text and "cores of" in text


def test_wrong_asking_is_a_sentence(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "nothing"]) == 2
    assert "모르는 항목: nothing" in capsys.readouterr().err
    with pytest.raises(Misconfigured, match="저장소"):
        bench._module(checkout, "rows")
    with pytest.raises(Invalid):
        bench._wanted({}, ["x"])
    (checkout / "docs" / "benchmarks.md").write_text("no place")
    with pytest.raises(Outside, match="표의 자리"):
        bench.write(checkout / "docs", {"machine": {}, "calibration": {}, "rows": []}, [], "x")


def test_every_program_of_the_table_that_is_there_knows_its_rows() -> None:
    folder = Path(bench.__file__).parents[3] / "bench"
    for row in ROWS:
        if (folder / row.program).exists():
            assert row.name in (folder / row.program).read_text(), row.name
