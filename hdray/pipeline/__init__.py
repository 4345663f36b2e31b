"""The engine: maps the pure packages onto Ray Data, Ray Train and DeepSpeed."""
