"""A curl command line taken apart: what is sent where, in curl's own terms (its manual page)."""

from __future__ import annotations

import getopt
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from proxy.importers.draft import UnreadableSource

_CONTINUATION = re.compile(r"[\\^`][ \t]*\r?\n")
_ANSI_C = re.compile(r"(?<![\w$])\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
"""`$'...'` of bash, which browsers write in "copy as cURL"; shlex does not know it."""

_SHORT = (
    {"d": "data", "F": "form", "H": "header", "X": "request", "u": "user", "A": "user-agent", "e": "referer"}
    | {"b": "cookie", "G": "get", "I": "head", "k": "insecure", "L": "location", "n": "netrc", "x": "proxy"}
    | {"U": "proxy-user", "E": "cert", "T": "upload-file", "K": "config", "o": "output", "w": "write-out"}
    | {"m": "max-time", "D": "dump-header", "c": "cookie-jar", "y": "speed-time", "Y": "speed-limit"}
    | {"s": "silent", "S": "show-error", "v": "verbose", "i": "include", "f": "fail", "g": "globoff"}
    | {"N": "no-buffer", "#": "progress-bar", "O": "remote-name", "q": "disable", "J": "remote-header-name"}
    | {"4": "ipv4", "6": "ipv6", "0": "http1.0", "1": "tlsv1"}
)

_DATA = ("data", "data-ascii", "data-raw", "data-binary", "data-urlencode", "json", "form", "form-string")
_AS_HEADER = {
    "header": "",
    "user-agent": "User-Agent: ",
    "referer": "Referer: ",
    "cookie": "Cookie: ",
    "oauth2-bearer": "Authorization: Bearer ",
}
_WITHOUT_EFFECT = frozenset(
    {
        "get",
        "basic",
        "silent",
        "show-error",
        "verbose",
        "include",
        "fail",
        "fail-with-body",
        "globoff",
        "junk",
    }
    | {"no-buffer", "progress-bar", "no-progress-meter", "remote-name", "remote-header-name", "compressed"}
    | {"ipv4", "ipv6", "http1.0", "http1.1", "http2", "http2-prior-knowledge", "http3", "no-keepalive"}
    | {"tcp-nodelay", "disable", "styled-output", "no-styled-output", "tlsv1", "tlsv1.2", "tlsv1.3"}
)
_WITHOUT_EFFECT_WITH_VALUE = frozenset(
    {"output", "write-out", "max-time", "connect-timeout", "retry", "retry-delay", "retry-max-time", "stderr"}
    | {"dump-header", "trace", "trace-ascii", "cookie-jar", "speed-time", "speed-limit"}
)
_NOT_CARRIED = {
    "insecure": "certificates are always verified; trusted_ca names an authority to believe",
    "location": "the token endpoint's redirects are never followed",
    "location-trusted": "the token endpoint's redirects are never followed",
    "digest": "client authentication by Digest",
    "ntlm": "client authentication by NTLM",
    "negotiate": "client authentication by SPNEGO",
    "netrc": "credentials out of .netrc",
    "head": "the method HEAD",
}
_NOT_CARRIED_WITH_VALUE = {
    "proxy": "the proxy on the way; see connector",
    "proxy-user": "the proxy's credentials; see connector",
    "cacert": "an authority to believe; see trusted_ca",
    "capath": "authorities to believe; see trusted_ca",
    "cert": "a client certificate; see client_certificate",
    "key": "a client certificate's key; see client_key",
    "upload-file": "a body out of a file",
    "config": "options out of a file",
    "resolve": "an address for the host",
    "aws-sigv4": "a signature",
}
_WITH_VALUE = (
    {"request", "user", "url", *_DATA, *_AS_HEADER}
    | _WITHOUT_EFFECT_WITH_VALUE
    | set(_NOT_CARRIED_WITH_VALUE)
)
_FLAGS = _WITHOUT_EFFECT | set(_NOT_CARRIED)


@dataclass
class CurlCommand:
    """What curl was asked to send. The repr shows no value: any of them may be a secret.

    `data` has the data options by their long names, in their order.
    """

    url: str = field(repr=False)
    method: str | None = None
    is_get: bool = False
    user: str | None = field(default=None, repr=False)
    headers: list[str] = field(default_factory=list, repr=False)
    data: list[tuple[str, str]] = field(default_factory=list, repr=False)
    not_carried_over: list[str] = field(default_factory=list)


def split_command(text: str) -> list[str]:
    """A command line as the shell splits it, over several lines too. Raises UnreadableSource."""
    text = text.strip().removeprefix("$ ")
    text = _ANSI_C.sub(lambda found: shlex.quote(_unescaped(found[1])), _CONTINUATION.sub(" ", text))
    try:
        return shlex.split(text)
    except ValueError:
        raise UnreadableSource("the command line has a quote that is never closed") from None


def parse_curl(words: Sequence[str]) -> CurlCommand:
    """Reads the words of one curl command. Raises UnreadableSource."""
    if words[:1] and re.split(r"[/\\]", words[0])[-1].removesuffix(".exe") == "curl":
        words = words[1:]
    options, positional, unknown = _options(list(words))
    urls = [value for name, value in options if name == "url"] + positional
    # The value of an unknown option may stand among the URLs.
    urls.sort(key=lambda url: "://" not in url)
    if not urls:
        raise UnreadableSource("the command line has no URL")
    command = CurlCommand(urls[0], not_carried_over=unknown)
    if len(urls) > 1 and not unknown:
        command.not_carried_over.append("further URLs: only the first is read")
    for name, value in options:
        _apply(command, name, value)
    return command


def _options(words: list[str]) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """Options by their long names, words that are none, and what is said of unknown options."""
    short = "".join(letter + (":" if name in _WITH_VALUE else "") for letter, name in _SHORT.items())
    long = [*_FLAGS, *(f"{name}=" for name in _WITH_VALUE)]
    unknown: list[str] = []
    while True:
        try:
            found, positional = getopt.gnu_getopt(words, short, long)
        except getopt.GetoptError as error:
            kept = [word for word in words if word.partition("=")[0] != f"--{error.opt}"]
            if len(kept) == len(words) or error.opt in _WITH_VALUE:
                raise UnreadableSource(f"the command line: option {error.opt} is not understood") from None
            unknown.append(f"--{error.opt}: an option that is not known here")
            words = kept
            continue
        named = [(name[2:] if name[:2] == "--" else _SHORT[name[1:]], value) for name, value in found]
        return named, positional, unknown


def _apply(command: CurlCommand, name: str, value: str) -> None:
    said: Mapping[str, str] = _NOT_CARRIED | _NOT_CARRIED_WITH_VALUE
    match name:
        case "request":
            command.method = value
        case "get":
            command.is_get = True
        case "user":
            command.user = value
        case "cookie" if "=" not in value:
            command.not_carried_over.append("--cookie: cookies out of a file")
        case _ if name in _AS_HEADER:
            command.headers.append(_AS_HEADER[name] + value)
        case _ if name in _DATA:
            command.data.append((name, value))
        case _ if name in said:
            command.not_carried_over.append(f"--{name}: {said[name]}")


def _unescaped(text: str) -> str:
    named = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}

    def character(found: re.Match[str]) -> str:
        escape = found[1]
        if escape[0] in "xu" and len(escape) > 1:
            return chr(int(escape[1:], 16))
        return named.get(escape, escape)

    return re.sub(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|.)", character, text, flags=re.DOTALL)
