from typing import Any, Self

from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator  # type: ignore[import-untyped, unused-ignore]

from ..network import Network

stochastic_only: Any

class BaseMLP(BaseEstimator):  # type: ignore[misc, unused-ignore]
    network_: Network
    loss_: float
    best_loss_: float | None
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    n_iter_: int
    n_layers_: int
    n_outputs_: int
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    out_activation_: str
    t_: int
    @property
    def coefs_(self) -> list[NDArray[Any]]: ...
    @coefs_.setter
    def coefs_(self, values: list[NDArray[Any]]) -> None: ...
    @property
    def intercepts_(self) -> list[NDArray[Any]]: ...
    @intercepts_.setter
    def intercepts_(self, values: list[NDArray[Any]]) -> None: ...
    # X: an array, a sparse matrix or a data frame
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None, eval_set: Any = None) -> Self: ...
    def __sklearn_is_fitted__(self) -> bool: ...
    def __sklearn_tags__(self) -> Any: ...
