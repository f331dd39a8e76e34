"""The form's groups about tokens: how they are asked for, and where the answer has them."""

from __future__ import annotations

from profiles.model import ClientAuthentication
from proxy.editing.form_settings import REFERENCE_HELP, Group, Setting
from proxy.editing.row_widgets import Pairs
from proxy.editing.secret_widget import Secret
from proxy.editing.widgets import Lines, Number, Select, Text, Url
from proxy.editing.yaml_widget import Yaml

AS_ABOVE = "as for the token URL"

METHODS = tuple((method, method) for method in ("POST", "GET", "PUT", "PATCH", "DELETE"))

CONTENT_TYPES = (
    ("urlencoded", "URL Encoded JSON"),
    ("json", "JSON"),
    ("xml", "XML"),
    ("rss", "RSS"),
    ("csv", "CSV"),
    ("text", "Text"),
    ("twitter", "Twitter Encoded JSON"),
    ("form-data", "Multipart/Form-data"),
    ("related", "Multipart/Related"),
    ("oracle-adf", "Oracle ADF"),
)
"""By the source's labels."""

TOKEN_REQUEST = Group(
    "Token URL",
    (
        Setting(
            "grant.token_endpoint",
            "Token URL",
            Url(),
            "Where tokens are asked for; {tenant} and {{name}} may stand in it.",
            required=True,
        ),
        Setting("grant.method", "Token URL Method", Select(METHODS)),
        Setting("grant.content_type", "Token URL Content Type", Select(CONTENT_TYPES)),
        Setting("grant.client_id", "Client id", Text()),
        Setting("grant.client_secret", "Client secret", Secret(), REFERENCE_HELP),
        Setting(
            "grant.client_authentication",
            "Client authentication",
            Select(
                (
                    (ClientAuthentication.BASIC.value, "client_secret_basic"),
                    (ClientAuthentication.BASIC_RAW.value, "client_secret_basic_raw (not form-encoded)"),
                    (ClientAuthentication.POST.value, "client_secret_post"),
                    (ClientAuthentication.NONE.value, "none"),
                )
            ),
            "How client id and secret are sent. By default client_secret_basic, where there is a secret.",
        ),
        Setting("grant.scope", "Scope", Lines(splits=True), "One a line."),
        Setting(
            "grant.headers",
            "Header fields",
            Pairs(is_open=True),
            "Of the token requests. What is no placeholder and no reference is taken for a secret.",
            advanced=True,
            item="header field",
        ),
        Setting("grant.query", "Query", Pairs(is_open=True), "Likewise.", advanced=True, item="parameter"),
        Setting(
            "grant.parameters",
            "Parameters",
            Yaml(),
            "YAML: added to the standard parameters of both requests; null takes one away. What stands under "
            "a telling name (password, secret, token, key, pin), or looks like a key, is encrypted.",
            advanced=True,
        ),
        Setting(
            "grant.body",
            "Body",
            Yaml(),
            "YAML: in the place of the standard parameters, such as UserName: '{{username}}'.",
            advanced=True,
        ),
    ),
)

REFRESH_REQUEST = Group(
    "Refresh Token URL",
    (
        Setting("grant.refresh_endpoint", "Refresh Token URL", Url(), "The token URL, where empty."),
        Setting("grant.refresh_method", "Method", Select(METHODS, unset=AS_ABOVE), advanced=True),
        Setting(
            "grant.refresh_content_type", "Content type", Select(CONTENT_TYPES, unset=AS_ABOVE), advanced=True
        ),
        Setting(
            "grant.refresh_headers",
            "Header fields",
            Pairs(is_optional=True, is_open=True),
            advanced=True,
            item="header field",
        ),
        Setting(
            "grant.refresh_query",
            "Query",
            Pairs(is_optional=True, is_open=True),
            advanced=True,
            item="parameter",
        ),
        Setting("grant.refresh_parameters", "Parameters", Yaml(), "YAML; {} for none.", advanced=True),
        Setting("grant.refresh_body", "Body", Yaml(), "YAML.", advanced=True),
    ),
    "What differs for the refresh request; what is empty is as for the token URL.",
)

TOKEN_RESPONSE = Group(
    "Token response",
    (
        *(
            Setting(f"grant.response.{key}", key, Text())
            for key in (
                *("access_token", "token_type", "expires_in", "expires_at", "refresh_token"),
                *("refresh_expires_in", "scope"),
            )
        ),
        Setting(
            "grant.expires_in_unit",
            "Unit of expires_in",
            Select((("seconds", "seconds"), ("milliseconds", "milliseconds"))),
        ),
        Setting(
            "grant.default_lifetime",
            "Lifetime, in seconds",
            Number(),
            "Where the answer names none, and the token is no JWT that does.",
        ),
    ),
    "Where the members of the answer stand: JMESPath (data.token), header:Name or cookie:Name.",
    is_more=True,
)
