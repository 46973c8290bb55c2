"""What is shipped: licences beside vendored files, no foreign hosts, two equal dark themes, contrast that can be read."""

import re
from pathlib import Path

import pytest

import majung.ui

STATIC = Path(majung.ui.__file__).parent / "static"
TOKENS = (STATIC / "ui/tokens.css").read_text()


def _block(opening: str) -> dict[str, str]:
    start = TOKENS.index(opening) + len(opening)
    depth, end = 1, start
    while depth:
        depth += {"{": 1, "}": -1}.get(TOKENS[end], 0)
        end += 1
    return dict(re.findall(r"(--[a-z0-9-]+):\s*([^;]+);", TOKENS[start : end - 1]))


LIGHT = _block('[data-theme="light"] {')
DARK = {**LIGHT, **_block('\n[data-theme="dark"] {')}


def _colour(theme: dict[str, str], name: str) -> tuple[float, float, float]:
    value = theme[name]
    if found := re.fullmatch(r"var\((--[a-z0-9-]+)\)", value):
        return _colour(theme, found.group(1))
    return tuple(int(value[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value]


def _luminance(rgb: tuple[float, float, float]) -> float:
    red, green, blue = ((c / 12.92) if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(theme: dict[str, str], one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(_colour(theme, f"--mj-{name}")) for name in (one, other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_two_dark_blocks_are_equal() -> None:
    assert _block(':root:not([data-theme="light"]) {') == _block('\n[data-theme="dark"] {')


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *(
            (ink, ground)
            for ink in ("ink", "ink-2", "ink-3", "accent")
            for ground in ("bg", "surface", "sunken", "hover")
        ),
        ("on-accent", "accent"),
        ("accent", "accent-soft"),
        *((tone, f"{tone}-soft") for tone in ("ok", "warn", "danger", "doubt", "idle")),
        *((tone, "surface") for tone in ("ok", "warn", "danger", "doubt", "idle")),
        ("ava-ink", "ava-bg"),
    ],
)
def test_text_can_be_read(theme: dict[str, str], ink: str, ground: str) -> None:
    assert _contrast(theme, ink, ground) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("edge", "ground"), [("field", "surface"), ("focus", "bg"), ("focus", "surface"), ("check", "accent")]
)
def test_edges_can_be_seen(theme: dict[str, str], edge: str, ground: str) -> None:
    assert _contrast(theme, edge, ground) >= 3


def test_every_token_used_is_declared() -> None:
    sheets = {path.name: path.read_text() for path in (STATIC / "ui").glob("*.css")}

    used = {name for sheet in sheets.values() for name in re.findall(r"var\((--mj-[a-z0-9-]+)", sheet)}

    assert used - LIGHT.keys() == set()


def test_every_vendored_folder_has_its_licence_and_its_line() -> None:
    table = (STATIC / "vendor/VENDORED.md").read_text()

    folders = [path for path in (STATIC / "vendor").iterdir() if path.is_dir()]

    assert {path.name for path in folders} == set(re.findall(r"^\| `([a-z-]+)/`", table, re.MULTILINE))
    assert [path.name for path in folders if not (path / "LICENSE").is_file()] == []


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.css")), ids=lambda path: path.name)
def test_style_sheets_load_nothing_from_elsewhere(path: Path) -> None:
    sheet = path.read_text()

    addresses = [address.strip("'\"") for address in re.findall(r"url\(([^)]+)\)", sheet)]

    assert [one for one in addresses if not (path.parent / one).is_file()] == []
    assert "@import" not in sheet
    assert "sourceMappingURL" not in sheet


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.js")), ids=lambda path: path.name)
def test_scripts_name_no_source_map(path: Path) -> None:
    assert "sourceMappingURL" not in path.read_text()


def test_map_data_has_every_district_once() -> None:
    import json

    for name in ("kr22_districts.topo.json", "kr22_districts.small.topo.json"):
        shapes = json.loads((STATIC / "ui/geo" / name).read_text())["objects"]["districts"]["geometries"]
        assert len({shape["properties"]["nec_code"] for shape in shapes}) == len(shapes) == 254
