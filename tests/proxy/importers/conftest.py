"""Takes what was imported the whole way: written, loaded, compiled, and asked for its token request."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import pytest

from proxy.composition import compose
from proxy.configuration_files import load_configuration
from proxy.imported_configuration import imported_configuration


@dataclass(frozen=True)
class Sent:
    """A token request in the parts that tests compare."""

    method: str
    url: str
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes | None

    @property
    def form(self):
        return dict(parse_qsl((self.content or b"").decode(), keep_blank_values=True))


@pytest.fixture
def profile_of(tmp_path):
    """The compiled profile of a draft, its variables set to the values given by setting."""

    def compiled(draft, values, **more):
        draft.settings.update(more)
        file = tmp_path / "grantproxy.yaml"
        file.write_text(imported_configuration([draft]))
        environ = {name: values[setting] for name, setting in draft.variables.items()}
        composition = compose(load_configuration(file, environ=environ, cwd=tmp_path), environ={})
        return composition.profiles[draft.name]

    return compiled


@pytest.fixture
def sent(profile_of):
    """The password request of a draft."""

    def request_of(draft, values, **more):
        profile = profile_of(draft, values, **more)
        request = profile.grant.password_request(profile.values({}))
        url, _, query = request.url.partition("?")
        assert urlsplit(url).hostname
        return Sent(request.method, url, dict(parse_qsl(query)), dict(request.headers), request.content)

    return request_of
