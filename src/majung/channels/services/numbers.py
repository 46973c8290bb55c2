"""The one number an operator sends tests to: theirs once a code sent to it has come back (M1, M10)."""

import hmac
from datetime import timedelta

from django.db import transaction

from majung.channels.keys import own_number_place
from majung.channels.models import TestNumber
from majung.core import clock
from majung.core.errors import Forbidden, Invalid
from majung.people.vault import sealer
from majung.tree.actor import Actor
from majung.ui.text import mask_phone

CODE = "확인번호"
DIGITS, TRIES, VALID = 6, 5, timedelta(minutes=10)


def number_of(actor: Actor) -> TestNumber | None:
    """The actor's number in this organisation, confirmed or still asked."""
    return TestNumber.objects.filter(root_id=actor.root_id, user=actor.user).first() if actor.user else None


def confirmed_digits(actor: Actor) -> str:
    """The digits of the actor's confirmed number. Raises Invalid when there is none."""
    held = number_of(actor)
    if held is None or held.confirmed_at is None:
        raise Invalid(problem="시험 발송을 받을 내 번호를 먼저 등록해 주세요.")
    return sealer().open(own_number_place(actor.root_id), held.pk, bytes(held.number_sealed))


def put(actor: Actor, digits: str) -> TestNumber:
    """``digits`` is the actor's number, not confirmed yet; the one before is forgotten."""
    held, _ = TestNumber.objects.update_or_create(
        root_id=actor.root_id, user=actor.user,
        defaults={"number_hint": mask_phone(digits), "code_at": clock.now(), "tries": 0, "confirmed_at": None},
    )  # fmt: skip
    held.number_sealed = sealer().seal(own_number_place(actor.root_id), held.pk, digits)
    held.save(update_fields=["number_sealed"])
    return held


def code_of(root: int, user: int) -> str:
    """The code that was last asked of that operator. Kept nowhere: it follows from the index key and the asking. Raises Invalid."""
    held = TestNumber.objects.filter(root_id=root, user_id=user).first()
    if held is None:
        raise Invalid(problem="번호를 지워서 확인 번호를 보내지 않았습니다.")
    keyed = sealer().blind(root, "test-code", f"{held.pk} {held.code_at.timestamp():.6f}")
    return f"{int.from_bytes(keyed, 'big') % 10**DIGITS:0{DIGITS}}"


def confirm(actor: Actor, code: str) -> TestNumber:
    """The number is the actor's. Raises Invalid for a wrong or old code; five wrong ones make it void."""
    if actor.user is None:
        raise Forbidden()
    problem = ""
    with transaction.atomic():
        held = TestNumber.objects.select_for_update().filter(root_id=actor.root_id, user=actor.user).first()
        if held is None:
            raise Invalid(problem="확인할 번호가 없습니다. 번호를 먼저 적어 주세요.")
        if held.confirmed_at is not None:
            return held
        if held.tries >= TRIES or clock.now() - held.code_at > VALID:
            problem = "확인 번호가 지났습니다. 번호를 다시 적어 새 확인 번호를 받아 주세요."
        elif not hmac.compare_digest(code_of(actor.root_id, actor.user.pk).encode(), code.strip().encode()):
            held.tries += 1
            problem = f"확인 번호가 다릅니다. {TRIES - held.tries}번 더 적을 수 있습니다."
        else:
            held.confirmed_at = clock.now()
        held.save(update_fields=["tries", "confirmed_at"])
    if problem:
        raise Invalid(problem=problem)
    return held


def forget(actor: Actor) -> None:
    """The actor has no number any more."""
    TestNumber.objects.filter(root_id=actor.root_id, user=actor.user).delete()
