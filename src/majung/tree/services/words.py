"""The organisation's own words: names of tiers, and the legal entities that answer for its units."""

from django.db import transaction
from django.db.models import ProtectedError

from majung.core.errors import Invalid, NotYours
from majung.core.text import nfc
from majung.tree.actor import Actor
from majung.tree.enums import Act, OrganisationKind
from majung.tree.models import LegalEntity, Unit, UnitKind
from majung.tree.services.records import lock_root, record
from majung.tree.services.units import PHONE

PAPERS = {
    "registration_number": ("등록번호는", 20),
    "phone": ("전화는", 20),
    "address": ("주소는", 200),
    "roll_basis": ("당원명부의 근거는", 200),
}


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
def drop_kind(actor: Actor, number: int) -> None:
    """A tier that no unit has, or ever had, is gone. Raises NotYours, Invalid."""
    lock_root(actor.root_id)
    require_top(actor)
    kind = UnitKind.objects.filter(root_id=actor.root_id, pk=number).first()
    if kind is None:
        raise NotYours()
    record(actor, "tree.kind_dropped", kind)
    try:
        with transaction.atomic():
            kind.delete()
    except ProtectedError as error:
        raise Invalid(problem=f"‘{kind.name}’ 갈래로 적힌 조직이 있거나 있었습니다. 지우지 않았습니다.") from error


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


@transaction.atomic
def change_entity(
    actor: Actor, number: int, *, registration_number: str, phone: str, address: str, roll_basis: str
) -> LegalEntity:
    """The entity's papers are as given; its name stays. Raises NotYours, Invalid.

    ``roll_basis`` is for parties alone: by what the entity keeps a roll of members (law.md P2).
    """
    lock_root(actor.root_id)
    require_top(actor)
    entity = LegalEntity.objects.select_related("root").filter(root_id=actor.root_id, pk=number).first()
    if entity is None:
        raise NotYours()
    texts = {
        "registration_number": nfc(registration_number),
        "phone": nfc(phone),
        "address": nfc(address),
        "roll_basis": nfc(roll_basis),
    }
    for name, text in texts.items():
        word, longest = PAPERS[name]
        if len(text) > longest:
            raise Invalid(problem=f"{word} {longest}자까지 적을 수 있습니다.")
    if texts["phone"] and not PHONE.match(texts["phone"]):
        raise Invalid(problem="전화번호를 읽을 수 없습니다. 02-123-4567처럼 적어 주세요.")
    if texts["roll_basis"] and entity.root.kind != OrganisationKind.POLITICAL:
        raise Invalid(problem="당원명부의 근거는 정당만 적을 수 있습니다.")
    if texts["roll_basis"] and len(texts["roll_basis"]) < 5:
        raise Invalid(problem="당원명부의 근거를 다섯 자 넘게 적어 주세요. 당헌·당규의 조항이나 결정한 날을 적습니다.")
    for name, text in texts.items():
        setattr(entity, name, text)
    entity.save(update_fields=list(texts))
    record(actor, "tree.entity_changed", entity)
    return entity
