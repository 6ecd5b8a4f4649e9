"""A problem in words that fit on one line, whatever stood in the file."""

from ivr.plain_text import cleaned
from vocabulary.config_problem import ConfigProblem

MOST_PROBLEMS = 200
"""So many are told at once."""
_LONGEST_STEP = 60


def problem(
    file: str, mark: tuple[int, int], path: tuple[str | int, ...], fault: str, remedy: str
) -> ConfigProblem:
    """List items are counted from 1, as people do; the fault ends with a full stop."""
    steps = tuple(step + 1 if isinstance(step, int) else cleaned(step, _LONGEST_STEP) for step in path)
    said = cleaned(fault, 400)
    end = "" if said.endswith((".", "?", "!")) else "."
    return ConfigProblem(file, *mark, steps, said + end, cleaned(remedy, 400))
