"""Invents people: where they live, when they were born, what they are called and their (unassigned) numbers.

Districts, ages and sexes follow the registered population; names follow the weights of their birth decade. Telephone
numbers begin with 010-0 or 010-1, which no carrier has assigned, and their last two digits decide in the sandbox whose
friend the number is (sandbox/README.md).
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

NUMBERS = 20_000_000
_STEP = 7_368_787  # odd, not a multiple of five: coprime to NUMBERS, so that equal numbers are never made twice
UNDER_14_SHARE = 0.004
SHARED_NUMBER_SHARE = 0.012


@cache
def rows(name: str) -> list[dict[str, str]]:
    """One of the tables in ``data/``."""
    return list(csv.DictReader(files("majung.demo").joinpath("data", f"{name}.csv").read_text("utf-8").splitlines()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Columns of invented people; position i is person i."""

    district: NDArray[np.int16]
    birth_ym: NDArray[np.int32]
    is_woman: NDArray[np.bool_]
    surname: NDArray[np.int16]
    given: NDArray[np.int16]
    number: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.number)

    def names(self) -> list[str]:
        """Full names."""
        surnames = [row["surname"] for row in rows("surnames")]
        given = [row["given_name"] for row in rows("given_names")]
        return [surnames[s] + given[g] for s, g in zip(self.surname.tolist(), self.given.tolist(), strict=True)]

    def mobiles(self) -> list[str]:
        """Numbers in digits, ``0100…``."""
        return [f"010{n:08d}" for n in self.number.tolist()]

    def part(self, which: NDArray[np.bool_] | slice) -> "Population":
        """Some of them, in order."""
        return Population(
            district=self.district[which], birth_ym=self.birth_ym[which], is_woman=self.is_woman[which],
            surname=self.surname[which], given=self.given[which], number=self.number[which],
        )  # fmt: skip


def numbers(count: int, start: int = 0) -> NDArray[np.int32]:
    """``count`` different numbers (the eight digits after 010), scattered over the unassigned range."""
    if start + count > NUMBERS:
        raise ValueError(f"at most {NUMBERS} numbers")
    return ((np.arange(start, start + count, dtype=np.int64) * _STEP + 1_234_567) % NUMBERS).astype(np.int32)


def invent(count: int, *, year: int, seed: int = 22) -> Population:
    """``count`` people as of January of ``year``; the same for the same seed."""
    random = np.random.default_rng(seed)
    districts = rows("districts")
    weight = np.array([int(row["adults18_202404"]) for row in districts], dtype=float)
    district = random.choice(len(districts), size=count, p=weight / weight.sum()).astype(np.int16)
    age = _ages(random, district)
    is_woman = _sexes(random, district, age)
    birth_ym = ((year - 1 - age) * 100 + random.integers(1, 13, count)).astype(np.int32)
    number = numbers(count)
    shared = np.flatnonzero(random.random(count) < SHARED_NUMBER_SHARE)
    number[shared] = number[random.integers(0, count, len(shared))]
    share = np.array([float(row["share_pct"]) for row in rows("surnames")])
    return Population(
        district=district,
        birth_ym=birth_ym,
        is_woman=is_woman,
        surname=random.choice(len(share), size=count, p=share / share.sum()).astype(np.int16),
        given=_given(random, birth_ym // 100, is_woman),
        number=number,
    )


def _ages(random: np.random.Generator, district: NDArray[np.int16]) -> NDArray[np.int32]:
    table = {row["nec_code"]: row for row in rows("district_age_population")}
    bands = [f"{d}-{d + 9}" for d in range(0, 90, 10)]
    age = np.empty(len(district), dtype=np.int32)
    for position, row in enumerate(rows("districts")):
        living = np.flatnonzero(district == position)
        weight = np.array([float(table[row["nec_code"]][band]) for band in bands])
        weight[0] = 0.0
        weight[1] *= 0.4  # of 10–19 only the older ones join
        weight[8] *= 0.6
        band = random.choice(len(bands), size=len(living), p=weight / weight.sum())
        within = random.integers(0, 10, len(living))
        age[living] = np.where(band == 1, 16 + within % 4, band * 10 + within)
    children = random.random(len(district)) < UNDER_14_SHARE
    age[children] = random.integers(9, 13, int(children.sum()))
    return age


def _sexes(random: np.random.Generator, district: NDArray[np.int16], age: NDArray[np.int32]) -> NDArray[np.bool_]:
    count: dict[tuple[str, str, int], int] = {}
    for row in rows("region_age_sex"):
        low = int(row["age_band"].rstrip("+").split("-")[0])
        key = (row["region_code"], row["sex"], min(low, 80))
        count[key] = count.get(key, 0) + int(row["population_202405"])
    regions = [row["region_code"] for row in rows("districts")]
    share = np.empty((len(regions), 9))
    for position, region in enumerate(regions):
        for band in range(9):
            women, men = count[region, "F", band * 10], count[region, "M", band * 10]
            share[position, band] = women / (women + men)
    return random.random(len(district)) < share[district, np.minimum(age // 10, 8)]


def _given(
    random: np.random.Generator, birth_year: NDArray[np.int32], is_woman: NDArray[np.bool_]
) -> NDArray[np.int16]:
    table = rows("given_names")
    decades = sorted({int(row["birth_decade"]) for row in table})
    decade = np.clip(birth_year // 10 * 10, decades[0], decades[-1])
    given = np.empty(len(birth_year), dtype=np.int16)
    for d in decades:
        for sex, women in (("F", True), ("M", False)):
            choice = [
                (i, float(r["weight"])) for i, r in enumerate(table) if int(r["birth_decade"]) == d and r["sex"] == sex
            ]
            position = np.flatnonzero((decade == d) & (is_woman == women))
            weight = np.array([w for _, w in choice])
            given[position] = np.array([i for i, _ in choice])[
                random.choice(len(choice), size=len(position), p=weight / weight.sum())
            ]
    return given
