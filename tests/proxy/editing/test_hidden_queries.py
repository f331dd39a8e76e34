"""What a URL says behind its question mark may be a key: it is hidden, and comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.display import MASK
from proxy.editing.hidden_queries import with_hidden_query, with_query_of

PARTS = st.sampled_from(
    ["?", "&", "=", "//", "@", ":", "a", "b", "secret", "{{x}}", "{tenant}", "${env:A&B=C?}", MASK]
)
URLS = st.one_of(st.text(), st.lists(PARTS).map("".join))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("https://a/b", "https://a/b", id="none"),
        pytest.param("https://a/b?", "https://a/b?", id="empty"),
        pytest.param("/me?key=secret", f"/me?key={MASK}", id="relative"),
        pytest.param("https://a?k=1&l=2", f"https://a?k={MASK}&l={MASK}", id="two"),
        pytest.param("https://a?secret", f"https://a?{MASK}", id="without-a-name"),
        pytest.param("https://a?k=a=b?c", f"https://a?k={MASK}", id="signs-in-a-value"),
        pytest.param(
            "https://a?k={{tenant}}&l={tenant}", "https://a?k={{tenant}}&l={tenant}", id="placeholders"
        ),
        pytest.param("https://a?k=x{{tenant}}", f"https://a?k={MASK}", id="mixed"),
        pytest.param("https://a?k=${env:A&B?C}&l=", "https://a?k=${env:A&B?C}&l=", id="reference"),
        pytest.param("https://u:p@a/b", f"https://{MASK}@a/b", id="password"),
        pytest.param("https://u@a/b@c", f"https://{MASK}@a/b@c", id="user"),
        pytest.param("https://${env:A}@a", "https://${env:A}@a", id="user-by-reference"),
    ],
)
def test_what_may_be_a_key_is_hidden(url: str, shown: str) -> None:
    """References and placeholders are none; the names are shown."""
    assert with_hidden_query(url) == shown


@pytest.mark.parametrize(
    ("entered", "result"),
    [
        pytest.param(f"https://other/?k={MASK}", "https://other/?k=1", id="another-host"),
        pytest.param(f"https://a/?l={MASK}&new=3&k={MASK}", "https://a/?l=2&new=3&k=1", id="another-order"),
        pytest.param(f"https://a/?k=new&l={MASK}", "https://a/?k=new&l=2", id="one-typed-anew"),
        pytest.param(f"https://a/?m={MASK}", None, id="another-name"),
        pytest.param(f"https://a/?k={MASK}&k={MASK}", None, id="one-more"),
        pytest.param(f"https://{MASK}@a/", None, id="no-user"),
        pytest.param("https://a/", "https://a/", id="without"),
    ],
)
def test_what_is_hidden_is_kept_by_its_name(entered: str, result: str | None) -> None:
    """Whatever else of the URL has changed."""
    assert with_query_of(entered, "https://a/?k=1&l=2") == result


@given(URLS)
def test_any_url_comes_back_as_it_was(url: str) -> None:
    """Though it may be none."""
    assert with_query_of(with_hidden_query(url), url) == url
