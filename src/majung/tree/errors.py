"""The refusals of the tree."""

from majung.core.errors import Conflict, OverQuota, Refusal


class GrantTooWide(Refusal):
    """More than the lender holds, wider, or for longer (T3). ``reason`` is one of tree.rules.Width."""

    code = "tree.grant_too_wide"
    sentence = "%(problem)s"
    fields = ("reason", "problem")


class OutOfBudget(OverQuota):
    """The unit, or one above it, has spent what it may in the month (T7)."""

    code = "tree.out_of_budget"
    sentence = "%(unit)s의 %(month)s 예산이 %(left_won)s원 남아 %(asked_won)s원을 쓸 수 없습니다. 윗조직에 증액을 부탁해 주세요."
    fields = ("unit", "month", "left_won", "asked_won")


class OverLent(OverQuota):
    """More messages or won than some grant of the chain allows, in the Seoul day or in total (T3)."""

    code = "tree.over_lent"
    sentence = "빌린 %(which)s 한도가 %(left)s 남아 %(asked)s을 쓸 수 없습니다. %(lender)s에 더 빌려 주세요."
    fields = ("left", "asked", "which", "lender")


class UnitStopped(Conflict):
    """The unit, or one above it, is suspended or closed."""

    code = "tree.unit_stopped"
    sentence = "%(unit)s 조직이 멈추어 있어 할 수 없습니다. 다시 열거나 윗조직에 물어보세요."
    fields = ("unit",)


class TreeMoved(Conflict):
    """The tree changed since somebody looked."""

    code = "tree.moved"
    sentence = "%(problem)s"


class WouldCycle(Conflict):
    """A unit cannot hang below itself."""

    code = "tree.would_cycle"
    sentence = "%(unit)s 아래에 있는 곳으로는 옮길 수 없습니다."
    fields = ("unit",)


class InvitationGone(Refusal):
    """The link is unknown, used, too old, or what it offered was taken back. One answer for all four."""

    code = "accounts.invitation_gone"
    sentence = "이 초대 링크는 쓸 수 없습니다. 한 번만, 정한 날까지 쓸 수 있으니 초대한 분께 새 링크를 부탁하세요."
