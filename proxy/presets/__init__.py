"""The presets: one YAML file for each provider that offers the password grant, and what reads them."""
