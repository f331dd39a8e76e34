"""Profiles out of what other tools have: Postman collections, OpenAPI documents, curl command lines."""
