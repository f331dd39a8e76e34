"""The console: health, metrics and pages about a running proxy, on a listener of their own."""
