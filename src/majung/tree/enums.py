"""Words of the tree: kinds of organisation, states of units, roles and the acts they lend."""

from django.db.models import TextChoices


class OrganisationKind(TextChoices):
    """What law a whole organisation stands under (law.md GEN-07)."""

    POLITICAL = "political", "정당·정치"
    LOCAL_GOV = "local_gov", "지방자치단체"
    COMMERCIAL = "commercial", "사업체"
    CIVIC = "civic", "단체·모임"


class UnitState(TextChoices):
    """Whether a unit works."""

    ACTIVE = "active", "활동"
    SUSPENDED = "suspended", "정지"
    CLOSED = "closed", "닫힘"


class SheetState(TextChoices):
    """How far an uploaded tree file has come."""

    COMPARED = "compared", "비교함"
    APPLYING = "applying", "적용하는 중"
    DONE = "done", "적용함"
    FAILED = "failed", "적용하지 못함"


class Act(TextChoices):
    """Everything that can be lent. A grant stores the acts of its role at the time it was lent."""

    TREE_VIEW = "tree.view", "조직 보기"
    TREE_MANAGE = "tree.manage", "조직 고치기"
    GRANTS_VIEW = "grants.view", "권한 보기"
    GRANTS_LEND = "grants.lend", "권한 빌려주기"
    PEOPLE_VIEW = "people.view", "사람 보기(가림)"
    PEOPLE_EDIT = "people.edit", "사람 고치기"
    PEOPLE_REVEAL = "people.reveal", "가린 정보 열기"
    PEOPLE_IMPORT = "people.import", "명단 가져오기"
    CONSENT_MANAGE = "consent.manage", "고지문·동의"
    CHANNELS_VIEW = "channels.view", "채널 보기"
    CHANNELS_MANAGE = "channels.manage", "채널·대행사 설정"
    SEGMENTS_WRITE = "segments.write", "대상 만들기"
    CAMPAIGNS_VIEW = "campaigns.view", "메시지 보기"
    CAMPAIGNS_WRITE = "campaigns.write", "메시지 쓰기"
    CAMPAIGNS_SEND = "campaigns.send", "메시지 보내기"
    REPORTS_EXPORT = "reports.export", "보고서 내려받기"
    ACCESS_REVIEW = "access.review", "접속 기록 점검"


class Role(TextChoices):
    """A named bundle of acts."""

    OWNER = "owner", "소유자"
    OPERATOR = "operator", "운영자"
    WRITER = "writer", "작성자"
    BLIND_SENDER = "blind_sender", "가림 발송"
    VIEWER = "viewer", "열람"
    PRIVACY_OFFICER = "privacy_officer", "개인정보 보호책임자"


_WRITER = frozenset(
    {Act.TREE_VIEW, Act.CHANNELS_VIEW, Act.PEOPLE_VIEW, Act.SEGMENTS_WRITE, Act.CAMPAIGNS_VIEW, Act.CAMPAIGNS_WRITE}
)

ACTS: dict[Role, frozenset[Act]] = {
    Role.OWNER: frozenset(Act),
    Role.OPERATOR: frozenset(Act) - {Act.ACCESS_REVIEW},
    Role.WRITER: _WRITER,
    # A blind sender addresses and counts, and never meets a person, a list of people or an export of them (T5).
    Role.BLIND_SENDER: frozenset(
        {
            Act.TREE_VIEW,
            Act.CHANNELS_VIEW,
            Act.SEGMENTS_WRITE,
            Act.CAMPAIGNS_VIEW,
            Act.CAMPAIGNS_WRITE,
            Act.CAMPAIGNS_SEND,
        }
    ),
    Role.VIEWER: frozenset({Act.TREE_VIEW, Act.CHANNELS_VIEW, Act.CAMPAIGNS_VIEW}),
    Role.PRIVACY_OFFICER: frozenset(
        {Act.TREE_VIEW, Act.GRANTS_VIEW, Act.PEOPLE_VIEW, Act.PEOPLE_REVEAL, Act.ACCESS_REVIEW}
    ),
}
