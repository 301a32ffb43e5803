"""Solvers as a user describes them: optimisers of all samples at once, for small problems.

They take the place of an optimiser in a `Trainer`; an epoch is one of their iterations. `_solving` runs them.
"""

from typing import ClassVar

from ._validation import integer, one_of, real
from .optimizers import Optimizer

__all__ = ["LBFGS", "LevenbergMarquardt", "ScipyMinimize", "Solver"]

SCIPY_METHODS = (
    "CG",
    "BFGS",
    "Newton-CG",
    "L-BFGS-B",
    "TNC",
    "SLSQP",
    "trust-constr",
    "trust-ncg",
    "trust-krylov",
)
BAYESIAN = "bayesian"


def _weight_decay(value):
    if isinstance(value, str):
        return one_of(value, (BAYESIAN,), "weight_decay, if no number,")
    return real(value, "weight_decay", 0)


def _options(value):
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"options must be a dict of SciPy's options by name, got {value!r}")
    taken = sorted({"maxiter", "maxfun", "disp", "callback"} & set(value))
    if taken:
        raise ValueError(f"options must not hold {', '.join(taken)}: epochs of fit say how long, and callbacks look on")
    return dict(value)


class Solver(Optimizer):
    """What all solvers share: settings that are checked when they are set.

    A solver takes all samples at once, whatever the trainer's `batch_size`, and keeps its parameters in float64,
    whatever the network's dtype. It has no learning rate, and remembers nothing from one `fit` to the next.
    """

    full_batch = True
    learning_rate = None
    _word = "setting"
    _checks: ClassVar = {
        "damping": lambda value: real(value, "damping", 0, low_allowed=False),
        "damping_increase": lambda value: real(value, "damping_increase", 1, low_allowed=False),
        "damping_decrease": lambda value: real(value, "damping_decrease", 0, 1, low_allowed=False),
        "max_damping": lambda value: real(value, "max_damping", 0, low_allowed=False),
        "weight_decay": _weight_decay,
        "restarts": lambda value: integer(value, "restarts", 0),
        "memory": lambda value: integer(value, "memory", 1),
        "max_line_search": lambda value: integer(value, "max_line_search", 1),
        "ftol": lambda value: real(value, "ftol", 0),
        "gtol": lambda value: real(value, "gtol", 0),
        "method": lambda value: one_of(value, SCIPY_METHODS, "method"),
        "options": _options,
    }

    def config(self):
        """Return the settings and the kind, as a dict of plain values."""
        return {"kind": self.kind, **vars(self)}

    def n_states(self):
        """Return 0: nothing is remembered."""
        return 0


class LevenbergMarquardt(Solver):
    """Levenberg and Marquardt's method for least squares (Hagan & Menhaj 1994), for up to some thousand parameters.

    With the residuals r, whose sum of squares is the loss, and their Jacobian J by the parameters, an iteration solves
    ``(J^T J + mu I) s = -J^T r`` by Cholesky's factorisation and moves the parameters by s: with small mu a step of
    Gauss and Newton, with large mu a short one downhill. While the loss would not fall, mu grows; afterwards it goes by
    how much the loss has fallen of what was expected (Nielsen 1999). Needs a loss that is a mean of squares,
    `SquaredError`, and memory for J^T J, 8 n_params^2 bytes (and once more to factorise it).

    Parameters
    ----------
    damping : float, default 1
        mu at first, as a share of the largest element on the diagonal of J^T J: first steps are short, for long ones
        saturate units, which then learn no more. Greater than 0.
    damping_increase : float, default 2
        What mu is multiplied by when a step fails; by twice as much each further time. Greater than 1.
    damping_decrease : float, default 1/3
        And at the least when it succeeds: by ``max(damping_decrease, 1 - (2 * gain - 1)**3)``, gain the share of the
        expected fall. In (0, 1).
    max_damping : float, default 1e10
        The share, as of `damping`, beyond which the loss is held to fall no more.
    weight_decay : float or "bayesian", default 0
        ``weight_decay / 2 * sum(w**2)`` is minimised besides the loss, over all parameters. "bayesian" has it found
        from the data, as the most probable (MacKay 1992, in the form of Foresee & Hagan 1997): smooth fits without a
        validation set.
    ftol : float, default 1e-10
        Ends when five iterations in a row each make the loss smaller by no more than this share of it, and could not
        be expected to.
    gtol : float, default 1e-10
        Ends when no element of the loss's gradient is larger.
    restarts : int, default 0
        So many starts are drawn by the trainer's seed besides the parameters that the network has: of its many minima
        the nearest is seldom the best. Each start has 200 iterations, a drawn one the first 100 under a weight decay
        that fades; then the better half has 200 more, half of these 400 more and so on, until the best goes on alone
        (successive halving, Jamieson & Talwalkar 2016). Not with "bayesian".

    Raises
    ------
    TypeError, ValueError
        If a setting is not in its range.
    """

    kind = "levenberg_marquardt"

    def __init__(
        self,
        damping=1.0,
        damping_increase=2.0,
        damping_decrease=1 / 3,
        max_damping=1e10,
        weight_decay=0.0,
        ftol=1e-10,
        gtol=1e-10,
        restarts=0,
    ):
        self._take(locals())

    def _check_together(self, damping, max_damping, weight_decay, restarts, **others):
        if max_damping < damping:
            raise ValueError(f"max_damping must be at least damping, got {max_damping} and {damping}")
        if restarts and weight_decay == BAYESIAN:
            raise ValueError(
                f"restarts compare losses, and each start would have a {weight_decay!r} weight_decay of its own: give "
                "a number, or leave restarts out"
            )


class LBFGS(Solver):
    """The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno (Byrd, Lu, Nocedal & Zhu 1995).

    For any smooth loss. It takes the steps of SciPy's L-BFGS-B without bounds, with the line search of More & Thuente
    (1994). The loss of a float32 network is computed in float32 as long as that tells points apart, then in float64.

    Parameters
    ----------
    memory : int, default 10
        Steps back that the curvature is known from.
    ftol : float, default 2.2e-9
        Ends when an iteration makes the loss smaller by no more than this share of it (or of 1, where it is smaller).
    gtol : float, default 1e-5
        Ends when no element of the loss's gradient is larger.
    max_line_search : int, default 20
        Points that are tried in an iteration.

    Raises
    ------
    TypeError, ValueError
        If a setting is not in its range.
    """

    kind = "lbfgs"

    def __init__(self, memory=10, ftol=2.2e-9, gtol=1e-5, max_line_search=20):
        self._take(locals())


class ScipyMinimize(Solver):
    """Any method of `scipy.optimize.minimize` that goes by gradients.

    Needs SciPy: ``pip install "fastbp[solvers]"``.

    Parameters
    ----------
    method : str, default "BFGS"
        One of CG, BFGS, Newton-CG, L-BFGS-B, TNC, SLSQP, trust-constr, trust-ncg and trust-krylov. Those that want
        products with the Hessian (Newton-CG and trust-*) get them as from `Network.hessian_vector_product`. BFGS and
        SLSQP keep matrices of n_params^2 numbers.
    options : dict, default {}
        The method's own, ``{"gtol": 1e-8}`` say; the `epochs` of `fit` are its maxiter.

    Raises
    ------
    TypeError, ValueError
        If a setting is not of this kind.
    """

    kind = "scipy"

    def __init__(self, method="BFGS", options=None):
        options = {} if options is None else options
        self._take(locals())
