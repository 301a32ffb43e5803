"""Solvers that SciPy has: `scipy.optimize.minimize` over the flat parameters."""

import numpy as np

_PRODUCTS = ("Newton-CG", "trust-constr", "trust-ncg", "trust-krylov")  # methods that take Hessian-vector products
_UNLIMITED = 2**31 - 1  # the report ends the solver, after as many iterations as are wanted
_LIMITS = {"L-BFGS-B": ("maxiter", "maxfun"), "TNC": ("maxfun",)}


def load():
    """Return `scipy.optimize.minimize`, or say how to get it."""
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise ImportError('this solver needs SciPy: pip install "fastbp[solvers]"') from error
    return minimize


def minimize(problem, settings, report):
    """Minimise the loss; arguments and result as of `_least_squares.minimize`."""
    method, options = settings.method, settings.options
    w = problem.start()
    best = problem.finite_loss(w)
    last = w.copy(), best  # the point that was computed last

    def loss_and_grad(w):
        nonlocal last
        loss, gradient = problem.finite_loss_and_grad(w)
        last = w.copy(), loss
        return loss, gradient

    def iterated(w, *state):
        nonlocal best
        best = last[1] if np.array_equal(last[0], w) else problem.loss(w)
        report(w, best)

    limits = dict.fromkeys(_LIMITS.get(method, ("maxiter",)), _UNLIMITED)
    result = load()(
        loss_and_grad,
        w,
        method=method,
        jac=True,
        hessp=problem.hessian_vector_product if method in _PRODUCTS else None,
        callback=iterated,
        options={**limits, **options},
    )
    if result.fun < best:  # some end without a word about their last step
        report(result.x, float(result.fun))
    return {"converged": bool(result.success), "message": str(result.message)}
