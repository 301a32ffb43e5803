"""fastbp: compiled back-propagation for small and medium networks on the CPU, inside your own program."""

from importlib import import_module as _import_module

from . import metrics
from ._engine.dispatch import available_targets, get_target, set_target
from .callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
    RetryOnDivergence,
    TerminateOnNaN,
    Timer,
)
from .errors import DivergedError
from .gradient_check import check_gradients
from .history import History
from .layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    GaussianNoise,
    Layer,
    LayerNorm,
    PReLU,
    Residual,
    Standardize,
    Unstandardize,
)
from .losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    BinaryFocalCrossEntropy,
    CrossEntropy,
    FocalCrossEntropy,
    GaussianNLL,
    Hinge,
    Huber,
    LogCosh,
    Poisson,
    Quantile,
    SquaredError,
    SquaredHinge,
)
from .multitask import MultiTask
from .network import Network
from .optimizers import SGD, Adadelta, Adagrad, Adam, AdamW, Lion, NAdam, RMSprop, Rprop
from .schedules import (
    CosineDecay,
    CosineRestarts,
    ExponentialDecay,
    FunctionSchedule,
    InverseTimeDecay,
    LinearWarmup,
    OneCycle,
    PolynomialDecay,
    ReduceOnPlateau,
    StepDecay,
)
from .solvers import LBFGS, LevenbergMarquardt, ScipyMinimize
from .trainer import Trainer

__version__ = "0.1.0"

__all__ = [
    "LBFGS",
    "SGD",
    "AbsoluteError",
    "Activation",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "BatchNorm",
    "BinaryCrossEntropy",
    "BinaryFocalCrossEntropy",
    "CSVLogger",
    "Callback",
    "CosineDecay",
    "CosineRestarts",
    "CrossEntropy",
    "Dense",
    "DivergedError",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "ExponentialDecay",
    "FocalCrossEntropy",
    "FunctionSchedule",
    "GaussianNLL",
    "GaussianNoise",
    "Hinge",
    "History",
    "Huber",
    "InverseTimeDecay",
    "LambdaCallback",
    "Layer",
    "LayerNorm",
    "LevenbergMarquardt",
    "LinearWarmup",
    "Lion",
    "LogCosh",
    "ModelCheckpoint",
    "MultiTask",
    "NAdam",
    "Network",
    "OneCycle",
    "PReLU",
    "Poisson",
    "PolynomialDecay",
    "Quantile",
    "RMSprop",
    "ReduceOnPlateau",
    "Residual",
    "RetryOnDivergence",
    "Rprop",
    "ScipyMinimize",
    "SquaredError",
    "SquaredHinge",
    "Standardize",
    "StepDecay",
    "TerminateOnNaN",
    "Timer",
    "Trainer",
    "Unstandardize",
    "__version__",
    "available_targets",
    "check_gradients",
    "datasets",
    "get_include",
    "get_target",
    "metrics",
    "set_target",
]


def get_include():
    """Return the folder of fastbp.h, for the include_dirs of extension modules: see docs/c_api.md.

    Returns
    -------
    str
    """
    return f"{__path__[0]}/include"


def __getattr__(name):
    # Loaded on use, for importing fastbp is to cost no more than the engine.
    if name == "datasets":
        return _import_module("fastbp.datasets")
    raise AttributeError(f"module 'fastbp' has no attribute {name!r}")
