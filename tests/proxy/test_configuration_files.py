"""Loading the configuration: where it is found, what overrides what, and what is said of a wrong one."""

from __future__ import annotations

import secrets
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from profiles.errors import ConfigurationError, Problem
from proxy.configuration_files import Configuration, load_configuration

MINIMAL = """\
profiles:
  orders:
    match: [{host: api.example.com}]
    credentials: {username: bot, password: hunter2}
    grant: {token_endpoint: "https://api.example.com/oauth/token"}
"""

ONE_PROFILE = """\
match: [{host: billing.example.com}]
credentials: {username: bot, password: hunter2}
grant: {token_endpoint: "https://billing.example.com/oauth/token"}
"""

Load = Callable[..., Configuration]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Writes a configuration, with the profiles of profiles.d, and loads it."""

    def write_and_load(
        text: str,
        environ: Mapping[str, str] | None = None,
        beside: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Configuration:
        file = tmp_path / "grantproxy.yaml"
        file.write_text(text)
        file.chmod(0o600)
        for name, content in (beside or {}).items():
            (tmp_path / "profiles.d").mkdir(exist_ok=True)
            (tmp_path / "profiles.d" / name).write_text(content)
        return load_configuration(file, environ=environ or {}, cwd=tmp_path, **options)

    return write_and_load


def problems_of(load: Load, *arguments: Any, **options: Any) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(*arguments, **options)
    return caught.value.problems


def password(configuration: Configuration, profile: str = "orders") -> str:
    return configuration.settings.profiles[profile].credentials["password"].get_secret_value()


# Where the configuration is found


def test_the_named_file_wins_over_variable_folder_and_home(tmp_path: Path) -> None:
    """--config, GRANTPROXY_CONFIG, the working folder and XDG_CONFIG_HOME are looked at in this order."""
    cwd, home = tmp_path / "cwd", tmp_path / "home"
    named, from_variable = tmp_path / "named.yaml", tmp_path / "variable.yaml"
    places = [named, from_variable, cwd / "grantproxy.yaml", home / "grantproxy" / "grantproxy.yaml"]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(MINIMAL)
    environ = {"XDG_CONFIG_HOME": str(home)}
    with_variable = environ | {"GRANTPROXY_CONFIG": str(from_variable)}

    found = [
        load_configuration(named, environ=with_variable, cwd=cwd).file,
        load_configuration(environ=with_variable, cwd=cwd).file,
        load_configuration(environ=environ, cwd=cwd).file,
        load_configuration(environ=environ, cwd=tmp_path).file,
    ]

    assert found == places


def test_no_configuration_anywhere_says_where_it_looked(tmp_path: Path) -> None:
    """A missing configuration is an error that lists the places and names the command that writes one."""
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(environ={"HOME": str(tmp_path / "home")}, cwd=tmp_path)

    assert str(tmp_path / "grantproxy.yaml") in str(caught.value)
    assert str(tmp_path / "home/.config/grantproxy/grantproxy.yaml") in str(caught.value)
    assert "grantproxy init" in str(caught.value)


@pytest.mark.parametrize("through_the_environment", [False, True], ids=["option", "variable"])
def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path, through_the_environment: bool) -> None:
    """A file that is named and not there is not replaced by another one."""
    (tmp_path / "grantproxy.yaml").write_text(MINIMAL)
    environ = {"GRANTPROXY_CONFIG": "none.yaml"} if through_the_environment else {}

    with pytest.raises(ConfigurationError, match="there is no such file"):
        load_configuration(None if environ else Path("none.yaml"), environ=environ, cwd=tmp_path)


# What a right one holds


def test_the_configuration_of_the_design_loads(load: Load) -> None:
    """DESIGN section 3's example is read as it stands there."""
    configuration = load(
        DESIGN_EXAMPLE, {"BOT_1_SECRET": "s", "ORDERS_PASSWORD": "p", "ORDERS_CLIENT_SECRET": "c"}
    )

    orders = configuration.settings.profiles["orders"]
    assert [field.place.value for field in orders.fields] == ["header", "query", "payload", "path"]
    assert orders.credentials["pin"].get_secret_value() == "4711"
    assert configuration.settings.clients["bot-1"].profiles == ("orders",)
    assert configuration.warnings == ()


def test_profiles_beside_the_file_are_named_by_their_stem(load: Load, tmp_path: Path) -> None:
    """Each YAML file in profiles.d is one profile; other files there are not."""
    beside = {"billing.yaml": ONE_PROFILE, "my.crm.yml": ONE_PROFILE, "README.md": "x", ".hidden.yaml": "x"}

    configuration = load(MINIMAL, beside=beside)

    assert sorted(configuration.settings.profiles) == ["billing", "my.crm", "orders"]
    assert configuration.problem("m", "profiles.my.crm.grant.token_endpoint").line == 3
    assert configuration.files == (
        tmp_path / "grantproxy.yaml",
        tmp_path / "profiles.d/billing.yaml",
        tmp_path / "profiles.d/my.crm.yml",
    )


def test_profiles_beside_the_file_are_enough(load: Load) -> None:
    """The file itself need not hold a profile, and its empty sections count as left out."""
    configuration = load("unmatched: refuse\nprofiles:\nclients:\n", beside={"billing.yaml": ONE_PROFILE})

    assert list(configuration.settings.profiles) == ["billing"]


def test_anchors_and_merge_keys_are_read(load: Load) -> None:
    """A mapping can be written once; a key of its own wins over a merged one, wherever it stands."""
    text = MINIMAL.replace("grant: {", "grant: &grant {") + textwrap.indent(
        "billing:\n  match: {host: b.example.com}\n  credentials: {username: a, password: b}\n"
        "  grant:\n    <<: *grant\n    default_lifetime: 60\n",
        "  ",
    )

    billing = load(text).settings.profiles["billing"]

    assert billing.grant.default_lifetime == 60
    assert billing.grant.token_endpoint == "https://api.example.com/oauth/token"


def test_a_problem_found_later_is_placed_in_the_file(load: Load, tmp_path: Path) -> None:
    """What a compile step finds gets the line of its key, or of the nearest one that is written."""
    configuration = load(MINIMAL)

    places = [
        configuration.problem("m", key).line
        for key in (
            "profiles.orders.match.0.host",
            "profiles.orders.grant.refresh_endpoint",
            "profiles.orders",
            "x",
        )
    ]

    assert places == [3, 5, 2, 1]
    assert (
        str(configuration.problem("m", "profiles.orders"))
        == f"{tmp_path}/grantproxy.yaml:2: profiles.orders: m"
    )


def test_a_problem_with_an_overridden_value_names_the_variable(load: Load) -> None:
    """What a compile step finds in a value of the environment is not blamed on the file."""
    configuration = load(MINIMAL, {"GRANTPROXY_PROFILES__ORDERS__MATCH__0__HOST": "b.example.com"})

    problem = configuration.problem("m", "profiles.orders.match.0.host")

    assert (problem.file, problem.line) == (None, None)
    assert problem.variable == "GRANTPROXY_PROFILES__ORDERS__MATCH__0__HOST"


def test_relative_folders_start_where_they_are_written(load: Load, tmp_path: Path) -> None:
    """A relative path is meant from the file's folder, and in a variable from the working folder."""
    (tmp_path / "elsewhere").mkdir()

    settings = load_configuration(
        load(MINIMAL + "ca_dir: ca\n").file,
        environ={"GRANTPROXY_STATE_DIR": "state"},
        cwd=tmp_path / "elsewhere",
    ).settings

    assert (settings.ca_dir, settings.state_dir) == (tmp_path / "ca", tmp_path / "elsewhere/state")


# What the environment overrides


@pytest.mark.parametrize(
    ("variable", "value", "path"),
    [
        ("GRANTPROXY_UNMATCHED", "refuse", "unmatched"),
        ("grantproxy_unmatched", "refuse", "unmatched"),
        (
            "GRANTPROXY_PROFILES__MY_API__CREDENTIALS__PASSWORD",
            "0042",
            "profiles.my-api.credentials.password",
        ),
        ("GRANTPROXY_PROFILES__MY_API__CREDENTIALS__USERNAME", "bot", "profiles.my-api.credentials.userName"),
        ("GRANTPROXY_PROFILES__MY_API__MATCH__0__HOST", "b.example.com", "profiles.my-api.match.0.host"),
        ("GRANTPROXY_PROFILES__MY_API__MATCH__1__HOST", "b.example.com", "profiles.my-api.match.1.host"),
        ("GRANTPROXY_PROFILES__MY_API__GRANT__CLIENT_ID", "bot-client", "profiles.my-api.grant.client_id"),
        ("GRANTPROXY_PROFILES__MY_API__FIELDS__0__IN", "query", "profiles.my-api.fields.0.place"),
        ("GRANTPROXY_PROFILES__MY_API__AUTH_ERROR", "403", "profiles.my-api.auth_error.0.status"),
        (
            "GRANTPROXY_PROFILES__MY_API__GRANT__HEADERS__X_TENANT",
            "acme",
            "profiles.my-api.grant.headers.X-Tenant",
        ),
        ("GRANTPROXY_CLIENTS__BOT_1__SECRET", "t", "clients.bot-1.secret"),
    ],
)
def test_a_variable_overrides_a_scalar(load: Load, variable: str, value: str, path: str) -> None:
    """Every scalar has a variable, whatever the case of its name, and adds a key that the file lacks."""
    configuration = load(WITH_DASHES, {variable: value})

    assert text_at(configuration, path) == value


def test_a_variable_adds_the_credential_that_a_form_field_names(load: Load) -> None:
    """A credential that only the environment has gets its key, and its case, from the form field."""
    text = WITH_DASHES.replace("{password: p, userName: u}", "{password: p}")

    configuration = load(text, {"GRANTPROXY_PROFILES__MY_API__CREDENTIALS__USERNAME": "bot"})

    assert text_at(configuration, "profiles.my-api.credentials.userName") == "bot"


def test_a_variable_keeps_the_rest_of_a_match_without_a_list(load: Load) -> None:
    """`match` may be one mapping; overriding its host does not widen what the profile owns."""
    text = MINIMAL.replace("[{host: api.example.com}]", "{host: api.example.com, path: /api/**}")

    match = (
        load(text, {"GRANTPROXY_PROFILES__ORDERS__MATCH__0__HOST": "b.example.com"})
        .settings.profiles["orders"]
        .match
    )

    assert [(entry.host, entry.path) for entry in match] == [("b.example.com", "/api/**")]


def test_a_variable_reaches_into_a_body(load: Load) -> None:
    """Scalars in a mapping of the user's own are scalars too, however deep."""
    text = MINIMAL.replace("grant: {", "grant: {body: {user: {password: x, name: bot}}, ")

    configuration = load(text, {"GRANTPROXY_PROFILES__ORDERS__GRANT__BODY__USER__PASSWORD": "s"})

    assert configuration.settings.profiles["orders"].grant.body == {"user": {"password": "s", "name": "bot"}}


def test_a_variable_that_two_profiles_answer_to_is_an_error(load: Load) -> None:
    """Names that differ in dashes only are not guessed between: a password could go to the wrong one."""
    beside = {"my-api.yaml": ONE_PROFILE, "my_api.yaml": ONE_PROFILE}

    (problem,) = problems_of(
        load, MINIMAL, {"GRANTPROXY_PROFILES__MY_API__CREDENTIALS__PASSWORD": "s"}, beside
    )

    assert "my-api, my_api" in problem.message


def test_the_listen_option_wins_over_the_variable(load: Load) -> None:
    """--listen is what the user has said last."""
    configuration = load(MINIMAL, {"GRANTPROXY_LISTEN": "127.0.0.1:1"}, listen="127.0.0.1:2")

    assert configuration.settings.listen == ("127.0.0.1", 2)


def test_the_console_can_be_turned_off_by_a_variable(load: Load) -> None:
    """`null` in a variable is null where the setting may be."""
    assert load(MINIMAL, {"GRANTPROXY_CONSOLE": "null"}).settings.console is None


def test_the_secret_key_comes_from_the_environment(load: Load) -> None:
    """GRANTPROXY_SECRET_KEY is no unknown variable, and no repr shows it."""
    configuration = load(MINIMAL, {"GRANTPROXY_SECRET_KEY": "hunter2"})

    assert configuration.secret_key is not None
    assert configuration.secret_key.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(configuration)


def test_references_in_variables_are_resolved(load: Load, tmp_path: Path) -> None:
    """A variable's value is read like a value of the file."""
    (tmp_path / "secret").write_text("from-file\n")

    configuration = load(MINIMAL, {"GRANTPROXY_PROFILES__ORDERS__CREDENTIALS__PASSWORD": "${file:secret}"})

    assert password(configuration) == "from-file"


def test_what_kubernetes_sets_for_a_service_of_our_name_is_no_setting(load: Load) -> None:
    """Service links of a Service called grantproxy keep nothing from starting."""
    links = {
        "GRANTPROXY_SERVICE_HOST": "10.0.0.1",
        "GRANTPROXY_SERVICE_PORT": "8080",
        "GRANTPROXY_SERVICE_PORT_PROXY": "8080",
        "GRANTPROXY_PORT": "tcp://10.0.0.1:8080",
        "GRANTPROXY_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "GRANTPROXY_PORT_8080_TCP_ADDR": "10.0.0.1",
    }

    assert load(MINIMAL, links).settings.listen.port == 8080


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("GRANTPROXY_LISTN", "listen"),
        ("GRANTPROXY_PORT", ""),
        ("GRANTPROXY_PROFILES__ORDRS__GRANT__CLIENT_ID", "orders"),
        ("GRANTPROXY_PROFILES__ORDERS__GRANT__CLIENT_IDENT", "client_id"),
        ("GRANTPROXY_PROFILES__ORDERS__GRANT", ""),
        ("GRANTPROXY_PROFILES__ORDERS__MATCH__7__HOST", ""),
        ("GRANTPROXY_UNMATCHED__X", ""),
    ],
)
def test_a_variable_that_is_no_setting_is_an_error(load: Load, variable: str, meant: str) -> None:
    """A misspelt variable is named together with the nearest name, and its value is not shown."""
    (problem,) = problems_of(load, MINIMAL, {variable: "hunter2"})

    assert problem.variable == variable
    assert meant in problem.message.lower()
    assert "hunter2" not in str(problem)


# What is said of a wrong one

WRONG_FILES = [
    pytest.param("", (1, "", "is empty"), id="empty"),
    pytest.param("# nothing\n", (1, "", "is empty"), id="comments only"),
    pytest.param("- SECRET\n", (1, "", "must be a mapping"), id="a list"),
    pytest.param("SECRET\n", (1, "", "must be a mapping"), id="a word"),
    pytest.param("unmatched: tunnel\n", (None, "profiles", "there is no profile"), id="no profile"),
    pytest.param("profiles: {}\n", (1, "profiles", "there is no profile"), id="empty profiles"),
    pytest.param("profiles: SECRET\n", (1, "profiles", "must be a mapping"), id="profiles of text"),
    pytest.param("a: 1\nb: SECRET: 2\n", (2, "", "is not valid YAML: a colon"), id="colon"),
    pytest.param("a: 1\nb: 'SECRET\n", (None, "", "is not valid YAML: a quote is opened"), id="open quote"),
    pytest.param("a: @SECRET\n", (1, "", "is not valid YAML: a value starts with"), id="at sign"),
    pytest.param("a: *SECRET\n", (1, "", "a value that starts with * must be put in quotes"), id="alias"),
    pytest.param("unmatched: tunnel\n---\na: SECRET\n", (2, "", "second document"), id="two documents"),
    pytest.param("a: &a [*a]\n", (1, "", "contains its own alias"), id="alias of itself"),
    pytest.param("a: " + "[" * 9000 + "]" * 9000, (1, "", "nested too deeply"), id="deep nesting"),
    pytest.param("a: \x01SECRET\n", (1, "", "a character that YAML does not allow"), id="control character"),
]


@pytest.mark.parametrize(("text", "expected"), WRONG_FILES)
def test_a_file_that_is_no_configuration_is_explained(
    load: Load, text: str, expected: tuple[int | None, str, str], tmp_path: Path
) -> None:
    """A file that cannot be read as a configuration is one problem, with its line and no part of it."""
    secret = secrets.token_hex()
    line, key, message = expected

    (problem,) = problems_of(load, text.replace("SECRET", secret))

    assert (problem.file, problem.key) == (tmp_path / "grantproxy.yaml", key)
    assert line is None or problem.line == line
    assert message in problem.message
    assert secret not in str(problem)


def test_aliases_that_multiply_are_stopped(load: Load) -> None:
    """A small file of aliases of aliases ends in an error and not in all of the memory."""
    levels = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 20)}]" for level in range(1, 9)]

    (problem,) = problems_of(load, "\n".join(["a0: &a0 [x]", *levels]))

    assert "expand to too much" in problem.message


# One wrong line in an otherwise right configuration: what is replaced, by what, and what is said.
WRONG_VALUES = [
    pytest.param(
        "unmatched: tunnel", "unmatched: SECRET", "unmatched", "must be tunnel or refuse", id="choice"
    ),
    pytest.param("unmatched: tunnel", "unmatchd: SECRET", "unmatchd", 'did you mean "unmatched"?', id="key"),
    pytest.param("unmatched: tunnel", "Unmatched: tunnel", "Unmatched", "unknown key", id="case of a key"),
    pytest.param("unmatched: tunnel", "_env_file: SECRET", "_env_file", "unknown key", id="key for pydantic"),
    pytest.param("unmatched: tunnel", "listen: SECRET", "listen", "HOST:PORT", id="listen"),
    pytest.param("unmatched: tunnel", "listen: 8080", "listen", "HOST:PORT", id="listen is a number"),
    pytest.param("unmatched: tunnel", "console: '[SECRET]:1'", "console", "HOST:PORT", id="console"),
    pytest.param("unmatched: tunnel", "listen: 0.0.0.0:8080", "listen", "clients", id="open listener"),
    pytest.param("unmatched: tunnel", "workers: 0", "workers", "must be 1 or more", id="no workers"),
    pytest.param("unmatched: tunnel", "workers: SECRET", "workers", "must be a whole number", id="workers"),
    pytest.param(
        "unmatched: tunnel", "workers: 2", "workers", "is not part of this release yet", id="2 workers"
    ),
    pytest.param("unmatched: tunnel", "store: SECRET", "store", "must be memory", id="store"),
    pytest.param("unmatched: tunnel", "store: redis://SECRET@a", "store", "is not part of this", id="redis"),
    pytest.param(
        "unmatched: tunnel", "end_user_header: 'SE CRET'", "end_user_header", "no name of", id="end user"
    ),
    pytest.param(
        "unmatched: tunnel", "end_user_header: Host", "end_user_header", "of its own", id="end user by host"
    ),
    pytest.param(
        "unmatched: tunnel", "console_url: SECRET", "console_url", "https://console", id="console's URL"
    ),
    pytest.param(
        "unmatched: tunnel", "console_url: https://c/SECRET", "console_url", "nothing else", id="its path"
    ),
    pytest.param("unmatched: tunnel", "trusted_ca: SECRET.pem", "trusted_ca", "file", id="no such bundle"),
    pytest.param(
        "unmatched: tunnel", "limits: {heads: 1}", "limits.heads", 'did you mean "head"?', id="limit's key"
    ),
    pytest.param("unmatched: tunnel", "limits: {line: SECRET}", "limits.line", "a size such as", id="size"),
    pytest.param("unmatched: tunnel", "limits: {head: 0}", "limits.head", "greater than 0", id="no head"),
    pytest.param(
        "unmatched: tunnel", "limits: {connections: 1.5}", "limits.connections", "whole number", id="count"
    ),
    pytest.param(
        "unmatched: tunnel", "limits: {read_timeout: SECRET}", "limits.read_timeout", "a number", id="time"
    ),
    pytest.param("unmatched: tunnel", "limits: {line: null}", "limits.line", "has no value", id="no limit"),
    pytest.param("unmatched: tunnel", "limits: SECRET", "limits", "must be a mapping", id="limits"),
    pytest.param(
        "unmatched: tunnel",
        "clients: {a: {secret: SECRET, profiles: [ordrs]}}",
        "clients.a.profiles.0",
        'did you mean "orders"?',
        id="profile of a client",
    ),
    pytest.param(
        "unmatched: tunnel", "clients: {'a:b': {secret: SECRET}}", "clients.a:b", "colon", id="colon"
    ),
    pytest.param(
        "unmatched: tunnel", "clients: {a: {secret: ''}}", "clients.a.secret", "empty", id="no secret"
    ),
    pytest.param("unmatched: tunnel", "clients: {a: SECRET}", "clients.a", "must be a mapping", id="client"),
    pytest.param(
        "unmatched: tunnel", "unmatched: tunnel\nunmatched: SECRET", "unmatched", "is there twice", id="twice"
    ),
    pytest.param(
        "    description: x",
        "    descripton: SECRET",
        "profiles.orders.descripton",
        'unknown key, did you mean "description"?',
        id="profile key",
    ),
    pytest.param(
        "      token_endpoint:", "      token_endpont:", "profiles.orders.grant", "", id="misspelt required"
    ),
    pytest.param(
        "password: SECRET",
        "password: 4711",
        "profiles.orders.credentials.password",
        "must be text: put it in quotes",
        id="number",
    ),
    pytest.param(
        "password: SECRET",
        "password: yes",
        "profiles.orders.credentials.password",
        "must be text: put it in quotes",
        id="yes",
    ),
    pytest.param(
        "password: SECRET",
        "password: 2001-01-01",
        "profiles.orders.credentials.password",
        "must be text: put it in quotes",
        id="date",
    ),
    pytest.param(
        "password: SECRET",
        "password: 2001-99-99",
        "profiles.orders.credentials.password",
        "put it in quotes",
        id="no date",
    ),
    pytest.param(
        "password: SECRET",
        "password: !SECRET x",
        "profiles.orders.credentials.password",
        "put it in quotes",
        id="tag",
    ),
    pytest.param(
        "password: SECRET", "password:", "profiles.orders.credentials.password", "has no value", id="null"
    ),
    pytest.param(
        "password: SECRET",
        "password: [SECRET]",
        "profiles.orders.credentials.password",
        "must be text",
        id="list",
    ),
    pytest.param(
        "password: SECRET",
        "password: a${SECRET}",
        "profiles.orders.credentials.password",
        "${",
        id="dollar and brace",
    ),
    pytest.param(
        "password: SECRET",
        "password: a${x:SECRET}",
        "profiles.orders.credentials.password",
        "${",
        id="unknown reference",
    ),
    pytest.param(
        "password: SECRET",
        "password: x${SECRET:b}",
        "profiles.orders.credentials.password",
        "${",
        id="secret before a colon",
    ),
    pytest.param(
        "password: SECRET",
        "password: ${env:NONE}",
        "profiles.orders.credentials.password",
        "${env:NONE}: the variable is not set",
        id="variable",
    ),
    pytest.param(
        "    description: x", "    payload_limit: 1SECRET", "profiles.orders.payload_limit", "size", id="size"
    ),
    pytest.param(
        "    description: x",
        "    regenerate: SECRET",
        "profiles.orders.regenerate",
        "must be true or false",
        id="boolean",
    ),
    pytest.param(
        "    description: x",
        "    timeout: SECRET",
        "profiles.orders.timeout",
        "must be a number",
        id="seconds",
    ),
    pytest.param(
        "    description: x", "    timeout: 0", "profiles.orders.timeout", "must be greater than 0", id="zero"
    ),
    pytest.param(
        "    description: x",
        "    mode: SECRET",
        "profiles.orders.mode",
        "must be preauthorized or per_user",
        id="mode",
    ),
    pytest.param(
        "    description: x",
        "    connector: SECRET",
        "profiles.orders.connector",
        "must be the URL of a proxy",
        id="connector",
    ),
    pytest.param(
        "    description: x",
        "    fields: [{in: SECRET, key: a, value: b}]",
        "profiles.orders.fields.0.in",
        "must be header, query, payload or path",
        id="place",
    ),
    pytest.param(
        "    description: x",
        "    fields: [{key: a, value: SECRET}]",
        "profiles.orders.fields.0.in",
        "is required",
        id="no place",
    ),
    pytest.param(
        "    description: x",
        "    form_fields: SECRET",
        "profiles.orders.form_fields",
        "must be a list",
        id="form",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "key", "message"), WRONG_VALUES)
def test_a_wrong_value_is_named_with_its_line(
    load: Load, right: str, wrong: str, key: str, message: str
) -> None:
    """Each thing that can be wrong is said with file, line and key, and without the value."""
    assert right in COMPLETE
    text = COMPLETE.replace(right, wrong)
    secret = secrets.token_hex()

    with pytest.raises(ConfigurationError) as caught:
        load(text.replace("SECRET", secret))

    found = [
        problem
        for problem in caught.value.problems
        if message in problem.message and problem.key.startswith(key)
    ]
    assert [problem.line for problem in found][-1:] == [line_of(text, wrong)]
    assert {problem.key.startswith(key) for problem in caught.value.problems} == {True}
    assert secret not in str(caught.value)
    assert secret not in repr(caught.value.problems)


def test_a_key_that_lacks_is_placed_at_its_parent(load: Load) -> None:
    """What is required and not there has the line of the mapping that should hold it."""
    (problem,) = problems_of(
        load, MINIMAL.replace('grant: {token_endpoint: "', 'grant: {refresh_endpoint: "')
    )

    assert (problem.line, problem.key, problem.message) == (
        5,
        "profiles.orders.grant.token_endpoint",
        "is required",
    )


def test_all_problems_come_together_in_order(load: Load, tmp_path: Path) -> None:
    """One error holds the problems of every file and variable, sorted by file and line."""
    text = "unmatched: x\nworkers: x\n" + MINIMAL.replace("hunter2", "'${env:NONE}'")
    beside = {"billing.yaml": ONE_PROFILE + "colour: red\n", "crm.yaml": "a: b: c", "empty.yml": ""}

    problems = problems_of(load, text, {"GRANTPROXY_LISTEN": "x", "GRANTPROXY_ZZZ": "x"}, beside)

    folder = tmp_path / "profiles.d"
    main = tmp_path / "grantproxy.yaml"
    assert [(p.variable or p.file, p.line, p.key) for p in problems] == [
        (main, 1, "unmatched"),
        (main, 2, "workers"),
        (main, 6, "profiles.orders.credentials.password"),
        (folder / "billing.yaml", 4, "profiles.billing.colour"),
        (folder / "crm.yaml", 1, "profiles.crm"),
        (folder / "empty.yml", 1, "profiles.empty"),
        ("GRANTPROXY_LISTEN", None, "listen"),
        ("GRANTPROXY_ZZZ", None, ""),
    ]


@pytest.mark.parametrize(
    "beside", [{"orders.yaml": ONE_PROFILE}, {"b.yaml": ONE_PROFILE, "b.yml": ONE_PROFILE}]
)
def test_a_profile_that_is_defined_twice_names_both_places(
    load: Load, tmp_path: Path, beside: dict[str, str]
) -> None:
    """A name that two files define is an error that names the second file and the first."""
    (problem,) = problems_of(load, MINIMAL, beside=beside)

    first = f"{tmp_path}/grantproxy.yaml:2" if "orders.yaml" in beside else f"{tmp_path}/profiles.d/b.yaml:1"
    assert problem.file == tmp_path / "profiles.d" / list(beside)[-1]
    assert first in problem.message


def test_a_wrong_value_of_a_variable_names_the_variable(load: Load) -> None:
    """A value that came from the environment is not looked for in the file."""
    (problem,) = problems_of(load, MINIMAL, {"GRANTPROXY_PROFILES__ORDERS__TIMEOUT": "hunter2"})

    assert problem.variable == "GRANTPROXY_PROFILES__ORDERS__TIMEOUT"
    assert "hunter2" not in str(problem)


def test_bytes_that_are_no_text_are_said_to_be_none(tmp_path: Path) -> None:
    """A file that is not UTF-8 is an error without a traceback."""
    file = tmp_path / "grantproxy.yaml"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        load_configuration(file, environ={}, cwd=tmp_path)


@pytest.mark.parametrize("options", [{"insecure_open": True}, {"text": "clients: {a: {secret: b}}\n"}])
def test_a_listener_beyond_loopback_wants_clients_or_consent(load: Load, options: dict[str, Any]) -> None:
    """Whoever opens the proxy to others names its clients, or says that everybody is meant."""
    text = MINIMAL + "listen: 0.0.0.0:8080\n" + options.pop("text", "")

    assert load(text, **options).settings.listen.host == "0.0.0.0"


def test_no_repr_shows_a_value(load: Load, tmp_path: Path) -> None:
    """A secret may come from anywhere and stand anywhere; no repr of the configuration holds it."""
    secret = secrets.token_hex()
    (tmp_path / "secret").write_text(secret)
    text = COMPLETE.replace("SECRET", "${file:secret}").replace(
        "description: x", "check_url: 'https://a.example.com/?key=${env:SECRET}'"
    )

    configuration = load(text, {"SECRET": secret, "GRANTPROXY_SECRET_KEY": secret})

    assert password(configuration) == secret
    assert secret not in repr(configuration)
    assert secret not in f"{configuration.settings!r} {configuration.settings} {configuration.positions!r}"


# Warnings


def test_a_file_with_a_password_that_others_can_read_is_warned_of(load: Load, tmp_path: Path) -> None:
    """A password written out in a file of mode 644 is a warning with its line, and no error."""
    file = load(MINIMAL).file
    file.chmod(0o644)

    (warning,) = load_configuration(file, environ={}, cwd=tmp_path).warnings

    assert (warning.file, warning.line, warning.key) == (file, 4, "profiles.orders.credentials.password")


def test_a_secret_file_that_others_can_read_is_warned_of(load: Load, tmp_path: Path) -> None:
    """A file that ${file:} names is looked at too; one of mode 600 is left alone."""
    for name, mode in (("open", 0o640), ("closed", 0o600)):
        (tmp_path / name).write_text("s")
        (tmp_path / name).chmod(mode)
    text = MINIMAL.replace("username: bot", 'username: "${file:closed}"').replace("hunter2", "${file:open}")

    (warning,) = load(text.replace("${file:open}", '"${file:open}"')).warnings

    assert warning.file == tmp_path / "open"


def text_at(configuration: Configuration, path: str) -> str:
    """The setting at a dotted path, as text, secrets included."""
    node: Any = configuration.settings
    for step in path.split("."):
        if isinstance(node, dict):
            node = node[step]
        elif isinstance(node, tuple):
            node = node[int(step)]
        else:
            node = getattr(node, step)
    return str(node.get_secret_value() if hasattr(node, "get_secret_value") else node)


def line_of(text: str, part: str) -> int:
    """The line on which the last line of *part* stands."""
    return text[: text.index(part) + len(part)].count("\n") + 1


COMPLETE = """\
unmatched: tunnel
profiles:
  orders:
    description: x
    match: [{host: api.example.com}]
    credentials:
      username: bot
      password: SECRET
    grant:
      token_endpoint: https://api.example.com/oauth/token
"""

WITH_DASHES = """\
clients:
  bot-1: {secret: s}
profiles:
  my-api:
    match: [{host: api.example.com}]
    credentials: {password: p, userName: u}
    form_fields: [{key: userName}, {key: password}]
    grant:
      token_endpoint: https://api.example.com/oauth/token
      headers: {X-Tenant: t}
    fields: [{in: header, key: a, value: b}]
"""

DESIGN_EXAMPLE = """\
listen: 127.0.0.1:8080
console: 127.0.0.1:8082
unmatched: tunnel
store: memory
workers: 1
clients:
  bot-1: {secret: "${env:BOT_1_SECRET}", profiles: [orders]}
profiles:
  orders:
    description: Orders API of Example Corp
    match:
      - host: "{tenant}.example.com"
        scheme: https
        methods: [GET, POST]
        path: /api/**
    tenancy:
      base_url: "https://{tenant}.example.com"
      tenant: acme
    mode: preauthorized
    credentials:
      username: bot
      password: ${env:ORDERS_PASSWORD}
      pin: "4711"
    form_fields:
      - {key: username, title: User name, help: As printed on the badge, type: textbox, required: true,
         data_type: string, visibility: visible}
      - {key: password, title: Password, type: password, required: true}
      - {key: pin, title: PIN, type: password, required: true, data_type: number, visibility: visible}
    regenerate: true
    grant:
      token_endpoint: /oauth/token
      refresh_endpoint: null
      method: POST
      content_type: urlencoded
      client_id: bot-client
      client_secret: ${env:ORDERS_CLIENT_SECRET}
      client_authentication: client_secret_basic
      scope: [read, write]
      headers: {X-Tenant: "{{tenant}}"}
      query: {}
      parameters: {audience: orders}
      body: null
      refresh_body: null
      response:
        access_token: access_token
        expires_in: expires_in
      expires_in_unit: seconds
      default_lifetime: 3600
    fields:
      - {in: header, key: Authorization, value: "Bearer {{access_token}}"}
      - {in: query, key: api_key, value: "{{token.api_key}}"}
      - {in: payload, key: customer.ssn, value: "{{ssn}}"}
      - {in: path, key: accountId, value: "{{token.account_id}}"}
    auth_error: 401
    check_url: /api/me
    connector: null
"""


@pytest.mark.parametrize(
    ("lines", "keys"),
    [
        pytest.param(
            "    connector: http://u:SECRET@gateway:1", ["profiles.orders.connector"], id="connector"
        ),
        pytest.param("    connector: http://gateway:1", [], id="connector without credentials"),
        pytest.param(
            "    tenancy: {tenant: acme, tenants: {acme: {credentials: {password: SECRET}}}}",
            ["profiles.orders.tenancy.tenants.acme.credentials.password"],
            id="tenant",
        ),
    ],
)
def test_secrets_of_connector_and_tenant_are_warned_of(lines: str, keys: list[str], tmp_path: Path) -> None:
    """Written out in a file that others can read, as the profile's own."""
    file = tmp_path / "grantproxy.yaml"
    file.write_text(
        "profiles:\n  orders:\n    match: {host: api.example.com}\n"
        '    credentials: {username: u, password: "${env:P}"}\n'
        '    grant: {token_endpoint: "https://api.example.com/t"}\n' + lines + "\n"
    )
    file.chmod(0o644)

    warnings = load_configuration(file, environ={"P": "x"}, cwd=tmp_path).warnings

    assert [warning.key for warning in warnings] == keys
    assert "SECRET" not in str(warnings)
