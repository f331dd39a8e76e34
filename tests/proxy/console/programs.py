"""A program that asks the console's API, and looks at every answer."""

from __future__ import annotations

from typing import Any

import httpx

from tests.proxy.console.conftest import SENTINELS

PROBLEM = "application/problem+json"


class Program:
    """Asks with the console's token; no answer may hold a secret, and a failure is a problem document."""

    def __init__(self, watched: Any, client: httpx.AsyncClient) -> None:
        self.watched = watched
        self._client = client
        self.headers = {
            "Authorization": f"Bearer {watched.built.sign_in_token}",
            "Content-Type": "application/json",
        }

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.ask("POST", path, body, **options)

    async def put(self, path: str, body: Any) -> httpx.Response:
        return await self.ask("PUT", path, body)

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        if body is not None:
            options["json"] = body
        answer = await self._client.request(method, path, headers=self.headers, **options)
        assert [text for text in SENTINELS if text in answer.text] == []
        if answer.status_code >= 400:
            problem = answer.json()
            assert answer.headers["content-type"] == PROBLEM
            assert problem["type"] == f"urn:grantproxy:problem:{problem['slug']}"
            assert problem["status"] == answer.status_code
        return answer
