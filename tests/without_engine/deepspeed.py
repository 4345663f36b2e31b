"""Stands in for an absent deepspeed: `PYTHONPATH=tests/without_engine` (see ray.py beside this file)."""

raise ModuleNotFoundError("No module named 'deepspeed' (hidden by tests/without_engine)", name="deepspeed")
