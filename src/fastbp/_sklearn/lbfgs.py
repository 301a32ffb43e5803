"""The solver "lbfgs": fastbp's L-BFGS, of scikit-learn's objective."""

import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning

from .. import _lbfgs
from .._solving import Problem
from ..errors import DivergedError
from ..layers import Dense, from_config
from ..network import Network
from ..solvers import LBFGS
from .tables import dense_blocks

NOT_FINITE = (  # as scikit-learn says it
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed"
)


class _AtLimit(Exception):
    """Ends the solver from within a report."""


def minimize(estimator, network, objective, X, targets, sample_weight):
    """Train until the gradient is smaller than `tol`, or for `max_iter` steps or `max_fun` calls.

    Returns
    -------
    loss : float
        As the engine knows it.
    n_iter : int
    """
    problem = _Objective(network, X, targets, objective, sample_weight, estimator.n_threads)
    w, lowest, n_iterations = problem.start(), None, 0

    def report(params, loss):
        nonlocal w, lowest, n_iterations
        w, lowest = params, loss
        n_iterations += 1
        if n_iterations >= estimator.max_iter:
            raise _AtLimit(f"max_iter={estimator.max_iter} iterations reached")
        if problem.n_calls > estimator.max_fun:
            raise _AtLimit(f"max_fun={estimator.max_fun} calls of the loss exceeded")

    try:
        end = _lbfgs.minimize(problem, LBFGS(gtol=estimator.tol), report)
    except _AtLimit as limit:
        end = {"converged": False, "message": str(limit)}
    except DivergedError as error:
        raise ValueError(f"{NOT_FINITE}: lbfgs: {error}") from error
    if lowest is None:  # there was nothing to gain
        lowest, _ = problem.finite_loss_and_grad(w)
    network.params[...] = w
    if estimator.verbose:
        print(f"lbfgs: {end['message']}, {n_iterations} iterations, loss = {lowest / objective.scale:.8f}")
    if not end["converged"]:
        warnings.warn(
            f"lbfgs failed to converge after {n_iterations} iteration(s):\n{end['message']}\n\n"
            f"You might also want to increase the number of iterations (max_iter={estimator.max_iter}), or to scale "
            "the data",
            ConvergenceWarning,
            stacklevel=4,
        )
    return lowest / objective.scale, n_iterations


class _Objective(Problem):
    """scikit-learn's objective, also of a sparse matrix: in the network's dtype at first.

    Attributes
    ----------
    n_calls : int
        How often it has been computed.
    """

    def __init__(self, network, X, targets, objective, sample_weight, n_threads):
        self.n_calls = 0
        self._scale = objective.scale
        rows = X, targets, sample_weight
        if not issparse(X):
            rows = network._twin()._checked(X, targets, objective.loss, sample_weight)
        X, targets, weights = rows
        super().__init__(network, X, targets, objective.loss, weights, n_threads, rough=True)

    def _set_dtype(self, dtype):
        if issparse(self._data[0]):
            self.net = self.original._twin(dtype)
            self.objective = _OfSparse(self.net, *self._data[:4])
        else:
            super()._set_dtype(dtype)

    def loss_and_grad(self, w):
        self.n_calls += 1
        loss, gradient = super().loss_and_grad(w)
        return self._scale * loss, self._scale * gradient


class _OfSparse:
    """What `fastbp._objective.Objective` is of dense rows: a sparse matrix is expanded some rows at a time.

    The penalty of the weights belongs to all of them: the first rows have it, others go through a network without.
    """

    def __init__(self, network, X, targets, loss, sample_weight):
        self.network = network
        self._data = X, targets, loss
        self._weights = np.ones(X.shape[0]) if sample_weight is None else sample_weight
        layers = [_without_penalty(layer) for layer in network.layers]
        self._others = Network(network.n_in, layers, network.dtype)

    def loss_and_grad(self):
        X, targets, loss = self._data
        network = self.network
        self._others.params[...] = network.params
        total, grad = 0.0, np.zeros(network.n_params)
        for rows, block in dense_blocks(X):
            weight = self._weights[rows].sum()
            if weight > 0:
                part, part_grad = network.loss_and_grad(block, targets[rows], loss, self._weights[rows])
                total += weight * part
                grad += weight * part_grad
                network = self._others
        return total / self._weights.sum(), grad / self._weights.sum()


def _without_penalty(layer):
    return from_config({**layer.config(), "l2": 0.0}) if isinstance(layer, Dense) else layer
