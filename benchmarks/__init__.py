"""Measurements of hdray against its baselines: both sides in one run. `make bench`, or a module on its own."""
