"""Base sets of this room: friends by channel and state, and who is in a unit's scope because of a friendship (plain)."""

from majung.crowd import registry
from majung.crowd.registry import BaseSet
from majung.people.sets import add_to_scope

registry.register(
    BaseSet(
        family="friend",
        label="채널 하나와의 관계",
        params=("channel", "state"),
        sql="""
            SELECT person_id FROM friendship
             WHERE root_id = %(root)s AND channel_id = %(channel)s AND state = %(state)s /*people*/
        """,
        changes=("friend",),
    )
)
registry.register(
    BaseSet(
        family="friend_any",
        label="어느 채널이든 관계",
        params=("state",),
        sql="SELECT person_id FROM friendship WHERE root_id = %(root)s AND state = %(state)s /*people*/",
        changes=("friend",),
        narrow=False,
    )
)
registry.register(
    BaseSet(
        family="friend_known",
        label="채널 하나와의 관계를 아는 사람",
        params=("channel",),
        sql="SELECT person_id FROM friendship WHERE root_id = %(root)s AND channel_id = %(channel)s /*people*/",
        changes=("friend",),
    )
)

add_to_scope(
    "friend",
    "채널 친구",
    """SELECT f.person_id FROM friendship f JOIN channels_channel c ON c.id = f.channel_id
        WHERE f.root_id = %(root)s AND f.state = 1 AND c.unit_id = ANY (ARRAY(/*units*/)) /*people*/""",
    ("friend", "channel"),
    "f.person_id",
)
