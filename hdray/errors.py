"""Errors that are the user's to mend: printed as one paragraph, exit code 2, no traceback."""


class UserError(Exception):
    """Bad input or configuration. The message names what is wrong, where, and what would be right."""
