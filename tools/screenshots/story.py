"""The hour before the pictures are taken: requests minute by minute, and what went wrong in it."""

from __future__ import annotations

import httpx
from scene import Scene

REQUESTS = [3, 4, 4, 6, 5, 7, 9, 8, 8, 10, 12, 11, 9, 9, 7, 8, 6, 5, 5, 4]
"""A minute, again and again."""
REVOCATIONS = (17, 41)
"""Minutes in which the authorization server forgets what it has issued."""
ORDERS = "https://orders.example.com"
PATHS = ("/api/orders?page={}", "/api/orders/10{}", "/api/customers/4{}/orders", "/api/products/7{}")


def play(scene: Scene) -> None:
    """Leaves the proxy as the pictures show it: in use, with a locked password and a server that is away."""
    with httpx.Client(base_url=scene.url, trust_env=False, timeout=30) as watcher:
        watcher.get(f"/sign-in?token={scene.token}")
        for minute in range(60):
            if minute in REVOCATIONS:
                scene.server.revoke_access_tokens()
            play_minute(scene, minute)
            # Whoever looks on has the console count what there was in this minute.
            watcher.get("/").raise_for_status()
            scene.pass_minutes(1)
    play_the_last_minute(scene)


def play_minute(scene: Scene, minute: int) -> None:
    for number in range(REQUESTS[minute % len(REQUESTS)]):
        scene.request(ORDERS + PATHS[number % len(PATHS)].format(number))
    if minute % 4 == 0:
        scene.request(f"{ORDERS}/accounts/42/orders", method="POST", json={"total": 12})
    if minute % 3 == 0:
        for tenant in ("acme", "globex", "initech"):
            scene.request(f"https://{tenant}.tickets.example.com/api/tickets")
    if minute == 5:
        scene.request("http://prices.example.com/api/prices")
    if minute == 12:
        authorize(scene, "ada")
    if minute == 52:
        for path in ("invoices", "payments"):
            scene.request(f"https://billing.example.com/api/{path}")
    if minute == 57:
        scene.request("https://shipping.example.com/api/parcels")


def play_the_last_minute(scene: Scene) -> None:
    """What stands first among the recent requests: one that took two tries, and what is usual."""
    scene.request(f"{ORDERS}/api/orders/1042")
    scene.server.revoke_access_tokens()
    scene.request(f"{ORDERS}/api/orders", method="POST", json={"total": 12})
    scene.request(f"{ORDERS}/api/orders?page=2")
    scene.request(f"{ORDERS}/accounts/42/orders")


def authorize(scene: Scene, user: str) -> None:
    """An end user enters what the page asks for, and the CRM is asked in their name."""
    entry = {"username": user, "password": scene.passwords[user], "pin": "4711", "department": "Sales"}
    httpx.post(invitation(scene, user), data=entry, trust_env=False, timeout=30).raise_for_status()
    scene.request("https://crm.example.com/api/me", user)


def invitation(scene: Scene, user: str) -> str:
    """The link that an end user is sent to."""
    answer = scene.request("https://crm.example.com/api/me", user)
    link: str = answer.json()["authorize_url"]
    return link
