"""The one way a shape is turned away: with a reason a person understands."""


class Rejected(Exception):
    """This input gives no shape. The message says why, and is what the instances table and the report show."""
