"""What stands in the way of `hotline up` is ended if it is ours, and named if it is not; nothing else is touched."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.sipp import HOST, free_port

from hotline import leftovers
from hotline.asterisk_process import AsteriskProgram, listening_process
from hotline.leftovers import UpRunsAlready
from hotline.other_processes import started_at
from hotline.ports import PortsAreTaken
from hotline.settings import Settings
from hotline.stop_request import StopRequest
from hotline.trial import Trial

NO_PROGRAM = AsteriskProgram(("no-asterisk",), "", "", "22.0")
PORTS = ("http_port", "agi_port", "ami_port", "asterisk_http_port")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    ports = {name: free_port(socket.SOCK_STREAM) for name in PORTS} | {"sip_port": free_port()}
    return Settings.model_validate({"home": tmp_path, **ports})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Looks like a server of ours, and does not listen to SIGTERM when it finds a file `deaf`."""
    program = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: os.path.exists(sys.argv[3]) or sys.exit(0))\n"
        "print('up', flush=True)\n"
        "while True: time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, "hotline.cli", "serve", str(tmp_path / "deaf")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def left_by(settings: Settings, pid: int, at: int) -> None:
    """The note of a `hotline up` that is gone."""
    with leftovers.only_one(settings) as note:
        note.write(leftovers.StartedServer(pid, at))


def clear(settings: Settings) -> list[str]:
    said: list[str] = []
    with leftovers.only_one(settings) as note:
        leftovers.clear(settings, NO_PROGRAM, note.left, said.append)
    return said


@pytest.mark.parametrize("is_deaf", [False, True])
def test_the_server_of_a_killed_start_is_ended(
    settings: Settings, server: subprocess.Popen[bytes], is_deaf: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_SERVER_SECONDS", 1.0)
    if is_deaf:
        (settings.home_dir / "deaf").touch()
    left_by(settings, server.pid, started_at(server.pid))
    [line] = clear(settings)
    assert f"(process {server.pid})" in line
    assert server.wait(10) == (-signal.SIGKILL if is_deaf else 0)
    assert clear(settings) == []


def test_a_later_process_with_the_same_number_is_left_alone(
    settings: Settings, server: subprocess.Popen[bytes]
) -> None:
    left_by(settings, server.pid, started_at(server.pid) - 1)
    assert clear(settings) == []
    left_by(settings, os.getpid(), started_at(os.getpid()))  # no server
    assert clear(settings) == []
    assert server.poll() is None


def test_a_note_that_was_cut_off_is_no_note(settings: Settings) -> None:
    (settings.home_dir / "up.lock").write_text('{"up": 12, "ser')
    assert clear(settings) == []


def test_the_state_folder_has_one_at_a_time_and_the_second_is_told_which(settings: Settings) -> None:
    with leftovers.only_one(settings):
        with pytest.raises(UpRunsAlready, match=rf"process {os.getpid()}\b"), leftovers.only_one(settings):
            pass
        assert (settings.home_dir / "up.lock").stat().st_mode & 0o777 == 0o600
    with leftovers.only_one(settings):
        pass


@pytest.mark.parametrize(
    ("name", "kind"), [(n, socket.SOCK_STREAM) for n in PORTS] + [("sip_port", socket.SOCK_DGRAM)]
)
def test_a_port_that_another_has_is_named_with_who_has_it(settings: Settings, name: str, kind: int) -> None:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((HOST, getattr(settings, name)))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        with pytest.raises(PortsAreTaken) as refused:
            clear(settings)
    words = str(refused.value)
    assert f"{HOST}:{getattr(settings, name)}/" in words
    assert f"in use by process {os.getpid()} (" in words
    assert f"set HOTLINE_{name.upper()} to a free port" in words
    assert clear(settings) == []


def test_where_a_server_runs_that_no_up_started_its_asterisk_is_left_alone(settings: Settings) -> None:
    """A site's own, by mistake of its admin: its calls are not cut."""
    etc = settings.asterisk_dir / "etc"
    etc.mkdir(parents=True)
    run = settings.asterisk_dir / "run"
    run.mkdir()
    (etc / "asterisk.conf").write_text(f"[directories]\nastrundir => {run}\n")
    with socket.socket(socket.AF_UNIX) as control, socket.socket() as server:
        control.bind(str(run / "asterisk.ctl"))
        control.listen()
        server.bind((HOST, settings.http_port))
        server.listen()
        with pytest.raises(PortsAreTaken, match="HOTLINE_HTTP_PORT"):
            clear(settings)
        control.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            control.accept()
            pytest.fail("it was spoken to")


def test_who_listens_on_a_control_socket_is_known_without_speaking_to_it(tmp_path: Path) -> None:
    """Also where nobody takes the calls any more and its queue is full, and in a folder with a space."""
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "asterisk.conf").write_text(f"astrundir => {folder}\n")
    assert listening_process(folder) is None
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(folder / "asterisk.ctl"))
        assert listening_process(folder) is None
        control.listen(0)
        with socket.socket(socket.AF_UNIX) as waits:
            waits.connect(str(folder / "asterisk.ctl"))
            assert listening_process(folder) == os.getpid()
    assert listening_process(folder) is None


def test_a_full_disk_takes_the_note_of_a_restarted_server_or_says_so(
    settings: Settings, tmp_path: Path
) -> None:
    """The hotline does not end because of it."""
    with leftovers.only_one(settings) as note:
        size = (tmp_path / "up.lock").stat().st_size
        note.server_started(os.getpid())
        assert (tmp_path / "up.lock").stat().st_size == size, "nothing new is asked of the disk"
    said: list[str] = []
    with Path("/dev/full").open("r+") as full:
        trial = Trial(
            settings, NO_PROGRAM, said.append, StopRequest(), leftovers.UpNote(full, None).server_started
        )
        trial._start_server()
        trial.stop()
    assert trial.server is not None
    assert said[-1].startswith(
        f"the server's process {trial.server.pid} could not be noted (No space left on device)"
    )
