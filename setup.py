"""The extension modules and their compiler flags. Everything else about the package stands in pyproject.toml."""

import os
import sysconfig
from glob import glob
from pathlib import Path

import Cython
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ENGINE = "src/fastbp/_engine"
INCLUDE = "src/fastbp/include"
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "embedsignature": True,
    "freethreading_compatible": True,
}

# FASTBP_DEBUG=1 asks for bounds and initialisation to be checked, for symbols and for little optimisation.
DEBUG = os.environ.get("FASTBP_DEBUG", "0") not in ("", "0")
if DEBUG:
    DIRECTIVES |= {"boundscheck": True, "initializedcheck": True}

# -ffp-contract=off: only an explicit fma fuses. No -ffast-math: it would switch the whole process to flush-to-zero.
COMMON = ["-O1", "-g", "-UNDEBUG", "-fstack-protector-strong"] if DEBUG else ["-O3", "-g0"]
COMMON += ["-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-Wno-unused-function"]

# What does little more than call Python or others is compiled for size.
SMALL = {name: ["-Os"] for name in ("dispatch", "kinds", "threads", "workspace") if not DEBUG}

# A tile must be compiled with its number of rows as a constant, so the kernels insist on inlining.
KERNEL = ["-DCYTHON_INLINE=inline __attribute__((always_inline))", "-Wno-psabi"]

# What each target may use. Only dispatch.pyx decides which of them a machine loads.
TARGETS = {"baseline": []}
if sysconfig.get_platform().endswith(("x86_64", "amd64")):  # what is compiled for, which need not be this machine
    TARGETS["avx2"] = ["-mavx2", "-mfma"]
    TARGETS["avx512"] = [*TARGETS["avx2"], "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"]
    TARGETS["avx512"] += ["-mprefer-vector-width=512"]

MODULES = ["buffers", "dispatch", "losses", "optimizers", "passes", "workspace", "engine", "data", "online"]
MODULES += ["threads", "training", "inference", "derivatives", "triangular", "curvature"]
MODULES += ["kinds", "dense", "activation", "layer_norm", "residual", "batch_norm", "prelu", "noise", "embedding"]
MODULES += ["standardize", "capsule"]


# Where Cython's C goes. Another Cython, and other directives, write other C.
TRANSLATED = Path(f"build/cython-{Cython.__version__}{'-debug' * DEBUG}")
SOURCES = [*glob(f"{ENGINE}/*.p[yx][xdi]"), *glob(f"{ENGINE}/*.h"), "src/fastbp/__init__.pxd", "setup.py"]


class Build(build_ext):
    """Translates where it compiles: neither an sdist nor metadata needs C."""

    def run(self):
        newest = max(map(os.path.getmtime, SOURCES))
        stale = [extension for extension in self.extensions if modified(c_file(extension)) < newest]
        cythonize(stale, build_dir=str(TRANSLATED), compiler_directives=DIRECTIVES, nthreads=os.cpu_count() or 1)
        for extension in self.extensions:
            extension.sources = [str(c_file(extension))]
        super().run()


def c_file(extension):
    """Return where the C of an extension is. One that is newer than all sources is taken as it is: Cython would make it
    again in each isolated environment, for its own declarations are as new as that, and all would be compiled again."""
    return TRANSLATED / ENGINE / f"{extension.name.rpartition('.')[2]}.c"


def modified(file):
    return file.stat().st_mtime if file.exists() else 0.0


def extension(name, flags=()):
    return Extension(
        f"fastbp._engine.{name}",
        [f"{ENGINE}/{name}.pyx"],
        include_dirs=[INCLUDE],
        depends=glob(f"{ENGINE}/*.h") + glob(f"{ENGINE}/*.p[dx][di]") + glob(f"{INCLUDE}/*.h"),
        extra_compile_args=[*COMMON, *flags],
        extra_link_args=[] if DEBUG or sysconfig.get_platform().startswith("macosx") else ["-Wl,-s"],
    )


extensions = [extension(name, SMALL.get(name, ())) for name in MODULES]
extensions += [
    extension(f"kernels_{target}_f{bits}", [*KERNEL, *flags, f"-DFBP_BITS={bits}"])
    for target, flags in TARGETS.items()
    for bits in (32, 64)
]

setup(ext_modules=extensions, cmdclass={"build_ext": Build}, options={"build_ext": {"parallel": os.cpu_count() or 1}})
