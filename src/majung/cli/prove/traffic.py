"""What comes in from outside while a campaign is sent: Kakao's events at the inlet, and people who refuse at the portal.

Whatever is answered must be there afterwards; who was told "stopped" before sending began must not get the message.
"""

import random
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from types import TracebackType

import orjson

from majung.core import clock

EVENTS_PER_SECOND, REFUSALS_PER_SECOND = 20, 2
ANSWER_SECONDS = 5


class _NoFurther(urllib.request.HTTPRedirectHandler):
    """The portal answers with the address of its page; nobody goes there."""

    def redirect_request(self, *_: object) -> None:
        return None


class Events:
    """Posts channel events of strangers; ``answered`` is how those are known whose event was answered with 200."""

    per_second = EVENTS_PER_SECOND

    def __init__(
        self, url: str, token: str, admin_key: str, profile_id: str, known: Callable[[str], bytes], seed: int
    ) -> None:
        self._url, self._admin_key, self._profile_id, self._known = f"{url}/k/{token}", admin_key, profile_id, known
        self._dice = random.Random(seed)  # noqa: S311  dice, not secrets
        self.answered: list[bytes] = []

    def post(self) -> None:
        """One event."""
        # An hour ago by every clock of the run: a moment ahead of the inlet's would be taken as its own now.
        now = clock.now()
        key = str(self._dice.getrandbits(60))
        body = orjson.dumps({
            "event": "added", "id": key, "id_type": "app_user_id",
            "channel_public_id": self._profile_id, "updated_at": now.replace(hour=max(0, now.hour - 1)).isoformat(),
        })  # fmt: skip
        resource = str(uuid.UUID(int=self._dice.getrandbits(128)))
        headers = {
            "Authorization": f"KakaoAK {self._admin_key}",
            "X-Kakao-Resource-ID": resource,
            "Content-Type": "application/json",
        }
        request = urllib.request.Request(self._url, data=body, headers=headers)  # noqa: S310  our own loopback address
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
                if answer.status == 200:
                    self.answered.append(self._known(key))
        except OSError:
            pass  # Not answered, so nothing was promised.


class Refusals:
    """People who press "stop everything" behind their link; ``answered`` are those whom the portal told that it is done."""

    per_second = REFUSALS_PER_SECOND

    def __init__(self, url: str, links: Sequence[tuple[int, str]]) -> None:
        self._url, self._links = url, list(links)
        self._opener = urllib.request.build_opener(_NoFurther)
        self.answered: list[int] = []

    @property
    def waiting(self) -> int:
        """How many have not pressed yet."""
        return len(self._links)

    def post(self) -> None:
        """The next person refuses."""
        if not self._links:
            return
        person, token = self._links.pop()
        request = urllib.request.Request(f"{self._url}/p/{token}", data=b"act=refuse_all")  # noqa: S310  our own loopback address
        try:
            self._opener.open(request, timeout=ANSWER_SECONDS).close()
        except urllib.error.HTTPError as answer:
            if answer.code == 303:
                self.answered.append(person)
        except OSError:
            pass


class Going:
    """Posts all the time inside the block, each kind in its own thread."""

    def __init__(self, *kinds: Events | Refusals) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._post, args=(kind,), name=type(kind).__name__) for kind in kinds]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _post(self, kind: Events | Refusals) -> None:
        while not self._stop.wait(1 / kind.per_second):
            kind.post()
