"""The base sets of this room, and ``scope``: whom a unit has to do with, to which the rooms above add their own parts."""

from typing import Final

from majung.crowd.registry import BaseSet, Union, add_part, register, register_union

# The units are found once, as an array: joined to them instead, PostgreSQL takes them for one unit, and asks for every unit
# whether each of the few people meant is at home there (273 units and 30 people: 16 ms instead of 0.2).
UNITS: Final = "/*units*/"

_SUBTREE: Final = """SELECT u.id FROM tree_unit top JOIN tree_unit u ON u.path LIKE top.path || '%%'
     WHERE top.id = %(unit_id)s AND top.root_id = %(root)s AND u.root_id = %(root)s"""
_ALONE: Final = "SELECT u.id FROM tree_unit u WHERE u.id = %(unit_id)s AND u.root_id = %(root)s"

SCOPE = register_union(Union(family="scope", label="조직과 그 아래의 사람", params=("unit_id",)))
HERE = register_union(Union(family="here", label="이 조직만의 사람", params=("unit_id",)))


def add_to_scope(name: str, label: str, sql: str, changes: tuple[str, ...], person_column: str) -> None:
    """People also have to do with a unit by ``sql``: one more part of ``scope`` (with its subtree) and ``here`` (it alone).

    ``sql`` is a base set's statement over ``%(root)s`` in which ``… = ANY (ARRAY(/*units*/))`` stands for the units meant:
    ``SELECT f.person_id FROM friendship f JOIN channels_channel c ON … WHERE f.root_id = %(root)s AND
    c.unit_id = ANY (ARRAY(/*units*/)) /*people*/``. Moves of units are seen to here.
    """
    for family, units, fed in (("scope", _SUBTREE, (*changes, "tree")), ("here", _ALONE, changes)):
        add_part(
            family,
            BaseSet(
                family=f"{family}_{name}",
                label=label,
                params=("unit_id",),
                sql=sql.replace(UNITS, units),
                changes=fed,
                person_column=person_column,
                narrow=False,
            ),
        )


def _of_person(family: str, label: str, where: str, change: str, *params: str) -> BaseSet:
    """People by one column: touched by whoever comes or goes, and by the ``change`` of that column."""
    return register(
        BaseSet(
            family=family,
            label=label,
            params=params,
            sql=f"SELECT p.id FROM person p WHERE p.root_id = %(root)s AND {where} /*people*/",
            changes=("person", change),
            person_column="p.id",
        )
    )


PERSON = _of_person("person", "모든 사람", "p.state <> 3", "person_state")
HOME = _of_person("home", "소속 조직", "p.home_unit_id = %(unit_id)s", "person_home", "unit_id")
ENTITY = _of_person("entity", "개인정보처리자", "p.entity_id = %(entity_id)s", "person_entity", "entity_id")
GENDER = _of_person("gender", "성별", "p.gender = %(gender)s", "person_gender", "gender")
REGION = _of_person("region", "시도", "p.region_code = %(code)s", "person_region", "code:text")
DISTRICT = _of_person("district", "선거구", "p.district_code = %(code)s", "person_district", "code:text")
STOPPED = _of_person("stopped", "처리정지", "p.state = 2", "person_state")
NO_BASIS = _of_person("no_basis", "처리 근거 없음", "p.basis = 0", "person_basis")
IMPORTED = _of_person("imported", "가져온 명단", "p.import_id = %(import_id)s", "person_import", "import_id")
BORN = register(
    BaseSet(
        family="born",
        label="태어난 달",
        sql="SELECT p.id, p.birth_ym FROM person p WHERE p.root_id = %(root)s AND p.birth_ym IS NOT NULL /*people*/",
        changes=("person", "person_born"),
        person_column="p.id",
        buckets="month",
    )
)
TAG = register(
    BaseSet(
        family="tag",
        label="꼬리표",
        params=("tag_id",),
        sql="SELECT t.person_id FROM person_tag t WHERE t.root_id = %(root)s AND t.tag_id = %(tag_id)s /*people*/",
        changes=("tag",),
        person_column="t.person_id",
    )
)
MEMBER = register(
    BaseSet(
        family="member",
        label="회원·당원",
        params=("entity_id",),
        sql="""SELECT m.person_id FROM membership m
                WHERE m.root_id = %(root)s AND m.entity_id = %(entity_id)s AND m.state = 2 /*people*/""",
        changes=("member",),
        person_column="m.person_id",
    )
)
HAS_MOBILE = register(
    BaseSet(
        family="has_mobile",
        label="휴대전화 있음",
        sql="SELECT c.person_id FROM contact_point c WHERE c.root_id = %(root)s AND c.kind = 1 /*people*/",
        changes=("contact",),
        person_column="c.person_id",
    )
)
# Those for whom a number they share does not count: another holder of it has the lower number.
SHARED_CONTACT = register(
    BaseSet(
        family="shared_contact",
        label="다른 사람과 같은 번호",
        sql="""SELECT c.person_id FROM contact_claim k JOIN contact_point c USING (root_id, kind, blind)
                WHERE c.root_id = %(root)s AND c.kind = 1 AND k.person_id <> c.person_id /*people*/""",
        changes=("contact",),
        person_column="c.person_id",
    )
)

# The home lies there. Who has no home is the top unit's.
add_to_scope(
    "home",
    "소속이 여기",
    """SELECT p.id FROM person p WHERE p.root_id = %(root)s AND p.home_unit_id = ANY (ARRAY(/*units*/)) /*people*/
       UNION ALL
       SELECT p.id FROM person p WHERE p.root_id = %(root)s AND p.home_unit_id IS NULL /*people*/
          AND EXISTS (SELECT FROM tree_unit t WHERE t.id = %(unit_id)s AND t.root_id = %(root)s AND t.depth = 1)""",
    ("person", "person_home"),
    "p.id",
)
