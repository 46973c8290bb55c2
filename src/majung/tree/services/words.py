"""The organisation's own words: names of tiers, and the legal entities that answer for its units."""

from django.db import transaction

from majung.core.errors import Invalid, NotYours
from majung.core.text import nfc
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import LegalEntity, Unit, UnitKind
from majung.tree.services.records import lock_root, record


def require_top(actor: Actor) -> Unit:
    """The unit at the top, where the actor manages. Raises NotYours, Forbidden."""
    top: Unit | None = Unit.objects.filter(root_id=actor.root_id, depth=1).first()
    if top is None:
        raise NotYours()
    actor.require(Act.TREE_MANAGE, top)
    return top


@transaction.atomic
def add_kind(actor: Actor, name: str) -> UnitKind:
    """The organisation has a tier of that name, below those it has; the same name twice is one tier."""
    lock_root(actor.root_id)
    require_top(actor)
    text = nfc(name)
    if not 1 <= len(text) <= 30:
        raise Invalid(problem="갈래 이름을 1–30자로 적어 주세요.")
    found = UnitKind.objects.filter(root_id=actor.root_id, name=text).first()
    if found is not None:
        return found
    last = UnitKind.objects.filter(root_id=actor.root_id).order_by("-rank").first()
    kind = UnitKind.objects.create(root_id=actor.root_id, name=text, rank=last.rank + 1 if last else 0)
    record(actor, "tree.kind_added", kind)
    return kind


@transaction.atomic
def add_entity(
    actor: Actor,
    name: str,
    *,
    registration_number: str = "",
    phone: str = "",
    address: str = "",
    refusal_number: str = "",
) -> LegalEntity:
    """The organisation has a legal entity of that name. Raises Invalid when it has already."""
    lock_root(actor.root_id)
    require_top(actor)
    text = nfc(name)
    if not 1 <= len(text) <= 80:
        raise Invalid(problem="법인 이름을 1–80자로 적어 주세요.")
    if LegalEntity.objects.filter(root_id=actor.root_id, name=text).exists():
        raise Invalid(problem=f"법인 ‘{text}’이 이미 있습니다.")
    entity = LegalEntity.objects.create(
        root_id=actor.root_id, name=text, registration_number=nfc(registration_number)[:20], phone=nfc(phone)[:20],
        address=nfc(address)[:200], refusal_number=nfc(refusal_number)[:20],
    )  # fmt: skip
    record(actor, "tree.entity_added", entity)
    return entity
