"""The console's HTTP API: what its pages show and do, as JSON."""
