"""What no source of kakao.md §4.3 says, or what public clients disagree about, in one place: when the real Aligo differs, this
file is what to mend.

Each is chosen so that being wrong shows as "in doubt" or as an error, never as a second message.
"""

ALIM_CHARACTERS = 1000
"""Kakao raised 1,000 to 1,300 in 2025; whether Aligo followed is not documented."""

SUBJECT = "알림"
"""AlimTalk: ``subject_n`` must be given and is shown nowhere."""

SESSION_PATH, SESSION_SECONDS = "/akv10/token/create/60/i/", 3000
"""A token for sixty minutes, used for fifty. Some clients send none: whoever needs none passes it over."""

FIND_SECONDS = 60.0
"""How long after a request the detail list may not show everybody yet. Not documented."""

TEXT_ENCODING = "cp949"
"""Answers of the text service are said to come in EUC-KR at times: read so when they are no UTF-8."""

KAKAO_DONE = frozenset({"0", "S"})
"""AlimTalk: ``rslt`` of a message that arrived; one client knows the first, another the second. It counts only beside a
date of the result. A number is taken for Kakao's result code, anything else for a failure without a reason."""

TEXT_FAILED = ("실패", "취소", "반송", "거부", "오류")
TEXT_OPEN = ("접수", "대기", "전송중", "발송중", "예약", "처리중")
TEXT_DONE = ("성공", "발송완료", "전송완료")
"""Texts: words in ``sms_state``, looked for in this order. A state with none of them stays in doubt."""

KAKAO_NO_MONEY, KAKAO_KEYS = frozenset({-101}), frozenset({-99})
TEXT_NO_MONEY, TEXT_KEYS = frozenset({-201}), frozenset({-101})
"""The few codes that more than one client agrees about; every other negative code pauses with Aligo's own words, and is
tried again by a person only: that none of them is told after messages were taken is likely, but written nowhere."""

TEMPLATE_STATES = {"REG": "PENDING", "REQ": "INSPECTING", "APR": "APPROVED", "REJ": "REJECTED"}
"""``inspStatus``: the codes are known from clients, not from a document."""
