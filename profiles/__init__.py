"""The domain: what an authorization profile is and how its tokens are had and used.

Knows no mitmproxy and does no I/O, but for the one network module (`token_endpoint`) and the stores.
"""
