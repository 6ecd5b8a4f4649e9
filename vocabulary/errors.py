"""The root of every error of ours.

An error is named after the fact, carries it as attributes and knows nothing of HTTP, AGI or exit codes.
"""


class HotlineError(Exception):
    """Something that we can name went wrong; the three doors (web, AGI, CLI) translate it."""
