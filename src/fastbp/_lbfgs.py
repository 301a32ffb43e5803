"""The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno: its steps, and how far to go along each.

The steps are those that L-BFGS-B (Byrd, Lu, Nocedal & Zhu 1995) takes where there are no bounds.
"""

import math
from typing import NamedTuple

import numpy as np

from ._engine.curvature import InverseHessian, dot

_DECREASE = 1e-3  # share of what the slope promises that the loss must fall by
_CURVATURE = 0.9  # share of the slope that may be left
_NARROW = 0.1  # an interval so small beside its end is searched no further
_LONGEST = 1e10
_FURTHER = 4.0  # times a step that the next may go beyond it, at most
_NEARER = 1.1  # and at least
_SHRINK = 0.66  # of an interval in two rounds; halved otherwise
_EPS = float(np.finfo(np.float64).eps)
_ROUGH = float(np.finfo(np.float32).eps)


def minimize(problem, settings, report):
    """Minimise the loss; arguments and result as of `_least_squares.minimize`.

    The problem may begin in float32. Where that does not tell points apart any more, it is made a finer one.
    """
    w = problem.start()
    loss, gradient = problem.finite_loss_and_grad(w, "at the parameters that the network has")
    inverse = InverseHessian(len(w), settings.memory)
    direction = np.empty_like(w)
    while True:
        if np.abs(gradient).max() <= settings.gtol:
            if not problem.refine():
                return {"converged": True, "message": "the gradient is 0, within gtol"}
            loss, gradient = problem.finite_loss_and_grad(w)
            continue
        slope = inverse.descend(gradient, direction)
        step = 1.0 if inverse.n_pairs else 1 / math.sqrt(-slope)
        reached = _Line(problem, w, direction).search(loss, slope, step, settings.max_line_search)
        if reached is None:
            if problem.refine():
                loss, gradient = problem.finite_loss_and_grad(w)
            elif inverse.n_pairs:
                inverse.forget()
            else:
                return {"converged": False, "message": "no step makes the loss smaller, as far as rounding shows"}
            continue
        step = reached.step * direction
        change = reached.gradient - gradient
        if dot(step, change) > _EPS * -slope * reached.step:
            inverse.learn(step, change)
        fall, size = loss - reached.loss, max(abs(loss), abs(reached.loss), 1.0)
        w, loss, gradient = reached.w, reached.loss, reached.gradient
        report(w, loss)
        if fall <= max(settings.ftol, _ROUGH) * size and problem.refine():
            loss, gradient = problem.finite_loss_and_grad(w)
        elif fall <= settings.ftol * size:
            return {"converged": True, "message": "the loss falls no more, within ftol"}


class _Point(NamedTuple):
    """Of the line: how far along, the loss there and its slope."""

    step: float
    loss: float
    slope: float

    def tilted(self, slope):
        """The same of the loss minus a line of this slope."""
        return _Point(self.step, self.loss - self.step * slope, self.slope - slope)


class _Line:
    """A search along a direction (More & Thuente 1994) for a point where the loss is lower, and less steep.

    Attributes
    ----------
    step, w, loss, gradient
        The point that was computed last.
    """

    def __init__(self, problem, start, direction):
        self._problem, self._start, self._direction = problem, start, direction

    def _go(self, step):
        self.step, self.w = step, self._start + step * self._direction
        self.loss, self.gradient = self._problem.finite_loss_and_grad(self.w)
        return _Point(step, self.loss, dot(self.gradient, self._direction))

    def search(self, loss, slope, step, n_tries):
        """Begin with this step, from a loss and a slope; return self, or None if it finds no point that is good."""
        best = other = _Point(0.0, loss, slope)
        tilt = _DECREASE * slope
        low, high, bracketed, tilts = 0.0, (1 + _FURTHER) * step, False, True
        width, width_before = _LONGEST, 2 * _LONGEST
        for _ in range(n_tries):
            new = self._go(step)
            is_lower = new.loss <= loss + step * tilt
            if is_lower and abs(new.slope) <= -_CURVATURE * slope:
                return self
            if step == _LONGEST or (bracketed and not (low < step < high and high - low > _NARROW * high)):
                return self if is_lower else None
            tilts = tilts and not (is_lower and new.slope >= 0)
            # Until there is a point that is low enough and not downhill, it is one of the tilted loss that is sought
            by = tilt if tilts and new.loss <= best.loss and not is_lower else 0.0
            points = (point.tilted(by) for point in (best, other, new))
            best, other, step, bracketed = _next(*points, bracketed, low, high)
            best, other = best.tilted(-by), other.tilted(-by)
            if bracketed:
                if abs(other.step - best.step) >= _SHRINK * width_before:
                    step = (best.step + other.step) / 2
                width_before, width = width, abs(other.step - best.step)
                low, high = sorted((best.step, other.step))
            else:
                low, high = (step + factor * (step - best.step) for factor in (_NEARER, _FURTHER))
            step = min(step, _LONGEST)
            if bracketed and not (low < step < high and high - low > _NARROW * high):
                step = best.step
        return None


def _next(best, other, new, bracketed, low, high):
    """Return the interval's ends with a new point, the next step, and whether a minimum is known to lie between.

    The four cases are those of More & Thuente 1994, section 4.
    """
    end = high if new.step > best.step else low
    if new.loss > best.loss:
        quotient = (best.loss - new.loss) / (new.step - best.step)
        square = best.step + best.slope / (quotient + best.slope) / 2 * (new.step - best.step)
        cubic = _cubic(best, new, square)
        step = cubic if abs(cubic - best.step) < abs(square - best.step) else (cubic + square) / 2
        return best, new, step, True
    if new.slope * best.slope < 0:
        secant = _secant(new, best)
        step = max(_cubic(new, best, secant), secant, key=lambda step: abs(step - new.step))
        return new, best, step, True
    if abs(new.slope) >= abs(best.slope):
        return new, other, _cubic(new, other, end) if bracketed else end, bracketed
    cubic = _cubic(new, best, end)
    if (cubic - new.step) * (new.step - best.step) <= 0:  # the cubic falls without an end that way
        cubic = end
    closer, farther = sorted((_secant(new, best), cubic), key=lambda step: abs(step - new.step))
    if bracketed:
        most = new.step + _SHRINK * (other.step - new.step)
        step = min(closer, most) if new.step > best.step else max(closer, most)
    else:
        step = min(max(farther, low), high)
    return new, other, step, bracketed


def _secant(a, b):
    """Where the slope would be 0 if it went in a straight line from point to point."""
    return a.step + a.slope / (a.slope - b.slope) * (b.step - a.step)


def _cubic(a, b, otherwise):
    """The minimiser of the cubic that has the losses and slopes of two points, or what there is otherwise."""
    theta = 3 * (a.loss - b.loss) / (b.step - a.step) + a.slope + b.slope
    size = max(abs(theta), abs(a.slope), abs(b.slope)) or 1.0
    root = size * math.sqrt(max(0.0, (theta / size) ** 2 - a.slope / size * (b.slope / size)))
    root = -root if a.step > b.step else root
    divisor = 2 * root - a.slope + b.slope
    if root == 0 or divisor == 0:
        return otherwise
    return a.step + (root - a.slope + theta) / divisor * (b.step - a.step)
