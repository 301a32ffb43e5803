"""All that a module needs in order to `cimport fastbp` is where fastbp.h is."""

from Cython.Build import cythonize
from setuptools import Extension, setup

import fastbp

setup(
    ext_modules=cythonize(
        Extension("feedback_learning", ["feedback_learning.pyx"], include_dirs=[fastbp.get_include()]),
        language_level=3,
    )
)
