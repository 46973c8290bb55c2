"""The base set of this room: whom a letter can reach."""

from typing import Final

from majung.crowd.registry import BaseSet, register

MAILABLE: Final = register(
    BaseSet(
        family="mailable",
        label="전자우편 주소 있음",
        sql="""SELECT c.person_id FROM contact_point c WHERE c.root_id = %(root)s AND c.kind = 3 /*people*/
                  AND NOT EXISTS (SELECT FROM mail_returned m WHERE m.root_id = c.root_id AND m.blind = c.blind)""",
        changes=("contact",),
        person_column="c.person_id",
    )
)
