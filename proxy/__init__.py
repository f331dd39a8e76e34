"""The shell: command line, settings, the engine that carries the addons, the one place that wires."""
