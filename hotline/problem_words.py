"""Problems of the config files as they are printed: in the language of whoever reads them.

English is what every problem holds; ivr.config_files.in_chinese has the Chinese.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ivr.config_files.in_chinese import in_chinese
from vocabulary.config_problem import ConfigProblem

Language = Literal["zh", "en"]


def language(set_: Language | None, environment: Mapping[str, str] = os.environ) -> Language:
    """What is set (HOTLINE_LANGUAGE, --language), else the shell's own: Chinese if that is, in all other cases English."""
    if set_ is not None:
        return set_
    locale = next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), ""
    )
    return "zh" if locale.lower().startswith("zh") else "en"


def said(sentence: str, set_: Language | None) -> str:
    """One sentence that the list may have."""
    return (in_chinese(sentence) if language(set_) == "zh" else None) or sentence


def how_many(count: int, config_dir: Path, set_: Language | None) -> str:
    """The last line below the problems of a folder."""
    return said(f"{count} problem{'' if count == 1 else 's'} in {config_dir}", set_)


def told(found: ConfigProblem, set_: Language | None) -> str:
    """One line: where, what is wrong, what to do."""
    if language(set_) == "en":
        return str(found)
    where = f"{found.file}:{found.line}:{found.column}"
    steps = " → ".join(str(step) for step in found.path)
    fault, remedy = (in_chinese(part) for part in (found.fault, found.remedy))
    between = "" if fault and remedy else " "
    words = f"{fault or found.fault}{between}{remedy or found.remedy}".strip()
    return f"{where}  {steps}：{words}" if steps else f"{where}  {words}"


def marked(found: ConfigProblem, set_: Language | None) -> str:
    """The same, and of a warning that it is one."""
    if found.severity == "error":
        return told(found, set_)
    return f"{'警告：' if language(set_) == 'zh' else 'warning: '}{told(found, set_)}"
