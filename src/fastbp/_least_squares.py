"""Levenberg and Marquardt's method: damped normal equations, with J^T J summed up in blocks of rows.

No call of NumPy in here takes longer than some 50 ms, for Python looks at signals between two of them.
"""

import numpy as np

from ._engine.derivatives import Jacobian
from ._engine.triangular import substitute
from .solvers import BAYESIAN

_BLOCK_ROWS = 512  # of J at hand, one for each output of each sample
_BLOCK_BYTES = 32e6  # and what they may take
_BLOCK_FLOPS = 2e8  # of one product
_BLOCK = 256  # columns that are factorised at once
_FIRST_DECAY = 2e-3  # a Bayesian weight decay at first, as a share of the largest on the diagonal of J^T J
_DECAY_CHANGE = 1e-4  # relative change of a Bayesian weight decay that counts as none
_TRIAL = 200  # iterations that each of several starts has before the better half goes on
_FADING = 0.1  # the weight decay at first of a start that has been drawn, as a share of its loss
_FADES = 0.9  # what it is multiplied by in each iteration
_FADED = 100  # iterations after which it is 0
_WITHOUT_GAIN = 5  # iterations in a row that end a descent
_MOST_EFFECTIVE = 0.99  # of the residuals: so many parameters they can determine at most
_FLOAT = np.finfo(np.float64)


class NormalEquations:
    """J^T J and J^T r, for r with r^T r = the loss without its penalties.

    Parameters
    ----------
    problem : Problem
        With a squared error.
    """

    def __init__(self, problem):
        net, weights = problem.net, problem.objective.weights
        self.problem = problem
        self._X, self._targets = problem.objective.X, problem.objective.targets
        self.n_residuals = net.n_out * (len(self._X) if weights is None else np.count_nonzero(weights))
        share = np.ones(len(self._X)) if weights is None else weights
        self._scale = np.sqrt(share / (share.sum() * net.n_out))
        n_rows = int(min(_BLOCK_ROWS, _BLOCK_BYTES // (8 * net.n_params)) // net.n_out)
        n_rows = max(1, min(n_rows, len(self._X)))
        self._engine = Jacobian(net._program, n_rows, True)
        self._jacobian = np.empty((n_rows, net.n_out, net.n_params))
        self._outputs = np.empty((n_rows, net.n_out))
        units = np.ones(net.n_out) * net._target_deviation()  # in which outputs are, and residuals are not
        self._units = None if (units == 1).all() else units[:, None]
        self._l2 = problem.of_params("l2")

    def __call__(self, w):
        """Return, at parameters w, J^T J (its lower triangle) and J^T r, those of l2 penalties among them."""
        problem = self.problem
        problem.move(w)
        n = len(w)
        products, gradient = np.zeros((n, n)), np.zeros(n)
        n_rows = len(self._jacobian)
        for begin in range(0, len(self._X), n_rows):
            X, y = self._X[begin : begin + n_rows], self._targets[begin : begin + n_rows]
            scale = self._scale[begin : begin + n_rows]
            jacobian, outputs = self._jacobian[: len(X)], self._outputs[: len(X)]
            self._engine.take(X, len(X), jacobian, outputs, scale)
            errors = scale[:, None] * (outputs - y)
            if self._units is not None:
                jacobian /= self._units
                errors /= self._units.T
            rows = jacobian.reshape(-1, jacobian.shape[2])
            rows = rows if problem.is_free is None else rows[:, problem.is_free]
            gradient += errors.ravel() @ rows
            _add_product(products, rows)
        _diagonal(products)[:] += self._l2
        return products, gradient + self._l2 * w


def _diagonal(matrix):
    """A view of the diagonal, to write into."""
    return matrix.reshape(-1)[:: len(matrix) + 1]


def _add_product(total, rows):
    """total INOUT += rows^T rows, its lower triangle."""
    n = rows.shape[1]
    width = max(16, int(_BLOCK_FLOPS // (2 * rows.size)))
    if width >= n:
        total += rows.T @ rows
        return
    for begin in range(0, n, width):
        end = begin + width
        total[begin:end, :end] += rows[:, begin:end].T @ rows[:, :end]


class Cholesky:
    """The factor L of a symmetric positive definite matrix, A = L L^T (column blocks from the left).

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        Overwritten. Only the lower triangle is looked at.

    Raises
    ------
    numpy.linalg.LinAlgError
        If it is not positive definite, as far as rounding lets one know.
    """

    def __init__(self, matrix):
        n = len(matrix)
        self.lower = matrix
        for begin in range(0, n, _BLOCK):
            end = min(begin + _BLOCK, n)
            rows_at_once = max(_BLOCK, int(_BLOCK_FLOPS // (2 * _BLOCK * end)))
            for first in range(begin, n if begin else 0, rows_at_once):
                rows = slice(first, first + rows_at_once)
                matrix[rows, begin:end] -= matrix[rows, :begin] @ matrix[begin:end, :begin].T
            block = np.linalg.cholesky(matrix[begin:end, begin:end])
            matrix[begin:end, begin:end] = block
            if end == n:
                break
            inverse = np.eye(end - begin)
            substitute(block, inverse, end - begin)
            for first in range(end, n, rows_at_once):
                rows = slice(first, first + rows_at_once)
                matrix[rows, begin:end] = matrix[rows, begin:end] @ inverse.T

    def solve(self, b):
        """Return x (n,) with A x = b."""
        x = b.copy()
        substitute(self.lower, x)
        substitute(self.lower, x, transposed=True)
        return x

    def trace_of_inverse(self):
        """Return the trace of the inverse of A: the sum of squares of the elements of that of L."""
        n = len(self.lower)
        width = max(1, int(_BLOCK_FLOPS // (10 * n * n)))
        total = 0.0
        for begin in range(0, n, width):  # of the inverse's columns, which are 0 above the diagonal
            columns = np.eye(n - begin, min(width, n - begin))
            substitute(np.ascontiguousarray(self.lower[begin:, begin:]), columns, columns.shape[1])
            total += np.einsum("ij,ij->", columns, columns)
        return float(total)


def minimize(problem, settings, report):
    """Minimise a squared error, from one start or from several.

    Of several, all have some iterations, the better half as many again, and so on: successive halving (Karnin, Koren &
    Somekh 2013; Jamieson & Talwalkar 2016). Those that are drawn begin under a weight decay that fades: it keeps units
    from being saturated, which then learn no more, while the network is still coarse.

    Parameters
    ----------
    problem : Problem
    settings : LevenbergMarquardt
        Looked at anew in each iteration.
    report : callable
        Called after each iteration with the best parameters so far and their loss.

    Returns
    -------
    dict
        "converged", whether it has come to a minimum, and "message", why it ended.
    """
    equations = NormalEquations(problem)
    start = problem.start()
    problem.finite_loss(start)
    leader = _Descent(equations, settings, start)
    if settings.restarts:
        leader = _best_of(leader, equations, settings, report)
    while leader.advance():
        report(leader.w, leader.loss)
    return {"converged": True, "message": leader.end}


def _best_of(first, equations, settings, report):
    """Return the best of several descents, after their trials."""
    draw, decay = equations.problem.draw, settings.weight_decay
    drawn = [_Descent(equations, settings, draw(number + 1), fading=True) for number in range(settings.restarts)]
    descents = [first, *drawn]
    best, lowest, value = first.w, first.loss, first.penalised(decay)
    n_iterations = _TRIAL
    while len(descents) > 1:
        for descent in descents:
            while descent.n_iterations < n_iterations and descent.advance():
                if descent.penalised(decay) < value:
                    best, lowest, value = descent.w, descent.loss, descent.penalised(decay)
                report(best, lowest)
        descents = sorted(descents, key=lambda descent: descent.penalised(decay))[: len(descents) // 2]
        n_iterations *= 2
    (leader,) = descents
    if leader.w is best:
        return leader
    return _Descent(equations, settings, best)  # a fading weight decay, or a change of settings, had led it away


class _Descent:
    """Levenberg and Marquardt's method (Hagan & Menhaj 1994) from one start.

    The damping goes by how much the loss has fallen of what was expected (Nielsen 1999, equation 2.4): after good steps
    it shrinks, after poor ones it may grow, smoothly, so that few steps fail. It ends as MINPACK's lmdif does (More
    1978), but only after some iterations without a gain: large damping makes single ones small, far from a minimum.

    Parameters
    ----------
    equations : NormalEquations
    settings : LevenbergMarquardt
    w : ndarray of shape (n,)
        Where it begins.
    fading : bool
        Whether under a weight decay, which fades.

    Attributes
    ----------
    w : ndarray of shape (n,)
        Another one after each iteration.
    loss : float
        There.
    n_iterations : int
        So far.
    end : str or None
        Why it has ended.
    """

    def __init__(self, equations, settings, w, fading=False):
        self._equations, self._settings = equations, settings
        self.w, self.loss = w, equations.problem.loss(w)
        self.end = None
        self.n_iterations = self._n_without_gain = 0
        self._first_decay = _FADING * self.loss if fading else 0.0
        self._damping = self._decay = None

    def penalised(self, decay):
        """Return the loss and a weight decay."""
        return self.loss + decay / 2 * (self.w @ self.w)

    def advance(self):
        """Move on by an iteration; return False where there is none to make, at the end."""
        if self.end is not None:
            return False
        settings, w = self._settings, self.w
        products, gradient = self._equations(w)
        largest = _diagonal(products).max()
        if self._damping is None:
            self._damping = settings.damping * largest
        decay, steady = self._weight_decay(products, largest)
        _diagonal(products)[:] += decay / 2  # c w^2 is the square of one residual more, sqrt(c) w
        gradient += decay / 2 * w
        if steady and 2 * np.abs(gradient).max() <= settings.gtol:
            return self._ended("the gradient is 0, within gtol")
        if self._n_without_gain == _WITHOUT_GAIN:
            return self._ended("the loss falls no more, within ftol")
        value = self.penalised(decay)
        lowest = max(len(w) * _FLOAT.eps * largest, _FLOAT.tiny)
        growth = settings.damping_increase
        while True:
            if not self._damping <= settings.max_damping * largest:
                return self._ended("no step makes the loss smaller, within max_damping")
            self._damping = max(self._damping, lowest)
            step = _damped_step(products, gradient, self._damping)
            if step is not None:
                moved = w + step
                new_loss = self._equations.problem.loss(moved)
                fall = value - (new_loss + decay / 2 * (moved @ moved))
                if fall > 0:
                    break
            self._damping *= growth
            growth *= 2
        expected = self._damping * (step @ step) - gradient @ step  # if r were linear
        self.w, self.loss, self._decay = moved, new_loss, decay
        self._damping *= max(settings.damping_decrease, 1 - (2 * fall / expected - 1) ** 3)
        self.n_iterations += 1
        gains = max(fall, expected) > settings.ftol * value or not steady
        self._n_without_gain = 0 if gains else self._n_without_gain + 1
        return True

    def _weight_decay(self, products, largest):
        """Return that of this iteration, and whether it is that of the next ones, too."""
        settings = self._settings
        if settings.weight_decay != BAYESIAN:
            fading = self._first_decay > 0 and self.n_iterations < _FADED
            faded = self._first_decay * _FADES**self.n_iterations if fading else 0.0
            return settings.weight_decay + faded, not fading
        if self._decay is None:
            return _FIRST_DECAY * largest, False
        return _most_probable(self._equations, products, self.w, self.loss, self._decay)

    def _ended(self, why):
        self.end = why
        return False


def _damped_step(products, gradient, damping):
    """Solve (J^T J + damping I) s = -J^T r; None where that cannot be done."""
    damped = products.copy()
    _diagonal(damped)[:] += damping
    try:
        return Cholesky(damped).solve(-gradient)
    except np.linalg.LinAlgError:
        return None


def _most_probable(equations, products, w, loss, decay):
    """Return the most probable weight decay, given the fit by the present one, and whether that is about the same.

    ``gamma = n - 2 alpha trace(H^-1)`` parameters are determined by the data, then ``alpha = gamma / (2 sum w^2)`` and
    ``beta = (N - gamma) / (2 sum r^2)`` (Foresee & Hagan 1997, steps 2 to 4): weight_decay / 2 is alpha / (beta N), for
    the loss is a mean.
    """
    decayed = products.copy()
    _diagonal(decayed)[:] += decay / 2
    try:
        trace = Cholesky(decayed).trace_of_inverse()
    except np.linalg.LinAlgError:
        return decay, False
    n_residuals = equations.n_residuals
    gamma = min(len(w) - decay / 2 * trace, _MOST_EFFECTIVE * n_residuals)
    equations.problem.details |= {"weight_decay": decay, "n_effective_params": float(gamma)}
    size = (w @ w) * (n_residuals - gamma)
    if not size > 0:
        return decay, False
    new = float(2 * gamma * loss / size)
    return new, abs(new - decay) <= _DECAY_CHANGE * decay
