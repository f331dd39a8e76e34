"""The adapters between mitmproxy and the domain: events in, answers out; one addon a file."""
