"""Stands in for an absent ray: `PYTHONPATH=tests/without_engine`, in this process and its children (see Makefile)."""

raise ModuleNotFoundError("No module named 'ray' (hidden by tests/without_engine)", name="ray")
