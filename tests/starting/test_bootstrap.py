"""Setting up: whatever an interruption leaves behind, the next call repairs."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import pytest

from tests.architecture.source import ROOT

TARGETS = ("requirements.txt",)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout that needs two small packages: the installer, and one module."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "bootstrap.py", folder)
    # The real installer behind a script, so that no index is asked for it.
    uv = f'#!/bin/sh\nexec {ROOT}/.venv/bin/uv "$@"\n'
    require(folder, "requirements-install.txt", "uv", {"uv-1.data/scripts/uv": uv})
    require(folder, "requirements.txt", "tiny", {"tiny.py": "NUMBER = 7\n"})
    assert bootstrap(folder).returncode == 0
    return folder


def require(folder, name, package, files):
    """Make a wheel and the file of requirements that pins it by its hash."""
    about = f"{package}-1.dist-info"
    files |= {
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{about}/RECORD"])
    wheel = folder / f"{package}-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{about}/RECORD": record}.items():
            archive.writestr(path, text)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / name).write_text(f"{package} @ {wheel.as_uri()} --hash=sha256:{digest}\n")


def command(folder):
    return [os.path.realpath(sys.executable), str(folder / "bootstrap.py"), *TARGETS]


def bootstrap(folder):
    return subprocess.run(command(folder), capture_output=True, text=True, check=False)


def assert_works(folder):
    assert (ended := bootstrap(folder)).returncode == 0, ended.stdout + ended.stderr
    used = [folder / ".venv/bin/python", "-c", "import tiny; print(tiny.NUMBER)"]
    assert subprocess.check_output(used, text=True) == "7\n"
    assert set(json.loads((folder / ".venv/complete").read_text())) == {"environment", *TARGETS}
    assert (again := bootstrap(folder)).stdout + again.stderr == ""


def without_pip(venv):
    """Where the making of the environment was interrupted."""
    (venv / "complete").unlink()
    for path in venv.glob("lib/python*/site-packages/*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def half_installed(venv):
    """Where the installation was: a truncated installer, and a package that looks installed."""
    (venv / "complete").unlink()
    (venv / "bin" / "uv").write_bytes(b"\x7fELF")
    for path in venv.glob("lib/python*/site-packages/tiny.py"):
        path.unlink()


def truncated_stamp(venv):
    os.truncate(venv / "complete", 20)


def removed_python(venv):
    (venv / "bin" / "python").unlink()


@pytest.fixture
def whole(checkout, tmp_path):
    """The checkout; its environment is put back afterwards, which is quicker than a new one."""
    kept = shutil.copytree(checkout / ".venv", tmp_path / "kept", symlinks=True)
    yield checkout
    shutil.rmtree(checkout / ".venv", ignore_errors=True)
    kept.rename(checkout / ".venv")


def interrupt(folder, how, *, after_seconds):
    """Start it, see an environment made anew, and interrupt that."""
    running = subprocess.Popen(
        command(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, process_group=0
    )
    assert running.stdout.readline().startswith(b"Creating .venv")
    time.sleep(after_seconds)
    os.killpg(running.pid, how)
    assert b"Traceback" not in running.communicate()[0]


@pytest.mark.parametrize(
    "damage", [without_pip, half_installed, truncated_stamp, removed_python, shutil.rmtree]
)
def test_a_damaged_environment_is_made_anew(damage, whole):
    damage(whole / ".venv")
    interrupt(whole, signal.SIGKILL, after_seconds=0)


def test_after_interruptions_of_any_kind_and_moment_the_next_call_works(checkout):
    half_installed(checkout / ".venv")
    for how, seconds in ((signal.SIGINT, 0), (signal.SIGKILL, 1), (signal.SIGINT, 3)):
        interrupt(checkout, how, after_seconds=seconds)
    assert_works(checkout)


def test_a_failed_installation_leaves_a_complete_environment_in_place(checkout):
    assert_works(checkout)
    wanted = (checkout / "requirements.txt").read_text()
    (checkout / "requirements.txt").write_text("absent @ file:///absent-1-py3-none-any.whl\n")
    failed = bootstrap(checkout)
    (checkout / "requirements.txt").write_text(wanted)
    assert failed.returncode == 1
    assert "Not installed" in failed.stderr
    assert "Creating" not in bootstrap(checkout).stdout
    assert_works(checkout)


def test_a_checkout_that_cannot_be_written_ends_in_one_sentence(checkout, tmp_path):
    folder = tmp_path / "readonly"
    folder.mkdir()
    for path in checkout.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    (folder / ".venv").touch()
    ended = bootstrap(folder)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "Run make as the owner of" in ended.stderr
