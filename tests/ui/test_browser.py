"""The samples in a real browser: nothing breaks the content policy, nothing scrolls sideways, keys and themes work."""

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

OTHERS = ("tree", "portal", "join", "preferences", "sign-in")
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def chrome(browser: Browser) -> Browser:
    """The browser that all browser tests share."""
    return browser


def opened(
    browser: Browser, address: str, *, size: dict[str, int] = DESK, scheme: str = "light"
) -> tuple[Page, list[str]]:
    """A page that has come to rest, and what went wrong on it (listened to from the start)."""
    wrong: list[str] = []
    page = browser.new_context(viewport=size, color_scheme=scheme).new_page()  # type: ignore[arg-type]
    page.add_init_script(
        "addEventListener('securitypolicyviolation', (e) => console.error('CSP', e.violatedDirective, e.blockedURI, e.sample))"
    )
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.goto(address)
    if page.locator("figure[data-map]").count():
        page.locator("html[data-map-ready][data-charts-ready]").wait_for(state="attached")
    page.evaluate("document.fonts.ready")
    return page, wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_breaks_the_policy_or_scrolls_sideways(
    chrome: Browser, server: str, size: dict[str, int], scheme: str
) -> None:
    page, wrong = opened(chrome, f"{server}/ui/samples", size=size, scheme=scheme)

    for details in page.locator("details").all():
        details.evaluate("(one) => { one.open = true; }")
    width = page.evaluate("document.documentElement.scrollWidth")
    page.context.close()

    assert wrong == []
    assert width == size["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing(chrome: Browser, server: str, size: dict[str, int], scheme: str) -> None:
    page, _ = opened(chrome, f"{server}/ui/samples", size=size, scheme=scheme)

    # axe itself is brought in past the policy by the driver; the canvas drawings have their tables
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}).response["violations"]
    page.context.close()

    said = [f"{one['id']}: {node['target']} {node['failureSummary'][:300]}" for one in found for node in one["nodes"]]
    assert said == []


@pytest.mark.parametrize("address", [*(f"ui/samples/{name}" for name in OTHERS)])
def test_the_other_pages_hold_the_same(chrome: Browser, server: str, address: str) -> None:
    page, wrong = opened(chrome, f"{server}/{address}", size=PHONE)

    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}).response["violations"]
    width = page.evaluate("document.documentElement.scrollWidth")
    page.context.close()

    assert wrong == []
    assert width == PHONE["width"]
    assert [
        f"{one['id']}: {node['target']} {node['failureSummary'][:300]}" for one in found for node in one["nodes"]
    ] == []


def test_the_tree_is_walked_by_arrows(chrome: Browser, server: str) -> None:
    page, _ = opened(chrome, f"{server}/ui/samples/tree")
    rows = page.locator("[role=treegrid] tbody tr")
    name = "document.activeElement.querySelector('.mj-tn a')?.textContent"
    assert rows.filter(has_text="해운대갑").is_hidden()

    rows.first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate(name) == "서울시당"
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "false"
    assert rows.filter(has_text="종로").is_hidden()
    page.keyboard.press("ArrowDown")
    assert page.evaluate(name) == "부산시당"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(name) == "해운대갑"
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(name) == "부산시당"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    assert [row.inner_text().split("\t")[0].strip() for row in rows.all() if row.is_visible()] == ["중앙당"]
    page.keyboard.press("ArrowRight")
    visible = [row for row in rows.all() if row.is_visible()]
    assert len(visible) == 5
    page.context.close()


def test_children_of_the_tree_are_fetched_when_it_opens(chrome: Browser, server: str) -> None:
    page, wrong = opened(chrome, f"{server}/tree")
    names = "[...document.querySelectorAll('tbody tr:not([hidden])')].map((r) => r.cells[0].innerText.trim())"

    page.locator("[data-twist=서울시당]").click()
    page.locator("tr", has_text="종로").wait_for()
    assert page.evaluate(names) == ["중앙당", "서울시당", "종로", "용산", "부산시당"]
    page.locator("[data-twist=서울시당]").click()
    assert page.evaluate(names) == ["중앙당", "서울시당", "부산시당"]
    page.locator("[data-twist=서울시당]").click()
    assert page.evaluate(names) == ["중앙당", "서울시당", "종로", "용산", "부산시당"]

    assert wrong == []
    page.context.close()


def test_the_phone_shows_what_is_typed_and_late_answers_are_dropped(chrome: Browser, server: str) -> None:
    page, wrong = opened(chrome, f"{server}/composer")
    page.locator("#phone .mj-bub").wait_for()

    page.locator("#id_text").fill("느림")
    page.wait_for_timeout(600)
    page.locator("#id_text").fill("겨울 <b>원두</b>")
    page.locator("#phone .mj-bub", has_text="겨울 <b>원두</b>").wait_for()
    page.wait_for_timeout(1500)

    assert page.locator("#phone .mj-bub").inner_text().strip() == "겨울 <b>원두</b>"
    assert wrong == []
    page.context.close()


def test_filters_narrow_a_list_as_one_types(chrome: Browser, server: str) -> None:
    page, wrong = opened(chrome, f"{server}/filters")

    page.locator("[type=search][name=q]").last.fill("종로")
    page.locator("#list", has_text="종로/").wait_for()
    page.locator("select").select_option("on")
    page.locator("#list", has_text="종로/on").wait_for()

    assert "state=on" in page.url
    assert page.locator("h1, .mj-filterbar").count() == 1
    assert wrong == []
    page.context.close()


def test_maps_and_charts_are_drawn_again_in_the_other_brightness(chrome: Browser, server: str) -> None:
    page, wrong = opened(chrome, f"{server}/ui/samples")
    picture = "document.querySelector('[data-chart-at] canvas').toDataURL()"
    light, ground = page.evaluate(picture), "getComputedStyle(document.body).backgroundColor"
    light_ground = page.evaluate(ground)

    page.locator(".mj-me summary").click()
    page.locator("[data-theme-toggle]").click()

    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate(ground) != light_ground
    assert page.evaluate(picture) != light
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert wrong == []
    page.context.close()


def test_the_map_shows_every_district_of_its_table(chrome: Browser, server: str) -> None:
    page, _ = opened(chrome, f"{server}/ui/samples")

    shown = page.evaluate(
        "echarts.getInstanceByDom(document.querySelector('[data-map-kr]')).getOption().series[0].data.map((d) => [d.name, d.value])"
    )
    written = page.evaluate(
        "[...document.querySelectorAll('tr[data-code]')].map((r) => [r.dataset.code, Number(r.dataset.v)])"
    )
    seoul = page.evaluate(
        "echarts.getInstanceByDom(document.querySelector('[data-map-seoul]')).getOption().series[0].data.length"
    )
    page.context.close()

    assert shown == written
    assert len(shown) == 254
    assert seoul == 48


@pytest.mark.parametrize(
    ("region", "seoul_beside", "isles"), [("경북", False, True), ("전남", False, False), ("서울", False, False)]
)
def test_a_part_of_the_land_is_looked_at_from_near(
    chrome: Browser, server: str, region: str, seoul_beside: bool, isles: bool
) -> None:
    page, wrong = opened(chrome, f"{server}/near/{region}")
    drawn = "echarts.getInstanceByDom(document.querySelector('[data-map-kr]')).getOption()"

    [[west, north], [east, south]] = page.evaluate(f"{drawn}.series[0].boundingCoords")

    assert east - west < 3.2 and north - south < 3.2
    assert page.locator("[data-map-seoul]").is_visible() is seoul_beside
    assert bool(page.evaluate(f"{drawn}.graphic?.length ?? 0")) is isles
    assert wrong == []
    page.context.close()


def test_a_press_on_a_district_goes_where_its_row_leads(chrome: Browser, server: str) -> None:
    page, _ = opened(chrome, f"{server}/ui/samples")
    drawing = page.locator("[data-map-kr]")
    drawing.scroll_into_view_if_needed()
    x, y = page.evaluate(
        "echarts.getInstanceByDom(document.querySelector('[data-map-kr]')).convertToPixel({seriesIndex: 0}, [128.75, 36.85])"
    )

    drawing.click(position={"x": x, "y": y})

    code = page.evaluate("location.hash.slice(1)")
    label = page.locator(f"tr[data-code='{code}'] th").text_content()
    assert "영주" in (label or "")
    page.context.close()


def test_the_slash_key_goes_to_the_search(chrome: Browser, server: str) -> None:
    page, _ = opened(chrome, f"{server}/ui/samples")
    page.locator("h1").click()

    page.keyboard.press("/")

    assert page.evaluate("document.activeElement.matches('[data-search]')")
    page.keyboard.type("a/b")
    assert page.locator("[data-search]").input_value() == "a/b"
    page.context.close()


def test_the_first_stop_is_the_skip_link(chrome: Browser, server: str) -> None:
    page = chrome.new_page()
    page.goto(f"{server}/blank/bare")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "본문으로 건너뛰기"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.context.close()


def test_the_navigation_slides_in_on_a_phone_and_leaves_by_escape(chrome: Browser, server: str) -> None:
    page, _ = opened(chrome, f"{server}/ui/samples", size=PHONE)
    assert not page.locator("#nav").is_visible()

    page.locator(".mj-nav-open").click()
    page.locator("#nav a", has_text="조직").wait_for(state="visible")
    assert page.locator(".mj-nav-open").get_attribute("aria-expanded") == "true"
    page.keyboard.press("Escape")
    page.locator("#nav").wait_for(state="hidden")

    assert page.evaluate("document.activeElement.matches('[data-nav-open]')")
    page.context.close()


def test_a_dialog_opens_holds_the_focus_and_closes(chrome: Browser, server: str) -> None:
    page, _ = opened(chrome, f"{server}/ui/samples")

    page.locator("[data-dialog=ask]").click()
    assert page.locator("#ask").evaluate("(one) => one.open && one.matches(':modal')")
    page.keyboard.press("Escape")
    assert not page.locator("#ask").evaluate("(one) => one.open")
    page.locator("[data-dialog=ask]").click()
    page.locator("#ask [data-dialog-close]").first.click()

    assert not page.locator("#ask").evaluate("(one) => one.open")
    page.context.close()


def test_tables_name_their_cells_on_a_phone(chrome: Browser, server: str) -> None:
    page, _ = opened(chrome, f"{server}/ui/samples", size=PHONE)

    cell = page.locator("table[data-labels] td").first

    assert cell.get_attribute("data-label") == "받을 사람"
    assert json.loads(cell.evaluate("(one) => getComputedStyle(one, '::before').content")) == "받을 사람"
    page.context.close()


def test_a_refusal_of_an_htmx_request_becomes_a_message(chrome: Browser, server: str) -> None:
    page, _ = opened(chrome, f"{server}/ui/samples")

    page.evaluate("htmx.ajax('GET', '/refuse/conflict', {target: '#p-books', swap: 'innerHTML'})")
    page.locator("#messages .mj-toast").wait_for()

    assert "서울시당은 그 사이 바뀌었습니다." in page.locator("#messages").inner_text()
    assert "장부" in page.locator("#p-books").inner_text()
    page.locator("#messages [data-close]").click()
    assert page.locator("#messages .mj-toast").count() == 0
    page.context.close()


def test_htmx_posts_carry_the_token_and_never_eval(chrome: Browser, server: str) -> None:
    page, _ = opened(chrome, f"{server}/ui/samples")
    sent: list[dict[str, Any]] = []
    page.on("request", lambda request: sent.append(request.headers) if request.method == "POST" else None)

    page.evaluate("htmx.ajax('POST', '/refuse/over-quota', {target: '#p-books'})")
    page.locator("#messages .mj-toast").wait_for()

    token = page.locator("meta[name=csrf-token]").get_attribute("content")
    assert token and sent[0]["x-csrftoken"] == token
    assert page.evaluate("[htmx.config.allowEval, htmx.config.includeIndicatorStyles]") == [False, False]
    assert "빌린 한도를 넘습니다" in page.locator("#messages").inner_text()
    page.context.close()
