"""The overview as it is sent: every profile at a glance, the last hour, what to look at."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from proxy.console.overview import PAGE
from proxy.settings import Address
from tests.proxy.console.conftest import SENTINELS, matching

Watch = Callable[..., Any]


async def overview(watched: Any, query: str = "") -> str:
    async with watched.client() as client:
        await watched.sign_in(client)
        answer = await client.get(f"/{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


def names(page: str) -> list[str]:
    return re.findall(r'data-profile="([^"]*)"', page)


async def test_every_profile_has_its_state(watch: Watch) -> None:
    """In words; what a description holds is text, and no markup."""
    watched = watch(profiles={"calendar": matching("/calendar/**", mode="per_user", credentials={})})
    await watched.use()
    await watched.use("calendar", user="ada")
    page = await overview(watched)

    assert names(page) == ["calendar", "orders"]
    assert '<span class="state good">valid</span>' in page
    assert "1 authorized" in page
    assert "Orders &lt;b&gt;API&lt;/b&gt;" in page
    assert [text for text in SENTINELS if text in page] == []


async def test_the_page_says_where_the_proxy_is(watch: Watch) -> None:
    """And when it takes no requests any more."""
    watched = watch(unmatched="refuse")
    watched.proxy.address = Address("127.0.0.1", 8080)
    before = await overview(watched)
    watched.proxy.is_ready = False
    after = await overview(watched)

    assert "The proxy takes requests</span> at <code>127.0.0.1:8080</code>" in before
    assert "are\n  refused" in before
    assert "takes no requests" in after


async def test_the_charts_have_their_numbers(watch: Watch) -> None:
    """For those who do not see bars, and in a table."""
    watched = watch()
    for _ in range(1234):
        watched.composition.tallies.request_ended("orders", "forwarded", replayed=False)
    watched.clock.now -= watched.clock.now % 60 - 5
    page = await overview(watched)

    assert "1,234 in the last hour, at most 1,234 in a minute, 1,234 in the current one." in page
    assert page.count("<rect") == 120
    assert 'height="100.0"' in page
    assert '<td class="amount">1,234</td><td class="amount">0</td>' in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=p0123", ["p0123"]),
        ("?q=nothing", []),
        ("?page=2", [f"p{number:04}" for number in range(99, 199)]),
        ("?page=99", [f"p{number:04}" for number in range(199, 250)]),
        ("?page=0", None),
        ("?page=-1", None),
        ("?page=x", None),
        ("?page=%D9%A3", None),
        ("?state=unused&q=p00&page=1", [f"p{number:04}" for number in range(100)]),
        ("?state=nothing", None),
        ("?state=locked", []),
        ("?q=%3Cscript%3E", []),
    ],
)
async def test_many_profiles_are_filtered_and_paged(
    watch: Watch, query: str, found: list[str] | None
) -> None:
    """By the address; what makes no sense there is as if it were not."""
    watched = watch(profiles={f"p{number:04}": matching(f"/p{number}/**") for number in range(250)})
    page = await overview(watched, query)

    assert names(page) == (
        found if found is not None else ["orders", *[f"p{number:04}" for number in range(99)]]
    )
    assert "<script>" not in page


async def test_pages_lead_to_each_other_within_a_choice(watch: Watch) -> None:
    """And each has a title of its own."""
    watched = watch(profiles={f"p{number:04}": matching(f"/p{number}/**") for number in range(250)})
    page = await overview(watched, "?q=p0&page=2")

    assert 'href="?q=p0&amp;page=1" rel="prev"' in page
    assert 'href="?q=p0&amp;page=3" rel="next"' in page
    assert "<title>Overview (p0, page 2) " in page
    assert 'data-events="/events?q=p0&amp;page=2"' in page
    assert len(names(page)) == PAGE


async def test_warnings_lead_to_their_profiles(watch: Watch) -> None:
    """A section that is hidden where there is nothing to look at."""
    warned = await overview(watch({"allow_cleartext": True}))
    calm = await overview(watch())

    assert 'allow_cleartext is on. <a href="/profiles/orders">orders</a></li>' in warned
    assert 'id="warnings">' in warned
    assert 'id="warnings" hidden>' in calm


async def test_editing_is_offered_where_it_is_allowed(watch: Watch) -> None:
    """`console_editing`."""
    assert 'href="/new-profile"' in await overview(watch())
    assert 'href="/new-profile"' not in await overview(watch(console_editing=False))


async def test_nothing_is_styled_or_scripted_in_the_page(watch: Watch) -> None:
    """The policy would have it ignored."""
    page = await overview(watch())

    assert re.findall(r"<[^>]+ (?:style|on\w+)=", page) == []
    assert re.findall(r"<script(?! src=)", page) == []
    assert set(re.findall(r'(?:src|href)="(https?:|//|data:)', page)) == set()
