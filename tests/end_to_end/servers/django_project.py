"""A Django project around django-oauth-toolkit, run by gunicorn as `django_project:application`.

`python django_project.py` prepares the database. Everything that differs between tests comes by environment.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

DATABASE = os.environ["DJANGO_TEST_DATABASE"]
TOKEN_REQUESTS = os.environ.get("DJANGO_TEST_TOKEN_REQUESTS", os.devnull)
USERNAME, PASSWORD = "bot", "p&ss+w%rd=ü"
CLIENT_ID, CLIENT_SECRET, PUBLIC_CLIENT_ID = "bot-client", "client-s3cret", "public-client"

settings.configure(
    DEBUG=False,
    SECRET_KEY="for tests on loopback",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATABASE,
            # Threads that write at once wait for each other from the beginning of their transactions.
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL",
            },
        }
    },
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "oauth2_provider",
        "rest_framework",
    ],
    MIDDLEWARE=[f"{__name__}.record_token_requests"],
    # The default hasher takes 0.7 s a grant.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    LOGGING_CONFIG=None,
    OAUTH2_PROVIDER={
        "SCOPES": {"read": "Read", "write": "Write"},
        **json.loads(os.environ.get("DJANGO_TEST_OAUTH2_PROVIDER", "{}")),
    },
)
django.setup()

from oauth2_provider.contrib.rest_framework import OAuth2Authentication  # noqa: E402
from oauth2_provider.views.generic import ProtectedResourceView  # noqa: E402
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


def record_token_requests(get_response):
    """Appends one JSON line to a file for each answered token request."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path == "/o/token/":
            line = {"grant_type": request.POST.get("grant_type"), "status": response.status_code}
            with Path(TOKEN_REQUESTS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        return response

    return middleware


class ToolkitView(ProtectedResourceView):
    """Answers a dead token 403 with an empty body."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return JsonResponse({"user": request.resource_owner.username})


class RestFrameworkView(APIView):
    """Answers a dead token 401 with a Bearer challenge."""

    authentication_classes = [OAuth2Authentication]
    permission_classes = [IsAuthenticated]

    def get(self, request: HttpRequest) -> Response:
        return Response({"user": request.user.username})


urlpatterns = [
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("toolkit/me", ToolkitView.as_view()),
    path("rest/me", RestFrameworkView.as_view()),
]


def prepare() -> None:
    """Makes the tables, a user, a confidential and a public client."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from oauth2_provider.models import Application

    call_command("migrate", verbosity=0)
    user = get_user_model().objects.create_user(USERNAME, password=PASSWORD)
    grant = {"authorization_grant_type": Application.GRANT_PASSWORD, "user": user}
    confidential = {"client_type": Application.CLIENT_CONFIDENTIAL, "client_secret": CLIENT_SECRET}
    Application.objects.create(client_id=CLIENT_ID, name="confidential", **confidential, **grant)
    public = {"client_type": Application.CLIENT_PUBLIC, "client_secret": ""}
    Application.objects.create(client_id=PUBLIC_CLIENT_ID, name="public", **public, **grant)


if __name__ == "__main__":
    prepare()
else:
    application = get_wsgi_application()
