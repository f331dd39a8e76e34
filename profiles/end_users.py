"""Who a request's end user is: the client, or whom the client names in the configured header field."""

from __future__ import annotations

from collections.abc import Mapping

from profiles.errors import EndUserInvalid, EndUserNotAllowed
from profiles.requests import HeaderFields

LOCAL = "local"
"""The one end user of a proxy that demands no clients: nobody there can be told from anybody else."""

LONGEST_NAME = 256


class EndUsers:
    """Tells end users apart. *header* is the field in which clients name them, *allowed* those whom a client
    may name, for the clients that may not name everybody."""

    def __init__(
        self, header: str | None = None, allowed: Mapping[str, frozenset[str]] | None = None
    ) -> None:
        self._field = header.lower().encode("ascii") if header is not None else None
        self._hyphened = (self._field or b"").replace(b"_", b"-")
        self._allowed = allowed or {}
        self.fields = frozenset() if self._field is None else frozenset({self._field})
        """The names, in lower case, of what is for us alone, in a trailer section too."""

    def take(self, fields: HeaderFields) -> tuple[tuple[bytes, ...], HeaderFields]:
        """What the field says, and the header section without it: it is meant for us, whoever sent it."""
        name = self._field
        left = tuple(field for field in fields if field[0].lower().replace(b"_", b"-") != self._hyphened)
        if len(left) == len(fields):
            return (), fields
        # CGI's kin read X_End_User as X-End-User: it goes, and says nothing.
        return tuple(value for key, value in fields if key.lower() == name), left

    def identify(self, client: str | None, named: tuple[bytes, ...]) -> str:
        """The end user's id. Raises EndUserInvalid or EndUserNotAllowed.

        *client* has been authenticated; without one, whoever is named is not believed.
        """
        if client is None:
            return LOCAL
        if not named:
            return client
        user = _parse(named)
        if user == LOCAL:
            raise EndUserNotAllowed(f"{LOCAL} is who came before there were clients")
        if user not in self._allowed.get(client, (user,)):
            raise EndUserNotAllowed(f"client {client} may not act for the end user that it names")
        return user


def _parse(named: tuple[bytes, ...]) -> str:
    if len(set(named)) > 1:
        raise EndUserInvalid("the request names more than one end user")
    try:
        user = named[0].decode().strip(" \t")
    except UnicodeDecodeError:
        raise EndUserInvalid("the end user's name is not UTF-8") from None
    if not user or len(user) > LONGEST_NAME or not user.isprintable():
        raise EndUserInvalid(f"an end user's name has 1 to {LONGEST_NAME} printable characters")
    return user
