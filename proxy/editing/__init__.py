"""Changing a profile: its file as a form and back, the checks before a save, and the save itself."""
