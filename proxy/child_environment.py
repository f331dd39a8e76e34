"""The environment variables that send a program through the proxy, make it trust the proxy's certificates,
and keep from it what only the proxy needs to know.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from profiles.host_patterns import HostPattern, Precision
from proxy.trust_files import ADDING_VARIABLES, BUNDLE_VARIABLES, JAVA_PASSWORD, TrustFiles

NEEDED_BY_ANY_PROGRAM = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "TERM", "LANG", "TZ", "TMPDIR", "XDG_CONFIG_HOME"}
)
"""No secrets, so a configuration that refers to one of them does not cost the command it."""

_OUR_NAMESPACE = "GRANTPROXY_"


def proxy_url(host: str, port: int, client: tuple[str, str] | None = None) -> str:
    """The proxy's URL, with the name and secret of a *client* if one is given."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    user = "".join(
        f"{quote(name, safe='')}:{quote(secret, safe='')}@" for name, secret in filter(None, [client])
    )
    return f"http://{user}[{host}]:{port}" if ":" in host else f"http://{user}{host}:{port}"


def variables(
    url: str, trust: TrustFiles, owned: Iterable[HostPattern], environ: Mapping[str, str]
) -> dict[str, str]:
    """The variables for a program that is to use the proxy at *url*.

    ALL_PROXY is left as it is: for http and https the two specific variables win over it, and what
    is neither does not concern an HTTP proxy.
    """
    no_proxy = ",".join(bypasses(environ.get("NO_PROXY") or environ.get("no_proxy") or "", owned))
    found = {
        "HTTP_PROXY": url,
        "HTTPS_PROXY": url,
        "http_proxy": url,  # curl reads no other spelling for http
        "https_proxy": url,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "NODE_USE_ENV_PROXY": "1",
    }
    found |= dict.fromkeys(BUNDLE_VARIABLES, str(trust.bundle))
    found |= dict.fromkeys(ADDING_VARIABLES, str(trust.added))
    found["JAVA_TOOL_OPTIONS"] = _java_options(url, trust, no_proxy, environ.get("JAVA_TOOL_OPTIONS", ""))
    return found


def bypasses(no_proxy: str, owned: Iterable[HostPattern]) -> list[str]:
    """The entries of NO_PROXY that may stay: those that would hide no host that a profile owns.

    Nothing is added for loopback: a profile may own an origin there. Where the user names none, all
    goes through the proxy, which tunnels what no profile owns.
    """
    owned = tuple(owned)
    entries = [entry for entry in re.split(r"[,\s]+", no_proxy) if entry]
    return [entry for entry in entries if not any(_hides(entry, pattern) for pattern in owned)]


def without_credentials(environ: Mapping[str, str], referenced: Iterable[str]) -> dict[str, str]:
    """*environ* without our own settings and without what the configuration refers to as `${env:NAME}`."""
    withheld = frozenset(referenced) - NEEDED_BY_ANY_PROGRAM
    return {
        name: value
        for name, value in environ.items()
        if name not in withheld and not name.upper().startswith(_OUR_NAMESPACE)
    }


def assignments(found: Mapping[str, str], shell: str) -> list[str]:
    """One line a variable that *shell* (sh, fish or powershell) evaluates to exactly the value."""
    return [_ASSIGNMENT[shell](name, value) for name, value in found.items()]


def _sh(name: str, value: str) -> str:
    # Within sh's single quotes nothing is special, and a quote cannot stand: it is put between two pairs.
    escaped = value.replace("'", "'\"'\"'")
    return f"export {name}='{escaped}'"


def _fish(name: str, value: str) -> str:
    # Within fish's single quotes only \\ and \' are escapes.
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{escaped}'"


def _powershell(name: str, value: str) -> str:
    # PowerShell takes typographic quotes for quotes; each is escaped by doubling.
    escaped = re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", value)
    return f"$env:{name} = '{escaped}'"


_ASSIGNMENT = {"sh": _sh, "fish": _fish, "powershell": _powershell}
SHELLS = tuple(_ASSIGNMENT)


def _hides(entry: str, pattern: HostPattern) -> bool:
    """Whether a client that bypasses the proxy for *entry* may bypass it for a host of *pattern*."""
    if entry == "*":
        return True
    network = _network(entry)
    if network is not None:
        return pattern.precision is Precision.EXACT and _is_within(pattern.suffix, network)
    # Programs differ in whether `example.com` means the hosts below it too: the wider reading is taken.
    name = entry.lower().removeprefix("*").lstrip(".").rpartition("//")[2]
    name = re.sub(r":\d+$", "", name).rstrip(".")
    if pattern.suffix == name or pattern.suffix.endswith(f".{name}"):
        return True
    return pattern.precision is not Precision.EXACT and name.endswith(f".{pattern.suffix}")


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None


def _is_within(host: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    if host == "localhost":
        return network.is_loopback
    try:
        return ipaddress.ip_address(host) in network
    except ValueError:
        return False


def _java_options(url: str, trust: TrustFiles, no_proxy: str, theirs: str) -> str:
    """Java reads none of the other variables. It has no way to give a proxy a name and secret."""
    host, _, port = url.rpartition("@")[2].removeprefix("http://").rpartition(":")
    # Java has its own spelling: `|` between entries, `*` for what stands below a name.
    bypassed = "|".join(
        f"*{entry}" if entry.startswith(".") else entry for entry in no_proxy.split(",") if entry
    )
    options = {
        "http.proxyHost": host.strip("[]"),
        "http.proxyPort": port,
        "https.proxyHost": host.strip("[]"),
        "https.proxyPort": port,
        "http.nonProxyHosts": bypassed,  # set even if empty: its default is loopback
        "javax.net.ssl.trustStore": str(trust.java),
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": JAVA_PASSWORD,
    }
    # The JVM splits at white space and honours quotes.
    ours = " ".join(f"-D{name}={_java_quoted(value)}" for name, value in options.items())
    return f"{theirs} {ours}".strip()


def _java_quoted(value: str) -> str:
    if not re.search(r"[\s'\"]", value):
        return value
    return f'"{value}"' if '"' not in value else f"'{value}'"


class WatchedEnvironment(dict[str, str]):
    """An environment that remembers which variables were asked for by name, as `${env:NAME}` does."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return super().__getitem__(name)
