"""A look-up finds what mitmproxy's own would find."""

from collections.abc import Mapping

from hypothesis import example, given, settings
from hypothesis import strategies as st
from mitmproxy import http

from proxy.header_lookups import contains, get

NAMES = st.sampled_from(["host", "Host", "HOST", "content-length", "x-é"])
FIELDS = st.lists(
    st.tuples(NAMES.map(lambda name: name.encode("utf-8", "surrogateescape")), st.binary(max_size=4))
)


@settings(max_examples=200, deadline=None)
@given(fields=FIELDS, name=NAMES, as_bytes=st.booleans())
@example(fields=[(b"Host", b"\xc3"), (b"host", b"\xa9")], name="host", as_bytes=False)
@example(fields=[(b"Host", b"")], name="host", as_bytes=True)
def test_looked_up_fields_are_mitmproxys(
    fields: list[tuple[bytes, bytes]], name: str, *, as_bytes: bool
) -> None:
    """Whatever the case, however often the field comes, and whatever bytes it holds."""
    headers = http.Headers(fields)
    key = name.encode("utf-8", "surrogateescape") if as_bytes else name

    found, is_there = get(headers, key), contains(headers, key)

    # What a mapping does by `__getitem__`, which is left as it is.
    assert found == Mapping.get(headers, key)
    assert is_there == Mapping.__contains__(headers, key)
    assert get(headers, key, "other") == Mapping.get(headers, key, "other")
