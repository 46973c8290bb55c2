"""Base sets of delivery: whom a campaign reached, and the last day on which any message was left for somebody. Plain.

*Reached* is a person whose byte is ``d`` (arrived) or ``a`` (taken by the dealer, no later word): the books' *accepted*.
``a`` counts from the hand-over on, because the next campaign must be able to spare people before their results are in; a
refusal that comes later takes them out again. Who is in doubt (``q``) is not reached.

A campaign stands in its chunks; when it has ended, the days of its people are folded into ``reached_day``
(``delivery.reached``), which changes nobody's membership.
"""

from typing import Final

from majung.crowd.registry import BaseSet, hold_changes, register
from majung.policy.looks import WEEK_DAYS, WEEK_FULL

# Bytes as in delivery.outcomes. The alias ``p`` is what the statements below are narrowed by.
_REACHED: Final = """CROSS JOIN LATERAL unnest(c.people) WITH ORDINALITY AS p(id, seq)
 WHERE c.root_id = %(root)s AND c.state >= 2 AND get_byte(c.outcome, p.seq::int - 1) IN (ascii('a'), ascii('d')) /*people*/"""
# OFFSET: the planner must not read the chunks of every campaign there ever was, and the day is worked out once a chunk.
_OPEN: Final = """reached_open o CROSS JOIN LATERAL (
       SELECT *, (coalesce(handed_at, settled_at) AT TIME ZONE 'Asia/Seoul')::date - DATE '1970-01-01' AS day
         FROM campaign_chunk WHERE campaign_id = o.campaign_id AND root_id = o.root_id OFFSET 0) AS c"""
_FOLDED: Final = (
    "nullif(get_byte(f.days, (p.id & 511)::int * 2) * 256 + get_byte(f.days, (p.id & 511)::int * 2 + 1), 0)"
)

register(
    BaseSet(
        family="received",
        label="메시지를 받은 사람",
        params=("campaign",),
        sql=f"SELECT p.id FROM campaign_chunk c {_REACHED} AND c.campaign_id = %(campaign)s",
        changes=("sent",),
        person_column="p.id::bigint",
    )
)
register(
    BaseSet(
        family="messaged",
        label="마지막으로 메시지를 남긴 날",
        sql=f"""
            SELECT p.id, greatest(r.day, {_FOLDED}) FROM person p
              LEFT JOIN reached_day f ON f.root_id = p.root_id AND f.block = (p.id >> 9)::int
              LEFT JOIN (SELECT p.id, max(c.day) AS day FROM {_OPEN} {_REACHED} GROUP BY p.id) AS r ON r.id = p.id
             WHERE p.root_id = %(root)s AND greatest(r.day, {_FOLDED}) IS NOT NULL /*people*/
        """,
        changes=("sent",),
        person_column="p.id::bigint",
        buckets="day",
    )
)

# On which days one more message would be too many: any seven days around a day may hold ``most``. Planner and check count the same
# from the bits at once (delivery.week); this is the definition, and is asked of single people.
register(
    BaseSet(
        family=WEEK_FULL,
        label="한 주에 받을 수를 채운 날",
        params=("purpose:text", "most", "besides"),
        sql=f"""
            SELECT DISTINCT f.id, x.day FROM (
                   SELECT p.id, h.day AS last,
                          lag(h.day, %(most)s::int - 1) OVER (PARTITION BY p.id ORDER BY h.day) AS first
                     FROM person p JOIN week_hold h ON h.root_id = p.root_id AND h.block = (p.id >> 12)::int
                    WHERE p.root_id = %(root)s AND h.purpose = %(purpose)s AND h.campaign_id <> %(besides)s
                      AND get_bit(h.bits, p.id & 4095) = 1 /*people*/) AS f
             CROSS JOIN LATERAL generate_series(f.last - {WEEK_DAYS - 1}, f.first + {WEEK_DAYS - 1}) AS x(day)
             WHERE f.last - f.first < {WEEK_DAYS}
        """,
        changes=("week",),
        person_column="p.id::bigint",
        buckets="day",
        narrow=False,
    )
)

# Whoever refuses after the freeze is found in the change log at hand-over (delivery.rejudge).
hold_changes("SELECT root_id, watermark FROM dispatch WHERE finished_at IS NULL")
