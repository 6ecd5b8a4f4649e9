"""The commands of those who keep the hotline running: doctor, status, call, backup, restore."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hotline.environment import settings_from_environment
from hotline.findings import Level

if TYPE_CHECKING:
    from hotline.restore import Restored

# each command loads what it needs when it is run: together that is most of the program, and a start waits for it

_NOT_WELL: Final = 1


def add_commands(app: typer.Typer) -> None:
    """Registers all commands of this module on the program."""
    commands: dict[str, Callable[..., None]] = {
        "doctor": run_doctor,
        "status": show_status,
        "call": call,
        "backup": make_backup,
        "restore": restore_backup,
    }
    for name, command in commands.items():
        app.command(name)(command)


def say(text: str) -> None:
    print(text, flush=True)


def run_doctor() -> None:
    """Check everything the hotline stands on; changes nothing. One line for each check, and what to do.

    Looks at rights of folder and keys, disk, clock, host name, ports, voice tools, config files, database,
    Asterisk's version, modules and trunks, and queue_log. WARN: works, but look at it. FAIL: calls or data
    suffer. Exit 1 on a FAIL.
    """
    from hotline import doctor

    found = []
    for finding in doctor.findings(doctor.examine(settings_from_environment(), datetime.now(UTC))):
        found.append(finding)
        say(str(finding))
    counts = {level: sum(one.level is level for one in found) for level in Level}
    say(f"{counts[Level.OK]} ok, {counts[Level.WARN]} WARN, {counts[Level.FAIL]} FAIL")
    if not doctor.is_healthy(found):
        raise typer.Exit(_NOT_WELL)


def show_status(
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object, for programs; times are UTC.")
    ] = False,
) -> None:
    """Show the line as it is now: parts up or down, calls, who waits in which queue, agents, callbacks owed.

    Exit 1 if a part is down. Times are local (HOTLINE_TIMEZONE).
    """
    from hotline import status

    settings = settings_from_environment()
    found = status.status_now(settings, datetime.now(UTC))
    say(status.as_json(found) if json else "\n".join(status.as_text(found, settings.zone)))
    if not found.is_up:
        raise typer.Exit(_NOT_WELL)


def call(
    number: Annotated[str, typer.Argument(help="A number of this hotline, such as 12345.")],
    caller: Annotated[
        str | None,
        typer.Option(
            help="The citizen's number as the hotline shall see it. If nobody answers, it is owed a callback like "
            "any other, so beside a real trunk it must be given: a telephone of yours. Left out in a trial, whose "
            "callbacks lead to this machine: 13800138000."
        ),
    ] = None,
    wait: Annotated[
        int, typer.Option(min=1, max=3600, help="Seconds to wait in the queue for somebody to answer.")
    ] = 30,
    seconds: Annotated[
        int, typer.Option(min=1, max=3600, help="Seconds to stay on the line once an agent answered.")
    ] = 8,
) -> None:
    """Place a test call into the running hotline through Asterisk, and tell what happens to it.

    The call takes a citizen's way: greeting, menu, queue, agent, record, ticket, callback. It needs a trunk
    with is_test: true in hotline.yaml. Exit 0 if an agent answered, 3 if nobody did, 1 if no call could be placed.
    """
    from hotline import place_call
    from tickets.outcome import Outcome

    settings = settings_from_environment()
    planned = place_call.plan_call(
        settings, number, caller=caller, wait=wait, seconds=seconds, now=datetime.now(UTC)
    )
    if asyncio.run(place_call.place(settings, planned, say)) is not Outcome.ANSWERED:
        raise typer.Exit(3)


def make_backup(
    to: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder that gets a new hotline-backup-<UTC time> folder.")
    ],
    keys: Annotated[
        Path | None,
        typer.Option(
            help="Also write keys and secrets, to a new folder in this one. Keep it on another disk than DIR."
        ),
    ] = None,
    recordings: Annotated[
        Path | None, typer.Option(help="Also copy the recordings that this folder does not have yet.")
    ] = None,
) -> None:
    """Back up the database, config files, recorded prompts and published sets; works while calls go on.

    Keys and recordings are not in it unless asked for, and then apart. Without the keys nobody, you included,
    can read citizens' numbers and names from a backup: write them once by --keys and keep them safe. Secrets
    of trunks live in the environment and are in no backup. PostgreSQL: needs its program pg_dump.
    """
    from hotline import backup

    made = backup.make_backup(
        settings_from_environment(), to, datetime.now(UTC), keys_to=keys, recordings_to=recordings
    )
    size = sum(facts.size for facts in made.manifest.files.values()) / 1e6
    say(
        f"backup    {made.folder}  "
        f"({len(made.manifest.files)} files, {size:.1f} MB, tables {made.manifest.revision})"
    )
    say(
        f"keys      {made.keys}"
        if made.keys
        else "keys      not written; --keys DIR does it, once and after each change"
    )
    if made.recordings is not None:
        say(f"recordings  {made.recordings} copied to {recordings}")


def restore_backup(
    folder: Annotated[Path, typer.Argument(metavar="BACKUP", help="A hotline-backup-<time> folder.")],
    keys: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the keys, as `hotline backup --keys` was told. Left out: the keys in place now."
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Replace a HOTLINE_HOME that is not empty (it is kept beside) and PostgreSQL's tables.",
        ),
    ] = False,
) -> None:
    """Restore a backup into HOTLINE_HOME, which must be empty or not there. Stop the hotline first.

    Stop the trial's Asterisk too. Every file is compared with the manifest first, and the keys are tried on
    the data. An older backup is migrated up; a newer one is refused. If it is killed, the old state or the
    new one is there, whole; run it again. With PostgreSQL the tables change in one transaction, just before
    the folder: needs its programs pg_restore and psql.
    """
    from hotline import restore

    settings = settings_from_environment()
    for line in _told(restore.restore(settings, folder, datetime.now(UTC), keys_from=keys, is_forced=force)):
        say(line)


def _told(done: "Restored") -> list[str]:
    lines = [f"restored the backup of {done.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC to {done.home}"]
    if done.migrated_from is not None:
        lines.append(f"its tables were migrated from revision {done.migrated_from}")
    if done.before is not None:
        lines.append(f"what was there before is in {done.before}; delete it when all is well")
    if done.config_apart is not None:
        lines.append(
            f"HOTLINE_CONFIG is a folder apart and was not touched; the files are in {done.config_apart}"
        )
    if not done.has_secrets:
        lines.append("secrets.json was not restored: a start makes new ones; then `hotline asterisk render`")
    lines.append("next: `hotline doctor`, then start; recordings and trunk secrets are not in a backup")
    return lines
