"""The form as data: every setting of a profile with its label, its help and its input.

Grouped, ordered and worded as the source's dialog *New Authorization Mechanism*; what that does not have
comes under *More*.
"""

from __future__ import annotations

from proxy.editing.form_settings import REFERENCE_HELP, Group, Setting
from proxy.editing.form_tables import AUTH_ERRORS, FIELDS, FORM_FIELDS, MATCH, TENANTS
from proxy.editing.grant_groups import REFRESH_REQUEST, TOKEN_REQUEST, TOKEN_RESPONSE
from proxy.editing.row_widgets import Pairs
from proxy.editing.secret_widget import Secret
from proxy.editing.widgets import Checkbox, Number, Select, Text, Url
from proxy.presets.catalogue import load_preset, preset_names

GROUPS = (
    Group(
        "Description and preset",
        (
            Setting("description", "Description", Text(), "For people."),
            Setting(
                "extends",
                "Preset",
                Select(tuple((name, load_preset(name).title) for name in preset_names()), unset="none"),
                "A provider's settings, under those of the profile: what is entered here wins.",
            ),
        ),
    ),
    Group(
        "Requests",
        (Setting("match", "Requests of this profile", MATCH, required=True),),
        "Which requests the profile owns: any entry. A proxy has to be told what a platform knows by itself.",
    ),
    Group(
        "Subdomain",
        (
            Setting(
                "tenancy.base_url",
                "Tenancy URL",
                Url(),
                "https://{tenant}.example.com: relative URLs below are resolved against it.",
            ),
            Setting(
                "tenancy.tenant",
                "Tenant",
                Text(),
                "The value of {tenant} where a request's host or path has none.",
            ),
            Setting(
                "tenancy.tenants",
                "Tenants",
                TENANTS,
                "All that are served, where they are to be named; others are refused then.",
                advanced=True,
                item="tenant",
            ),
        ),
    ),
    Group(
        "Authorization mode",
        (
            Setting(
                "mode",
                "Authorization mode",
                Select(
                    (
                        ("preauthorized", "Pre-authorize the integration (recommended)"),
                        ("per_user", "Allow users to authorize the integration"),
                    )
                ),
                "Whether all use the credentials below, or each end user enters their own.",
            ),
            Setting(
                "credentials",
                "Credentials",
                Pairs(),
                f"By the key of a form field. {REFERENCE_HELP}",
                item="credential",
            ),
            Setting(
                "regenerate",
                "Auto-Refresh Token Regeneration",
                Checkbox(default=True),
                "When the refresh token has expired, a new one is asked for with the stored credentials.",
            ),
        ),
    ),
    Group(
        "Form fields",
        (Setting("form_fields", "Form fields", FORM_FIELDS, item="form field"),),
        "What is entered to authorize, and sent to the token URL. Without any: username and password.",
    ),
    Group(
        "Authorization fields",
        (Setting("fields", "Authorization fields", FIELDS, item="authorization field"),),
        "What is written into each request. Without any: the header Authorization: Bearer {{access_token}}. "
        "A value without a placeholder is taken for a secret.",
    ),
    TOKEN_REQUEST,
    REFRESH_REQUEST,
    Group(
        "Auth Error Status Code",
        (Setting("auth_error", "Auth Error Status Code", AUTH_ERRORS, item="status"),),
        "What an origin answers when it does not accept the token. Without any: 401.",
    ),
    Group(
        "Authorization Check URL",
        (
            Setting(
                "check_url", "Authorization Check URL", Url(), "What Test calls, with the fields written in."
            ),
        ),
    ),
    Group(
        "Access using the Connector",
        (
            Setting(
                "connector",
                "Connector",
                Secret(is_connector=True, is_open=True),
                "The proxy on the way to origin and authorization server: http://gateway:3128, https:// or "
                "socks5://, with bot:${env:NAME}@ before the host where it wants credentials.",
            ),
        ),
    ),
    TOKEN_RESPONSE,
    Group(
        "TLS",
        (
            Setting(
                "trusted_ca",
                "Trusted authorities",
                Text(),
                "A PEM file, believed for the profile's own requests.",
            ),
            Setting(
                "client_certificate", "Client certificate", Text(), "A PEM file that is presented to both."
            ),
            Setting("client_key", "Its private key", Text(), "Where that is in another file."),
            Setting("client_key_password", "The key's password", Secret(), REFERENCE_HELP),
        ),
        is_more=True,
    ),
    Group(
        "Limits",
        (
            Setting(
                "allow_cleartext",
                "Allow credentials over unencrypted http",
                Checkbox(default=False),
                "To hosts that are not loopback. Whoever is on the way reads them.",
            ),
            Setting(
                "payload_limit", "Largest payload", Number(), "That a payload field is written into: 10MiB."
            ),
            Setting("replay_limit", "Largest body to send again", Number(), "1MiB."),
            Setting(
                "renewal_cooldown",
                "Renewal cooldown, in seconds",
                Number(),
                "After the origin has rejected a fresh token; 0: none.",
            ),
            Setting("timeout", "Time-out, in seconds", Number(), "Of the token endpoint."),
            Setting(
                "margin", "Margin, in seconds", Number(), "Before its end at which a token is sent no more."
            ),
        ),
        is_more=True,
    ),
)

SETTINGS = {setting.key: setting for group in GROUPS for setting in group.settings}
