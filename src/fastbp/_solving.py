"""A fit by a solver: the function that it minimises, and what happens between its iterations."""

import numpy as np

from . import _lbfgs, _least_squares, _scipy_methods
from ._fitting import Fit
from ._memory import check_memory
from ._objective import Objective, hessian_vector_product
from .errors import DivergedError
from .losses import SquaredError
from .solvers import LBFGS, LevenbergMarquardt, ScipyMinimize


class Problem:
    """The loss of all samples, a function of the trainable parameters, which are in float64.

    It is computed with a copy of the network, so that this knows nothing of points that are only tried.

    Parameters
    ----------
    network : Network
    X, targets, loss, weights
        As `Objective` takes them.
    n_threads : int
    rough : bool
        Whether it is computed in the network's dtype until `refine` is called; otherwise in float64.
    seed : int
        Of what is drawn.

    Attributes
    ----------
    net : Network
        The copy.
    objective : Objective
        Its loss.
    is_free : ndarray of shape (n_params,) of bool, or None
        Which parameters are trainable; None if all are.
    details : dict
        What the history tells of the solver.
    """

    def __init__(self, network, X, targets, loss, weights, n_threads=1, rough=False, seed=0):
        self.original = network
        self._seed = seed
        self._data = X, targets, loss, weights, n_threads
        self._set_dtype(network.dtype if rough else np.float64)
        self.details = {}
        is_free = self.of_params("trainable", all_params=True).astype(bool)
        self.is_free = None if is_free.all() else is_free

    def _set_dtype(self, dtype):
        self.net = self.original._twin(dtype)
        self.objective = Objective(self.net, *self._data)

    def refine(self):
        """Go on in float64; return False if it is that already."""
        if self.net.dtype == np.float64:
            return False
        self._set_dtype(np.float64)
        return True

    def of_params(self, field, all_params=False):
        """Return a field of the operations, for each (trainable) parameter: `l2` of weights alone."""
        values = []
        for operation in self.original._operations():
            n, value = operation.get("n_params", 0), float(operation.get(field, 0))
            n_weights = n if field == "trainable" else min(n, operation["n_in"] * operation["n_out"])
            values += [np.full(n_weights, value), np.zeros(n - n_weights)]
        values = np.concatenate(values)
        return values if all_params else self._free(values)

    def _free(self, values):
        """Of values for all parameters, those of the trainable ones."""
        return values if self.is_free is None else values[self.is_free]

    def start(self):
        """Return the trainable parameters that the network has."""
        self.net.params[...] = self.original.params
        return self._free(self.net.params.astype(np.float64))

    def draw(self, number):
        """Return trainable parameters as a network begins with, drawn by the trainer's seed and a number."""
        seed = int(np.random.SeedSequence((self._seed, number)).generate_state(1)[0])
        drawn = type(self.original)(self.original.n_in, self.original.layers, np.float64, seed)
        return self._free(drawn.params.copy())

    def move(self, w):
        """Give the copy these trainable parameters."""
        if self.is_free is None:
            self.net.params[...] = w
        else:
            self.net.params[self.is_free] = w

    def loss(self, w):
        """Return the loss, as the trainer reports it."""
        self.move(w)
        return self.objective.loss()

    def loss_and_grad(self, w):
        """Return the loss and its gradient by the trainable parameters."""
        self.move(w)
        loss, gradient = self.objective.loss_and_grad()
        return loss, self._free(gradient)

    def hessian_vector_product(self, w, v):
        """Return the Hessian of the loss at w, times v."""
        return hessian_vector_product(lambda w: self.loss_and_grad(w)[1], w, v, self.objective.is_smooth())

    def finite_loss(self, w):
        """Return the loss that a solver begins with; DivergedError if it is not finite."""
        return self._finite(self.loss(w), "at the parameters that the network has")

    def finite_loss_and_grad(self, w, where="or its gradient is not, at a point that the solver has tried"):
        """Return what `loss_and_grad` does; DivergedError if it is not finite, in float64."""
        while True:
            loss, gradient = self.loss_and_grad(w)
            if np.isfinite(loss + gradient.sum()) or not self.refine():
                break
        self._finite(loss + gradient.sum(), where)
        return loss, gradient

    def _finite(self, value, where):
        """Return a value if it is finite; raise otherwise. The fit adds the epoch to the error."""
        if not np.isfinite(value):
            raise DivergedError(
                f"the loss is not finite, {where}; the network is as it was before the fit. Scale the data, or begin "
                "with other parameters",
                0,
                0,
            )
        return value


class _Leave(Exception):
    """Ends a solver's loop from within a report."""


def check(trainer):
    """ValueError or MemoryError unless the trainer's solver can train its network with its loss."""
    solver, net, loss = trainer.optimizer, trainer.network, trainer._loss
    trainer._check_own_params()
    name = type(solver).__name__
    operations = net._operations()
    kinds = {operation["kind"] for operation in operations}
    for kind, layer in (("dropout", "Dropout"), ("gaussian_noise", "GaussianNoise")):
        if kind in kinds:
            raise ValueError(
                f"{name} needs a loss that is the same whenever it is computed, and {layer} draws anew each time: "
                "leave the layer out, or take an optimiser of mini-batches, Adam() say"
            )
    if any(operation["kind"] == "batch_norm" and operation["trainable"] for operation in operations):
        raise ValueError(
            f"{name} needs samples that do not depend on each other, and BatchNorm takes their mean: freeze the layer "
            "(layer.trainable = False), or take LayerNorm"
        )
    if operations[0]["kind"] == "standardize" and operations[0]["trainable"] and net.layers[0].running:
        raise ValueError(
            f"{name} needs inputs that stay the same, and Standardize(running=True) follows them: take Standardize(), "
            "or freeze the layer (layer.trainable = False)"
        )
    if any(operation.get("max_norm", 0) for operation in operations):
        raise ValueError(f"{name} knows no max_norm of weights: take l2, or an optimiser of mini-batches")
    if trainer.ema is not None:
        raise ValueError(f"ema averages over the steps of mini-batches, {name} takes none: leave it out")
    n_params = sum(operation.get("n_params", 0) for operation in operations if operation["trainable"])
    if n_params == 0:
        raise ValueError("no layer with parameters is trainable: there is nothing to learn")
    if isinstance(solver, LevenbergMarquardt):
        if not isinstance(loss, SquaredError):
            raise ValueError(
                f"{name} needs a loss that is a mean of squares, SquaredError(), got {loss!r}: take LBFGS()"
            )
        if any(operation.get("l1", 0) for operation in operations):
            raise ValueError(f"{name} needs penalties that are squares: take l2 instead of l1, or LBFGS()")
        check_memory(24 * n_params**2, f"J^T J for {n_params:,} parameters, two copies and all,", "take LBFGS()")


class SolverFit(Fit):
    """What `Fit` does, with a solver: an epoch is an iteration."""

    def __init__(self, trainer, rows, callbacks, validation, statistics):
        check(trainer)
        super().__init__(trainer, None, False, callbacks, validation, statistics)
        self.solver = trainer.optimizer
        self.minimize = _MINIMIZERS[type(self.solver)]
        X, targets, weights = rows
        rough = isinstance(self.solver, LBFGS)
        self.problem = Problem(
            trainer.network, X, targets, trainer._loss, weights, trainer.n_threads, rough, trainer.seed
        )

    def run(self, epochs):
        """Train for so many iterations, or fewer."""
        params = self.trainer.network.params
        before = params.copy()
        try:
            super().run(epochs)
        except DivergedError:
            params[...] = before
            raise

    def _begin(self):
        """The solver begins with what parameters there are."""

    def _n_per_epoch(self):
        return 1

    def _train_epochs(self, last):
        self._last = last
        details = self.history.solver = self.problem.details
        self._begin_epoch()
        while self.epoch < last and not self.trainer.stop_training:
            details.clear()
            details |= {"converged": False, "message": "ended from outside, by epochs or a callback"}
            try:
                details |= self.minimize(self.problem, self.solver, self._iterated)
                self.trainer.stop_training = True
            except _Leave:
                pass
            except DivergedError as error:
                error.epoch = self.epoch
                raise
        if not self.history.loss:  # there was nothing to gain
            self._record(self.problem.loss(self.problem.start()))

    def _iterated(self, w, loss):
        """Between two iterations; leaves the solver if it is to stop, or to begin again where a callback has put it."""
        params = self.trainer.network.params
        self.problem.move(w)
        params[...] = self.problem.net.params
        told = params.copy()
        self._record(loss)
        if self.trainer.optimizer is not self.solver:
            raise ValueError(f"the fit is {type(self.solver).__name__}'s: change the optimizer when it has ended")
        if self.epoch == self._last or self.trainer.stop_training:
            raise _Leave
        self._begin_epoch()
        if self.trainer.stop_training or not np.array_equal(params, told):
            raise _Leave

    def _record(self, loss):
        self.epoch += 1
        self._n_batches += 1
        self.history.loss.append(float(loss))
        if self._listeners:
            self._end_batch([float(loss)])
        self._end_epoch()


_MINIMIZERS = {
    LevenbergMarquardt: _least_squares.minimize,
    LBFGS: _lbfgs.minimize,
    ScipyMinimize: _scipy_methods.minimize,
}
