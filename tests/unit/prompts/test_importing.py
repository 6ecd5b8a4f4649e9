"""Recordings that admins bring: what callers could stand is converted and levelled, anything else is refused by name."""

import os
import subprocess
import wave
from array import array

import pytest

from ivr.prompts.importing import RecordingRefused, read_recording

VOICE = ("sine", "300-3000")


def sox(path, *effects, rate=44100, channels=2):
    shape = ["-r", str(rate), "-c", str(channels), "-b", "16"]
    kind = ["-b", "16"] if path.suffix != ".mp3" else ["-C", "64"]
    shape = shape[:4] + kind
    subprocess.run(["sox", "-D", "-n", *shape, str(path), *effects], check=True, capture_output=True)
    return path


def levels(sound, tmp_path):
    path = tmp_path / "out.wav"
    path.write_bytes(sound)
    with wave.open(str(path)) as file:
        shape = (file.getframerate(), file.getnchannels(), file.getsampwidth())
        samples = array("h", file.readframes(file.getnframes()))
    return shape, len(samples) / 8000, max(abs(one) for one in samples) / 32768


@pytest.mark.parametrize("suffix", ["wav", "mp3", "flac", "ogg"])
def test_a_studio_recording_becomes_a_telephone_sound(tmp_path, suffix):
    path = sox(tmp_path / f"greeting.{suffix}", "synth", "3", *VOICE, "gain", "-12")
    recording = read_recording(path)
    shape, seconds, loudest = levels(recording.sound, tmp_path)
    assert shape == (8000, 1, 2)
    assert seconds == pytest.approx(3, abs=0.1)
    assert recording.seconds == pytest.approx(seconds, abs=0.01)
    assert loudest == pytest.approx(10 ** (-3 / 20), abs=0.02), "levelled to 3 dB below the limit"
    assert -9 < recording.loudness < -3
    assert recording.warnings == ()


def test_a_quiet_and_a_loud_recording_sound_alike(tmp_path):
    quiet, loud = (
        read_recording(sox(tmp_path / f"{gain}.wav", "synth", "1", *VOICE, "gain", str(gain)))
        for gain in (-30, -2)
    )
    assert quiet.loudness == pytest.approx(loud.loudness, abs=0.2)


def test_the_name_does_not_decide_what_it_is(tmp_path):
    path = sox(tmp_path / "greeting.wav", "synth", "1", *VOICE)
    assert read_recording(path.rename(tmp_path / "greeting.mp3")).seconds == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("effects", "warning"),
    [
        (("synth", "20", *VOICE, "gain", "-6"), "20.0 s is long"),
        (("synth", "1", *VOICE, "gain", "20"), "clipped"),
        (("synth", "1", *VOICE, "gain", "-50"), "very faint"),
        (("synth", "1", *VOICE, "gain", "-6", "pad", "3"), "starts with 3.0 s of silence"),
        (("synth", "1", *VOICE, "gain", "-6", "pad", "0", "3"), "ends with 3.0 s of silence"),
    ],
)
def test_what_could_be_better_is_told(tmp_path, effects, warning):
    [told] = read_recording(sox(tmp_path / "x.wav", *effects)).warnings
    assert told.startswith(warning)


def test_a_channel_that_was_cut_off_alone_is_told(tmp_path):
    path = sox(tmp_path / "x.wav", "synth", "1", *VOICE, "gain", "20", "remix", "1", "0")
    [told] = read_recording(path).warnings
    assert told.startswith("clipped")


def test_what_was_made_quieter_after_it_was_cut_off_is_told(tmp_path):
    loud, quieter = sox(tmp_path / "x.wav", "synth", "1", *VOICE, "gain", "20"), tmp_path / "y.wav"
    subprocess.run(["sox", "-D", str(loud), str(quieter), "gain", "-4.4"], check=True)
    [told] = read_recording(quieter).warnings
    assert told.startswith("clipped")


def test_a_click_that_leaves_no_room_for_the_voice_is_told(tmp_path):
    voice = sox(tmp_path / "voice.wav", "synth", "3", *VOICE, "gain", "-36", channels=1)
    click = sox(tmp_path / "click.wav", "synth", "0.005", "sine", "1000", "gain", "-1", channels=1)
    subprocess.run(["sox", "-D", str(voice), str(click), str(tmp_path / "both.wav")], check=True)
    [told] = read_recording(tmp_path / "both.wav").warnings
    assert told.startswith("still faint when levelled (-")


def test_channels_that_cancel_each_other_out_are_named(tmp_path):
    path = sox(tmp_path / "x.wav", "synth", "1", *VOICE, "gain", "-6", "remix", "1", "1i")
    with pytest.raises(RecordingRefused, match="its channels cancel each other out"):
        read_recording(path)


@pytest.mark.parametrize(
    ("effects", "fault"),
    [
        (("trim", "0", "2"), "is silent"),
        (("synth", "0.1", *VOICE), "is only 0.10 s long"),
        (("synth", "125", "sine", "300"), "is longer than 120 s"),
    ],
)
def test_what_nobody_could_hear_is_refused(tmp_path, effects, fault):
    with pytest.raises(RecordingRefused, match=fault):
        read_recording(sox(tmp_path / "x.wav", *effects, rate=8000, channels=1))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is no sound file"),
        (b"hello, this is text", "is no sound file"),
        (b"\x7fELF" + bytes(100), "is no sound file"),
        (b"#!/bin/sh\ntouch owned\n", "is no sound file"),
        (b"RIFF" + bytes(40), "cannot be read as wav"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt \xff\xff\xff\x7f" + os.urandom(200), "cannot be read as wav"),
        (b"fLaC" + os.urandom(500), "cannot be read as flac"),
        (b"OggS" + os.urandom(500), "cannot be read as ogg"),
        (bytes(10_000_001), "has 10.0 MB"),
    ],
)
def test_what_is_no_sound_is_refused(tmp_path, content, fault):
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(RecordingRefused, match=fault):
        read_recording(path)


def test_a_file_that_is_not_there_and_a_folder(tmp_path):
    for path in (tmp_path / "absent.wav", tmp_path):
        with pytest.raises(RecordingRefused, match="there is no such file"):
            read_recording(path)


def test_a_name_that_sox_would_run_is_only_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = sox(tmp_path / "x.wav", "synth", "1", *VOICE).rename(tmp_path / "|touch owned")
    assert read_recording(path.relative_to(tmp_path)).seconds == pytest.approx(1, abs=0.01)
    assert not (tmp_path / "owned").exists()


def test_a_small_file_that_unpacks_to_hours_is_stopped(tmp_path):
    path = sox(tmp_path / "x.flac", "trim", "0", "4000", rate=8000, channels=1)
    with pytest.raises(RecordingRefused, match="is longer than 120 s"):
        read_recording(path)
