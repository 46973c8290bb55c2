"""Every room's templates use components that exist, with attributes they know, and nothing the content policy forbids."""

import re
from pathlib import Path

import pytest

import majung
from majung import ui

ROOMS = Path(majung.__file__).parent
COMPONENTS = Path(ui.__file__).parent / "templates/cotton"
TEMPLATES = sorted(path for path in ROOMS.glob("*/templates/**/*.html") if path.parent != COMPONENTS)

TAG = re.compile(r"<c-([a-z-]+)((?:\s+[^\s/>\"'=]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'))?)*)\s*/?>", re.DOTALL)
ATTRIBUTE = re.compile(r"([^\s/>\"'=]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'))?", re.DOTALL)
TEMPLATE_CODE = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
SHEET = COMPONENTS.parents[1] / "static/vendor/tabler-icons/tabler-icons.min.css"
ICONS = set(re.findall(r"\.ti-([a-z0-9-]+):before", SHEET.read_text()))


def known(component: str) -> tuple[set[str], bool]:
    """The attributes and slots a component declares, and whether it passes the rest on."""
    source = (COMPONENTS / f"{component.replace('-', '_')}.html").read_text()
    declared = re.search(r"<c-vars\s([^>]*)/>", source)
    names = {name.lstrip(":") for name, _ in ATTRIBUTE.findall(declared.group(1))} if declared else set()
    return names, "safe_attrs" in source


def bare(source: str) -> str:
    """The source with template code blanked, so that quotes and angle brackets inside it do not count."""
    return TEMPLATE_CODE.sub(lambda found: re.sub(r"[\"'<>=/]", "_", found.group()), source)


@pytest.fixture(params=TEMPLATES, ids=[str(path.relative_to(ROOMS)) for path in TEMPLATES])
def source(request: pytest.FixtureRequest) -> str:
    return request.param.read_text()


def test_components_exist_and_know_their_attributes(source: str) -> None:
    wrong = []
    for component, attributes in TAG.findall(bare(source)):
        if component in ("slot", "vars"):
            continue
        if not (COMPONENTS / f"{component.replace('-', '_')}.html").is_file():
            wrong.append(f"<c-{component}> does not exist; see src/majung/ui/README.md")
            continue
        names, passes_on = known(component)
        for name, value in ATTRIBUTE.findall(attributes):
            if name.lstrip(":") not in names and not passes_on:
                wrong.append(f"<c-{component}> has no attribute {name}")
            if name.startswith(":") and "|" in value:
                wrong.append(f"<c-{component} {name}={value}>: no filters here, use {{% with %}}")
    assert wrong == []


def test_every_component_tag_is_read_by_the_compiler(source: str) -> None:
    plain = bare(source)

    assert len(re.findall(r"<c-[a-z]", plain)) == len(TAG.findall(plain))


def test_nothing_the_content_policy_forbids(source: str) -> None:
    plain = bare(source)

    assert re.findall(r"<[^>]*\sstyle\s*=", plain) == []
    assert re.findall(r"<[^>]*\son[a-z]+\s*=\s*[\"']", plain) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", plain) == []
    assert re.findall(r"<style|javascript:|hx-on|hx-vals=[\"']js:|[\"']data:", plain) == []


def test_icons_exist(source: str) -> None:
    named = set(re.findall(r"\bicon=\"([a-z0-9-]+)\"", source)) | set(
        re.findall(r"\bti ti-([a-z0-9-]+)(?=[\" ])", source)
    )

    assert named - ICONS == set()


def test_class_names_mean_something(source: str) -> None:
    sheets = "".join(path.read_text() for path in (COMPONENTS.parents[1] / "static/ui").glob("*.css"))
    written = set(re.findall(r"\.((?:mj|mp|btn|form)-[a-zA-Z0-9_-]+)", sheets))
    variable = re.compile(r"[{%].*?[%}]}")

    used = {
        name
        for names in re.findall(r'class="([^"]*)"', variable.sub(" ", source))
        for name in names.split()
        if re.fullmatch(r"(?:mj|mp|btn|form)-[a-zA-Z0-9_-]*[a-zA-Z0-9]", name)
    }

    assert used - written == set()


SIGNED_LINKS = {"portal/templates/portal/preferences.html"}
"""Pages whose signed address is the authority: refusing takes one tap and no session, so there is no token to carry."""


@pytest.mark.parametrize(
    "path",
    [one for one in TEMPLATES if str(one.relative_to(ROOMS)) not in SIGNED_LINKS],
    ids=lambda path: str(path.relative_to(ROOMS)),
)
def test_forms_that_post_have_their_token(path: Path) -> None:
    for form in re.findall(r"<form\b.*?</form>", path.read_text(), re.DOTALL):
        if re.search(r"method=\"post\"", form, re.IGNORECASE):
            assert "csrf_token" in form or "hx-post" in form or "{% slot body %}" in form
