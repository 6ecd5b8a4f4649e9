"""Voices are plug-ins: a program of the site's, a neural model; where one cannot serve, espeak-ng does, and the log says so."""

import os
import subprocess
import sys
import wave
from array import array

import pytest
from pydantic import ValidationError

from ivr.prompts.rendering import Maker
from ivr.prompts.schema import PromptsFile

GREETING = {"greeting": {"zh": "您好，12345热线。", "en": "Hello"}}
ESPEAK = PromptsFile.model_validate({"prompts": GREETING})


@pytest.fixture
def made(tmp_path):
    def render(prompts=GREETING, languages=("zh",), **voice):
        file = PromptsFile.model_validate({"voice": voice, "prompts": prompts})
        return Maker(file, tmp_path / "recorded", tmp_path / "cache").library(languages)

    return render


@pytest.fixture
def tone(tmp_path):
    """What a vendor's program may give: 1.5 s at 22,050 Hz, stereo, so loud that it nearly clips."""
    path = tmp_path / "tone.wav"
    synth = ["synth", "1.5", "sine", "440", "gain", "-0.1"]
    subprocess.run(["sox", "-n", "-r", "22050", "-c", "2", "-b", "16", path, *synth], check=True)
    return path


@pytest.fixture
def program(tmp_path):
    def write(body):
        path = tmp_path / "vendor-tts"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    return write


def facts(path):
    """(rate, channels, bytes a sample), seconds, RMS and loudest sample from 0 to 1."""
    with wave.open(str(path)) as file:
        shape = (file.getframerate(), file.getnchannels(), file.getsampwidth())
        samples = array("h", file.readframes(file.getnframes()))
    rms = (sum(one * one for one in samples) / len(samples)) ** 0.5 / 32768
    return shape, len(samples) / shape[0], rms, max(abs(one) for one in samples) / 32768


@pytest.mark.parametrize(("language", "shortest", "longest"), [("zh", 1.5, 4.5), ("en", 0.3, 1.5)])
def test_espeak_speaks_for_a_telephone(made, language, shortest, longest):
    shape, seconds, rms, loudest = facts(made(languages=(language,)).paths[language, "greeting"])
    assert shape == (8000, 1, 2)
    assert shortest < seconds < longest
    assert 0.03 < rms < 0.3
    assert 0.6 < loudest < 0.75, "levelled to 3 dB below the limit"


def test_a_program_of_the_site_speaks(made, program, tone, tmp_path):
    command = program(
        f'cat >{tmp_path}/given; echo "$1 $PROMPT_LANGUAGE $PROMPT_SOUNDS" >{tmp_path}/told; cat {tone}'
    )
    library = made(engine="command", command=[command, "--fast"])
    shape, seconds, _, loudest = facts(library.paths["zh", "greeting"])
    assert (shape, seconds) == ((8000, 1, 2), pytest.approx(1.5, abs=0.01))
    assert 0.6 < loudest < 0.75
    assert (tmp_path / "given").read_text() == "您好，12345热线。"
    assert (tmp_path / "told").read_text() == "--fast zh nin2 hao3 , yao1 er4 san1 si4 wu3 re4 xian4 .\n"


def test_it_is_asked_once_for_each_text(made, program, tone, tmp_path):
    command = program(f"echo x >>{tmp_path}/asked; cat {tone}")
    first = made(engine="command", command=[command])
    assert made(engine="command", command=[command]) == first
    assert (tmp_path / "asked").read_text() == "x\n"
    made({"greeting": {"zh": "您好"}}, engine="command", command=[command])
    assert (tmp_path / "asked").read_text() == "x\nx\n"


def test_it_sees_no_secret_of_ours(made, program, tone, tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNK_SECRET", "hush")
    made(engine="command", command=[program(f"env >{tmp_path}/seen; cat {tone}")])
    seen = (tmp_path / "seen").read_text()
    assert "PATH=" in seen
    assert "hush" not in seen


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("echo no licence >&2; exit 3", "no licence"),
        ("exit 4", "ended with 4"),
        ("echo no wav", "sox"),
        ("true", "sox"),
    ],
)
def test_espeak_serves_for_a_program_that_fails(made, program, tmp_path, caplog, body, why):
    two = {**GREETING, "goodbye": {"zh": "再见"}}
    command = program(f"echo x >>{tmp_path}/asked; {body}")
    library = made(two, engine="command", command=[command])
    assert library.paths == made(two).paths
    assert "the voice command cannot serve" in caplog.text
    assert why in caplog.text
    assert (tmp_path / "asked").read_text() == "x\n", "it is not asked again for every prompt"


def test_espeak_serves_for_a_program_that_is_not_there(made, caplog):
    assert made(engine="command", command=["/no/such/tts"]).paths == made().paths
    assert "there is no program /no/such/tts" in caplog.text


def test_a_recording_wins_over_every_voice(made, program, tone, tmp_path):
    recorded = tmp_path / "recorded" / "zh" / "greeting.wav"
    recorded.parent.mkdir(parents=True)
    recorded.write_bytes(tone.read_bytes())
    made(engine="command", command=[program(f"echo x >{tmp_path}/asked; cat {tone}")])
    assert not (tmp_path / "asked").exists()


# --- sherpa ---

ENGINE = """
class OfflineTtsVitsModelConfig:
    def __init__(self, *, model, lexicon, tokens):
        self.files = (model, lexicon, tokens)

class OfflineTtsModelConfig:
    def __init__(self, *, vits, num_threads):
        self.vits = vits

class OfflineTtsConfig:
    def __init__(self, *, model, rule_fsts):
        self.model = model

class OfflineTts:
    def __init__(self, config):
        assert all(name.startswith("/") for name in config.model.vits.files)
    def generate(self, text, *, sid, speed):
        if "崩" in text:
            raise RuntimeError("out of memory")
        class Audio:
            sample_rate = 16000
            samples = [0.5 if at % 40 < 20 else -1.5 for at in range(16000 * len(text) // 10)]
        return Audio()
"""


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A package of that name, with the calls that we make of it."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "sherpa_onnx.py").write_text(ENGINE)
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    yield
    sys.modules.pop("sherpa_onnx", None)


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("vits.onnx", "tokens.txt", "lexicon.txt"):
        (folder / name).write_text(name)
    return folder


@pytest.mark.usefixtures("engine")
def test_a_neural_voice_speaks(made, model):
    library = made(engine="sherpa", model_dir=str(model))
    shape, seconds, _, loudest = facts(library.paths["zh", "greeting"])
    assert shape == (8000, 1, 2)
    assert seconds == pytest.approx(len(GREETING["greeting"]["zh"]) / 10, abs=0.01)
    assert loudest < 0.75
    assert made(engine="sherpa", model_dir=str(model), speaker=2).paths != library.paths


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("name", ["vits.onnx", "tokens.txt"])
def test_a_missing_model_is_told_and_espeak_serves(made, model, caplog, name):
    (model / name).unlink()
    assert made(engine="sherpa", model_dir=str(model)).paths == made().paths
    assert f"the folder {model} has no" in caplog.text


def test_a_missing_package_is_told_and_espeak_serves(made, model, caplog):
    assert made(engine="sherpa", model_dir=str(model)).paths == made().paths
    assert "the package sherpa-onnx is not installed" in caplog.text


@pytest.mark.usefixtures("engine")
def test_an_engine_that_breaks_gives_way(made, model, caplog):
    broken = {"greeting": {"zh": "崩"}}
    assert made(broken, engine="sherpa", model_dir=str(model)).paths == made(broken).paths
    assert "out of memory" in caplog.text


@pytest.mark.parametrize("engine", ["command", "sherpa"])
def test_a_voice_needs_its_settings(engine):
    with pytest.raises(ValidationError, match="is missing"):
        PromptsFile.model_validate({"voice": {"engine": engine}, "prompts": GREETING})


def test_nothing_runs_a_shell(made, tmp_path, tone):
    made(engine="command", command=["cat", f"{tone}; touch {tmp_path}/owned"])
    assert not os.path.exists(tmp_path / "owned")
