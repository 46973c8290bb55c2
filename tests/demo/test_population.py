"""Invented people follow the tables, never get an assigned number, and come out the same each time."""

from datetime import date

import numpy as np
import pytest

from majung.demo import population, tree
from majung.demo.people import messy
from majung.people.imports.clean import Cleaner
from majung.people.imports.mapping import Column, guess
from majung.people.imports.reader import inspect, rows
from majung.people.phones import normalise


def test_people_are_the_same_each_time_and_follow_the_districts() -> None:
    people = population.invent(20_000, year=2026)
    again = population.invent(20_000, year=2026)
    assert people.names() == again.names()
    assert np.array_equal(people.number, again.number)

    share = np.bincount(people.district, minlength=254) / len(people)
    adults = np.array([int(row["adults18_202404"]) for row in population.rows("districts")], dtype=float)
    assert np.abs(share - adults / adults.sum()).max() < 0.003


def test_numbers_are_unassigned_and_rarely_shared() -> None:
    mobiles = population.invent(20_000, year=2026).mobiles()
    assert all(mobile.startswith(("0100", "0101")) and normalise(mobile) is not None for mobile in mobiles)
    shared = 1 - len(set(mobiles)) / len(mobiles)
    assert 0.005 < shared < 0.02


def test_numbers_never_repeat_by_themselves() -> None:
    drawn = population.numbers(1_000_000)
    assert len(np.unique(drawn)) == len(drawn)
    with pytest.raises(ValueError, match="at most"):
        population.numbers(2, population.NUMBERS - 1)


@pytest.mark.product("O1")
def test_the_tree_has_every_district_once_under_its_province() -> None:
    places = {place.code: place for place in tree.places()}
    districts = [p for p in places.values() if p.kind == tree.DISTRICT]
    assert (len(places), len(districts)) == (526, 254)
    assert sum(p.kind == tree.PROVINCE for p in places.values()) == 17
    for district in districts:
        assert places[district.parent_code].kind == tree.PROVINCE
        assert places[f"{district.code}-1"].leader == district.leader
    leaders = [p.leader for p in districts]
    assert len(set(leaders)) == len(leaders)


@pytest.mark.product("F2")
def test_the_messy_list_reads_as_the_people_it_was_made_of() -> None:
    people = population.invent(500, year=2026).part(slice(300, 500))
    body = messy(people)
    sheet = inspect(body)
    assert sheet.written.encoding == "cp949"
    columns = guess(sheet.header, sheet.sample)
    assert Column.MOBILE in columns
    read, problems = [], 0
    clean = Cleaner(columns, today=date(2026, 11, 21))
    for _, cells in rows(body, sheet):
        row, wrong = clean(cells)
        problems += bool(wrong)
        if row is not None:
            read.append(row.mobile)
    assert set(read) <= set(people.mobiles())
    assert len(set(read)) > 0.9 * len(set(people.mobiles()))
    assert problems > 3
