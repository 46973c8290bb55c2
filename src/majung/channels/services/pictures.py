"""Pictures for messages: looked at here, handed to the dealer in the background (kakao.md §3.3)."""

import hashlib
import io
import warnings

from django.db import transaction
from PIL import Image, UnidentifiedImageError

from majung.channels.enums import JobKind, MessageKind
from majung.channels.models import DealerAccount, Picture
from majung.channels.services.jobs import ask
from majung.core.errors import Invalid
from majung.core.text import nfc
from majung.tree.actor import Actor
from majung.tree.enums import Act

LARGEST_BYTES = 5 * 2**20
NARROWEST, MOST_PIXELS = 500, 40_000_000
PREVIEW = (480, 480)


@transaction.atomic
def add_picture(actor: Actor, account: DealerAccount, name: str, content: bytes) -> Picture:
    """The picture waits to be handed to the dealer; the same picture is taken once. Raises Invalid."""
    actor.require(Act.CHANNELS_MANAGE, account.unit)
    width, height, preview = _looked_at(content)
    digest = hashlib.sha256(content).digest()
    picture, is_new = Picture.objects.get_or_create(
        account=account, kind=MessageKind.BRAND, digest=digest,
        defaults={
            "name": nfc(name)[:120] or "그림", "width": width, "height": height, "preview": preview, "content": content,
        },
    )  # fmt: skip
    if is_new or not picture.dealer_id:
        ask(actor, account, JobKind.PICTURE, picture.pk)
    return picture


def _looked_at(content: bytes) -> tuple[int, int, bytes]:
    """Width, height and a small JPEG of a picture that the messenger takes."""
    if len(content) > LARGEST_BYTES:
        raise Invalid(problem="그림은 5MB까지 올릴 수 있습니다.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
                width, height = image.size
                if width < NARROWEST:
                    raise Invalid(
                        problem=f"그림의 가로는 {NARROWEST}픽셀 이상이어야 합니다. 이 그림은 {width}픽셀입니다."
                    )
                if width * height > MOST_PIXELS:
                    raise Invalid(problem="그림이 너무 큽니다. 가로 2,000픽셀쯤으로 줄여 주세요.")
                small = image.convert("RGB")
                small.thumbnail(PREVIEW)
                out = io.BytesIO()
                small.save(out, "JPEG", quality=80)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError, Warning):
        raise Invalid(problem="jpg나 png 그림이 아니거나 손상된 파일입니다.") from None
    return width, height, out.getvalue()
