"""Profile ids of channels from lists and from the dealer, and test messages to one's own number."""

import io
from typing import Any

import pytest
from openpyxl import Workbook

from majung.channels import services
from majung.channels.adapters.base import Kind, Message
from majung.channels.adapters.limits import CannotSay
from majung.channels.adapters.outcomes import Outcome
from majung.channels.enums import JobKind, JobState
from majung.channels.errors import TooManyTests
from majung.channels.models import (
    AccountJob,
    Channel,
    DealerAccount,
    DealerProfile,
    TestSend,
)
from majung.channels.services import jobs
from majung.core import clock
from majung.core.errors import Forbidden, Invalid, NotYours
from majung.people.imports.reader import Unreadable as UnreadableList
from majung.tree.enums import Role
from tests.channels.asking import ask
from tests.make import channels as make
from tests.make import tree
from tests.make.sandbox import Sandbox
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("M10"), pytest.mark.django_db]


def _csv(*rows: str, header: str = "검색용 아이디,발신 프로필 ID") -> bytes:
    return "\r\n".join([header, *rows]).encode("cp949")


def test_profiles_from_a_list(made: Organised, account: DealerAccount, near: Channel) -> None:
    second = make.channel(unit=made.top, number=2)
    body = _csv("@ch1,PF01", "_ch2,PF02", "@nobody,PF03", "@ch1,PF09", ",", "@ch2,PF 4")

    done = services.import_profiles(made.actor, account, body)
    again = services.import_profiles(made.actor, account, _csv("@ch1,PF01", "@ch2,PF01"))

    assert (done.stored, done.unchanged, [p.row for p in done.problems]) == (2, 0, [4, 5, 7])
    assert dict(DealerProfile.objects.values_list("channel_id", "pf_id")) == {near.pk: "PF01", second.pk: "PF02"}
    assert (again.stored, again.unchanged, len(again.problems)) == (0, 1, 1)
    assert "다른 채널" in again.problems[0].sentence


def test_profiles_from_a_sheet_with_formulas(made: Organised, account: DealerAccount, near: Channel) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["pfId", "searchId"], ['=CONCAT("PF",1)', "@ch1"], ["PF01", "@ch1"]):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)

    done = services.import_profiles(made.actor, account, out.getvalue())

    assert (done.stored, [(p.row, "수식" in p.sentence) for p in done.problems]) == (1, [(2, True)])
    assert DealerProfile.objects.get().pf_id == "PF01"


@pytest.mark.parametrize(
    "body", [b"", b"\x00\x01\x02" * 50, b"PK\x03\x04broken", "이름,번호\n가,나".encode(), b"x" * (6 * 2**20)]
)
def test_what_is_no_list_of_profiles_is_told(made: Organised, account: DealerAccount, body: bytes) -> None:
    with pytest.raises((Invalid, UnreadableList)):
        services.import_profiles(made.actor, account, body)


def test_a_list_names_only_channels_in_hand(made: Organised, account: DealerAccount) -> None:
    """Neither another organisation's channel nor a sister's can be given a profile."""
    other = tree.organisation(depth=2, width=1)
    make.channel(unit=other.top, number=1)
    district = tree.lent(made, made.units[1])
    mine = make.account(unit=made.units[1], name="지역 계정")
    make.channel(unit=made.top, number=2)

    done = services.import_profiles(district, mine, _csv("@ch1,PF01", "@ch2,PF02"))

    assert (done.stored, len(done.problems), DealerProfile.objects.count()) == (0, 2, 0)
    with pytest.raises(NotYours):
        services.import_profiles(district, account, _csv("@ch1,PF01"))


def test_profiles_from_the_dealer(made: Organised, account: DealerAccount, near: Channel) -> None:
    job = ask(made, account, JobKind.PROFILES)

    assert (job.state, DealerProfile.objects.get().pf_id) == (JobState.DONE, "PF_ch1")


def _trial(
    made: Organised, account: DealerAccount, channel: Channel | None, number: str = "010-0000-0001", **fields: Any
) -> TestSend:
    given: dict[str, Any] = {"kind": Kind.BRAND, "message": Message(text="#{이름}님, 시험입니다")} | fields
    return services.send_trial(made.actor, account, given["kind"], number, given["message"], channel)


def test_a_test_message_arrives(made: Organised, account: DealerAccount, near: Channel, sandbox: Sandbox) -> None:
    make.profile(account=account, channel=near)
    with clock.frozen(clock.now()):
        trial = _trial(made, account, near)
    sandbox.control("clock", {"offset_seconds": clock.offset_to(clock.now())})

    jobs.run(AccountJob.objects.get(kind=JobKind.TEST).pk)
    jobs.run(AccountJob.objects.get(kind=JobKind.TEST).pk)

    trial.refresh_from_db()
    at_night = not 8 <= clock.seoul().hour < 20
    assert trial.outcome in ({Outcome.DELIVERED, Outcome.OUT_OF_HOURS} if at_night else {Outcome.DELIVERED})
    assert trial.settled_at and trial.group_ref and trial.number_hint.endswith("0001")
    assert b"01000000001" not in bytes(trial.number_sealed)
    books = sandbox.control("books?campaign=0")
    assert books["ids_taken_more_than_once"] == 0


def test_a_test_message_passes_the_kinds_limits(made: Organised, account: DealerAccount, near: Channel) -> None:
    make.profile(account=account, channel=near)

    with pytest.raises(CannotSay):
        _trial(made, account, near, message=Message(text="가" * 1301))
    with pytest.raises(CannotSay):
        _trial(made, account, None, kind=Kind.SMS, message=Message(text="그림 글자 😀"))
    with pytest.raises(Invalid):
        _trial(made, account, near, number="02-700-0000")
    with pytest.raises(Invalid):
        _trial(made, account, make.channel(unit=made.top, number=8))
    assert TestSend.objects.count() == 0


def test_test_messages_are_few_and_to_few_numbers(made: Organised, account: DealerAccount, near: Channel) -> None:
    make.profile(account=account, channel=near)
    for number in ("01000000001", "01000000002", "01000000003"):
        _trial(made, account, near, number)
    with pytest.raises(TooManyTests, match="번호 3개"):
        _trial(made, account, near, "01000000004")
    for _ in range(7):
        _trial(made, account, near, "01000000001")
    with pytest.raises(TooManyTests, match="한 시간"):
        _trial(made, account, near, "01000000001")


def test_only_managers_send_tests(made: Organised, account: DealerAccount, near: Channel) -> None:
    make.profile(account=account, channel=near)
    writer = tree.lent(made, made.top, role=Role.WRITER)

    with pytest.raises(Forbidden):
        services.send_trial(writer, account, Kind.BRAND, "01000000001", Message(text="글"), near)
