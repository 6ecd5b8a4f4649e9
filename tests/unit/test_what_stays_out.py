"""What no file of this repository may hold: one machine's paths, hosts of others, words about papers that are not here."""

import re

import pytest
from support.repository import ROOT, tracked_files

# Each: why it stays out → how it shows. A file that must show one is named in EXCEPT, with the reason.
FOLDERS = ("work", "tmp", "root", "home", "mnt", "data", "workspace")
STAYS_OUT = {
    "a folder of one machine": rf"(?<![\w.~/}}-])/(?:{'|'.join(FOLDERS)}|opt/(?!hotline))(?:/|-|\b(?=[`'\"]))",
    "an option that names a package index": r"index-url|find-links|trusted-host|registry\s*=\s*[\"']?https?:",
    "a row of a table that is not here": r"\btraps?\b[^.\n]{0,12}\brows?\b|-traps\.md|\brows? \d+ of the traps",
    "a design paper that is not here": r"design decision|\bdesign\.md|house-style|\.\./shared|\bshared/notes",
    "a private key or a token": r"-----BEGIN [A-Z ]*PRIVATE KEY|\bgh[pousr]_\w{20}|\bAKIA[0-9A-Z]{16}\b",
}
# Hosts that an address may name: this machine, the licence's, and what a reader replaces.
HOSTS = re.compile(
    r"127\.0\.0\.1|localhost|\{.*|hotline|www\.apache\.org|(?:[\w-]+\.)*example(?:\.\w+)?"
    r"|www\.w3\.org|json-schema\.org"  # names of formats, which nobody visits
)
EXCEPT = {
    "tests/unit/test_what_stays_out.py": "the list itself",
}
_ADDRESS = re.compile(r"\b(?:https?|git|ssh)://(?:[^\s/@\"'`)>]*@)?([^\s:/\"'`)>,]*)")


def tracked_texts() -> dict[str, str]:
    """Path → text of every tracked file that is text."""
    raw = {path: (ROOT / path).read_bytes() for path in tracked_files()}
    return {path: text.decode("utf-8", "replace") for path, text in raw.items() if b"\0" not in text}


TEXTS = {path: text for path, text in tracked_texts().items() if path not in EXCEPT}


def places(pattern: str) -> list[str]:
    return [
        f"{path}:{n}: {found[0]}"
        for path, text in TEXTS.items()
        for n, line in enumerate(text.splitlines(), 1)
        if (found := re.search(pattern, line))
    ]


def test_the_files_are_found() -> None:
    assert {"README.md", "scripts/up", "requirements.txt", "config/systemd/hotline@.service"} <= set(TEXTS)
    assert set(EXCEPT) <= set(tracked_texts())


@pytest.mark.parametrize("reason", STAYS_OUT)
def test_nothing_stands_anywhere_that_stays_out(reason: str) -> None:
    assert places(STAYS_OUT[reason]) == []


def test_addresses_name_no_host_of_others() -> None:
    strangers = [
        f"{path}: {host}"
        for path, text in TEXTS.items()
        for host in _ADDRESS.findall(text)
        if not HOSTS.fullmatch(host)
    ]
    assert strangers == []


@pytest.mark.parametrize(
    "line",
    [
        *(f"cd /{folder}/somewhere" for folder in FOLDERS),
        *(f'open("/{folder}/x")' for folder in FOLDERS),
        "pip --index-url X",
        "registry=https://x",
        "(traps, row 17)",
        "asterisk-traps.md, row 12",
        "(design decision 8)",
        "see ../shared/design.md",
    ],
)
def test_the_list_sees_what_it_is_for(line: str) -> None:
    assert any(re.search(pattern, line) for pattern in STAYS_OUT.values())


@pytest.mark.parametrize(
    "line",
    ["ln -sfn /opt/hotline-NEW /opt/hotline", "tests/data/x", "registry=registry", "var/tmp/", "{home}/tmp/"],
)
def test_the_list_lets_the_usual_pass(line: str) -> None:
    assert not any(re.search(pattern, line) for pattern in STAYS_OUT.values())
