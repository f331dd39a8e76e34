"""The form's tables: what a row of each list in a profile consists of."""

from __future__ import annotations

from proxy.editing.row_widgets import Column, Pairs, Table
from proxy.editing.secret_widget import Secret
from proxy.editing.widgets import Checkbox, Lines, Number, Select, Text

MATCH = Table(
    (
        Column("host", "Host", Text(), "Exact, *.example.com, or with a capture: {tenant}.example.com"),
        Column("path", "Path", Text(), "/api/**: * is one segment, ** any number"),
        Column("methods", "Methods", Lines(inline=True), "GET, POST"),
        Column(
            "scheme", "Scheme", Select((("https", "https"), ("http", "http")), unset="any"), advanced=True
        ),
        Column("port", "Port", Number(), advanced=True),
    ),
    stands_alone=True,
)

FORM_FIELDS = Table(
    (
        Column("title", "Title of Field", Text(), "What people read"),
        Column("key", "Field Key", Text(), "The name under which the value is sent, and a placeholder"),
        Column("help", "Help Hint", Text(), "What is to be entered"),
        Column(
            "type", "Field Type", Select((("textbox", "Textbox"), ("password", "Password"))), advanced=True
        ),
        Column("required", "Mandatory", Checkbox(default=True), advanced=True),
        Column(
            "data_type",
            "Data Type",
            Select(
                (
                    ("string", "String"),
                    ("number", "Number"),
                    ("boolean", "Boolean"),
                    ("date", "Date"),
                    ("email", "E-mail"),
                )
            ),
            advanced=True,
        ),
        Column(
            "visibility",
            "Visibility",
            Select((("visible", "Visible"), ("hidden", "Hidden"), ("read_only", "Read-only"))),
            advanced=True,
        ),
    )
)

FIELDS = Table(
    (
        Column(
            "in",
            "Field Type",
            Select(
                (
                    ("header", "Header"),
                    ("payload", "Payload"),
                    ("query", "Query String"),
                    ("path", "Path Param"),
                ),
                required=True,
            ),
        ),
        Column("key", "Field Key", Text(), "Of a payload: a dotted path (customer.ssn) or a JSON pointer"),
        Column(
            "value",
            "Field Value",
            Secret(required=True, is_open=True),
            "Bearer {{access_token}}, {{token.api_key}}, {{pin}}",
        ),
    )
)

AUTH_ERRORS = Table(
    (
        Column("status", "Status", Number()),
        Column(
            "body", "Pattern in the body", Text(strips=False), "A regular expression; any body where empty"
        ),
    ),
    bare="status",
    stands_alone=True,
)

TENANTS = Table(
    (
        Column("name", "Tenant", Text()),
        Column(
            "credentials",
            "Its own credentials",
            Pairs(),
            "They win over the profile's, key by key",
            item="credential",
        ),
    ),
    keyed="name",
)
