"""What the words of the books mean to somebody who reads them for the first time: a sentence each, and what to do, if anything."""

from collections.abc import Mapping

from majung.campaigns.enums import PauseReason
from majung.channels.adapters.outcomes import Outcome

BACK = "낸 돈은 돌아왔습니다."
MENDS_NUMBER = "번호가 바뀌었는지 본인에게 묻고 사람 화면에서 고쳐 주세요."
MENDS_ACCOUNT = "대행사 계정 화면에서 고친 뒤, 이 사람들에게는 새 메시지로 보내 주세요."
MENDS_WORDS = "글이나 그림을 고쳐 새 메시지로 보내 주세요."

REFUSED: Mapping[Outcome, tuple[str, str]] = {
    Outcome.NO_BALANCE: ("대행사 잔액이 모자라 이 사람들에게는 나가지 않았습니다.", "충전한 뒤 새 메시지로 보내 주세요."),
    Outcome.NOT_A_FRIEND: ("시도한 채널의 친구가 아니었고, 더 시도할 채널이 없었습니다.", ""),
    Outcome.NO_TALK: ("카카오톡을 쓰지 않는 번호라고 카카오가 답했습니다.", ""),
    Outcome.TALK_BLOCKED: ("카카오톡을 오래 쓰지 않았거나 알림을 막아 두었다고 카카오가 답했습니다.", ""),
    Outcome.OUT_OF_HOURS: ("카카오가 받지 않는 시간에 닿아 돌아왔습니다.", ""),
    Outcome.OPTED_OUT: ("080으로 수신거부한 번호라고 대행사가 답했습니다. 수신거부로 적어, 다음부터는 보내기 전에 제외합니다.", ""),
    Outcome.NUMBER_BLOCKED: ("대행사 계정의 차단 목록에 있는 번호입니다. 수신거부로 적어, 다음부터는 보내기 전에 제외합니다.", ""),
    Outcome.KISA_BLOCK: ("한국인터넷진흥원이 막은 번호라고 대행사가 답했습니다.", ""),
    Outcome.HANDSET_REFUSED: ("받는 사람의 기기가 받지 않았습니다.", ""),
    Outcome.BAD_NUMBER: ("없는 번호라고 통신사가 답했습니다.", MENDS_NUMBER),
    Outcome.HANDSET: ("기기가 꺼져 있거나 받을 수 없는 상태였습니다.", ""),
    Outcome.NETWORK: ("통신망에 문제가 있어 닿지 못했습니다.", ""),
    Outcome.SPAM: ("통신사나 대행사가 스팸으로 걸렀습니다.", MENDS_WORDS),
    Outcome.AGE_CHECK: ("나이를 확인해야 받을 수 있는 사람입니다.", ""),
    Outcome.BAD_ADDRESS: ("없는 전자우편 주소라고 답이 왔습니다.", "주소가 바뀌었는지 본인에게 물어 주세요."),
    Outcome.MAILBOX_FULL: ("편지함이 가득 차 돌아왔습니다.", ""),
    Outcome.BAD_SENDER: ("대행사에 등록되지 않은 발신번호였습니다.", MENDS_ACCOUNT),
    Outcome.BAD_PROFILE: ("채널의 발신 프로필이 대행사에 없거나 막혀 있었습니다.", MENDS_ACCOUNT),
    Outcome.BAD_TEMPLATE: ("템플릿이 없거나 심사받은 글과 달랐습니다.", MENDS_WORDS),
    Outcome.BAD_CONTENT: ("대행사가 글의 꼴을 받아들이지 않았습니다.", MENDS_WORDS),
    Outcome.TOO_LONG: ("글이 너무 길었습니다.", MENDS_WORDS),
    Outcome.BAD_CHARACTERS: ("문자로 보낼 수 없는 글자가 있었습니다.", MENDS_WORDS),
    Outcome.BAD_IMAGE: ("대행사가 그림을 찾지 못했습니다.", MENDS_WORDS),
    Outcome.DUPLICATE: ("한 요청에 같은 번호가 두 번 있다고 대행사가 돌려보냈습니다.", ""),
    Outcome.ACCOUNT_BLOCKED: ("대행사가 이 계정을 막아 두었습니다.", MENDS_ACCOUNT),
    Outcome.NOT_TAKEN: (
        "요청의 답을 잃어 대행사의 접수 목록과 맞추어 보았고, 이 사람들은 그 목록에 없었습니다. 나가지 않았습니다.",
        "꼭 받아야 하는 사람이면 새 메시지로 보내 주세요.",
    ),
    Outcome.FAILED: ("대행사가 까닭을 알려 주지 않고 실패라고 했습니다.", ""),
}  # fmt: skip

LEFT_OUT: Mapping[str, str] = {
    "NO_CONTACT": "보낼 번호가 적혀 있지 않습니다.",
    "NO_CHANNEL": "이 사람이 사는 곳에서 위로 올라가며 찾았지만, 보낼 수 있는 채널이 없었습니다.",
    "SAME_CONTACT": "가족처럼 번호를 함께 쓰는 사람에게는 한 통만 갑니다.",
    "STOPPED": "아직 넘기지 않은 사람이 남아 있을 때 사람이 그만두었습니다.",
    "FALLBACK_LATE": "메시지가 닿지 않은 것을 알았을 때는 날이 바뀌어, 광고 문자를 뒤늦게 보내지 않았습니다.",
    "WEEKLY_CAP": "이번 주에 받을 수 있는 만큼 이미 받았거나 받기로 되어 있습니다. 한도는 ‘빠르기와 한도’에서 봅니다.",
}

PAUSED: Mapping[str, tuple[str, str]] = {
    PauseReason.ASKED: (
        "사람이 멈추었습니다. 이미 대행사에 넘긴 것은 결과를 계속 받습니다.",
        "‘다시 보내기’를 누르면 남은 사람부터 이어서 나갑니다. 보내지 않으려면 ‘그만두기’를 누릅니다.",
    ),
    PauseReason.LATE: (
        "정한 시각을 10분 넘게 놓쳤습니다. 그때 이 서버가 꺼져 있었거나 바빴습니다.",
        "지금 보내도 괜찮은 내용인지 읽어 보고 ‘지금 보내기’를 누르거나 그만둡니다.",
    ),
    PauseReason.NO_BALANCE: (
        "대행사 계정의 잔액이 모자라 대행사가 받지 않았습니다. 못 받은 사람을 실패로 적지 않았고, 남은 사람은 그대로 있습니다.",
        "대행사 누리집에서 충전한 뒤 ‘다시 보내기’를 누릅니다.",
    ),
    PauseReason.GRANT_ENDED: (
        "보낼 권한이 이제 없습니다. 남은 사람에게는 나가지 않습니다.",
        "권한 영수증에서 누가 빌려준 것인지 보고, 그 조직에 부탁해 다시 빌린 뒤 ‘다시 보내기’를 누릅니다.",
    ),
    PauseReason.SUSPENDED: (
        "보내는 조직이나 그 위의 조직이 쉬고 있습니다. 남은 사람에게는 나가지 않습니다.",
        "쉬던 조직이 다시 일하게 한 뒤 ‘다시 보내기’를 누릅니다. 위 조직이 쉬면 그 조직을 맡은 사람에게 물어봅니다.",
    ),
    PauseReason.ACCOUNT: (
        "대행사 계정을 쓸 수 없습니다. 남은 사람은 그대로 있습니다.",
        "대행사 계정 화면에서 아래 까닭을 고치고 연결을 확인한 뒤 ‘다시 보내기’를 누릅니다.",
    ),
    PauseReason.RULE: (
        "명단을 굳힌 뒤에 사정이 바뀌어 규칙이 막았습니다. 남은 사람에게는 나가지 않습니다.",
        "규칙이 말하는 것을 갖춘 뒤 ‘다시 보내기’를 누르거나, 그만두고 새로 씁니다.",
    ),
    PauseReason.OUTSIDE: (
        "대행사가 답하지 않습니다. 남은 사람은 그대로 있습니다.",
        "대행사에 문제가 있는지 알아본 뒤 ‘다시 보내기’를 누릅니다.",
    ),
}  # fmt: skip
"""What has happened, and what to do."""
