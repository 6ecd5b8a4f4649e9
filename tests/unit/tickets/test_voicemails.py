"""Messages on disk: private, found by the call alone, and judged by what their file holds."""

import hashlib
import stat
import wave
from pathlib import Path

import pytest
from support.spoken import say, words

from tickets.voicemails import Message, NoMessage, NoRoom, Voicemails, spoken_seconds

CALL = "hl1-1795397954.12"


def digest(text: str) -> str:
    return hashlib.sha256(b"secret" + text.encode()).hexdigest()


@pytest.fixture
def kept(tmp_path: Path) -> Voicemails:
    return Voicemails(tmp_path / "recordings" / "voicemail", digest)


def test_a_take_is_private_and_its_name_tells_nothing(kept: Voicemails) -> None:
    take = kept.new_take(CALL, 3, 120)
    assert stat.S_IMODE(take.stat().st_mode) == 0o600
    for folder in (take.parent, take.parent.parent, kept.folder, kept.folder.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "1795397954" not in str(take.relative_to(kept.folder))
    assert take.parent.name == digest(f"voicemail:{CALL}")[:32]


def test_who_never_came_to_the_recorder_has_nothing(kept: Voicemails) -> None:
    assert kept.message_of(CALL) is None
    kept.new_take("hl1-1795397954.13", 3, 120)
    assert kept.message_of(CALL) is None


def test_the_message_is_found_by_whoever_hears_of_the_end(kept: Voicemails) -> None:
    take = kept.new_take(CALL, 3, 120)
    say(take, 7.5)
    found = Voicemails(kept.folder, digest).message_of(CALL)
    assert found is not None
    assert (found.seconds, found.sha256) == (7.5, hashlib.sha256(take.read_bytes()).hexdigest())
    assert found.name is not None
    assert kept.path_of(found.name, CALL) == take
    assert kept.message_of(CALL) == found


@pytest.mark.parametrize(
    ("seconds", "loudness", "told"), [(2.9, 4000, 2.9), (60, 0, 0), (60, 200, 0), (0, 0, 0)]
)
def test_too_short_or_nothing_but_silence_is_no_message(
    kept: Voicemails, seconds: float, loudness: int, told: float
) -> None:
    take = kept.new_take(CALL, 3, 120)
    if seconds:
        say(take, seconds, loudness)
    found = kept.message_of(CALL)
    assert found == Message(told, found.at if found else None)  # type: ignore[arg-type]


def test_the_last_one_that_is_long_enough_counts(kept: Voicemails) -> None:
    lengths = [4.0, 6.0, 1.0]
    takes = [kept.new_take(CALL, 3, 120) for _ in lengths]
    for take, seconds in zip(takes, lengths, strict=True):
        say(take, seconds)
    found = kept.message_of(CALL)
    assert found is not None
    assert found.seconds == 6.0
    kept.keep_only(takes[0])
    assert [take.exists() for take in takes] == [True, False, False]
    assert kept.new_take(CALL, 3, 120).name == "2-3.wav"


def test_what_a_killed_asterisk_left_behind_can_be_played(kept: Voicemails) -> None:
    take = kept.new_take(CALL, 3, 120)
    whole = words(5)
    take.write_bytes(whole[:4] + bytes(4) + whole[8:40] + bytes(4) + whole[44:])
    assert spoken_seconds(take) == 5
    assert kept.message_of(CALL) is not None
    assert take.read_bytes() == whole
    with wave.open(str(take), "rb") as sound:
        assert sound.getnframes() == 5 * 8000


def test_a_full_disk_is_known_before_anybody_speaks(tmp_path: Path) -> None:
    kept = Voicemails(tmp_path, digest, lambda _: 51_000_000)
    with pytest.raises(NoRoom):
        kept.new_take(CALL, 3, 120)
    assert kept.message_of(CALL) is None
    assert kept.new_take(CALL, 3, 60).exists()


@pytest.mark.parametrize(
    "name", ["", "../../keys/keys.json", "/etc/passwd", "ab/" + "a" * 32 + "/1-3.wav", "ab/../1-3.wav"]
)
def test_nothing_else_is_ever_opened(kept: Voicemails, name: str) -> None:
    kept.new_take(CALL, 3, 120)
    with pytest.raises(NoMessage):
        kept.path_of(name, CALL)
