"""The refusals of audience."""

from majung.core.errors import Conflict, Invalid


class CannotAsk(Invalid):
    """The criteria cannot be asked: nonsense, or an id that is not there for this actor (foreign and missing alike)."""

    code = "audience.cannot_ask"


class NameTaken(Conflict):
    """The unit already has a segment of that name."""

    code = "audience.name_taken"
    sentence = "‘%(name)s’ 이름의 대상이 이미 있습니다. 다른 이름을 적어 주세요."
    fields = ("name",)
