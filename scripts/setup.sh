# Sourced by scripts/up and scripts/test: gets what is missing, says what it does, and what to do when a step fails.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
asterisk_root=${HOTLINE_ASTERISK_ROOT:-$root/.cache/asterisk-root}
oldest_asterisk=22

say() { printf '• %s\n' "$*"; }
fail() { printf '\n✗ %s\n' "$1" >&2; shift; printf '  %s\n' "$@" >&2; exit 1; }

running=  # the long program that runs now, and the signal that ends it in order
stop_by=TERM
shows_life=
exec 3>&1
step() { # step COMMAND…: a long program; a signal to us ends it at once, where otherwise it would be waited for
  "$@" <&0 3>&- &
  running=$!
  local code=0 dots=
  # its own words go to the log, so a dot every two seconds shows the person at the terminal that it lives
  while [ -n "$shows_life" ] && kill -0 "$running" 2>/dev/null; do
    sleep 2 3>&- & wait "$!" || true
    printf . >&3; dots=1
  done
  [ -z "$dots" ] || printf '\n' >&3
  wait "$running" || code=$?
  running=
  return "$code"
}
dots=
show_dots() { # show_dots COMMAND…: as a step with signs of life, but a signal waits until the program has ended
  local code=0
  (
    shown=
    trap 'kill "$!" 2>/dev/null || true; [ -z "$shown" ] || printf "\n" >&3; exit 0' TERM
    while kill -0 $$ 2>/dev/null; do
      sleep 2 >/dev/null 2>&1 3>&- & wait "$!" || true
      printf . >&3; shown=1
    done
  ) &
  dots=$!
  "$@" 3>&- || code=$?
  end_dots
  return "$code"
}
end_dots() { [ -z "$dots" ] || { kill "$dots" 2>/dev/null || true; wait "$dots" || true; dots=; }; }
ended() { # ended EXIT-CODE: by a signal; nothing of ours is left running
  trap '' INT TERM HUP
  [ -z "$running" ] || { kill -"$stop_by" "$running" 2>/dev/null || true; wait "$running" || true; }
  exit "$1"
}
trap 'ended 130' INT
trap 'ended 143' TERM
trap 'ended 129' HUP

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; return; fi
  command -v sudo >/dev/null || fail "this step needs root rights: $*" "Run it as root, or install sudo."
  sudo "$@"
}

apt_updated=
apt_install() { # apt_install PACKAGE…: from the distribution
  command -v apt-get >/dev/null || fail "packages are missing: $*" "This is no Debian or Ubuntu: install them by hand, then run this again."
  say "installing $* …"
  as_root true # sudo asks for the password here, before the dots
  if [ -z "$apt_updated" ]; then show_dots as_root apt-get update -qq || say "apt-get update failed; trying with the old lists"; apt_updated=1; fi
  # no step: a signal waits until the packages are in place, as half of them installed would be worse
  show_dots as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1 ||
    { tail -n 15 "$log" >&2; fail "apt-get could not install: $*" "The lines above say why; check the network and the package sources, then run this again."; }
}

need() { # need COMMAND PACKAGE…: installs the packages if the command is missing
  local command=$1; shift
  command -v "$command" >/dev/null || apt_install "$@"
}

setup_voice() {
  need espeak-ng espeak-ng; need sox sox
  # only for recordings that admins bring as mp3: no reason to stop
  if command -v apt-get >/dev/null && ! sox --help 2>/dev/null | grep -qw mp3; then
    (apt_install libsox-fmt-mp3) || say "mp3 recordings cannot be imported; wav can"
  fi
}

new_enough_python() { # a name on the PATH may be a shim that only complains, so each is tried
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$name"; return; }
  done
  return 1
}

in_venv() { "$root/.venv/bin/python" -c "$1" 2>/dev/null; }
# with the Python that it was made for: after an upgrade of the system's, the environment's packages are not found any more
stamp_of() { printf '%s\n' "$1 $(sha256sum <"$root/$1") $root $(in_venv 'import sys; print(sys.implementation.cache_tag)')"; }

program_runs() { # the Python that its first line names is there
  local first program=$root/.venv/bin/hotline
  [ ! -e "$program" ] || { read -r first <"$program" && [ -x "${first#??}" ]; }
}
setup_python() { # setup_python LOCKFILE: .venv holds what the lock names, checked by hash
  local lock=$1 python other kept='' is_broken=
  if stamp_of "$lock" | grep -qxFf - "$root/.venv/.stamp" 2>/dev/null; then
    if in_venv 'import pip, pydantic_core, typer' && program_runs; then return; fi
    is_broken=1
  fi
  new_enough_python >/dev/null || command -v python3 >/dev/null || apt_install python3 python3-venv
  python=$(new_enough_python) ||
    fail "$(python3 --version) is too old" "Python 3.11 or newer is needed: install it, then run this again."
  if [ -n "$is_broken" ] || ! in_venv 'import pip'; then
    say "making the Python environment …"
    rm -rf "$root/.venv"
    "$python" -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
    "$python" -m venv "$root/.venv" >"$log" 2>&1 || { tail -n 15 "$log" >&2; fail "python -m venv failed" "Install python3-venv, then run this again."; }
  fi
  # Both locks share .venv, and the dev one holds all of the other at the same versions: a stamp stays while it tells of
  # its lock as that is now. Any other goes, and before pip starts: the packages that it told of are replaced.
  for other in requirements.txt requirements-dev.txt; do
    [ ! -e "$root/.venv/.stamp" ] || [ "$other" = "$lock" ] || [ ! -e "$root/$other" ] || ! stamp_of "$other" | grep -qxFf "$root/.venv/.stamp" 2>/dev/null ||
      kept+="$(stamp_of "$other")"$'\n'
  done
  printf '%s' "$kept" >"$root/.venv/.stamp"
  say "installing Python packages from $lock (a minute or two the first time) …"
  shows_life=1 step "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$root/$lock" >"$log" 2>&1 ||
    { tail -n 15 "$log" >&2; fail "pip could not install $lock" "The lines above say why; check the network, then run this again."; }
  # compiled once here, also where the environment keeps Python from doing it at each start
  "$root/.venv/bin/python" -m compileall -q -j 0 "$root"/.venv/lib/python*/site-packages >/dev/null 2>&1 || true
  # this checkout is what is run: no build, no copy
  "$root/.venv/bin/python" - "$root" <<'PY'
import pathlib, sys, sysconfig
root = pathlib.Path(sys.argv[1])
pathlib.Path(sysconfig.get_path("purelib"), "hotline-checkout.pth").write_text(f"{root}\n", encoding="utf-8")
program = root / ".venv" / "bin" / "hotline"
program.write_text(f"#!{root}/.venv/bin/python\nfrom hotline.cli import main\n\nmain()\n", encoding="utf-8")
program.chmod(0o755)
PY
  stamp_of "$lock" >>"$root/.venv/.stamp"
}

asterisk_major() { "$@" -V 2>/dev/null | sed -nE 's/^Asterisk (certified\/)?([0-9]+).*/\2/p'; }

setup_asterisk() { # one on the PATH, else the distribution's if new enough, else a private root folder
  local major candidate
  if [ -n "${HOTLINE_ASTERISK_ROOT:-}" ]; then export HOTLINE_ASTERISK_ROOT; return; fi
  major=$(PATH="$PATH:/usr/sbin" asterisk_major asterisk || true)
  if [ "${major:-0}" -ge "$oldest_asterisk" ]; then return; fi
  if [ -x "$asterisk_root/usr/sbin/asterisk" ]; then export HOTLINE_ASTERISK_ROOT=$asterisk_root; return; fi
  [ -z "$major" ] || say "Asterisk $major is here, but $oldest_asterisk or newer is needed"
  candidate=$(apt-cache policy asterisk 2>/dev/null | sed -nE 's/^ *Candidate: ([0-9]+:)?([0-9]+)\..*/\2/p' || true)
  if [ "${candidate:-0}" -ge "$oldest_asterisk" ]; then
    if [ -n "$major" ]; then apt_install asterisk; else install_asterisk_at_rest; fi
    return
  fi
  setup_asterisk_root
  export HOTLINE_ASTERISK_ROOT=$asterisk_root
}

policy_file=/usr/sbin/policy-rc.d
has_policy= # ours stands there now
install_asterisk_at_rest() { # its own service would hold the SIP port, with sample files, now and after each boot
  if [ ! -e "$policy_file" ]; then
    has_policy=1
    printf '#!/bin/sh\n[ "$1" != asterisk ] || exit 101\n' | as_root tee "$policy_file" >/dev/null
    as_root chmod 755 "$policy_file"
  fi
  apt_install asterisk
  drop_policy
  command -v systemctl >/dev/null || return 0
  as_root systemctl disable --now asterisk >"$log" 2>&1 || true # where systemd does not run nothing was started
  say "the package's own service asterisk is switched off, as the hotline starts its own; on again: systemctl enable --now asterisk"
}
drop_policy() { [ -z "$has_policy" ] || { has_policy=; as_root rm -f "$policy_file"; }; }

setup_asterisk_root() {
  command -v mmdebstrap >/dev/null || { command -v apt-get >/dev/null && apt_install mmdebstrap; } || no_asterisk
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || apt_install debian-archive-keyring
  say "getting Asterisk from Debian's testing suite into a private folder (about 400 MB, under a minute) …"
  local draft="$asterisk_root.new.$$" left
  for left in "$asterisk_root".new.*; do # of a run that was killed
    kill -0 "${left##*.}" 2>/dev/null || remove_root "$left"
  done
  mkdir -p "$(dirname "$asterisk_root")"
  if ! shows_life=1 make_root "$draft" >"$log" 2>&1; then
    grep -q 'is expired' "$log" || { tail -n 15 "$log" >&2; no_asterisk; }
    say "the package mirror is behind its own date; trying again without that check (signatures are still checked)"
    remove_root "$draft"
    shows_life=1 make_root "$draft" --aptopt='Acquire::Check-Valid-Until "false"' >"$log" 2>&1 || { tail -n 15 "$log" >&2; remove_root "$draft"; no_asterisk; }
  fi
  remove_root "$asterisk_root"
  as_owner mv "$draft" "$asterisk_root"
}

make_root() { # make_root FOLDER [OPTION…]
  local folder=$1; shift
  as_owner step mmdebstrap --variant=minbase --include=asterisk,asterisk-core-sounds-en-wav \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' "$@" forky "$folder"
}

as_owner() {
  if [ "$1" = step ] && [ "$(id -u)" != 0 ]; then shift; fi # sudo asks at the terminal, so it stays in the foreground
  as_root "$@"
}
remove_root() { [ ! -e "$1" ] || as_owner rm -rf "$1"; }

no_asterisk() {
  fail "no Asterisk $oldest_asterisk or newer can be had on this machine. Two remedies:" \
    "1. Install an Asterisk $oldest_asterisk or newer yourself, so that \`asterisk\` is on the PATH; then run this again." \
    "2. Let this script make a private one: it needs the Debian package mmdebstrap and a way to Debian's packages."
}

log=$(mktemp)
trap 'end_dots; rm -f "$log"; drop_policy' EXIT
