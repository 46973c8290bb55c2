"""Builders of consent: rows of people (no real data), published notices, consents. Keyword-only, through real services."""

from collections.abc import Collection
from datetime import datetime
from itertools import count
from typing import Any

from majung.consent import services
from majung.consent.enums import BY_MEDIUM, ConsentMedium, ConsentPurpose, How
from majung.consent.models import Notice
from majung.consent.notices import Words
from majung.core.db import raw
from majung.tree.actor import Actor
from majung.tree.models import Unit

_number = count(1)
ALL_MEDIA = tuple(medium for medium in ConsentMedium if medium is not ConsentMedium.EVERY)


def people(
    n: int,
    *,
    unit: Unit,
    entity_id: int | None = None,
    born: int | None = None,
    state: int = 1,
    basis: int = 1,
    with_mobile: bool = True,
) -> list[int]:
    """``n`` people whose home is ``unit``: bare rows without names, with a sealed-looking number each."""
    rows = raw().execute(
        """INSERT INTO person (root_id, public_id, entity_id, home_unit_id, birth_ym, state, basis, created_at)
           SELECT %(root)s, gen_random_uuid(), %(entity)s, %(unit)s, %(born)s, %(state)s, %(basis)s, now()
             FROM generate_series(1, %(n)s) RETURNING id""",
        {
            "root": unit.root_id, "entity": entity_id or unit.entity_id, "unit": unit.pk, "born": born, "state": state,
            "basis": basis, "n": n,
        },
    ).fetchall()  # fmt: skip
    made = [row[0] for row in rows]
    if with_mobile:
        raw().execute(
            """INSERT INTO contact_point (person_id, kind, root_id, sealed, blind, created_at)
               SELECT id, 1, %(root)s, sha256(id::text::bytea), substr(sha256(id::text::bytea), 1, 16), now()
                 FROM unnest(%(people)s::bigint[]) AS u(id)""",
            {"root": unit.root_id, "people": made},
        )
    return made


def members(made: Collection[int], *, unit: Unit, entity_id: int | None = None, state: int = 2) -> None:
    """These people's membership in the unit's entity."""
    raw().execute(
        """INSERT INTO membership (person_id, entity_id, root_id, state, since)
           SELECT id, %s, %s, %s, DATE '2024-01-01' FROM unnest(%s::bigint[]) AS u(id)
           ON CONFLICT (person_id, entity_id) DO UPDATE SET state = excluded.state""",
        [entity_id or unit.entity_id, unit.root_id, state, list(made)],
    )


def words(purpose: ConsentPurpose = ConsentPurpose.SERVICE, **changes: Any) -> Words:
    """Complete words for a notice of that purpose."""
    given: dict[str, Any] = {
        "purpose": purpose,
        "title": purpose.label,
        "media": (ConsentMedium.SMS, ConsentMedium.KAKAO_AD, ConsentMedium.EMAIL) if purpose in BY_MEDIUM else (),
        "purpose_text": "소식 전달과 행사 신청 확인",
        "items_text": "이름, 휴대전화번호, 태어난 해, 선거구",
        "retention_text": "철회할 때까지",
        "refusal_text": "거부할 수 있습니다. 그러면 소식을 받을 수 없습니다.",
        "recipients_text": "가람당 중앙당" if purpose == ConsentPurpose.PROVISION else "",
        "required": purpose in (ConsentPurpose.SERVICE, ConsentPurpose.SENSITIVE),
    }
    return Words(**{**given, **changes})


def notice(
    actor: Actor, unit: Unit, purpose: ConsentPurpose = ConsentPurpose.SERVICE, *, code: str = "", **changes: Any
) -> Notice:
    """A published notice of the unit."""
    draft = services.write_notice(actor, unit, code or f"n-{next(_number)}", words(purpose, **changes))
    return services.publish_notice(actor, draft)


def consent(
    actor: Actor,
    made: Collection[int],
    notice: Notice,
    *,
    media: Collection[ConsentMedium] = (),
    at: datetime | None = None,
) -> int:
    """These people agreed to the notice, by all its media unless told."""
    chosen = media or [ConsentMedium(medium) for medium in notice.media]
    return services.grant_consents(actor, made, notice, chosen, How.WEB, {"screen": "test"}, at=at)


def friends(made: Collection[int], *, root_id: int, channel_id: int, state: int) -> None:
    """What was seen of these people on a channel (which need not exist for the rules)."""
    raw().execute(
        """INSERT INTO friendship (person_id, channel_id, root_id, state, seen_at, how)
           SELECT id, %s, %s, %s, now(), 5 FROM unnest(%s::bigint[]) AS u(id)""",
        [channel_id, root_id, state, list(made)],
    )


def mail_addresses(root_id: int, people: Collection[int]) -> None:
    """Each of ``people`` has a sealed-looking mail address."""
    raw().execute(
        """INSERT INTO contact_point (person_id, kind, root_id, sealed, blind, created_at)
           SELECT p, 3, %s, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), uuid_send(gen_random_uuid()), now()
             FROM unnest(%s::bigint[]) AS p""",
        [root_id, list(people)],
    )
