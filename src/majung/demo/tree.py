"""The invented party's tree as rows of a tree sheet: the centre, 17 provinces, 254 districts and their representatives."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from majung.demo.population import rows

PARTY = "가람당"
ENTITY = "가람당"
CENTRE, PROVINCE, DISTRICT, REPRESENTATIVE = "중앙당", "시도당", "지역위원회", "대표"
CENTRE_CODE = "TOP"
OWNER = "owner@demo.example"
UNCOMMON_PCT = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One unit of the demo."""

    code: str
    parent_code: str
    kind: str
    name: str
    leader: str
    phone: str
    district_code: str


def province_name(region: str, short: str) -> str:
    """What the party calls its branch there: 서울시당, 경기도당."""
    return f"{short}{'도당' if region.endswith('도') else '시당'}"


def places(seed: int = 22) -> list[Place]:
    """Every unit, parents first. Leaders are invented, telephone numbers unassigned."""
    names = _leaders(17 + 254 + 1, seed)
    found = [
        Place(
            code=CENTRE_CODE, parent_code="", kind=CENTRE, name=f"{PARTY} 중앙당", leader=names.pop(),
            phone="02-000-0000", district_code="",
        )
    ]  # fmt: skip
    for number, region in enumerate(rows("regions"), start=1):
        found.append(
            Place(
                code=f"R{region['region_code']}", parent_code=CENTRE_CODE, kind=PROVINCE,
                name=province_name(region["name"], region["short_name"]), leader=names.pop(),
                phone=f"02-000-{number:04d}", district_code="",
            )
        )  # fmt: skip
    for number, district in enumerate(rows("districts"), start=1):
        leader, phone = names.pop(), f"02-001-{number:04d}"
        code = district["nec_code"]
        found.append(
            Place(
                code=code, parent_code=f"R{district['region_code']}", kind=DISTRICT, name=district["label"], leader=leader,
                phone=phone, district_code=code,
            )
        )  # fmt: skip
        found.append(
            Place(
                code=f"{code}-1", parent_code=code, kind=REPRESENTATIVE, name=f"{leader} 대표", leader=leader, phone=phone,
                district_code="",
            )
        )  # fmt: skip
    return found


def sheet(places: Sequence[Place]) -> str:
    """``places`` as the CSV that an operator would upload (T6)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["코드", "윗조직 코드", "갈래", "이름", "법인", "대표자", "전화", "선거구 코드"])
    for p in places:
        writer.writerow([p.code, p.parent_code, p.kind, p.name, ENTITY, p.leader, p.phone, p.district_code])
    return out.getvalue()


def _leaders(count: int, seed: int) -> list[str]:
    """Different invented names with uncommon surnames, so that no real office holder is met by chance."""
    random = np.random.default_rng(seed)
    surnames = [row["surname"] for row in rows("surnames") if float(row["share_pct"]) < UNCOMMON_PCT]
    given = sorted(
        {row["given_name"] for row in rows("given_names") if row["birth_decade"] in {"1960", "1970", "1980"}}
    )
    every = [family + name for family in surnames for name in given]
    return [every[position] for position in random.choice(len(every), size=count, replace=False).tolist()]
