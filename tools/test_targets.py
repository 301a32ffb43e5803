"""Test the targets that this machine's processor would not choose, on an emulator.

    python tools/test_targets.py nehalem [TEST ...]
    python tools/test_targets.py neon [TEST ...]

nehalem runs the fastbp of this Python on an x86-64 processor without AVX: nothing may be executed, or even loaded, that
such a processor does not know. neon compiles fastbp from this source tree for 64-bit ARM, and runs it there under a
Debian's Python that is unpacked below build/neon; nothing is installed. Needs Debian's packages qemu-user, and for neon
gcc-aarch64-linux-gnu and debian-archive-keyring. If none are named, the tests of the kernels are run: an emulator takes
ten times as long or more, and cannot run the tests that start another Python or that measure time.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEON = ROOT / "build" / "neon"
SUITE = "bookworm"  # of Debian; its Python:
PYTHON = "3.11"
PACKAGES = [f"python{PYTHON}-minimal", f"libpython{PYTHON}-stdlib", f"libpython{PYTHON}-dev", "libstdc++6"]
SETTINGS = "_sysconfigdata__aarch64-linux-gnu"
PLATFORMS = ["manylinux2014_aarch64", "manylinux_2_28_aarch64"]

TESTS = {
    "nehalem": ["tests/test_known_bits.py"],
    "neon": ["tests/test_known_bits.py", "tests/test_vmath.py", "tests/test_forward.py", "tests/test_gradients.py"],
}

# What must hold before any test: the baseline is all that there is, and all that is ever loaded.
CHECK = """
import sys
import fastbp
assert fastbp.available_targets() == ("baseline",), fastbp.available_targets()
for dtype in ("float32", "float64"):
    fastbp.Network.mlp([3, 5, 2], dtype=dtype).predict([[1, 2, 3]])
for target in ("avx2", "avx512"):
    try:
        fastbp.set_target(target)
    except ValueError:
        continue
    sys.exit(f"set_target({target!r}) did not fail")
loaded = sorted(name.rpartition(".")[2] for name in sys.modules if "._engine.kernels_" in name)
assert loaded == ["kernels_baseline_f32", "kernels_baseline_f64"], loaded
print(f"{fastbp.__file__}: loaded {' and '.join(loaded)}")
"""


def run(command, **environment):
    """Run a command in the source tree, with these variables too; end with its status if it fails."""
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment})
    if done.returncode:
        sys.exit(f"status {done.returncode}: {' '.join(map(str, command))}")


def need(*commands):
    """End with a message if one of the commands is not installed."""
    missing = [command for command in commands if shutil.which(command) is None]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}; Debian has qemu-user, gcc-aarch64-linux-gnu")


def nehalem():
    """Return the command that runs this Python on a processor of 2008, and its variables."""
    need("qemu-x86_64")
    return ["qemu-x86_64", "-cpu", "Nehalem", sys.executable], {}


def neon():
    """Make a Python for 64-bit ARM with fastbp, and return the command that runs it, and its variables."""
    need("qemu-aarch64", "aarch64-linux-gnu-gcc", "apt-get", "dpkg")
    sysroot, site, built = NEON / "root", NEON / "site", NEON / "lib"
    if not (NEON / "complete").exists():
        shutil.rmtree(NEON, ignore_errors=True)
        unpack_debian(sysroot)
        install(site, ["numpy", "pytest"])
        (NEON / "complete").touch()
    cross_compile(sysroot, built)
    command = ["qemu-aarch64", "-L", str(sysroot), str(sysroot / "usr" / "bin" / f"python{PYTHON}")]
    return command, {"PYTHONPATH": f"{built}{os.pathsep}{site}", "PYTHONDONTWRITEBYTECODE": "1"}


def unpack_debian(sysroot):
    """Fetch Debian's packages for arm64 with a state of apt's own, apart from this machine's, and unpack them."""
    apt = NEON / "apt"
    archives = apt / "cache" / "archives"
    for folder in (apt / "lists" / "partial", archives / "partial", sysroot):
        folder.mkdir(parents=True)
    (apt / "status").touch()
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (apt / "sources.list").write_text(f"deb [signed-by={keyring}] http://deb.debian.org/debian {SUITE} main\n")
    (apt / "apt.conf").write_text(
        f'APT::Architecture "arm64"; APT::Architectures {{ "arm64"; }};\n'
        f'APT::Sandbox::User ""; APT::Install-Recommends "false";\n'
        f'Dir::State "{apt}"; Dir::State::status "{apt}/status"; Dir::Cache "{apt}/cache";\n'
        f'Dir::Etc::sourcelist "{apt}/sources.list"; Dir::Etc::sourceparts "/dev/null";\n'
    )
    run(["apt-get", "-qq", "update"], APT_CONFIG=str(apt / "apt.conf"))
    run(["apt-get", "-qq", "install", "--download-only", "-y", *PACKAGES], APT_CONFIG=str(apt / "apt.conf"))
    for package in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "--extract", package, sysroot])


def install(folder, requirements, platforms=PLATFORMS):
    """Install wheels for these platforms, or for this machine if there are none, into a folder."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:", "--target", folder]
    command += [f"--platform={platform}" for platform in platforms]
    command += [f"--python-version={PYTHON}", "--implementation=cp"] if platforms else []
    run([*command, *requirements])


def cross_compile(sysroot, built):
    """Compile the source tree with the settings that Debian's Python for arm64 was compiled with."""
    tools, settings = NEON / "tools", NEON / "settings"
    if not tools.exists():
        install(tools, tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"], [])
    settings.mkdir(exist_ok=True)
    shutil.copy(sysroot / "usr" / "lib" / f"python{PYTHON}" / f"{SETTINGS}.py", settings)
    run(
        [sys.executable, "setup.py", "-q", "build", "--build-lib", built, "--build-temp", NEON / "objects"],
        PYTHONPATH=f"{tools}{os.pathsep}{settings}",
        _PYTHON_SYSCONFIGDATA_NAME=SETTINGS,
        _PYTHON_HOST_PLATFORM="linux-aarch64",
        CFLAGS=f"--sysroot={sysroot} -I{sysroot}/usr/include/python{PYTHON}",
        LDFLAGS=f"--sysroot={sysroot}",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("processor", choices=TESTS)
    parser.add_argument("tests", nargs="*", metavar="TEST", help="what pytest is to run")
    options = parser.parse_args()
    python, environment = {"nehalem": nehalem, "neon": neon}[options.processor]()
    environment = {"FASTBP_TARGET": "", **environment}
    run([*python, "-c", CHECK], **environment)
    tests = options.tests or TESTS[options.processor]
    run([*python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests], **environment)


if __name__ == "__main__":
    main()
