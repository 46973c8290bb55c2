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
# Those for whom an address they share does not count: another holder of it has the lower number.
SHARED_ADDRESS: Final = register(
    BaseSet(
        family="shared_address",
        label="다른 사람과 같은 전자우편 주소",
        sql="""SELECT c.person_id FROM contact_claim k JOIN contact_point c USING (root_id, kind, blind)
                WHERE c.root_id = %(root)s AND c.kind = 3 AND k.person_id <> c.person_id /*people*/""",
        changes=("contact",),
        person_column="c.person_id",
    )
)
