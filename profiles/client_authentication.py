"""How the proxy names itself to the token endpoint, in one way and never two (RFC 6749 section 2.3)."""

from __future__ import annotations

import base64
from urllib.parse import quote_plus

from profiles.model import ClientAuthentication, GrantSettings


def client_parameters(settings: GrantSettings) -> dict[str, str]:
    """What goes into the body: both for client_secret_post, the id alone for a public client."""
    if settings.client_id is None:
        return {}
    match settings.way_of_client_authentication:
        case ClientAuthentication.POST:
            assert settings.client_secret is not None
            return {
                "client_id": settings.client_id,
                "client_secret": settings.client_secret.get_secret_value(),
            }
        case ClientAuthentication.NONE:
            return {"client_id": settings.client_id}
        case _:
            return {}


def client_headers(settings: GrantSettings) -> dict[str, str]:
    """The Authorization field for the Basic ways, else nothing."""
    way = settings.way_of_client_authentication
    if way not in (ClientAuthentication.BASIC, ClientAuthentication.BASIC_RAW):
        return {}
    assert settings.client_id is not None
    assert settings.client_secret is not None
    client_id, secret = settings.client_id, settings.client_secret.get_secret_value()
    if way is ClientAuthentication.BASIC:
        # Section 2.3.1 asks for form encoding first; some servers want it raw, hence the other way.
        client_id, secret = quote_plus(client_id), quote_plus(secret)
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode("ascii")}
