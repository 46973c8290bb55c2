"""Addresses of campaigns and by-hand tasks."""

from django.urls import path, re_path

from majung.campaigns.console import hand, live, pacing, texts, wizard

app_name = "campaigns"

_ID = "campaigns/<uuid:public_id>/"
_UUID = r"(?P<public_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"

urlpatterns = [
    path("campaigns/", live.campaigns, name="list"),
    path("campaigns/new/", wizard.new, name="new"),
    path("campaigns/pace/", pacing.page, name="pace"),
    re_path(r"^campaigns/pace/(?P<what>cap|limit|share)/$", pacing.change, name="pace_change"),
    path("campaigns/files/<uuid:public_id>/", live.file, name="file"),
    path(_ID, live.campaign, name="campaign"),
    path(f"{_ID}audience/", wizard.audience_step, name="audience"),
    path(f"{_ID}words/", wizard.words_step, name="words"),
    path(f"{_ID}preview/", wizard.preview, name="preview"),
    path(f"{_ID}fallback/", texts.fallback_step, name="fallback"),
    path(f"{_ID}fallback/preview/", texts.fallback_preview, name="fallback-preview"),
    path(f"{_ID}check/", wizard.check_step, name="check"),
    path(f"{_ID}send/", wizard.send_step, name="send"),
    path(f"{_ID}live/", live.live, name="live"),
    path(f"{_ID}tables/", live.tables, name="tables"),
    re_path(rf"^campaigns/{_UUID}/books/(?P<key>[A-Za-z0-9_.]{{1,80}})/$", live.line, name="line"),
    path(f"{_ID}receipt/", live.receipt, name="receipt"),
    path(f"{_ID}why/", live.why_not, name="why"),
    path(f"{_ID}export/", live.export, name="export"),
    path(f"{_ID}nudge/", live.nudge, name="nudge"),
    path(f"{_ID}copy/", live.copy, name="copy"),
    path(f"{_ID}discard/", live.discard, name="discard"),
    re_path(rf"^campaigns/{_UUID}/(?P<what>recall|pause|resume|stop)/$", live.act, name="act"),
    path("tasks/", hand.tasks, name="tasks"),
    path("tasks/<uuid:public_id>/", hand.task, name="task"),
    path("tasks/<uuid:public_id>/tick/", hand.tick, name="tick"),
    path("tasks/<uuid:public_id>/result/", hand.result, name="result"),
]
