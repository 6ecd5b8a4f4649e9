"""Whether a set of config files makes Asterisk's files: tried in memory, with whatever is not the set's left out.

A set that cannot be rendered never becomes the last good one.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final

from jinja2 import Environment, TemplateError, TemplateSyntaxError

from hotline import asterisk_site, defaults_door, prompt_door
from hotline.asterisk_process import AsteriskProgram
from hotline.secrets_file import Secrets
from hotline.settings import Settings
from ivr.config_files.checker import Configuration
from ivr.config_files.problems import problem
from ivr.config_files.reader import Document, read
from ivr.config_files.sources import TEMPLATES
from ivr.lines import Lines
from ivr.telephony.asterisk_files import FILTERS, CannotRender, render
from ivr.telephony.asterisk_syntax import unread
from vocabulary.config_problem import ConfigProblem

_NOBODYS: Final = AsteriskProgram((), "/usr/lib/asterisk/modules", "/usr/share/asterisk", "22")
_NO_SECRET: Final = "a-secret-of-nobody"
_HOTLINE: Final = "hotline.yaml"
# what an expression in a template may raise, beside Jinja's own
_IN_TEMPLATES: Final = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
_REMEDY: Final = (
    "Compare it with the shipped template of that name; without a file of your own that one is used."
)


def problems(
    settings: Settings, folder: Path, configuration: Configuration, *, is_only_looked_at: bool = False
) -> list[ConfigProblem]:
    """`folder` holds the set. `is_only_looked_at`: a trunk's secret that this shell does not have is a warning."""
    templates = defaults_door.templates(folder)
    unreadable = list(_unreadable(folder / TEMPLATES))
    secrets, found = _trunk_secrets(folder, configuration.lines)
    if is_only_looked_at:
        found = [replace(one, severity="warning") for one in found]
    found += unreadable
    if unreadable:
        return found  # the first of them would be all that rendering could say
    lines, kinds = configuration.lines, configuration.callbacks.kinds
    hold = dict.fromkeys(prompt_door.heard_languages(configuration), settings.hold_dir)
    site = asterisk_site.site_of(settings, _NOBODYS, Secrets(_NO_SECRET, _NO_SECRET), lines, hold, secrets)
    try:
        made = render(lines, site, templates, kinds)
        found += [one for name, text in made.items() for one in _unread(folder, name, text)]
    except CannotRender as fault:
        found.append(_of_setting(settings, fault) or _at(fault, str(fault), "Write it otherwise.", folder))
    except (TemplateError, *_IN_TEMPLATES) as fault:
        found.append(_at(fault, f"{type(fault).__name__}: {fault}", _REMEDY, folder))
    return found


def _unreadable(folder: Path) -> Iterator[ConfigProblem]:
    """The site's own templates that Jinja cannot make sense of, all of them."""
    environment = Environment(autoescape=False)  # never renders
    environment.filters.update(FILTERS)
    for path in sorted(folder.glob("*.conf.j2")):
        name = f"{TEMPLATES}{path.name}"
        try:
            environment.compile(path.read_text("utf-8"), name, str(path))
        except TemplateSyntaxError as fault:
            yield problem(name, (fault.lineno, 1), (), fault.message or "it is no template", _REMEDY)
        except (UnicodeDecodeError, OSError) as fault:
            yield problem(name, (1, 1), (), f"the file cannot be read ({fault})", "Save it as UTF-8.")


def _unread(folder: Path, name: str, text: str) -> Iterator[ConfigProblem]:
    if found := unread(text):
        line, why = found
        fault = f"Asterisk would read nothing of {name} ({why}; line {line} of what this template makes)"
        own = f"{TEMPLATES}{name}.j2"
        yield problem(own if (folder / own).is_file() else _HOTLINE, (1, 1), (), fault, _REMEDY)


def _of_setting(settings: Settings, fault: CannotRender) -> ConfigProblem | None:
    """A value from the environment, wherever a template prints it; None if none of them is it. Of folders that lie in each
    other the innermost."""
    fitting: list[tuple[int, str, bool]] = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        is_folder = isinstance(value, Path)
        text = str(value.absolute()) if is_folder else value
        if not isinstance(text, str) or not text:
            continue
        if fault.value == text or (is_folder and str(fault.value).startswith(f"{text}/")):
            fitting.append((len(text), name, is_folder))
    if not fitting:
        return None
    _, name, is_folder = max(fitting)
    variable = f"{settings.model_config['env_prefix']}{name.upper()}"
    remedy = f"Set {variable} otherwise"
    remedy += "; a folder is to be moved first." if is_folder else "."
    return problem("environment", (1, 1), (variable,), str(fault), remedy)


def _at(fault: BaseException, said: str, remedy: str, folder: Path) -> ConfigProblem:
    """Where in a template of the site it happened; one that came up in a shipped one is a value's fault."""
    for file, line in _places(fault.__traceback__):
        if Path(file).parent == folder / TEMPLATES:
            return problem(f"{TEMPLATES}{Path(file).name}", (line, 1), (), said, remedy)
    return problem(_HOTLINE, (1, 1), (), said, remedy)


def _places(trace: TracebackType | None) -> Iterator[tuple[str, int]]:
    """Innermost first; Jinja gives a template's own file and line in its frames."""
    found = []
    while trace is not None:
        found.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return reversed(found)


def _trunk_secrets(folder: Path, lines: Lines) -> tuple[dict[str, str], list[ConfigProblem]]:
    """A stand-in for each, since what a check says is printed, logged and kept; and what is wrong with the real ones."""
    secrets: dict[str, str] = {}
    found: list[ConfigProblem] = []
    document: Document | None = None
    for place, trunk in enumerate(lines.trunks):
        if not trunk.secret_env:
            continue
        secrets[trunk.name] = _NO_SECRET
        if fault := fault_of_secret(os.environ.get(trunk.secret_env, "")):
            document = document or read(_HOTLINE, (folder / _HOTLINE).read_bytes())
            remedy = f"Set {trunk.secret_env} for the server and for this command."
            found.append(document.problem(("trunks", place, "secret_env"), fault, remedy))
    return secrets, found


def fault_of_secret(secret: str) -> str:
    """Empty if Asterisk's files can hold it; never says what it is."""
    if not secret:
        return "no such variable is in the environment"
    try:
        FILTERS["secret"](secret)
    except CannotRender as refused:
        return f"the secret in it cannot stand in Asterisk's files: {refused.why}"
    return ""
