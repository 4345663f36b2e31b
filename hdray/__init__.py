"""hdray: shapes become neural fields, fields become vectors of weights, and a generator learns to make new ones."""

__version__ = "0.1.0"
