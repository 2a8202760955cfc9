"""Make .venv and install the pinned, hash-checked requirements into it.

`python3 bootstrap.py requirements.txt [requirements-dev.txt ...]` does nothing where they are
installed already, so every make target may call it. Standard library only; it parses on old
Pythons, to say which one is needed. What is installed stands in the requirements files, not here.

An interruption at any moment heals at the next call: `.venv/complete` is removed before anything
changes and written last, and an environment without it is made anew.
"""

import signal

# Ctrl-C ends this process at once and without a traceback, also while the next lines are run.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
COMPLETE = VENV / "complete"
INSTALLER = ROOT / "requirements-install.txt"
# Tests read its files as data: it is never imported, so its dependencies and scripts stay out.
RECORDINGS = ROOT / "requirements-recordings.txt"


def main(names):
    check_python()
    lock()
    done = installed()
    wanted = {name: digest(ROOT / name) for name in names}
    pending = [name for name in names if done.get(name) != wanted[name]]
    if not pending:
        return
    COMPLETE.unlink(missing_ok=True)
    if not done:
        done = make_environment()
    before = packages()
    print("Installing " + " and ".join(pending), flush=True)
    if install([ROOT / name for name in pending]):
        keep({**done, **wanted})
        return
    # Without a network, say, nothing has changed: what was complete still is.
    if packages() == before:
        keep({name: done[name] for name in done if name not in pending})
    sys.exit("Not installed: the lines above say why. Then run make again.")


def check_python():
    if sys.version_info < (3, 11):
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            "Leadloop needs Python 3.11 or newer; {} is {}. Install a newer one, or name "
            "it: make PYTHON=/path/to/python3.11 ...".format(sys.executable, found)
        )
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            "This Python cannot make virtual environments. On Debian or Ubuntu: "
            "apt-get install python3-venv"
        )


def lock():
    """Wait until no other process installs here; the lock is the folder of the checkout.

    The installers inherit it, so that one whose parent was killed keeps it until it has ended.
    """
    folder = os.open(str(ROOT), os.O_RDONLY)
    os.set_inheritable(folder, True)
    fcntl.flock(folder, fcntl.LOCK_EX)


def installed():
    """Read what is complete: the environment, and the digest of each file of requirements."""
    try:
        done = json.loads(COMPLETE.read_text())
    except (OSError, ValueError):
        return {}
    return done if PYTHON.exists() and done["environment"] == identity() else {}


def identity():
    """A moved checkout or another Python leaves an environment whose commands do not start."""
    return "{} {}".format(VENV, os.path.realpath(str(PYTHON)))


def keep(done):
    """Write down what is complete, whole or not at all."""
    draft = VENV / "complete.new"
    draft.write_text(json.dumps(done))
    draft.replace(COMPLETE)


def make_environment():
    print("Creating .venv with Python {}.{}.{}".format(*sys.version_info[:3]), flush=True)
    venv.create(str(VENV), clear=True, symlinks=True, with_pip=True)
    return {"environment": identity()}


def packages():
    return {path.name for path in VENV.glob("lib/python*/site-packages/*")}


def install(files):
    """Install these files of requirements; whether that worked."""
    arguments = [part for path in files if path != RECORDINGS for part in ("-r", path)]
    if arguments and not pip_install(arguments):
        return False
    return RECORDINGS not in files or install_recordings()


def install_recordings():
    """Unpack a package beside the others; nothing runs it, so its Python need not be ours."""
    target = VENV / "recordings"
    shutil.rmtree(str(target), ignore_errors=True)
    options = ["--no-deps", "--only-binary=:all:", "--python-version=3.13", "--target", target]
    return pip_install([*options, "-r", RECORDINGS])


def pip_install(arguments):
    arguments = ["--require-hashes", *arguments]
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        pip("--only-binary=:all:", "--require-hashes", "-r", INSTALLER)
    if uv.exists() and run(uv, "pip", "install", "-q", "--python", PYTHON, *arguments):
        return True
    print("uv cannot install here; pip can, more slowly", flush=True)
    return pip(*arguments)


def pip(*arguments):
    options = ["-q", "--disable-pip-version-check", "--no-input"]
    return run(PYTHON, "-m", "pip", "install", *options, *arguments)


def run(*command):
    """Whether a command worked; what it says is shown only where it did not."""
    words = [str(part) for part in command]
    try:
        ended = subprocess.run(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, close_fds=False, check=False
        )
    except OSError as error:
        print(error, flush=True)
        return False
    if ended.returncode:
        sys.stdout.buffer.write(ended.stdout)
        sys.stdout.flush()
    return ended.returncode == 0


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(
            "Cannot install: {} cannot be written ({}). Run make as the owner of {}, or clone it "
            "into a folder of your own.".format(error.filename or VENV, error.strerror, ROOT)
        )
    except subprocess.CalledProcessError as error:
        sys.exit("Cannot make .venv:\n" + (error.output or b"").decode(errors="replace"))
