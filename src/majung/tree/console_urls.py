"""Addresses of the tree's pages: organisation, grants, keys, budgets, sheets, first start, invitations."""

from django.urls import path

from majung.tree.console import budgets, entry, grants, sheets, units

app_name = "tree"

urlpatterns = [
    path("start/", entry.start, name="start"),
    path("invitation/<str:token>/", entry.invitation, name="invitation"),
    path("organisations/", entry.organisations, name="organisations"),
    path("tree/", units.tree, name="tree"),
    path("tree/words/", units.words, name="words"),
    path("tree/sheet/", sheets.sheet, name="sheet"),
    path("tree/sheet/<str:form>/", sheets.download, name="download"),
    path("tree/sheet/apply/<uuid:public_id>/", sheets.compare, name="compare"),
    path("tree/<uuid:public_id>/", units.unit, name="unit"),
    path("tree/<uuid:public_id>/rows/", units.rows, name="rows"),
    path("tree/<uuid:public_id>/add/", units.add, name="add"),
    path("tree/<uuid:public_id>/edit/", units.edit, name="edit"),
    path("tree/<uuid:public_id>/move/", units.move, name="move"),
    path("tree/<uuid:public_id>/suspend/", units.suspend, name="suspend"),
    path("tree/<uuid:public_id>/resume/", units.resume, name="resume"),
    path("tree/<uuid:public_id>/close/", units.close, name="close"),
    path("grants/", grants.grants, name="grants"),
    path("grants/past/", grants.past, name="past"),
    path("grants/lend/", grants.lend, name="lend"),
    path("grants/keys/", grants.keys, name="keys"),
    path("grants/<uuid:public_id>/", grants.grant, name="grant"),
    path("grants/<uuid:public_id>/revoke/", grants.revoke, name="revoke"),
    path("budgets/", budgets.budgets, name="budgets"),
    path("budgets/<uuid:public_id>/", budgets.budget, name="budget"),
]
