"""The express lane: HTTP/1.1 on asyncio protocols, plain and intercepted; the rest is handed over."""
