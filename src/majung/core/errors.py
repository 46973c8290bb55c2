"""The kinds of failure: a refusal is an answer with a reason; an outside failure is a state; anything else is a bug."""

from typing import Any, ClassVar


class Refusal(Exception):
    """Somebody asked for what the rules forbid. Shown as a sentence, never logged as an error, never retried.

    A subclass declares ``code`` (for ever, documented), ``sentence`` (Korean, named placeholders) and ``fields``.
    """

    code: ClassVar[str] = "refused"
    sentence: ClassVar[str] = "할 수 없는 일입니다."
    fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **facts: Any) -> None:
        missing = set(self.fields) - facts.keys()
        if missing:
            raise TypeError(f"{type(self).__name__} needs {sorted(missing)}")
        self.facts = facts
        super().__init__(self.code)

    def __str__(self) -> str:
        return self.sentence % self.facts if self.facts else self.sentence


class NotYours(Refusal):
    """The thing does not exist for this actor. Looks exactly like what does not exist at all (shown as 404)."""

    code = "not_found"
    sentence = "찾을 수 없습니다."


class Forbidden(Refusal):
    """The actor sees the thing but was not lent this act (shown as 403)."""

    code = "forbidden"
    sentence = "이 일을 할 권한을 빌리지 않았습니다. 윗조직에 부탁해 주세요."


class Invalid(Refusal):
    """The input cannot be understood. ``problem`` is a Korean sentence that says what to mend."""

    code = "invalid"
    sentence = "%(problem)s"
    fields = ("problem",)


class Conflict(Refusal):
    """The thing has moved on since the actor looked."""

    code = "conflict"
    sentence = "%(problem)s"
    fields = ("problem",)


class OverQuota(Refusal):
    """More than was lent."""

    code = "over_quota"
    sentence = "빌린 한도를 넘습니다."


class Unlawful(Refusal):
    """A law forbids it; ``article`` says which."""

    code = "unlawful"
    sentence = "%(problem)s (%(article)s)"
    fields = ("problem", "article")


class Outside(Exception):
    """Another system failed. ``retryable`` and ``after_seconds`` say whether and when to try again; ``raw`` is its answer."""

    def __init__(self, message: str, *, retryable: bool, after_seconds: float = 0.0, raw: bytes = b"") -> None:
        super().__init__(message)
        self.retryable, self.after_seconds, self.raw = retryable, after_seconds, raw


class Misconfigured(Exception):
    """The installation is wrong; it will not start. The message says what to change."""
