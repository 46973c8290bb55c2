"""Tree files for tests: rows that say what units are, read and compared."""

import csv
import io

from majung.tree import sheets
from majung.tree.models import Unit
from majung.tree.sheets import Diff, Row
from tests.make.tree import Organised

HEAD = "코드,윗조직 코드,갈래,이름,법인,대표자,전화,선거구 코드,상태"


def read(text: str | bytes, name: str = "tree.csv") -> list[Row]:
    return sheets.read(io.BytesIO(text if isinstance(text, bytes) else text.encode()), name)


def code(party: Organised, number: int) -> str:
    return party.units[number].code


def line(party: Organised, number: int, **change: str) -> str:
    """The row that says what unit ``number`` is, but for ``change``."""
    unit = party.units[number]
    above = next((u.code for u in party.units if u.path == unit.path[:-4]), "")
    values = {
        "code": unit.code, "parent": above, "kind": unit.kind.name, "name": unit.name, "entity": unit.entity.name,
        "leader": unit.leader, "phone": unit.phone, "district": unit.district_code, "state": "활동", **change,
    }  # fmt: skip
    out = io.StringIO()
    csv.writer(out).writerow(values.values())
    return out.getvalue().strip()


def compared(party: Organised, *lines: str) -> Diff:
    return sheets.diff(party.actor, read("\n".join((HEAD, *lines))))


def shape(party: Organised) -> set[tuple[str, str, str, str]]:
    """Every unit as (code, parent's code, name, state)."""
    units = {u.path: u for u in Unit.objects.filter(root=party.root)}
    return {(u.code, getattr(units.get(u.path[:-4]), "code", ""), u.name, u.state) for u in units.values()}
