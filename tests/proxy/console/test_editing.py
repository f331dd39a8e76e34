"""The pages on which profiles are made and changed, without a script."""

from __future__ import annotations

import asyncio
import html
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from profiles.errors import ConfigurationError
from proxy.composition import Composition, compose
from proxy.configuration_files import load_configuration
from proxy.console.application import build_console
from proxy.console.watched import WatchedProxy
from tests.proxy.editing.pages_with_forms import Page, PageForm

SENTINEL = f"sentinel{secrets.token_hex(8)}"

MAIN = """\
# The head
state_dir: state
profiles:
  orders:   # Orders <b>API</b>
    match: [{host: api.example.com}]
    credentials: {username: "USERNAME", password: "PASSWORD"}
    grant:
      token_endpoint: https://api.example.com/token
      client_id: bot
      client_secret: CLIENT_SECRET
      headers: {X-Api-Key: HEADER}
      body: {Password: BODY, user: "{{username}}"}
    fields:
      - {in: header, key: Authorization, value: "Bearer {{access_token}}"}
      - {in: header, key: X-Fixed, value: FIXED}
    connector: http://bot:CONNECTOR@gateway.example.com:3128
"""
for _name in ("USERNAME", "PASSWORD", "CLIENT_SECRET", "HEADER", "BODY", "FIXED", "CONNECTOR"):
    MAIN = MAIN.replace(_name, f"{SENTINEL}-{_name.lower()}")

REPORTS = """\
# Reports
match:
  - host: reports.example.com
credentials:
  username: ${env:USER_NAME}
  password: ${env:PASSWORD}   # kept elsewhere
grant:
  token_endpoint: https://reports.example.com/oauth/token
"""

Load = Callable[[], Composition]


class Ground:
    """A console whose proxy reads its configuration anew after each save, and all that it has answered."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder, self.environ = folder, {"USER_NAME": "bot", "PASSWORD": f"{SENTINEL}-environ", **environ}
        self.composition = self._load(None)
        self.proxy = WatchedProxy(lambda: self.composition, is_ready=True, reload=self.reload)
        self.built = build_console(self.proxy)
        self.answers: list[str] = []

    def reload(self) -> None:
        self.composition = self._load(self.composition)

    def _load(self, before: Composition | None) -> Composition:
        file = self.folder / "grantproxy.yaml"
        configuration = load_configuration(file, environ=self.environ, cwd=self.folder)
        return compose(configuration, environ={}, before=before)

    def file(self, name: str) -> Path:
        return self.folder / "profiles.d" / f"{name}.yaml"

    def on_disk(self) -> dict[str, bytes]:
        paths = [path for path in self.folder.rglob("*") if path.is_file() and path.name != "secret-key"]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}

    def setting(self, profile: str, *path: str) -> Any:
        value: Any = self.composition.profiles[profile].settings
        for step in path:
            value = value[step] if isinstance(value, dict) else getattr(value, step)
        return value.get_secret_value() if hasattr(value, "get_secret_value") else value


class Browser:
    """Somebody who is signed in, and has no script."""

    def __init__(self, ground: Ground, client: httpx.AsyncClient) -> None:
        self.ground, self.client = ground, client

    async def sign_in(self) -> None:
        secret = self.ground.built.sign_in_token
        answer = await self.client.post("/sign-in", data={"secret": secret, "next": "/"})
        assert answer.status_code == 303

    async def get(self, path: str, status: int = 200) -> Page:
        answer = await self.client.get(path)
        self.ground.answers.append(answer.text + str(answer.headers))
        assert answer.status_code == status, answer.text
        return Page(answer.text)

    async def post(self, path: str, values: dict[str, str], status: int = 200) -> Page:
        answer = await self.client.post(path, data=values)
        self.ground.answers.append(answer.text + str(answer.headers))
        assert answer.status_code == status, answer.text
        return Page(answer.text)

    async def press(self, form: PageForm, action: str, status: int = 200, **entered: str) -> Page:
        """Presses a button of the form, once *entered* is entered."""
        assert action in [button.get("value") for button in form.buttons]
        return await self.post(
            form.action.partition("#")[0], form.submitted(action=action, **entered), status
        )


@pytest.fixture
def ground(tmp_path: Path, request: pytest.FixtureRequest) -> Ground:
    """`@pytest.mark.parametrize("ground", [...], indirect=True)` for variables of the environment."""
    (tmp_path / "grantproxy.yaml").write_text(MAIN)
    (tmp_path / "profiles.d").mkdir()
    (tmp_path / "profiles.d" / "reports.yaml").write_text(REPORTS)
    return Ground(tmp_path, getattr(request, "param", {}))


@pytest.fixture
async def browser(ground: Ground) -> AsyncIterator[Browser]:
    transport = httpx.ASGITransport(app=ground.built.application, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8082") as client:
        browser = Browser(ground, client)
        await browser.sign_in()
        yield browser
    assert [answer for answer in ground.answers if SENTINEL in html.unescape(answer)] == []


NEW = {
    "name": "billing",
    "match.0.host": "billing.example.com",
    "credentials.0.value": "bot",
    "credentials.1.value": f"{SENTINEL}-typed",
    "grant.token_endpoint": "https://billing.example.com/token",
}


# Seeing


async def test_a_profile_is_shown_without_its_secrets(browser: Browser) -> None:
    """What is no secret is there, references among it; of the rest, that it is set."""
    page = await browser.get("/profiles/orders/edit")

    values = page.editing.values
    assert values["grant.token_endpoint"] == "https://api.example.com/token"
    assert values["fields.0.value"] == "Bearer {{access_token}}"
    assert values["credentials.1.value"] == values["grant.client_secret"] == values["connector"] == ""
    assert values["credentials.1.value~kept"].startswith("${encrypted:")
    assert "Password: ${encrypted:" in values["grant.body"]
    assert "user: '{{username}}'" in values["grant.body"]
    assert "password: ${encrypted:…}\n" in page.texts["preview"]
    assert (await browser.get("/profiles/reports/edit")).editing.values[
        "credentials.1.value"
    ] == "${env:PASSWORD}"


async def test_everything_that_can_be_entered_has_a_label(browser: Browser) -> None:
    """And what describes it is there, too."""
    answer = await browser.client.get("/profiles/orders/edit")
    page = Page(answer.text)

    labelled = set(answer.text.split('for="')[1:])
    names = {label.partition('"')[0] for label in labelled}
    controls = [
        attributes
        for identity, attributes in page.elements.items()
        if identity.startswith(("field-", "explain_"))
    ]
    unlabelled = [
        item["id"] for item in controls if "name" in item and item.get("value") != f"add:{item['id']}"
        and item["id"] not in names and not str(item.get("value")).startswith("add:")
    ]  # fmt: skip
    described = {
        part for item in page.elements.values() for part in str(item.get("aria-describedby") or "").split()
    }
    assert unlabelled == []
    assert described <= set(page.elements)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/profiles/nobody/edit", 404),
        ("/profiles/%2e%2e/edit", 404),
        ("/profiles/-a/edit", 404),
        ("/profiles/a%2fb/edit", 404),
        ("/profiles/ORDERS/edit", 404),
    ],
)
async def test_what_is_no_profile_has_no_form(browser: Browser, path: str, status: int) -> None:
    """Whatever the name, nothing is looked for beside the folder."""
    await browser.get(path, status)


async def test_nobody_else_sees_or_changes_anything(ground: Ground, browser: Browser) -> None:
    """Who is not signed in is sent to the sign-in, and what another site sends is refused."""
    form = (await browser.get("/profiles/reports/edit")).editing.submitted(margin="5", action="save")
    before = ground.on_disk()
    transport = httpx.ASGITransport(app=ground.built.application)

    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8082") as stranger:
        statuses = [
            (await stranger.get(path)).headers["location"]
            for path in ("/new-profile", "/profiles/reports/edit")
        ]
        posts = [
            await stranger.post(path, data=form)
            for path in (
                *("/new-profile", "/new-profile/draft"),
                *("/profiles/reports/edit", "/profiles/reports/draft"),
            )
        ]
    forged = await browser.client.post("/profiles/reports/edit", data={**form, "csrf_token": "forged"})
    foreign = await browser.client.post(
        "/profiles/reports/draft", data=form, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert all(location.startswith("/sign-in?") for location in statuses)
    assert [(answer.status_code, answer.headers["location"][:8]) for answer in posts] == [
        (303, "/sign-in")
    ] * 4
    assert (forged.status_code, foreign.status_code) == (403, 403)
    assert ground.on_disk() == before


# Saving


async def test_a_change_is_saved_and_in_force(ground: Ground, browser: Browser) -> None:
    """In the file's own words, with its comments; the page that follows says so."""
    page = await browser.get("/profiles/reports/edit")

    await browser.press(page.editing, "save", 303, margin="60")

    assert ground.file("reports").read_text() == REPORTS + "margin: 60\n"
    assert ground.setting("reports", "margin") == 60
    answer = await browser.client.get("/profiles/reports")
    assert "reports is saved, and in force." in answer.text


async def test_a_profile_of_the_configurations_file_moves_and_is_encrypted(
    ground: Ground, browser: Browser
) -> None:
    """No secret is left in the clear but in the version before; each is still what it was."""
    page = await browser.get("/profiles/orders/edit")

    await browser.press(page.editing, "save", 303)

    written = ground.on_disk()
    assert written["grantproxy.yaml"] == MAIN[: MAIN.index("  orders:")].encode()
    assert [name for name, content in written.items() if SENTINEL.encode() in content] == [
        "grantproxy.yaml.previous"
    ]
    assert ground.setting("orders", "credentials", "password") == f"{SENTINEL}-password"
    assert ground.setting("orders", "grant", "client_secret") == f"{SENTINEL}-client_secret"
    assert ground.setting("orders", "grant", "headers", "X-Api-Key") == f"{SENTINEL}-header"
    assert ground.setting("orders", "grant", "body", "Password") == f"{SENTINEL}-body"
    assert (
        ground.setting("orders", "connector") == f"http://bot:{SENTINEL}-connector@gateway.example.com:3128"
    )
    assert ground.composition.profiles["orders"].settings.fields[1].value == f"{SENTINEL}-fixed"
    assert (ground.folder / "profiles.d" / "orders.yaml").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("written", "told"),
    [
        pytest.param("<<: *x   # why", "with its comments and those right above it", id="kept"),
        pytest.param('<<: *x   # why\n    "<<": {}', "its comments are lost", id="lost"),
    ],
)
async def test_what_becomes_of_comments_is_told_before_a_move(
    ground: Ground, browser: Browser, written: str, told: str
) -> None:
    """Where settings are shared by anchors."""
    main = ground.folder / "grantproxy.yaml"
    main.write_text(main.read_text() + f"  shared: &x {{margin: 5}}\n  other:\n    {written}\n")

    await browser.get("/profiles/other/edit")

    assert told in browser.ground.answers[-1]


async def test_a_new_profile_is_made(ground: Ground, browser: Browser) -> None:
    """From the form as it comes, with what is entered; what was typed as a secret is encrypted."""
    page = await browser.get("/new-profile")

    await browser.press(
        page.editing, "save", 303, **{name.replace(".", "__"): it for name, it in NEW.items()}
    )

    written = yaml.safe_load(ground.file("billing").read_text())
    assert list(written) == ["match", "credentials", "grant"]
    assert SENTINEL not in ground.file("billing").read_text()
    assert ground.setting("billing", "credentials", "password") == f"{SENTINEL}-typed"
    assert ground.setting("billing", "credentials", "username") == "bot"


@pytest.mark.parametrize("name", ["new", "a.b", "UPPER", "0"])
async def test_a_profile_may_have_any_name(ground: Ground, browser: Browser, name: str) -> None:
    """And is edited under it."""
    page = await browser.get("/new-profile")
    entered = {key.replace(".", "__"): value for key, value in {**NEW, "name": name}.items()}
    await browser.press(page.editing, "save", 303, **entered)

    page = await browser.get(f"/profiles/{name}/edit")
    await browser.press(page.editing, "save", 303, margin="5")

    assert ground.setting(name, "margin") == 5


async def test_spaces_around_a_name_are_no_part_of_it(ground: Ground, browser: Browser) -> None:
    """Nor of the address that a save leads to."""
    form = (await browser.get("/new-profile")).editing.submitted(action="save")

    answer = await browser.client.post("/new-profile", data={**form, **NEW, "name": " billing\r\n"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/profiles/billing")
    assert ground.file("billing").exists()


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", "orders", "reports", "a b", "<script>", "-", "ä", "a\nb"]
)
async def test_a_name_that_cannot_be_is_told_beside_it(ground: Ground, browser: Browser, name: str) -> None:
    """Nothing is written, and what was entered stays."""
    before = ground.on_disk()
    page = await browser.get("/new-profile")
    entered = {key.replace(".", "__"): value for key, value in {**NEW, "name": name}.items()}

    page = await browser.press(page.editing, "save", 422, **entered)

    assert "field-name-problem" in str(page.elements["field-name"]["aria-describedby"])
    assert page.editing.values["match.0.host"] == "billing.example.com"
    assert ground.on_disk() == before


TEXTS = [
    *(
        "on",
        "1e3",
        "012",
        "null",
        "~",
        "'",
        '"',
        "{{username}}",
        "${",
        "$${",
        "a: b",
        "# a",
        "- a",
        "<b>&amp;",
    ),
    *("a\tb", "é\U0001f600", "  spaced  ", "a\u2028b", "%", "@", "`", "<!--", "</textarea>", "'; drop"),
]


@pytest.mark.parametrize("text", TEXTS)
async def test_texts_that_mean_something_elsewhere_are_texts(
    ground: Ground, browser: Browser, text: str
) -> None:
    """In HTML, in a form, and in YAML; a secret is kept to the last character."""
    page = await browser.get("/new-profile")
    entered = {key.replace(".", "__"): value for key, value in NEW.items()}
    page = await browser.press(page.editing, "add:grant.headers", **entered)
    is_reference = text in ("${", "$${")
    await browser.press(
        page.editing,
        "save",
        422 if text == "${" else 303,
        description=text,
        credentials__1__value=f"{SENTINEL}{text}",
        grant__headers__0__key="X-Text",
        grant__headers__0__value="{{username}}",
    )

    if text == "${":
        return
    assert ground.setting("billing", "description") == ("${" if is_reference else text.strip())
    assert ground.setting("billing", "credentials", "password") == f"{SENTINEL}{text}"
    page = await browser.get("/profiles/billing/edit")
    assert page.editing.values["description"] == text.strip()


async def test_several_lines_stay_several_lines(ground: Ground, browser: Browser) -> None:
    """Though a browser sends other line breaks; a text that has some gets an input that keeps them."""
    ground.file("reports").write_text(REPORTS + 'description: "one\\ntwo\\r\\nthree"\n')
    page = await browser.get("/profiles/reports/edit")
    assert page.editing.values["description"] == "one\ntwo\nthree"

    await browser.press(page.editing, "save", 303, margin="5")

    assert ground.setting("reports", "description") == "one\ntwo\r\nthree"


# What is not right yet


async def test_problems_are_told_beside_their_controls_and_nothing_is_lost(
    ground: Ground, browser: Browser
) -> None:
    """Above all, too, as links; what was typed as a secret is kept, and not shown."""
    before = ground.on_disk()
    page = await browser.get("/new-profile")
    entered = {key.replace(".", "__"): value for key, value in NEW.items()}

    page = await browser.press(
        page.editing, "save", 422, **{**entered, "margin": "soon", "match__0__host": "reports.example.com"}
    )

    assert page.elements["problems"]["role"] == "alert"
    margin = page.elements["field-margin"]
    assert (margin["value"], margin["aria-invalid"]) == ("soon", "true")
    assert "must be a number" in page.texts["field-margin-problem"]
    assert page.editing.values["credentials.1.value"] == ""
    assert ground.on_disk() == before

    page = await browser.press(page.editing, "save", 422, margin="5")
    assert "claims the same requests" in "".join(page.texts.values())
    await browser.press(page.editing, "save", 303, match__0__host="billing.example.com")
    assert ground.setting("billing", "credentials", "password") == f"{SENTINEL}-typed"


async def test_an_empty_form_tells_what_it_lacks(browser: Browser) -> None:
    """Each at the control where it is to be entered."""
    page = await browser.get("/new-profile")

    page = await browser.press(page.editing, "save", 422)

    for control in ("field-name", "field-match.0.host", "field-grant.token_endpoint"):
        assert page.elements[control]["aria-invalid"] == "true"


async def test_links_above_lead_to_what_is_there(browser: Browser) -> None:
    """A control, or the button of a list that has no row."""
    page = await browser.get("/profiles/orders/edit")
    entered = {"grant.body": "a: [", "timeout": "x", "form_fields.0.key": "!", "auth_error.0.status": "9"}

    answer = await browser.client.post(
        "/profiles/orders/edit", data=page.editing.submitted(action="save") | entered
    )

    page = Page(answer.text)
    links = [part.partition('"')[0] for part in answer.text.split('href="#field-')[1:]]
    assert len(links) >= 4
    assert {f"field-{html.unescape(link)}" for link in links} <= set(page.elements)


async def test_rows_are_added_and_removed_without_a_script(browser: Browser) -> None:
    """What was entered stays, the new row has the focus, and no secret comes back."""
    page = await browser.get("/profiles/orders/edit")

    page = await browser.press(
        page.editing, "add:form_fields", description="kept", grant__client_secret=f"{SENTINEL}-new"
    )
    assert "autofocus" in page.elements["field-form_fields.0.title"]
    assert "checked" in page.elements["field-form_fields.0.required"]
    page = await browser.press(page.editing, "add:tenancy.tenants")
    page = await browser.press(page.editing, "add:tenancy.tenants.0.credentials")
    page = await browser.press(page.editing, "remove:fields.0", tenancy__tenants__0__name="acme")

    values = page.editing.values
    assert values["description"] == "kept"
    assert values["tenancy.tenants.0.name"] == "acme"
    assert values["tenancy.tenants.0.credentials.0.key"] == ""
    assert values["fields.0.key"] == "X-Fixed"
    assert "fields.1.key" not in values


@pytest.mark.parametrize(
    "action",
    ["add:", "add:nothing", "add:csrf_token", "remove:", "remove:match.99", "remove:x", "", "nonsense"],
)
async def test_a_button_that_is_not_there_does_nothing(ground: Ground, browser: Browser, action: str) -> None:
    """The form comes back as it was."""
    before = ground.on_disk()
    form = (await browser.get("/profiles/reports/edit")).editing

    page = await browser.post("/profiles/reports/edit", form.submitted(action=action, description="x"))

    assert page.editing.values == {**form.values, "description": "x", "explain_method": "GET"}
    assert ground.on_disk() == before


async def test_a_preview_and_an_explanation_are_of_what_is_entered(ground: Ground, browser: Browser) -> None:
    """Nothing is saved; a request is explained as if it were in force."""
    before = ground.on_disk()
    page = await browser.get("/profiles/reports/edit")

    page = await browser.press(
        page.editing,
        "preview",
        match__0__host="other.example.com",
        explain_url="https://other.example.com/x",
    )

    assert "host: other.example.com" in page.texts["preview"]
    assert "owned by reports" in page.texts["explanation"]
    assert ground.on_disk() == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://x", "This is no http or https URL"),
        ("https://a:b@c/", "This is no http or https URL"),
        ("https://x:99999999/", "This is no http or https URL"),
        ("https://nobody.example/", "no profile owns this request"),
    ],
)
async def test_what_cannot_be_explained_is_told(browser: Browser, url: str, said: str) -> None:
    """In our words."""
    page = await browser.get("/profiles/reports/edit")

    page = await browser.press(page.editing, "preview", explain_url=url)

    assert said in page.texts["explanation"]


async def test_the_script_is_given_the_same(ground: Ground, browser: Browser) -> None:
    """As JSON: what is not right yet by control, the preview and the explanation."""
    form = (await browser.get("/profiles/orders/edit")).editing
    values = form.submitted(
        margin="soon", grant__client_secret=f"{SENTINEL}-new", explain_url="https://api.example.com/"
    )
    before = ground.on_disk()

    answer = await browser.client.post("/profiles/orders/draft", data={**values, "action": "save"})
    right = await browser.client.post("/profiles/orders/draft", data={**values, "margin": "5"})

    assert SENTINEL not in answer.text + right.text
    assert answer.json()["problems"] == [
        {"control": "margin", "label": "Margin, in seconds", "message": "must be a number"}
    ]
    assert answer.json()["explanation"] == "Not known before all is right."
    assert right.json()["problems"] == []
    assert "owned by orders" in right.json()["explanation"]
    assert "margin: 5\n" in right.json()["preview"]
    assert ground.on_disk() == before


async def test_a_draft_that_nobody_waits_for_is_not_looked_at(ground: Ground, browser: Browser) -> None:
    """Who types on asks again and again, and a check of many profiles takes a while."""
    values = (await browser.get("/profiles/orders/edit")).editing.submitted()
    request = browser.client.build_request("POST", "/profiles/orders/draft", data=values)
    statuses = []
    for is_gone in (True, False):
        messages: list[dict[str, Any]] = [{"type": "http.request", "body": request.content}]

        async def receive(messages: list[Any] = messages, is_gone: bool = is_gone) -> Any:
            if not messages and not is_gone:
                await asyncio.Event().wait()
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            statuses.append(message.get("status"))

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "root_path": "",
            "path": request.url.path,
            "raw_path": request.url.raw_path,
            "query_string": b"",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8082),
        }
        await ground.built.application(scope, receive, send)

    assert [status for status in statuses if status] == [204, 200]


# Two at once, and others


async def test_a_save_over_anothers_change_is_refused_and_nothing_is_lost(
    ground: Ground, browser: Browser
) -> None:
    """What was entered is there; a second button saves it all the same, and keeps the other's version."""
    page = await browser.get("/profiles/reports/edit")
    theirs = REPORTS + "timeout: 5\n"
    ground.file("reports").write_text(theirs)

    page = await browser.press(page.editing, "save", 409, margin="60")
    assert page.editing.values["margin"] == "60"
    assert ground.file("reports").read_text() == theirs

    page = await browser.press(page.editing, "save", 409)
    await browser.press(page.editing, "save-over", 303)

    assert ground.setting("reports", "margin") == 60
    assert ground.file("reports").with_suffix(".yaml.previous").read_text() == theirs


async def test_of_two_that_save_at_once_one_succeeds(ground: Ground, browser: Browser) -> None:
    """The other is told."""
    form = (await browser.get("/profiles/reports/edit")).editing

    answers = await asyncio.gather(
        *(
            browser.client.post("/profiles/reports/edit", data=form.submitted(margin=margin, action="save"))
            for margin in ("41", "42")
        )
    )

    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert ground.setting("reports", "margin") in (41, 42)


async def test_of_two_that_make_the_same_profile_one_succeeds(ground: Ground, browser: Browser) -> None:
    """The other is told at the name."""
    form = (await browser.get("/new-profile")).editing
    entered = {key.replace(".", "__"): value for key, value in NEW.items()}

    answers = await asyncio.gather(
        *(
            browser.client.post("/new-profile", data=form.submitted(margin=margin, action="save", **entered))
            for margin in ("41", "42")
        )
    )

    assert sorted(answer.status_code for answer in answers) == [303, 422]
    assert ground.setting("billing", "margin") in (41, 42)


async def test_a_profile_that_is_gone_is_not_lost(ground: Ground, browser: Browser) -> None:
    """It can be written again."""
    page = await browser.get("/profiles/reports/edit")
    ground.file("reports").unlink()

    page = await browser.press(page.editing, "save", 409, margin="60")
    await browser.press(page.editing, "save-over", 303)

    assert ground.setting("reports", "margin") == 60


async def test_a_file_that_cannot_be_read_any_more_costs_nothing_that_was_entered(
    ground: Ground, browser: Browser
) -> None:
    """The reason is told, with the line, and the form is there still."""
    page = await browser.get("/profiles/reports/edit")
    ground.file("reports").write_text("match: [\n")

    page = await browser.press(
        page.editing, "save", 422, margin="60", credentials__1__value=f"{SENTINEL}-typed"
    )

    assert page.editing.values["margin"] == "60"
    assert "reports.yaml:2" in "".join(page.texts.values())
    await browser.get("/profiles/reports/edit", 409)


async def test_a_link_is_told_and_not_written_through(ground: Ground, browser: Browser) -> None:
    """What it leads to stays as it is."""
    target = ground.folder / "target"
    ground.file("reports").rename(target)
    ground.file("reports").symlink_to(target)
    page = await browser.get("/profiles/reports/edit")

    page = await browser.press(page.editing, "save", 422, margin="60")

    assert "is a symbolic link" in "".join(page.texts.values())
    assert target.read_text() == REPORTS


async def test_what_is_saved_while_another_file_is_broken_is_told_not_to_be_in_force(
    ground: Ground, browser: Browser
) -> None:
    """The proxy goes on with what it has."""
    page = await browser.get("/profiles/reports/edit")
    ground.file("broken").write_text("match: []\n")

    await browser.press(page.editing, "save", 303, margin="60")

    assert ground.setting("reports", "margin") == 30
    page = await browser.get("/profiles/reports/edit")
    assert page.editing.values["margin"] == "60"
    answer = await browser.client.get("/profiles/reports/edit")
    assert "Wrong elsewhere" in answer.text
    with pytest.raises(ConfigurationError):
        ground.reload()


@pytest.mark.parametrize("ground", [{"GRANTPROXY_PROFILES__REPORTS__MARGIN": "7"}], indirect=True)
async def test_a_variable_that_wins_is_told_beside_its_control(ground: Ground, browser: Browser) -> None:
    """What is entered there is written, and not in force."""
    page = await browser.get("/profiles/reports/edit")
    assert "GRANTPROXY_PROFILES__REPORTS__MARGIN" in "".join(page.texts.values())
    assert "field-margin-variable" in str(page.elements["field-margin"]["aria-describedby"])

    await browser.press(page.editing, "save", 303, margin="60")

    assert ground.setting("reports", "margin") == 7


async def test_unknown_keys_are_told_and_taken_out(ground: Ground, browser: Browser) -> None:
    """What stands under them is not shown."""
    ground.file("reports").write_text(REPORTS + f"passwort: {SENTINEL}\n")
    page = await browser.get("/profiles/reports/edit")
    assert "unknown key" in "".join(page.texts.values())

    await browser.press(page.editing, "save", 303, **{"unknown__0~remove": "passwort"})

    assert ground.file("reports").read_text() == REPORTS


async def test_a_key_that_others_can_read_is_told(ground: Ground, browser: Browser) -> None:
    """No secret is encrypted with it; what was entered besides is not lost."""
    page = await browser.get("/profiles/reports/edit")
    (ground.folder / "state").mkdir(exist_ok=True)
    (ground.folder / "state" / "secret-key").write_text("known")
    (ground.folder / "state" / "secret-key").chmod(0o644)

    page = await browser.press(
        page.editing, "save", 422, margin="60", credentials__1__value=f"{SENTINEL}-typed"
    )

    assert "secrets cannot be encrypted" in "".join(page.texts.values())
    assert page.editing.values["margin"] == "60"
    await browser.get("/profiles/orders/edit", 409)


async def test_a_form_that_is_too_large_is_refused(ground: Ground, browser: Browser) -> None:
    """Before it is read."""
    form = (await browser.get("/profiles/reports/edit")).editing
    before = ground.on_disk()

    await browser.post(
        "/profiles/reports/edit", form.submitted(description="x" * 10 * 1024 * 1024, action="save"), 413
    )

    assert ground.on_disk() == before


async def test_a_form_with_many_rows_is_taken(ground: Ground, browser: Browser) -> None:
    """Far more than anybody enters by hand."""
    form = (await browser.get("/profiles/reports/edit")).editing
    rows = {f"match.{row}.host": f"h{row}.example.com" for row in range(1, 1500)}

    await browser.post("/profiles/reports/edit", form.submitted(action="save") | rows, 303)

    assert len(ground.setting("reports", "match")) == 1500


async def test_editing_can_be_turned_off(ground: Ground, browser: Browser) -> None:
    """Each page says so, whatever is sent, and nothing offers it."""
    form = (await browser.get("/profiles/reports/edit")).editing.submitted(margin="5", action="save")
    main = ground.folder / "grantproxy.yaml"
    main.write_text("console_editing: false\n" + main.read_text())
    ground.reload()
    before = ground.on_disk()

    for path in ("/new-profile", "/profiles/reports/edit"):
        await browser.get(path, 403)
        await browser.post(path, form, 403)
        await browser.post(path.removesuffix("/edit") + "/draft", form, 403)

    answer = await browser.client.get("/profiles/reports")
    assert "console_editing is false" in browser.ground.answers[-1]
    assert "/edit" not in answer.text
    assert "/new-profile" not in answer.text
    assert ground.on_disk() == before
