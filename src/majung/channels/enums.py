"""Words of the room: states of channels and accounts, steps done by hand, kinds of messages."""

from django.db.models import TextChoices


class ChannelKind(TextChoices):
    """Whether the channel passed the messenger's business review, which every dealer needs (kakao.md §3.4, §7)."""

    GENERAL = "general", "일반 채널"
    BUSINESS = "business", "비즈니스 채널"


class Reach(TextChoices):
    """Whom a channel is meant for."""

    NEAR = "near", "제 조직 사람"
    WIDE = "wide", "아래 조직까지"


class ChannelState(TextChoices):
    """Whether a channel is in use."""

    ACTIVE = "active", "쓰는 중"
    PAUSED = "paused", "잠시 멈춤"
    CLOSED = "closed", "닫음"


class Step(TextChoices):
    """What the messenger offers no API for; somebody does it by hand and says so (T6, kakao.md §7)."""

    CREATE = "create", "채널을 만들었습니다"
    MASTER = "master", "마스터와 매니저를 정했습니다"
    BUSINESS = "business", "비즈니스 채널 심사를 마쳤습니다"
    POLITICS = "politics", "정치 메시지를 보내도 되는지 카카오의 답을 받았습니다"
    APP_LINK = "app_link", "카카오 앱과 채널을 연결했습니다"
    WEBHOOK = "webhook", "추가·차단 알림 주소를 카카오 앱에 넣었습니다"
    DEALER = "dealer", "대행사에 발신 프로필을 등록했습니다"
    CENTRE = "centre", "고객센터 번호와 080 번호를 프로필에 적었습니다"


STEP_HELP: dict[Step, str] = {
    Step.CREATE: "카카오비즈니스 파트너센터에서 만듭니다. 검색용 아이디는 한 번 정하면 바꿀 수 없습니다.",
    Step.MASTER: (
        "마스터만 매니저를 들이고 내보낼 수 있습니다. 사람이 바뀌어도 채널이 남도록 조직의 계정을 마스터로 둡니다."
    ),
    Step.BUSINESS: "서류를 내고 근무일로 2–3일 걸립니다. 대행사로 보내려면 꼭 있어야 합니다.",
    Step.POLITICS: (
        "카카오의 운영 정책은 바뀝니다. 정당·후보 소식을 보내기 전에 물어보고 받은 답을 그대로 적어 둡니다."
    ),
    Step.APP_LINK: "앱과 채널의 사업자번호가 같아야 연결됩니다. 법인마다 앱을 하나씩 둡니다.",
    Step.WEBHOOK: "앱 설정의 카카오톡 채널 웹훅에 아래 주소를 넣습니다. 첫 알림이 오면 저절로 확인됩니다.",
    Step.DEALER: "대행사에서 검색용 아이디와 담당자 전화로 인증하고, 받은 프로필 ID를 대행사 화면에서 올립니다.",
    Step.CENTRE: "광고 메시지에 고객센터 번호와 무료 수신거부 방법이 보여야 합니다.",
}


# Steps that are seen to be done without anybody's word: by a webhook that came, by a profile that is stored.
BY_WEBHOOK = frozenset({Step.APP_LINK, Step.WEBHOOK})
BY_PROFILE = frozenset({Step.DEALER})


class Mode(TextChoices):
    """Whether messages of an account reach real phones."""

    SANDBOX = "sandbox", "모의"
    LIVE = "live", "실제"


class AccountState(TextChoices):
    """Whether an account may be sent through."""

    NEW = "new", "연결 전"
    READY = "ready", "연결됨"
    FAILING = "failing", "연결 안 됨"
    CLOSED = "closed", "닫음"


class MessageKind(TextChoices):
    """What is sent; the same words as in ``adapters.terms.Kind``."""

    ALIM = "ALIM", "알림톡"
    BRAND = "BRAND", "브랜드 메시지"
    SMS = "SMS", "단문"
    LMS = "LMS", "장문"
    EMAIL = "EMAIL", "전자우편"


class TemplateState(TextChoices):
    """Where a template stands in the messenger's review (kakao.md §4.1)."""

    PENDING = "PENDING", "쓰는 중"
    INSPECTING = "INSPECTING", "심사 중"
    APPROVED = "APPROVED", "승인"
    REJECTED = "REJECTED", "반려"
    GONE = "GONE", "대행사에 없음"


class JobKind(TextChoices):
    """What a dealer is asked in the background."""

    CHECK = "check", "연결·잔액·발신번호 확인"
    TEMPLATES = "templates", "템플릿 상태 가져오기"
    PROFILES = "profiles", "발신 프로필 가져오기"
    PRICES = "prices", "가격표 가져오기"
    BLOCKS = "blocks", "수신거부 목록 가져오기"
    PICTURE = "picture", "그림 올리기"
    TEST = "test", "시험 발송"


class JobState(TextChoices):
    """Where it stands."""

    ASKED = "asked", "하는 중"
    DONE = "done", "마침"
    FAILED = "failed", "안 됨"
