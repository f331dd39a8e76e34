"""How the proxy names itself to the token endpoint, in one way and never two (RFC 6749 section 2.3)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from profiles.escaping import escape_form
from profiles.model import ClientAuthentication, GrantSettings

_BASIC = (ClientAuthentication.BASIC, ClientAuthentication.BASIC_RAW)


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
    """The Authorization field for the Basic ways, else nothing. Raises ValueError naming what is wrong."""
    way = settings.way_of_client_authentication
    if way not in _BASIC:
        return {}
    assert settings.client_id is not None
    assert settings.client_secret is not None
    client_id, secret = settings.client_id, settings.client_secret.get_secret_value()
    try:
        if way is ClientAuthentication.BASIC:
            # Section 2.3.1 asks for form encoding first; some servers want it raw, hence the other way.
            client_id, secret = escape_form(client_id), escape_form(secret)
        pair = f"{client_id}:{secret}".encode()
    except ValueError:
        raise ValueError("client_id and client_secret hold characters that UTF-8 does not have") from None
    if ":" in client_id:
        # RFC 7617 section 2: everything behind the first colon would be the secret.
        raise ValueError(f"client_id holds a colon, which client_authentication {way.value} cannot send")
    return {"Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}


def refuse_second_way(
    settings: GrantSettings, headers: Mapping[str, str], parameters: Mapping[str, Mapping[str, Any]]
) -> None:
    """Raises ValueError where a request would carry the client's authentication in more than one place.

    Section 2.3: "The client MUST NOT use more than one authentication method in each request"; servers
    that look at both count a log-in attempt for each. *parameters* are named by the key they stand under.
    """
    way = settings.way_of_client_authentication
    places = [] if way is ClientAuthentication.NONE else [f"client_authentication {way.value}"]
    for name, value in headers.items():
        # Another scheme is not the client's: a gateway in front may want a key of its own there.
        if name.lower() == "authorization" and (way in _BASIC or value[:6].lower() == "basic "):
            places.append(f"the header field {name}")
    places += [f"{key}.client_secret" for key, tree in parameters.items() if "client_secret" in tree]
    if len(places) > 1:
        raise ValueError(f"would authenticate the client twice, by {' and by '.join(places)}: leave one")
