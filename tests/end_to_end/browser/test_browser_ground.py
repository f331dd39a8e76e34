"""The ground of the tests in a browser: what it must notice, it notices."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route

from tests.end_to_end.browser.axe import axe
from tests.end_to_end.browser.chromium import ChromiumThread
from tests.end_to_end.browser.strictness import Strictness
from tests.end_to_end.browser.visitors import Keyboard, Pointer
from tests.end_to_end.browser.widths import TELEPHONE, is_within_width

ADDRESS = "http://console.test"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'"
FORM = """<form>
<label>Name <input name="name"></label>
<label for="kind">Kind</label> <select id="kind" name="kind"><option>one<option>two</select>
<label><input type="checkbox" name="consent"> I agree</label>
<button>Save</button>
</form>"""


def document(body: str) -> str:
    head = '<meta name="viewport" content="width=device-width"><title>A page</title>'
    main = f"<main><h1>Ours</h1>{body}</main>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{main}</body></html>'


def show(page: Page, body: str, status: int = 200) -> None:
    """Serves *body* as a document with the console's policy; whatever else is asked for is not there."""

    def answer(route: Route) -> None:
        if route.request.url.startswith(f"{ADDRESS}/page"):
            headers = {"content-type": "text/html", "content-security-policy": POLICY}
            route.fulfill(status=status, headers=headers, body=document(body))
        else:
            route.fulfill(status=404)

    page.route("**/*", answer)
    page.goto(f"{ADDRESS}/page")


@pytest.fixture
def loose(browser: ChromiumThread, strictness: Strictness):
    """A page whose misdeeds the test itself looks at."""
    strictness.hosts.add("console.test")

    def open_page() -> Page:
        context = browser.context()
        strictness.watch(context)
        return context.new_page()

    opened = browser.run(open_page)
    yield opened
    browser.run(opened.context.close)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        pytest.param("<p style='color: red'>red</p>", "style-src 'self'", id="inline-style"),
        pytest.param("<script>document.title = 'x'</script>", "script-src 'self'", id="inline-script"),
        pytest.param("<script src='/missing.js'></script>", "status of 404", id="missing-script"),
        pytest.param(
            "<link rel=stylesheet href='http://cdn.test/x.css'>", "style-src", id="style-from-elsewhere"
        ),
    ],
)
def test_a_page_that_misbehaves_is_noticed(
    loose: Page, strictness: Strictness, body: str, complaint: str
) -> None:
    """Whatever a test looks at, it fails for what the browser complains about."""
    show(loose, body)
    loose.wait_for_load_state("networkidle")

    with pytest.raises(AssertionError, match=complaint):
        strictness.check()


def test_a_page_that_asks_elsewhere_is_noticed(loose: Page, strictness: Strictness) -> None:
    """Even where its policy would let it."""
    show(loose, "<a href='http://elsewhere.test/page'>away</a>")
    loose.get_by_role("link").click()

    with pytest.raises(AssertionError, match=r"asked elsewhere: GET http://elsewhere\.test"):
        strictness.check()


def test_an_answer_that_was_to_be_expected_is_no_complaint(loose: Page, strictness: Strictness) -> None:
    """A test about a refusal says so, and the others still fail for one."""
    strictness.expect_status(403)
    show(loose, "<p>Refused</p>", status=403)

    strictness.check()


def test_axe_finds_what_is_serious_in_either_scheme(loose: Page) -> None:
    """A field without a name is, and the policy of the console does not keep axe from running."""
    show(loose, FORM)
    axe(loose)
    show(loose, "<input name='nameless'>")

    with pytest.raises(AssertionError, match=r"(?s)light: label.*dark: label"):
        axe(loose)


@pytest.mark.parametrize("way", [Pointer, Keyboard])
def test_a_form_is_filled_in_either_way(loose: Page, way: type[Pointer | Keyboard]) -> None:
    """Text, list, checkbox, button."""
    show(loose, FORM)
    visitor = way(loose)
    visitor.enter("Name", "Ada")
    visitor.choose("Kind", "two")
    visitor.tick("I agree")
    visitor.activate("button", "Save")
    loose.wait_for_url("**?**")

    assert loose.url == f"{ADDRESS}/page?name=Ada&kind=two&consent=on"


def test_keys_do_not_come_to_what_only_a_pointer_can_use(loose: Page) -> None:
    """A thing that is called a button and has no place in the order of the focus is none."""
    show(loose, "<div role='button'>Save</div><button>Other</button>")

    with pytest.raises(AssertionError, match="Tab does not come to"):
        Keyboard(loose, tabs=8).activate("button", "Save")


def test_a_page_that_is_too_wide_is_noticed(loose: Page) -> None:
    """At 360 px nothing may stand out."""
    loose.set_viewport_size(TELEPHONE)
    show(loose, "<p>short</p>")
    fits = is_within_width(loose)
    show(loose, f"<p>{'long' * 200}</p>")

    assert fits
    assert not is_within_width(loose)
