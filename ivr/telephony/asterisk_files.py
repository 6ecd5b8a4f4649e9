"""Writes the files that Asterisk reads, from the templates in config/asterisk/ and the lines in config/hotline.yaml.

Deterministic: the same input gives the same bytes. Every value goes through a filter that escapes it or refuses it, so
that no label, number or secret can end a line, start a section or be evaluated by the dialplan.
"""

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ivr.lines import Lines
from ivr.telephony.promises import callers_promised, promised_at
from tickets.outcome import Outcome
from vocabulary.errors import HotlineError
from vocabulary.hotline_names import MOST_LINES, PRIO_BASE, PRIO_EPOCH, UNHEARD
from vocabulary.phone_numbers import NumberPlan

DATA_FILE: Final = "hotline-data.conf"
DATA_NEXT: Final = "hotline-data.next"
"""The same, as it is to be once the queues that it names are loaded: Asterisk would take it at the next call."""


class CannotRender(HotlineError):
    """A value would break Asterisk's files; nothing was written."""

    def __init__(self, kind: str, value: object, why: str, *, is_secret: bool = False) -> None:
        self.kind, self.value, self.why = kind, value, why
        shown = "what was given" if is_secret or kind == "secret" else repr(value)
        super().__init__(f"{shown} cannot stand in Asterisk's files as a {kind}: {why}")


@dataclass(frozen=True)
class AsteriskSite:
    """Where this machine's Asterisk lives and listens. Folders are absolute paths; ports are TCP or UDP numbers."""

    system_name: str
    etc_dir: str
    module_dir: str
    data_dir: str
    lib_dir: str
    spool_dir: str
    run_dir: str
    log_dir: str
    prompts_dir: str
    """In the site's language."""
    said_dir: str
    """Below it the same by language."""
    hold_dir: str
    hold_dirs: Mapping[str, str]
    """Of other languages that callers choose."""
    sip_bind: str
    sip_port: int
    media_address: str
    rtp_start: int
    rtp_end: int
    asterisk_bind: str
    asterisk_http_port: int
    ami_port: int
    ami_user: str
    ami_secret: str
    ari_user: str
    ari_secret: str
    server_address: str
    agi_address: str
    agi_port: int
    agi_step_seconds: int
    trunk_secrets: Mapping[str, str]


def _matching(kind: str, pattern: str, why: str) -> Callable[[object], str]:
    compiled = re.compile(pattern)

    def keep(value: object) -> str:
        text = str(value)
        if not compiled.fullmatch(text):
            raise CannotRender(kind, value, why)
        return text

    return keep


def _text(value: object) -> str:
    """A label, for comments only: one line, nothing that Asterisk's reader or dialplan would act on."""
    text = str(value)
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise CannotRender("text", value, "it holds a control character")
    for sequence in (";", "[", "]", "${", "$[", "|", '"', "\\", "#"):
        if sequence in text:
            raise CannotRender("text", value, f"it holds {sequence!r}")
    return text


def _plans(value: object) -> str:
    """One regular expression for all number plans of a trunk; matches nothing if there are none."""
    if not isinstance(value, list):
        raise CannotRender("list of number plans", value, "it is no list")
    alternatives = [NumberPlan.compile(str(plan)).regex for plan in value]
    return "|".join(alternatives) if alternatives else "^$"


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise CannotRender("number", value, "it is no whole number")
    return str(value)


FILTERS: Final[Mapping[str, Callable[[object], str]]] = {
    "word": _matching("word", r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "letters, digits, '_', '.' and '-' only"),
    "address": _matching("address", r"[A-Za-z0-9.:-]{1,253}|\[[0-9A-Fa-f:]{2,45}\]", "no such host can be"),
    "path": _matching(
        "path", r"/[^\x00-\x1f\x7f;\[\]$|\"\\#,^()&:]*", "an absolute path without special characters"
    ),
    "user": _matching(
        "user name", r"[A-Za-z0-9+][A-Za-z0-9+._@-]{0,63}", "letters, digits and + . _ @ - only"
    ),
    "secret": _matching(
        "secret",
        r"(?!.*\$[\[{])(?![#\[])[!-:<-~]{8,128}",
        "8 to 128 printable ASCII characters, no space, no ';', no '${', and neither '#' nor '[' first",
    ),
    "dialled": _matching("telephone number", r"\+?[0-9]{0,32}", "digits only"),
    "text": _text,
    "plans": _plans,
    "expression": _matching("regular expression", r"[\^$\[\](){}|?+x0-9-]{1,3000}", "it is none of ours"),
    "number": _number,
}


def render(
    lines: Lines, site: AsteriskSite, templates: Sequence[Path], rung_back: Collection[Outcome] = ()
) -> dict[str, str]:
    """File name → content, for every `*.conf.j2` in `templates`; an earlier folder's file hides a later one's.

    `rung_back`: the kinds of lost call that policy owes a callback. Raises CannotRender, naming the value.
    """
    environment = Environment(
        loader=FileSystemLoader([str(folder) for folder in templates]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # these are not web pages; each value passes a filter above
    )
    secrets = {site.ami_secret, site.ari_secret, *site.trunk_secrets.values()} - {""}
    environment.finalize = _hiding(secrets, _only_filtered)
    for name, keep in FILTERS.items():
        environment.filters[name] = _hiding(secrets, _marking(keep))
    values = asdict(site) | {
        "lines": _with_defaults(lines),
        "prio_base": PRIO_BASE,
        "prio_epoch": PRIO_EPOCH,
        "unheard": UNHEARD,
        "most_lines": MOST_LINES,
        "promised_at": promised_at(rung_back),
        "callers_promised": {trunk.name: callers_promised(trunk, lines) for trunk in lines.trunks},
    }
    names = sorted({path.name for folder in templates for path in folder.glob("*.conf.j2")})
    return {name.removesuffix(".j2"): environment.get_template(name).render(values) for name in names}


def _hiding(secrets: Collection[str], keep: Callable[[object], object]) -> Callable[[object], object]:
    """The same, but a secret that is refused, since a template gives it to the wrong filter or to none, is not told."""

    def hidden(value: object) -> object:
        try:
            return keep(value)
        except CannotRender as fault:
            if not any(secret in str(value) for secret in secrets):
                raise
            raise CannotRender(fault.kind, "", fault.why, is_secret=True) from None

    return hidden


class _Kept(str):
    """Text that passed a filter."""


def _marking(keep: Callable[[object], str]) -> Callable[[object], str]:
    return lambda value: _Kept(keep(value))


def _only_filtered(value: object) -> object:
    if not isinstance(value, _Kept):
        raise CannotRender("value", value, "the template prints it without a filter")
    return value


def _with_defaults(lines: Lines) -> Lines:
    """What a site left out: the number that citizens see is the first of the hotline's own."""
    first = lines.numbers[0].number
    trunks = [
        trunk if trunk.caller_id_out else trunk.model_copy(update={"caller_id_out": first})
        for trunk in lines.trunks
    ]
    return lines.model_copy(update={"trunks": trunks})


def write_changed(files: Mapping[str, str], folder: Path, *, is_running: bool = False) -> dict[str, str]:
    """Writes what differs, each file whole or not at all, readable by its owner only. Name → the text before ("" if new).

    `is_running`: an Asterisk reads this folder, so DATA_FILE is laid down as DATA_NEXT, for whoever has the rest taken over.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / DATA_NEXT).unlink(missing_ok=True)
    changed = differing(files, folder)
    for name in changed:
        target = folder / (DATA_NEXT if is_running and name == DATA_FILE else name)
        draft = folder / f".{name}.new"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(files[name])
        draft.replace(target)
    return changed


def differing(files: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Those that stand otherwise in the folder, or not at all: name → the text there ("" if new)."""
    there = {name: folder / name for name in sorted(files)}
    texts = {
        name: path.read_text(encoding="utf-8") if path.exists() else None for name, path in there.items()
    }
    return {name: text or "" for name, text in texts.items() if text != files[name]}
