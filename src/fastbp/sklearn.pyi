from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self, TypeAlias

from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin  # type: ignore[import-untyped, unused-ignore]

from ._sklearn.base import BaseMLP
from .callbacks import Callback
from .losses import Loss
from .typing import FloatLike, IntLike, ValueAndGrad

__all__ = ["MLPClassifier", "MLPRegressor"]

_Solver: TypeAlias = Literal["lbfgs", "sgd", "adam"]
_LearningRate: TypeAlias = Literal["constant", "invscaling", "adaptive"]
_DType: TypeAlias = Literal["float32", "float64", "auto"]
_Scoring: TypeAlias = str | Callable[..., Any] | None
_Callbacks: TypeAlias = Callback | Sequence[Callback] | None

class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc, unused-ignore]
    classes_: NDArray[Any]
    def __init__(
        self,
        hidden_layer_sizes: IntLike | Sequence[IntLike] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: _Solver = "adam",
        alpha: FloatLike = 0.0001,
        batch_size: IntLike | Literal["auto"] = "auto",
        learning_rate: _LearningRate = "constant",
        learning_rate_init: FloatLike = 0.001,
        power_t: FloatLike = 0.5,
        max_iter: IntLike = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: FloatLike = 1e-4,
        verbose: bool | IntLike = False,
        warm_start: bool = False,
        momentum: FloatLike = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: FloatLike = 0.1,
        beta_1: FloatLike = 0.9,
        beta_2: FloatLike = 0.999,
        epsilon: FloatLike = 1e-8,
        n_iter_no_change: FloatLike = 10,
        max_fun: IntLike = 15000,
        loss: str | Loss = "log_loss",
        dropout: FloatLike | Sequence[FloatLike] | None = None,
        batch_norm: bool = False,
        class_weight: Literal["balanced"] | Mapping[Any, FloatLike] | None = None,
        scoring: _Scoring = None,
        dtype: _DType = "float32",
        n_threads: IntLike = 1,
        callbacks: _Callbacks = None,
    ) -> None: ...
    def partial_fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, classes: ArrayLike | None = None
    ) -> Self: ...
    def predict(self, X: Any) -> NDArray[Any]: ...
    def predict_proba(self, X: Any) -> NDArray[Any]: ...
    def predict_log_proba(self, X: Any) -> NDArray[Any]: ...
    def __sklearn_tags__(self) -> Any: ...

class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc, unused-ignore]
    def __init__(
        self,
        loss: str | Loss | ValueAndGrad = "squared_error",
        hidden_layer_sizes: IntLike | Sequence[IntLike] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: _Solver = "adam",
        alpha: FloatLike = 0.0001,
        batch_size: IntLike | Literal["auto"] = "auto",
        learning_rate: _LearningRate = "constant",
        learning_rate_init: FloatLike = 0.001,
        power_t: FloatLike = 0.5,
        max_iter: IntLike = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: FloatLike = 1e-4,
        verbose: bool | IntLike = False,
        warm_start: bool = False,
        momentum: FloatLike = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: FloatLike = 0.1,
        beta_1: FloatLike = 0.9,
        beta_2: FloatLike = 0.999,
        epsilon: FloatLike = 1e-8,
        n_iter_no_change: FloatLike = 10,
        max_fun: IntLike = 15000,
        dropout: FloatLike | Sequence[FloatLike] | None = None,
        batch_norm: bool = False,
        scoring: _Scoring = None,
        dtype: _DType = "float32",
        n_threads: IntLike = 1,
        callbacks: _Callbacks = None,
    ) -> None: ...
    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self: ...
    def predict(self, X: Any) -> NDArray[Any]: ...
    def __sklearn_tags__(self) -> Any: ...
