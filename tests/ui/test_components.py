"""Every component renders, says what it was given, escapes it, and stays within the content policy."""

import re
from collections.abc import Iterator
from datetime import time, timedelta
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.paginator import Paginator
from django.template import engines
from django.template.loader import get_template
from django.test import Client, RequestFactory
from django_cotton.compiler_regex import CottonCompiler
from hypothesis import given
from hypothesis import strategies as st

import majung.ui
from majung.core import clock
from majung.ui import values
from majung.ui.samples import PAGES, SampleForm

UI = Path(majung.ui.__file__).parent
COMPONENTS = sorted(path.stem for path in (UI / "templates/cotton").glob("*.html"))


def draw(source: str, **context: Any) -> str:
    """`source` with components, rendered as a page would be."""
    compiled = CottonCompiler().process(source)
    return engines["django"].from_string(compiled).render(context, RequestFactory().get("/?page=2&q=a"))


class Marks(HTMLParser):
    """The tags, attributes and text of a document."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(params=PAGES)
def sample_page(client: Client, request: pytest.FixtureRequest) -> str:
    response = client.get(f"/ui/samples/{request.param}")
    assert response.status_code == 200
    return response.content.decode()


def test_samples_show_every_component() -> None:
    sources = [path.read_text() for path in (UI / "templates").rglob("*.html")]

    used = {name for source in sources for name in re.findall(r"<c-([a-z-]+)", source)}

    assert used - {"vars", "slot"} == set(COMPONENTS)


def test_the_guide_names_every_component() -> None:
    guide = (UI / "README.md").read_text()

    assert [name for name in COMPONENTS if f"<c-{name}" not in guide] == []


def test_sample_page_has_nothing_unrendered(sample_page: str) -> None:
    for mark in ("<c-", "</c-", "{%", "{{", "{#", "__COTTON"):
        assert mark not in sample_page


@pytest.mark.parametrize("name", ["layout", "portal", "bare"])
def test_layouts_render_with_nothing_given(client: Client, name: str) -> None:
    shown = client.get(f"/blank/{name}").content.decode()

    assert "<c-" not in shown
    assert 'href="#main"' in shown
    assert shown.count("<main") == 1


def test_sample_page_stays_within_the_content_policy(sample_page: str) -> None:
    marks = Marks(sample_page)

    assert [tag for tag, attrs in marks.tags if "style" in attrs or tag == "style"] == []
    assert [attrs for _, attrs in marks.tags if any(name.startswith("on") for name in attrs)] == []
    assert [attrs for tag, attrs in marks.tags if tag == "script" and not attrs.get("src")] == []
    assert [attrs for _, attrs in marks.tags if (attrs.get("src") or "").startswith(("http", "//", "data:"))] == []
    assert [attrs for _, attrs in marks.tags if any(name.startswith(("hx-on", "hx-vals")) for name in attrs)] == []


def test_sample_page_has_no_id_twice_and_no_dangling_reference(sample_page: str) -> None:
    marks = Marks(sample_page)
    ids = [attrs["id"] for _, attrs in marks.tags if "id" in attrs]
    pointing = ("aria-labelledby", "aria-describedby", "aria-controls", "for")

    twice = {one for one in ids if ids.count(one) > 1 and not str(one).startswith("id_")}
    dangling = {
        one for _, attrs in marks.tags for name in pointing for one in (attrs.get(name) or "").split() if one not in ids
    }

    assert twice == set()
    assert dangling == set()


def test_icons_used_are_icons_we_have() -> None:
    have = set(
        re.findall(r"\.(ti-[a-z0-9-]+):before", (UI / "static/vendor/tabler-icons/tabler-icons.min.css").read_text())
    )
    sources = [*(UI / "templates").rglob("*.html"), *(UI / "static/ui").glob("*.js")]

    used = {
        icon for path in sources for icon in re.findall(r"\bti (ti-[a-z0-9-]+)(?![a-z0-9-]*[{$])", path.read_text())
    }

    assert used - have - {"ti-chevron-"} == set()


HOSTILE = "\"><img src=x onerror=alert(1)> ' {{ 7|add:7 }} <c-tag>"


@pytest.mark.parametrize(
    "source",
    [
        '<c-head title="{{ x }}" lead="{{ x }}" />',
        '<c-panel title="{{ x }}" hint="{{ x }}" data-x="{{ x }}">{{ x }}</c-panel>',
        '<c-panel :title="x" :hint="x" :data-x="x">{{ x }}</c-panel>',
        '<c-button :data-x="x" :href="x">{{ x }}</c-button>',
        '<c-item :title="x" :sub="x" :url="x" :end="x" />',
        '<c-fig :label="x" :value="x" :unit="x" :note="x" />',
        '<c-st :tone="x">{{ x }}</c-st><c-tag>{{ x }}</c-tag>',
        '<c-note :tone="x">{{ x }}</c-note>',
        '<c-bubble :name="x" :text="x" :title="x" :opt-out="x" />',
        '<c-phone :channel="x" :date="x" />',
        '<c-pick :name="x" :value="x" :data-x="x">{{ x }}</c-pick>',
        '<c-copy :value="x" :label="x" />',
        '<c-dialog id="d" :title="x">{{ x }}</c-dialog>',
        '<c-field :label="x" :hint="x" :error="x" name="n">{{ x }}</c-field>',
        '<c-empty :title="x" :law="x">{{ x }}</c-empty>',
        '<c-filters :label="x" :value="x" />',
        '<c-switch :title="x" :sub="x" :name="x" :data-x="x" />',
        '<c-table :caption="x" :cols="cols" :rows="rows" />',
        '<c-chart :title="x" :series="names" :rows="series" :unit="x" />',
        '<c-map :title="x" :rows="places" :unit="x" />',
        '<c-consent :name="x" :title="x" :lines="lines" :error="x" />',
        '<c-why :verdict="x" :sentence="x" :rules="rules" />',
    ],
)
def test_what_is_given_is_escaped(source: str) -> None:
    shown = draw(
        source,
        x=HOSTILE,
        cols=[values.Column(key="a", label=HOSTILE), values.Column(key="b", label=HOSTILE)],
        rows=[{"a": HOSTILE, "b": HOSTILE, "url": HOSTILE}],
        names=[HOSTILE],
        series=[(HOSTILE, 1)],
        places=[values.Place(nec_code=HOSTILE, label=HOSTILE, value=1, url=HOSTILE)],
        lines=[values.ConsentLine(label=HOSTILE, text=HOSTILE)],
        rules=[values.Rule(state="passed", text=HOSTILE, law=HOSTILE)],
    )

    marks = Marks(shown)
    assert "img" not in {tag for tag, _ in marks.tags}
    assert not any("onerror" in attrs for _, attrs in marks.tags)
    assert "14" not in "".join(marks.words).replace(HOSTILE, "")
    assert "<c-" not in shown


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=40))
def test_passed_on_attributes_survive_any_text(value: str) -> None:
    shown = draw('<c-button :data-x="x" hx-get="/a">보내기</c-button>', x=value)

    ((_, attrs),) = [one for one in Marks(shown).tags if one[0] == "button"]
    assert attrs["data-x"] == value
    assert attrs["hx-get"] == "/a"


def test_books_say_the_equation_and_whether_it_holds() -> None:
    right = values.Books(audience=48_210, left_out=5_327, accepted=31_904, refused=412, in_doubt=96, not_yet=10_471)
    wrong = SimpleNamespace(audience=1_000, left_out=100, accepted=800, refused=10, in_doubt=0, not_yet=80)

    assert "48,210 = 5,327 + 31,904 + 412 + 96 + 10,471" in draw('<c-books :books="b" />', b=right)
    assert "양쪽이 맞습니다" in draw('<c-books :books="b" />', b=right)
    assert "1,000 ≠ 100 + 800 + 10 + 0 + 80" in draw('<c-books :books="b" />', b=wrong)
    assert "+10명 맞지 않습니다" in draw('<c-books :books="b" />', b=wrong)


def test_consent_is_two_unticked_choices_in_a_fieldset() -> None:
    lines = [
        values.ConsentLine(label="목적", text="소식"),
        values.ConsentLine(label="보유기간", text="2년", strong=True),
    ]

    marks = Marks(draw('<c-consent name="ads" title="소식" required="yes" :lines="lines" />', lines=lines))

    radios = [attrs for tag, attrs in marks.tags if tag == "input"]
    assert [attrs["value"] for attrs in radios] == ["yes", "no"]
    assert not any("checked" in attrs for attrs in radios)
    assert [tag for tag, _ in marks.tags if tag in ("fieldset", "legend")] == ["fieldset", "legend"]
    assert [attrs.get("class") for tag, attrs in marks.tags if tag == "dd"] == [None, "hi"]


@pytest.mark.parametrize(("value", "ticked"), [("yes", ["yes"]), ("no", ["no"]), ("", [])])
def test_consent_shows_what_was_chosen(value: str, ticked: list[str]) -> None:
    marks = Marks(draw('<c-consent name="ads" title="소식" :value="value" />', value=value))

    assert [attrs["value"] for tag, attrs in marks.tags if tag == "input" and "checked" in attrs] == ticked


def test_empty_lists_and_tables_say_why() -> None:
    assert "아직 없음" in draw('<c-list><c-slot name="empty">아직 없음</c-slot></c-list>')
    assert "아직 없음" not in draw('<c-list><c-slot name="empty">아직 없음</c-slot><c-item title="a" /></c-list>')
    cols = [values.Column(key="a", label="가")]
    assert "아직 없음" in draw(
        '<c-table :cols="c" :rows="r"><c-slot name="empty">아직 없음</c-slot></c-table>', c=cols, r=[]
    )


def test_table_writes_cells_as_their_columns_say() -> None:
    kinds = {
        "number": (1234, "1,234"), "signed": (-318, "−318"), "percent": (0.094, "9.4%"), "won": (107_207_500, "1,072,075원"),
        "size": (1_468_006, "1.4 MB"), "text": ("<b>", "&lt;b&gt;"),
    }  # fmt: skip
    cols = [
        values.Column(key="name", label="이름"),
        *(values.Column(key=kind, label=kind, kind=kind) for kind in kinds),
    ]
    row = {"name": "성수점", **{kind: given for kind, (given, _) in kinds.items()}}

    shown = draw('<c-table caption="매장" :cols="cols" :rows="rows" />', cols=cols, rows=[row, {"name": "연남점"}])

    for _, said in kinds.values():
        assert said in shown
    assert shown.count('<span class="z">–</span>') == len(kinds)


def test_tree_rows_say_level_and_whether_they_are_open() -> None:
    cols = [values.Column(key="friends", label="친구", kind="number")]
    rows = [
        {"level": 1, "name": "중앙당", "open": True, "friends": 3},
        {"level": 2, "name": "서울시당", "open": False, "friends": 2, "children": "/units/2/rows"},
        {"level": 2, "name": "제주시당", "open": None, "friends": 1},
    ]

    marks = Marks(draw('<c-tree caption="조직" :cols="cols" :rows="rows" />', cols=cols, rows=rows))

    told = [attrs for tag, attrs in marks.tags if tag == "tr" and "aria-level" in attrs]
    assert [attrs["aria-level"] for attrs in told] == ["1", "2", "2"]
    assert [attrs.get("aria-expanded") for attrs in told] == ["true", "false", None]
    assert [attrs.get("data-children") for attrs in told] == [None, "/units/2/rows", None]


def test_matrix_has_no_box_for_what_cannot_be_chosen() -> None:
    row = values.BoxRow(label="소식", boxes=[values.Box(name="c", value="1", label="문자", checked=True), None])

    marks = Marks(draw('<c-matrix caption="소식" :columns="w" :rows="r" />', w=["문자", "우편"], r=[row]))

    boxes = [attrs for tag, attrs in marks.tags if tag == "input"]
    assert [(attrs["aria-label"], "checked" in attrs) for attrs in boxes] == [("소식 문자", True)]
    assert "없음" in marks.words


@pytest.mark.parametrize("state", [values.Status(word="<넉넉함>", tone="ok"), {"word": "<넉넉함>", "tone": "ok"}])
def test_a_status_may_be_a_record_or_a_dict(state: object) -> None:
    cols = [values.Column(key="name", label="이름"), values.Column(key="state", label="상태", kind="status")]
    rows = [{"name": "성수점", "state": state, "pips": ["on", ""]}, {"name": "연남점", "state": "꺼짐"}]

    shown = draw('<c-table caption="매장" :cols="cols" :rows="rows" />', cols=cols, rows=rows)

    assert '<span class="mj-st mj-st--ok">&lt;넉넉함&gt;</span>' in shown
    assert '<span class="mj-st">꺼짐</span>' in shown
    assert shown.count('class="mj-pips"') == 1


def test_a_big_tree_is_drawn_without_a_component_a_cell() -> None:
    cols = [values.Column(key="friends", label="친구", kind="number")]
    rows = [{"level": 2, "name": f"지역구 {i}", "open": None, "friends": i} for i in range(272)]

    shown = draw('<c-tree caption="조직" :cols="cols" :rows="rows" />', cols=cols, rows=rows)

    assert shown.count('role="gridcell"') == 272
    assert '<span class="z">0</span>' in shown


def test_pager_keeps_the_rest_of_the_query() -> None:
    page = Paginator(range(200), 50).page(2)

    addresses = [attrs["href"] for tag, attrs in Marks(draw('<c-pager :page="page" />', page=page)).tags if tag == "a"]

    assert addresses == ["?q=a&page=1", "?q=a&page=3"]


def test_clock_counts_down_and_turns_when_it_is_over() -> None:
    now = clock.now()
    with clock.frozen(now):
        left = draw(
            '<c-clock label="신고" :due="due" :since="since" />',
            due=now + timedelta(hours=61),
            since=now - timedelta(hours=11),
        )
        over = draw(
            '<c-clock label="신고" :due="due" :since="since" />',
            due=now - timedelta(hours=1),
            since=now - timedelta(hours=73),
        )

    assert "2일 남음" in left and 'width="15.28%"' in left and "mj-clock--near" not in left
    assert "1시간 지남" in over and 'width="100%"' in over and "mj-clock--late" in over


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("07:59", "보낼 수 없는 시간"),
        ("08:00", "보낼 수 있는 시간"),
        ("20:49", "보낼 수 있는 시간"),
        ("20:50", "보낼 수 없는 시간"),
    ],
)
def test_hours_open_and_close_on_the_minute(at: str, said: str) -> None:
    hour, minute = map(int, at.split(":"))
    with clock.frozen(clock.seoul().replace(hour=hour, minute=minute, second=30)):
        shown = draw('<c-hours :opens="opens" :closes="closes" />', opens=time(8), closes=time(20, 50))

    assert said in shown


def test_field_ties_hint_and_error_to_its_control() -> None:
    form = SampleForm(data={"name": "", "phone": "1", "unit": "1", "when": "now"})
    marks = Marks(draw('<c-field :field="form.name" />', form=form))

    (control,) = [attrs for tag, attrs in marks.tags if tag == "input"]
    assert control["aria-describedby"] == "id_name_hint id_name_error"
    assert control["aria-invalid"] == "true"
    assert {"id_name_hint", "id_name_error"} <= {attrs.get("id") for _, attrs in marks.tags}


def test_a_plain_django_form_is_drawn_in_our_design() -> None:
    shown = draw("{{ form }}", form=SampleForm())

    assert shown.count("mj-field ") == len(SampleForm().fields)
    assert "<c-" not in shown


def test_error_summary_counts_and_links_to_fields() -> None:
    shown = draw('<c-errors :form="form" />', form=SampleForm(data={"unit": "1", "when": "now"}))

    assert "2곳을 고쳐 주세요" in shown
    assert 'href="#id_name"' in shown and 'href="#id_phone"' in shown


def test_components_do_not_inherit_from_the_page() -> None:
    shown = draw('<c-panel title="a"><c-panel>b</c-panel></c-panel>', hint="leaked", foot="leaked", act="leaked")

    assert "leaked" not in shown


def _templates() -> Iterator[str]:
    for path in (UI / "templates").rglob("*.html"):
        yield str(path.relative_to(UI / "templates"))


@pytest.mark.parametrize("name", sorted(_templates()))
def test_every_template_compiles(name: str) -> None:
    assert get_template(name) is not None
