"""Settings of profiles that nobody thought of, valid or nearly, for the form and its way back."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TRICKY = st.sampled_from(
    [
        *("on", "1e3", "012", "null", "~", "'", '"', "{{x}}", "${", "$${", "${env:X}", "a: b", "# a", "- a"),
        *("a\tb", "a\r\nb", "a\nb\n", " a ", "é", "\U0001f600", "<b>", "&amp;", "\u2028", "\x85", "\x1b[0m"),
    ]
)
TEXTS = st.one_of(TRICKY, st.text(max_size=12))
NAMES = st.one_of(
    st.sampled_from(["username", "password", "pin", "a.b", "X-Key", " a"]),
    st.text(max_size=6).filter(str.strip),
)
BOOLEANS = st.sampled_from([True, False, "true", "off"])
SIZES = st.one_of(st.integers(0, 10**9), st.sampled_from(["10MiB", "512 KiB", "1e3"]))
SECONDS = st.one_of(st.integers(0, 10**6), st.floats(0.5, 1e6), st.sampled_from(["30", "0.5"]))
SECRETS = st.dictionaries(
    NAMES, st.one_of(TEXTS, st.sampled_from(["${env:X}", "${encrypted:AAAA}"])), max_size=3
)
PARAMETERS = st.dictionaries(
    NAMES,
    st.recursive(
        st.one_of(TEXTS, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False), st.dates()),
        lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(NAMES, below, max_size=3)),
        max_leaves=6,
    ),
    max_size=4,
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"])
CONTENT_TYPES = st.sampled_from(["urlencoded", "json", "xml", "oracle-adf"])


def some_of(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with all that is required, and any of the optional; some of those are written as null."""
    nullable = {
        key: value if value is BOOLEANS else st.one_of(value, st.none()) for key, value in optional.items()
    }
    return st.fixed_dictionaries(required, optional=nullable)


MATCH = some_of(
    {"host": TEXTS.filter(str.strip)},
    {
        "scheme": st.sampled_from(["http", "https"]),
        "port": st.one_of(st.integers(1, 65535), st.just("443")),
        "methods": st.lists(st.sampled_from(["GET", "POST"]), max_size=2),
        "path": TEXTS,
    },
)
FORM_FIELD = some_of(
    {"key": NAMES},
    {
        "title": TEXTS,
        "help": TEXTS,
        "type": st.sampled_from(["textbox", "password"]),
        "required": BOOLEANS,
        "data_type": st.sampled_from(["string", "number", "boolean", "date", "email"]),
        "visibility": st.sampled_from(["visible", "hidden", "read_only", "read-only"]),
    },
)
FIELD = some_of(
    {
        "in": st.sampled_from(["header", "query", "payload", "path"]),
        "key": NAMES,
        "value": st.one_of(TEXTS, st.just("Bearer {{access_token}}")),
    },
    {},
)
RULE = st.one_of(st.integers(100, 599), some_of({"status": st.integers(100, 599)}, {"body": TEXTS}))
TENANTS = st.dictionaries(
    NAMES.filter(bool), st.one_of(st.none(), some_of({}, {"credentials": SECRETS})), max_size=3
)
GRANT = some_of(
    {"token_endpoint": TEXTS},
    {
        "refresh_endpoint": TEXTS,
        "method": METHODS,
        "content_type": CONTENT_TYPES,
        "client_id": TEXTS,
        "client_secret": TEXTS,
        "client_authentication": st.sampled_from(["client_secret_basic", "client_secret_post", "none"]),
        "scope": st.one_of(
            st.lists(st.sampled_from(["read", "write", "a b"]), max_size=3), st.just("read write")
        ),
        "headers": SECRETS,
        "query": SECRETS,
        "parameters": PARAMETERS,
        "body": PARAMETERS,
        "refresh_method": METHODS,
        "refresh_content_type": CONTENT_TYPES,
        "refresh_headers": SECRETS,
        "refresh_query": SECRETS,
        "refresh_parameters": PARAMETERS,
        "refresh_body": PARAMETERS,
        "response": some_of({}, dict.fromkeys(["access_token", "expires_in", "expires_at", "scope"], TEXTS)),
        "expires_in_unit": st.sampled_from(["seconds", "milliseconds"]),
        "default_lifetime": SECONDS,
    },
)
PROFILES = some_of(
    {"grant": GRANT, "match": st.one_of(MATCH, st.lists(MATCH, max_size=4))},
    {
        "description": TEXTS,
        "extends": st.sampled_from(["keycloak", "okta"]),
        "tenancy": some_of({}, {"base_url": TEXTS, "tenant": TEXTS, "tenants": TENANTS}),
        "mode": st.sampled_from(["preauthorized", "per_user"]),
        "credentials": SECRETS,
        "form_fields": st.lists(FORM_FIELD, max_size=4),
        "regenerate": BOOLEANS,
        "fields": st.lists(FIELD, max_size=4),
        "auth_error": st.one_of(RULE, st.lists(RULE, max_size=4)),
        "check_url": TEXTS,
        "connector": st.one_of(TEXTS, st.sampled_from(["http://g:1", "http://b:p@g", "http://b:${env:X}@g"])),
        "trusted_ca": TEXTS,
        "client_certificate": TEXTS,
        "client_key": TEXTS,
        "client_key_password": TEXTS,
        "allow_cleartext": BOOLEANS,
        "payload_limit": SIZES,
        "replay_limit": SIZES,
        "renewal_cooldown": SECONDS,
        "timeout": SECONDS,
        "margin": SECONDS,
    },
)
"""Of the right shape; what is in them need not be valid, for what is wrong is to be shown in the form too."""
