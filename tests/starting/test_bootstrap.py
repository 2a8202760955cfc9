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


@pytest.mark.parametrize(
    ("damage", "how", "seconds"),
    [
        (without_pip, signal.SIGINT, 0),
        (half_installed, signal.SIGKILL, 0),
        (truncated_stamp, signal.SIGINT, 1),
        (removed_python, signal.SIGKILL, 1),
        (shutil.rmtree, signal.SIGINT, 3),
        (shutil.rmtree, signal.SIGKILL, 3),
    ],
)
def test_what_damage_leaves_is_made_anew_and_where_that_is_interrupted_by_the_next_call(
    damage, how, seconds, checkout
):
    damage(checkout / ".venv")
    running = subprocess.Popen(
        command(checkout), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, process_group=0
    )
    assert running.stdout.readline().startswith(b"Creating .venv")
    time.sleep(seconds)
    os.killpg(running.pid, how)
    assert b"Traceback" not in running.communicate()[0]
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
