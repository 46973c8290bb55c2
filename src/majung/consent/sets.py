"""Base sets of consent: who allowed what, who refused, who dealt, whose data may cross, whose guardian agreed. Plain."""

from typing import Final

from majung.crowd.registry import BaseSet, register
from majung.people.sets import add_to_scope

_KEY: Final = ("entity", "purpose:text", "medium:text")
_STATE: Final = """FROM consent_state
 WHERE root_id = %(root)s AND entity_id = %(entity)s AND purpose = %(purpose)s AND medium = %(medium)s"""
_DAY: Final = "DATE '1970-01-01'"

register(
    BaseSet(
        family="consent",
        label="동의한 사람",
        params=_KEY,
        sql=f"SELECT person_id {_STATE} AND granted_on IS NOT NULL AND withdrawn_at IS NULL /*people*/",
        changes=("consent",),
    )
)
register(
    BaseSet(
        family="consent_since",
        label="동의한 날",
        params=_KEY,
        sql=f"SELECT person_id, granted_on - {_DAY} {_STATE} AND granted_on IS NOT NULL AND withdrawn_at IS NULL /*people*/",
        changes=("consent",),
        buckets="day",
    )
)
# The bucket is the first day on which the consent is overdue: a check falls due in the days before (ADV-14).
register(
    BaseSet(
        family="check_due",
        label="수신동의 확인 기한",
        params=_KEY,
        sql=f"SELECT person_id, due_on - {_DAY} {_STATE} AND due_on IS NOT NULL AND withdrawn_at IS NULL /*people*/",
        changes=("consent",),
        buckets="day",
    )
)
register(
    BaseSet(
        family="withdrawn",
        label="동의를 철회한 사람",
        params=_KEY,
        sql=f"SELECT person_id {_STATE} AND withdrawn_at IS NOT NULL /*people*/",
        changes=("consent",),
    )
)
# The bucket is the last day on which the data may be kept for what was consented to (PIP-25).
register(
    BaseSet(
        family="kept_until",
        label="보유기간이 끝나는 날",
        params=("entity",),
        sql=f"SELECT person_id, kept_until - {_DAY} FROM consent_state WHERE root_id = %(root)s AND entity_id = %(entity)s "
        "AND purpose = 'service' AND medium = '*' AND kept_until IS NOT NULL AND withdrawn_at IS NULL /*people*/",
        changes=("consent",),
        buckets="day",
    )
)
# A refusal of everything is a refusal of each medium.
register(
    BaseSet(
        family="refused",
        label="수신을 거부한 사람",
        params=("entity", "medium:text"),
        sql="SELECT person_id FROM refusal "
        "WHERE root_id = %(root)s AND entity_id = %(entity)s AND medium IN (%(medium)s, '*') /*people*/",
        changes=("refused",),
    )
)
register(
    BaseSet(
        family="deal",
        label="같은 종류를 산 사람",
        params=("entity", "goods:text"),
        sql=f"SELECT person_id, ended_on - {_DAY} FROM deal WHERE root_id = %(root)s AND entity_id = %(entity)s "
        "AND goods_class = %(goods)s AND is_direct /*people*/",
        changes=("deal",),
        buckets="day",
    )
)
register(
    BaseSet(
        family="deal_any",
        label="무엇이든 산 사람",
        params=("entity",),
        sql=f"SELECT DISTINCT person_id, ended_on - {_DAY} FROM deal WHERE root_id = %(root)s AND entity_id = %(entity)s "
        "AND is_direct /*people*/",
        changes=("deal",),
        buckets="day",
    )
)
register(
    BaseSet(
        family="provided",
        label="정보를 제공받은 사람",
        params=("entity",),
        sql="SELECT person_id FROM provision "
        "WHERE root_id = %(root)s AND to_entity = %(entity)s AND ended_at IS NULL /*people*/",
        changes=("provided",),
    )
)
register(
    BaseSet(
        family="guardian",
        label="보호자가 동의한 사람",
        params=("entity",),
        sql="SELECT person_id FROM guardian_consent WHERE root_id = %(root)s AND entity_id = %(entity)s /*people*/",
        changes=("guardian",),
    )
)

# A consent given to a unit makes a person the unit's to speak to (architecture, "Scope").
add_to_scope(
    "consent",
    "동의를 받은 곳이 여기",
    "SELECT s.person_id FROM consent_state s WHERE s.root_id = %(root)s AND s.unit_id = ANY (ARRAY(/*units*/)) "
    "AND s.granted_on IS NOT NULL AND s.withdrawn_at IS NULL /*people*/",
    ("consent",),
    "s.person_id",
)
