"""What this room refuses."""

from majung.core.errors import Conflict, Forbidden


class NotLent(Forbidden):
    """Somebody wants an endpoint told more than one grant of theirs lets them see and lend there."""

    code = "webhooks.not_lent"
    sentence = "고른 일 가운데 그 조직에서 볼 수 없는 것이 있습니다. 고른 것을 줄이거나 윗조직에 부탁해 주세요."


class Known(Conflict):
    """The unit has an endpoint of that address already."""

    code = "webhooks.known"
    sentence = "이 조직에 같은 주소가 이미 있습니다. 그 주소를 고치거나 새 비밀값을 받아 쓰세요."

    def __init__(self) -> None:
        super().__init__(problem="")


class Held(Conflict):
    """The endpoint is not told anything now."""

    code = "webhooks.held"
    sentence = "멈춘 주소입니다. ‘다시 알리기’를 먼저 눌러 주세요."

    def __init__(self) -> None:
        super().__init__(problem="")
