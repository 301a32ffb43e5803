"""The solver "lbfgs": SciPy's L-BFGS-B over the network's flat parameters."""

import warnings

import numpy as np
import scipy.optimize
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from ..layers import Dense, from_config
from ..network import Network
from .tables import dense_blocks

NOT_FINITE = (  # as scikit-learn says it
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed"
)


def minimize(estimator, network, objective, X, targets, sample_weight):
    """Train until the gradient is smaller than `tol`, or for `max_iter` steps or `max_fun` calls.

    In float64, whatever the network's dtype: near a minimum the line search cannot go by float32.

    Returns
    -------
    loss : float
        As the engine knows it.
    n_iter : int
    """
    exact = Network(network.n_in, network.layers, np.float64)
    value_and_grad = _Sparse(exact) if issparse(X) else exact.loss_and_grad

    def function(params):
        exact.params[...] = params
        loss, grad = value_and_grad(X, targets, objective.loss, sample_weight)
        return loss * objective.scale, grad * objective.scale

    with threadpool_limits(1, "blas"):  # SciPy's products are small: threads wait for each other, ten times as long
        result = scipy.optimize.minimize(
            function,
            network.params.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            options={"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol},
        )
    if not (np.isfinite(result.fun) and np.isfinite(result.x).all()):
        raise ValueError(f"{NOT_FINITE}: lbfgs met a loss of {result.fun}")
    network.params[...] = result.x
    if estimator.verbose:
        print(f"lbfgs: {result.message}, {result.nit} iterations, loss = {result.fun / objective.scale:.8f}")
    if result.status != 0:
        warnings.warn(
            f"lbfgs failed to converge after {result.nit} iteration(s) (status={result.status}):\n{result.message}\n\n"
            f"You might also want to increase the number of iterations (max_iter={estimator.max_iter}), or to scale "
            "the data",
            ConvergenceWarning,
            stacklevel=4,
        )
    return result.fun / objective.scale, min(result.nit, estimator.max_iter)


class _Sparse:
    """`Network.loss_and_grad` of a sparse matrix, whose rows are expanded some at a time.

    The penalty of the weights belongs to all of them: the first rows have it, others go through a network without.
    """

    def __init__(self, network):
        self.network = network
        layers = [_without_penalty(layer) for layer in network.layers]
        self.others = Network(network.n_in, layers, network.dtype)

    def __call__(self, X, targets, loss, sample_weight):
        weights = np.ones(X.shape[0]) if sample_weight is None else sample_weight
        network = self.network
        self.others.params[...] = network.params
        total, grad = 0.0, np.zeros(network.n_params)
        for rows, block in dense_blocks(X):
            weight = weights[rows].sum()
            if weight > 0:
                part, part_grad = network.loss_and_grad(block, targets[rows], loss, weights[rows])
                total += weight * part
                grad += weight * part_grad
                network = self.others
        return total / weights.sum(), grad / weights.sum()


def _without_penalty(layer):
    return from_config({**layer.config(), "l2": 0.0}) if isinstance(layer, Dense) else layer
