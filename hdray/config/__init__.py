"""The configuration of a run: the typed tree, its presets, and the command line."""
