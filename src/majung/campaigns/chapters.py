"""The chapters of a campaign's books: each line with its sentence, how it is counted, and the lines it is made of (M9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from majung.audience.counts import Sight
from majung.campaigns import meanings
from majung.campaigns.models import Campaign
from majung.campaigns.report import KINDS, words_of
from majung.channels.adapters.outcomes import WORDS, Outcome
from majung.core import clock
from majung.delivery import figures, week
from majung.delivery.figures import Pick, Row, added, cells, less, rows_of
from majung.delivery.models import Dispatch
from majung.delivery.outcomes import ACCEPTED, DELIVERED, FELL_BACK, IN_DOUBT, LEFT_OUT, MOVED_ON, NOT_YET, WAITED
from majung.policy.occasion import from_json
from majung.ui.text import number, won

Unit = Literal["명", "통", "번", "자리", "원"]
REFUSALS = slice(0, 97)
INSTEAD = slice(FELL_BACK + 1, 256)
TEXT, FIRST, AGAIN = ("text",), ("first",), ("again",)
STAGES: Mapping[str, tuple[str, str]] = {
    "freeze": ("명단을 굳힐 때", "명단을 적으면서 규칙에 걸리는 사람을 뺐습니다."),
    "hand_over": (
        "넘기기 직전에",
        "명단을 굳힌 뒤에 수신거부하거나 탈퇴한 사람처럼 사정이 바뀐 사람을, 대행사에 넘기기 직전에 다시 보고 뺐습니다.",
    ),
    "stop": ("그만두어서", "사람이 그만두었을 때 아직 넘기지 않은 사람입니다."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One line as it is counted. ``sign`` is how it goes into the line above it."""

    key: str
    name: str
    means: str
    pick: Pick
    unit: Unit = "명"
    sign: str = "+"
    todo: str = ""
    law: str = ""
    tone: str = ""
    parts: tuple["Term", ...] = ()
    always: bool = False
    """Shown although it is nobody."""
    is_open: bool = True
    """Whether channels and hours may be asked for."""


def of(campaign: Campaign, rows: Sequence[Row], sight: Sight) -> list[Term]:
    """The chapters of a campaign with ``rows`` (collapsed), as ``sight`` allows."""
    made = [_audience(campaign, rows, sight), _tries(rows), _texts(rows), _knowingly()]
    if sight != "blind":  # money and places name the number of people to the last one
        made += [_money(rows), _paid(rows), _set_aside(rows), _week(campaign, rows)]
    return [term for term in made if term is not None]


def _largest(rows: Sequence[Row], terms: list[Term]) -> tuple[Term, ...]:
    """The largest first."""
    return tuple(sorted(terms, key=lambda term: -figures.total(rows, term.pick)))


def _audience(campaign: Campaign, rows: Sequence[Row], sight: Sight) -> Term:
    return Term(
        key="audience", name="대상", is_open=False, always=True,
        means="조건에 맞는 사람 모두입니다. 한 사람은 아래 다섯 줄 가운데 꼭 한 줄에 한 번만 섭니다.",
        pick=rows_of("dispatch", stage="audience"),
        parts=(
            _left_out(campaign, rows, sight), _accepted(rows), _refused(rows),
            Term(
                key="in_doubt", name="확인 중", tone="dbt", always=True, pick=cells([IN_DOUBT]),
                means="넘겼지만 대행사의 답을 듣지 못했습니다. 두 번 가지 않도록 다시 보내지 않고 묻기만 합니다.",
                parts=(
                    Term(
                        key="in_doubt.asking", name="대행사에 묻는 중", pick=cells([IN_DOUBT], states=(0, 1, 2)),
                        means="대행사가 받았는지 저절로 거듭 묻습니다. 결과 보고가 와도 풀립니다.",
                    ),
                    Term(
                        key="in_doubt.never", name="끝내 알 수 없음", pick=cells([IN_DOUBT], states=(3,)),
                        means="대행사가 끝났다고 했지만 목록에 이 사람이 없거나, 72시간 동안 아무도 알려 주지 않았습니다. "
                        "받았을 수도 있어 다시 보내지 않습니다.",
                        todo="대행사에 물어보거나, 꼭 알아야 할 내용이면 다른 길로 알려 주세요.",
                    ),
                ),
            ),
            Term(
                key="not_yet", name="남음", tone="rest", always=True, pick=cells([NOT_YET]),
                means="아직 대행사에 넘기지 않았습니다. 멈추거나 그만두면 이 사람들에게는 가지 않습니다.",
                parts=(
                    Term(
                        key="not_yet.first", name="처음 보낼 차례를 기다림", pick=cells([NOT_YET], states=(0,), stages=FIRST),
                        means="명단에 적힌 채널로 나갈 차례를 기다립니다.",
                    ),
                    Term(
                        key="not_yet.again", name="다음 채널이나 아침을 기다림", pick=cells([NOT_YET], states=(0,), stages=AGAIN),
                        means="첫 채널의 친구가 아니었거나 받지 않는 시간이어서, 다시 보낼 차례를 기다립니다.",
                    ),
                    Term(
                        key="not_yet.text", name="대체 문자 차례를 기다림", pick=cells([NOT_YET], states=(0,), stages=TEXT),
                        means="카카오톡으로 닿지 않아 문자를 보낼 차례를 기다립니다.",
                    ),
                    Term(
                        key="not_yet.held", name="일꾼이 집어 듦", pick=cells([NOT_YET], states=(1, 2, 3)),
                        means="발송 일꾼이 지금 대행사에 넘기고 있습니다.",
                    ),
                ),
            ),
        ),
    )  # fmt: skip


def _left_out(campaign: Campaign, rows: Sequence[Row], sight: Sight) -> Term:
    stages = {row.stage for row in rows if row.what == "left_out"}
    codes = sorted({(row.stage, row.label) for row in rows if row.what == "left_out"})
    parts: tuple[Term, ...]
    if sight == "exact":
        parts = tuple(
            Term(
                key=f"left_out.{stage}", name=name, means=means, pick=rows_of("left_out", stage=stage),
                parts=_largest(
                    rows, [_reason(campaign, stage, code) for of, code in codes if of == stage]
                ),
            )
            for stage, (name, means) in STAGES.items()
            if stage in stages
        )  # fmt: skip
    else:  # reasons by stage could be subtracted from reasons of all stages, which are told elsewhere
        parts = _largest(rows, [_reason(campaign, None, code) for code in sorted({code for _, code in codes})])
    return Term(
        key="left_out", name="제외", tone="out", always=True, pick=rows_of("left_out"), parts=parts,
        means="대상이지만 보내지 않은 사람입니다. 한 사람은 처음 걸린 까닭 하나로만 셉니다. 돈이 들지 않습니다.",
    )  # fmt: skip


def _reason(campaign: Campaign, stage: str | None, code: str) -> Term:
    sentence, law = words_of(code, campaign.purpose)
    return Term(
        key=f"left_out.{stage or 'any'}.{code}", name=sentence, law=law, means=meanings.LEFT_OUT.get(code, ""),
        pick=rows_of("left_out", stage=stage, label=code),
    )  # fmt: skip


def _accepted(rows: Sequence[Row]) -> Term:
    has_texts = any(row.what == "chunk" and row.stage == "text" for row in rows)
    arrived = (
        Term(
            key="accepted.delivered.message", name="메시지로", means="처음 고른 종류의 메시지로 닿았습니다.",
            pick=cells([DELIVERED], stages=(*FIRST, *AGAIN)),
        ),
        Term(
            key="accepted.delivered.text", name="대체 문자로", means="카카오톡으로 닿지 않아 보낸 문자로 닿았습니다.",
            pick=cells([DELIVERED], stages=TEXT),
        ),
    )  # fmt: skip
    return Term(
        key="accepted", name="접수됨", tone="acc", always=True, pick=cells([ACCEPTED, DELIVERED]),
        means="대행사가 받아들였습니다. 돈을 낸 것은 이 사람들입니다.",
        parts=(
            Term(
                key="accepted.delivered", name="도착", always=True, pick=cells([DELIVERED]), parts=arrived if has_texts else (),
                means="받는 사람의 기기에 닿았다고 대행사가 알려 왔습니다.",
            ),
            Term(
                key="accepted.open", name="결과를 기다림", pick=cells([ACCEPTED], states=(0, 1, 2)),
                means="대행사가 받았고 결과는 아직입니다. 저절로 묻고, 길게는 72시간까지 기다립니다.",
            ),
            Term(
                key="accepted.closed", name="결과 없이 끝남", pick=cells([ACCEPTED], states=(3,)),
                means="대행사가 받았다는 말이 마지막이었습니다. 닿았는지는 알 수 없고, 돈은 냈습니다.",
            ),
        ),
    )  # fmt: skip


def _refused(rows: Sequence[Row]) -> Term:
    bytes_met = [byte for byte in range(97) if any(row.bins[byte] for row in rows)]
    return Term(
        key="refused", name="거절됨", tone="ref", always=True, pick=cells(REFUSALS),
        means=f"대행사나 카카오, 통신사가 보낼 수 없다고 답했습니다. {meanings.BACK}",
        parts=_largest(rows, [_refusal(byte) for byte in bytes_met]),
    )  # fmt: skip


def _refusal(byte: int) -> Term:
    outcome = Outcome(byte)
    means, todo = meanings.REFUSED[outcome]
    return Term(key=f"refused.{outcome.name}", name=WORDS[outcome], means=means, todo=todo, pick=cells([byte]))


def _tries(rows: Sequence[Row]) -> Term | None:
    """Who stands twice: whoever moved on, waited for the morning, or gets a text instead."""
    whole = added(_people_of(AGAIN), _people_of(TEXT))
    if not figures.total(rows, whole):
        return None
    instead = [
        Term(
            key=f"tries.text.{Outcome(byte - FELL_BACK).name}", name=WORDS[Outcome(byte - FELL_BACK)], pick=cells([byte]),
            means=meanings.REFUSED[Outcome(byte - FELL_BACK)][0],
        )
        for byte in range(FELL_BACK + 1, FELL_BACK + 97)
        if any(row.bins[byte] for row in rows)
    ]  # fmt: skip
    return Term(
        key="tries", name="한 번 더 시도한 사람", is_open=False, pick=whole,
        means="앞의 시도로 닿지 않아 한 번 더 시도했습니다. ‘대상’에서는 마지막 시도의 결과로 한 번만 셉니다. "
        "앞의 시도에 낸 돈은 돌아왔습니다.",
        parts=(
            Term(
                key="tries.moved_on", name="다음 채널로 옮김", pick=cells([MOVED_ON]),
                means="그 채널의 친구가 아니라는 답을 듣고, 길에 있는 다음 채널로 다시 보냅니다.",
            ),
            Term(
                key="tries.waited", name="아침에 다시", pick=cells([WAITED]),
                means="카카오가 받지 않는 시간이라 돌아와서, 같은 채널로 아침에 다시 보냅니다.",
            ),
            Term(
                key="tries.text", name="대체 문자로", pick=cells(INSTEAD), parts=_largest(rows, instead),
                means="카카오톡으로 닿지 않아, 미리 고른 까닭에 한해 문자를 보냅니다.",
            ),
        ),
    )  # fmt: skip


def _texts(rows: Sequence[Row]) -> Term | None:
    """What became of the texts instead: the same people as in the audience, by where they stand there."""
    if not figures.total(rows, _people_of(TEXT)):
        return None
    again = "‘대상’의 ‘{}’ 안에 이미 들어 있습니다."
    fates: tuple[tuple[str, str, list[int] | slice, str], ...] = (
        ("delivered", "도착", [DELIVERED], again.format("도착")),
        ("open", "접수됨, 결과는 아직", [ACCEPTED], again.format("접수됨")),
        ("refused", "문자도 거절됨", REFUSALS, again.format("거절됨")),
        ("left_out", "문자는 보내지 않음", [LEFT_OUT], f"문자로는 거부했거나 보낼 수 없는 때였습니다. {again.format('제외')}"),
        ("in_doubt", "확인 중", [IN_DOUBT], again.format("확인 중")),
        ("not_yet", "남음", [NOT_YET], again.format("남음")),
    )  # fmt: skip
    return Term(
        key="texts", name="대체 문자의 결과", is_open=False, pick=_people_of(TEXT),
        means="대체 문자로 옮긴 사람이 지금 어디에 서 있는지입니다.",
        parts=tuple(
            Term(key=f"texts.{key}", name=name, means=means, pick=cells(chosen, stages=TEXT))
            for key, name, chosen, means in fates
        ),
    )  # fmt: skip


def _people_of(stages: tuple[str, ...]) -> Pick:
    return lambda row: row.n if row.what == "chunk" and row.stage in stages else 0


def _knowingly() -> Term:
    return Term(
        key="again", name="알고 다시 보내기로 한 것", unit="번", always=True, is_open=False, pick=rows_of("exception"),
        means="답을 잃은 것은 다시 보내지 않고 대행사에 묻습니다. 대행사가 모른다고 거듭 답할 때만, "
        "누구인지 먼저 적고 다시 보냅니다. 0번이면 두 번 간 사람은 없습니다.",
        parts=(
            Term(
                key="again.REPEAT", name="대행사에 기록이 없어서", unit="번",
                pick=rows_of("exception", stage="again", label="REPEAT"),
                means="대행사가 그 묶음을 모른다고 세 번 답했거나, 다시 보낸 뒤에야 늦은 답이 왔습니다. "
                "대행사가 기록을 잃은 것이라면 두 통이 갔고 두 번 청구될 수 있습니다.",
                todo="대행사의 청구서에서 이 수만큼 더 나왔는지 맞추어 봐 주세요.",
            ),
            Term(
                key="again.AGAIN", name="대행사가 받지 않았다고 해서", unit="번",
                pick=rows_of("exception", stage="again", label="AGAIN"),
                means="요청이 떠나기 전에 일꾼이 멈춘 것으로 보고, 대행사가 그런 요청은 없다고 세 번 답한 뒤에 보냈습니다. "
                "대행사의 말이 맞다면 한 통만 갔습니다.",
            ),
            Term(
                key="again.dropped", name="다시 보내기 전에 제외", unit="번", pick=rows_of("exception", stage="dropped"),
                means="그 사이에 수신거부하는 등 사정이 바뀌어 다시 보내지 않았습니다. 처음 요청으로 이미 받았을 수는 있습니다.",
            ),
        ),
    )  # fmt: skip


def _money(rows: Sequence[Row]) -> Term | None:
    kinds = sorted({row.label for row in rows if row.what == "cost"})
    if not kinds:
        return None
    return Term(
        key="money", name="쓴 돈", unit="원", pick=rows_of("cost", money=True),
        means="대행사에 넘길 때 내고, 닿지 않은 것은 돌려받습니다. 부가세는 따로입니다.",
        parts=tuple(
            Term(
                key=f"money.{kind}", name=KINDS.get(kind, kind), unit="원", pick=rows_of("cost", label=kind, money=True),
                means="", parts=(_flow(rows, kind, "charged"), _flow(rows, kind, "returned")),
            )
            for kind in kinds
        ),
    )  # fmt: skip


def _flow(rows: Sequence[Row], kind: str, stage: str) -> Term:
    pick = rows_of("cost", stage=stage, label=kind, money=True)
    n, centiwon = figures.total(rows, rows_of("cost", stage=stage, label=kind)), figures.total(rows, pick)
    told = f"{number(n)}통 × {won(abs(centiwon) // n)}. " if n else ""
    if stage == "charged":
        means = f"{told}대행사가 받은 만큼 냈습니다. 다음 채널이나 문자로 다시 시도하면 그때마다 냅니다."
        return Term(key=f"money.{kind}.charged", name="넘길 때 냄", unit="원", means=means, pick=pick)
    return Term(
        key=f"money.{kind}.returned", name="닿지 않아 돌아옴", unit="원", sign="−", pick=lambda row: -pick(row),
        means=f"{told}거절되었거나 다음 시도로 옮긴 만큼 돌려받았습니다.",
    )  # fmt: skip


def _paid(rows: Sequence[Row]) -> Term | None:
    """That messages and money tell the same story: paid for is whoever was taken, and whoever may have been."""
    if not any(row.what == "cost" for row in rows):
        return None

    def paid(row: Row) -> int:
        return row.n * (1 if row.stage == "charged" else -1) if row.what == "cost" else 0

    def priced(pick: Pick) -> Pick:
        return lambda row: pick(row) if row.centiwon else 0

    return Term(
        key="paid", name="돈을 낸 통수", unit="통", is_open=False, pick=paid,
        means="돈과 사람이 같은 이야기를 하는지 맞추어 봅니다. 한 사람에 한 통만 냅니다.",
        parts=(
            Term(
                key="paid.accepted", name="접수됨", unit="통", means="대행사가 받은 사람입니다.", is_open=False,
                pick=priced(cells([ACCEPTED, DELIVERED])),
            ),
            Term(
                key="paid.in_doubt", name="확인 중인데 낸 것", unit="통", is_open=False,
                pick=priced(cells([IN_DOUBT], states=(2, 3))),
                means="받았을 수 있어 낸 것으로 적어 두었습니다. 거절로 밝혀지면 돌아옵니다.",
            ),
        ),
    )  # fmt: skip


def _set_aside(rows: Sequence[Row]) -> Term | None:
    if not any(row.what == "reserved" for row in rows):
        return None
    worst, spent, held = (
        rows_of("dispatch", stage="planned", money=True), rows_of("cost", money=True), rows_of("reserved", money=True)
    )  # fmt: skip
    return Term(
        key="set_aside", name="예약한 돈", unit="원", is_open=False, pick=worst,
        means="보내기 전에, 모두 가장 비싼 길로 갈 때의 돈을 예산과 빌린 한도에서 떼어 두었습니다. 그래서 예산을 넘길 수 없습니다.",
        parts=(
            Term(
                key="set_aside.spent", name="쓴 돈", unit="원", pick=spent, means="위의 ‘쓴 돈’입니다.", always=True,
                is_open=False,
            ),
            Term(
                key="set_aside.held", name="아직 묶어 둠", unit="원", pick=less(held, spent), is_open=False,
                means="남은 사람과 결과를 기다리는 사람에게 들 수 있는 돈입니다. 결과가 오는 대로 1분마다 풉니다.",
            ),
            Term(
                key="set_aside.returned", name="예산으로 돌아감", unit="원", pick=less(worst, held), always=True, is_open=False,
                means="들지 않을 것이 분명해져 예산과 한도로 돌려주었습니다.",
            ),
        ),
    )  # fmt: skip


def _week(campaign: Campaign, rows: Sequence[Row]) -> Term | None:
    dispatch = Dispatch.objects.filter(campaign_id=campaign.pk).only("occasion", "finished_at").first()
    if dispatch is None or not week.counts(from_json(dispatch.occasion)):
        return None
    if dispatch.finished_at is not None and clock.now() - dispatch.finished_at > week.KEPT:
        return None
    whole, kept = rows_of("dispatch", stage="planned"), rows_of("week")
    return Term(
        key="week", name="한 주의 자리", unit="자리", is_open=False, pick=whole,
        means="한 사람이 한 주에 받을 수 있는 수를 넘지 않도록, 보낼 사람 모두의 자리를 먼저 맡았습니다.",
        parts=(
            Term(
                key="week.kept", name="쓴 자리" if dispatch.finished_at else "맡아 둔 자리", unit="자리", pick=kept, is_open=False,
                means="접수된 사람과 확인 중인 사람의 자리입니다." if dispatch.finished_at
                else "끝날 때까지 쥐고 있다가, 받지 못한 사람의 자리를 돌려줍니다.",
                always=True,
            ),
            Term(
                key="week.returned", name="돌려준 자리", unit="자리", pick=less(whole, kept), is_open=False,
                means="받지 못한 사람의 자리입니다. 이번 주에 다른 메시지를 받을 수 있습니다.", always=True,
            ),
        ),
    )  # fmt: skip
