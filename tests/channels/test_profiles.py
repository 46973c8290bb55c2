"""Profile ids of channels from lists and from the dealer."""

import io

import pytest
from openpyxl import Workbook

from majung.channels import services
from majung.channels.enums import JobKind, JobState
from majung.channels.models import Channel, DealerAccount, DealerProfile
from majung.core.errors import Invalid, NotYours
from majung.people.imports.reader import Unreadable as UnreadableList
from tests.channels.asking import ask
from tests.make import channels as make
from tests.make import tree
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
