from . import datasets as datasets
from . import metrics as metrics
from ._engine.dispatch import available_targets as available_targets
from ._engine.dispatch import get_target as get_target
from ._engine.dispatch import set_target as set_target
from .callbacks import Callback as Callback
from .callbacks import CSVLogger as CSVLogger
from .callbacks import EarlyStopping as EarlyStopping
from .callbacks import LambdaCallback as LambdaCallback
from .callbacks import ModelCheckpoint as ModelCheckpoint
from .callbacks import RetryOnDivergence as RetryOnDivergence
from .callbacks import TerminateOnNaN as TerminateOnNaN
from .callbacks import Timer as Timer
from .errors import DivergedError as DivergedError
from .gradient_check import check_gradients as check_gradients
from .history import History as History
from .layers import Activation as Activation
from .layers import BatchNorm as BatchNorm
from .layers import Dense as Dense
from .layers import Dropout as Dropout
from .layers import Embedding as Embedding
from .layers import GaussianNoise as GaussianNoise
from .layers import Layer as Layer
from .layers import LayerNorm as LayerNorm
from .layers import PReLU as PReLU
from .layers import Residual as Residual
from .layers import Standardize as Standardize
from .layers import Unstandardize as Unstandardize
from .losses import AbsoluteError as AbsoluteError
from .losses import BinaryCrossEntropy as BinaryCrossEntropy
from .losses import BinaryFocalCrossEntropy as BinaryFocalCrossEntropy
from .losses import CrossEntropy as CrossEntropy
from .losses import FocalCrossEntropy as FocalCrossEntropy
from .losses import GaussianNLL as GaussianNLL
from .losses import Hinge as Hinge
from .losses import Huber as Huber
from .losses import LogCosh as LogCosh
from .losses import Poisson as Poisson
from .losses import Quantile as Quantile
from .losses import SquaredError as SquaredError
from .losses import SquaredHinge as SquaredHinge
from .multitask import MultiTask as MultiTask
from .network import Network as Network
from .optimizers import SGD as SGD
from .optimizers import Adadelta as Adadelta
from .optimizers import Adagrad as Adagrad
from .optimizers import Adam as Adam
from .optimizers import AdamW as AdamW
from .optimizers import Lion as Lion
from .optimizers import NAdam as NAdam
from .optimizers import RMSprop as RMSprop
from .optimizers import Rprop as Rprop
from .schedules import CosineDecay as CosineDecay
from .schedules import CosineRestarts as CosineRestarts
from .schedules import ExponentialDecay as ExponentialDecay
from .schedules import FunctionSchedule as FunctionSchedule
from .schedules import InverseTimeDecay as InverseTimeDecay
from .schedules import LinearWarmup as LinearWarmup
from .schedules import OneCycle as OneCycle
from .schedules import PolynomialDecay as PolynomialDecay
from .schedules import ReduceOnPlateau as ReduceOnPlateau
from .schedules import StepDecay as StepDecay
from .solvers import LBFGS as LBFGS
from .solvers import LevenbergMarquardt as LevenbergMarquardt
from .solvers import ScipyMinimize as ScipyMinimize
from .trainer import Trainer as Trainer

__version__: str

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

def get_include() -> str: ...
