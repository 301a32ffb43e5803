"""The steps of L-BFGS: against SciPy's L-BFGS-B, the formula of BFGS, and what a line search promises."""

import numpy as np
import pytest

import fastbp
from fastbp import LBFGS, ScipyMinimize
from fastbp._engine.curvature import InverseHessian, dot
from fastbp._lbfgs import _Line
from tests import makers as make

EPS = float(np.finfo(float).eps)
PROBLEMS = {
    "tanh": ([3, 7, 2], "tanh", "identity", "numbers"),
    "relu": ([3, 20, 10, 3], "relu", "softmax", "labels"),
    "linear": ([5, 2], "tanh", "sigmoid", "shares"),
}


def fit(solver, name, epochs=30, dtype="float64", scale=1.0):
    """Return the history, of a problem whose inputs may be badly scaled."""
    widths, hidden, output, kind = PROBLEMS[name]
    net = make.network(widths, hidden, output, dtype=dtype)
    X, y, w = make.samples(60, widths[0]), make.targets(kind, 60, widths[-1]), make.weights(60)
    X[:, 0] *= scale
    if y.dtype.kind == "f":
        y = y.astype(np.float32)
    X = X.astype(np.float32)
    return fastbp.Trainer(net, optimizer=solver).fit(X, y, epochs, w), net


@pytest.mark.parametrize("scale", [1, 100, 1e-3])
@pytest.mark.parametrize("memory", [1, 4, 10])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_steps_of_scipy(name, memory, scale):
    """Of badly scaled problems, too, whose line searches try many points."""
    options = {"maxcor": memory, "gtol": 0.0, "ftol": 64 * EPS}
    expected, _ = fit(ScipyMinimize("L-BFGS-B", options), name, 15, scale=scale)
    got, _ = fit(LBFGS(memory, gtol=0, ftol=64 * EPS), name, 15, scale=scale)
    assert len(got.loss) == 15
    np.testing.assert_allclose(got.loss, expected.loss, rtol=1e-6)


def test_the_loss_of_scikit_learn():
    """From its first weights, with its penalty; it computes in float64 because its inputs are."""
    pytest.importorskip("sklearn")
    from benchmarks.lbfgs import first_weights, fit_fastbp, fit_sklearn

    X, y = fastbp.datasets.load_digits()
    X = X.astype(float)[:500] / 16
    start = first_weights((30,), "relu", X, y[:500])
    for iterations in (1, 10, 20):
        got = fit_fastbp(start, "relu", X, y[:500], iterations).loss[-1]
        assert got == pytest.approx(fit_sklearn((30,), "relu", X, y[:500], iterations).loss_, abs=1e-6)


@pytest.mark.parametrize("name", PROBLEMS)
def test_float32_comes_to_the_minimum_of_float64(name):
    """And not only to where float32 tells no points apart."""
    results = [fit(LBFGS(gtol=1e-9, ftol=1e-15), name, 3000, dtype)[0] for dtype in ("float32", "float64")]
    if name == "linear":  # with one minimum
        assert results[0].loss[-1] == pytest.approx(results[1].loss[-1], rel=1e-12)
    for history in results:
        assert history.solver["converged"], history.solver
        assert (np.diff(history.loss) < 1e-7).all()  # where it goes on in float64, it may seem to have risen


def test_what_float32_cannot_hold_is_computed_in_float64():
    net = make.network([1, 1], dtype="float32")
    X = np.array([[1e20], [2e20], [-1e20]])
    history = fastbp.Trainer(net, optimizer=LBFGS()).fit(X, 3 * X[:, 0], epochs=50)
    assert np.isfinite(history.loss).all()
    assert net.params[0] == pytest.approx(3, rel=1e-5)


def dense_inverse(steps, changes):
    """BFGS's formula (Nocedal & Wright 2006, equation 6.17), from its usual beginning."""
    n = len(steps[0])
    H = np.eye(n) * (steps[-1] @ changes[-1]) / (changes[-1] @ changes[-1])
    for s, y in zip(steps, changes, strict=True):
        rho = 1 / (s @ y)
        V = np.eye(n) - rho * np.outer(y, s)
        H = V.T @ H @ V + rho * np.outer(s, s)
    return H


@pytest.mark.parametrize("n", [1, 7, 8, 33])
def test_the_inverse_hessian(n):
    rng = np.random.default_rng(n)
    inverse = InverseHessian(n, 3)
    g, d = rng.normal(size=n), np.empty(n)
    assert inverse.descend(g, d) == pytest.approx(-(g @ g), rel=1e-13)
    assert make.same_bits(d, -g)
    steps, changes = [], []
    for n_pairs in range(1, 6):
        s, y = rng.normal(size=(2, n))
        y *= np.sign(s @ y)
        steps.append(s)
        changes.append(y)
        inverse.learn(s, y)
        slope = inverse.descend(g, d)
        np.testing.assert_allclose(d, -dense_inverse(steps[-3:], changes[-3:]) @ g, rtol=1e-7)
        assert slope == pytest.approx(g @ d, rel=1e-12)
        assert inverse.n_pairs == min(n_pairs, 3)
    inverse.forget()
    inverse.descend(g, d)
    assert make.same_bits(d, -g)
    assert dot(g, g) == pytest.approx(g @ g, rel=1e-13)
    with pytest.raises(ValueError, match=f"step must have {n} elements, got 0"):
        inverse.learn(np.empty(0), g)


# Test functions of More & Thuente 1994, section 5, with value and slope: those that do not begin all but flat
def by_square_roots(beta1, beta2):
    gammas = [np.hypot(1, beta) - beta for beta in (beta1, beta2)]

    def value(a):
        return gammas[0] * np.hypot(1 - a, beta2) + gammas[1] * np.hypot(a, beta1)

    def slope(a):
        return gammas[0] * (a - 1) / np.hypot(1 - a, beta2) + gammas[1] * a / np.hypot(a, beta1)

    return value, slope


FUNCTIONS = {
    "1": (lambda a: -a / (a * a + 2), lambda a: (a * a - 2) / (a * a + 2) ** 2),
    "4": by_square_roots(0.001, 0.001),
    "5": by_square_roots(0.01, 0.001),
    "6": by_square_roots(0.001, 0.01),
}


class OnALine:
    """A problem with one parameter."""

    def __init__(self, value, slope):
        self.value, self.slope, self.n_calls = value, slope, 0

    def finite_loss_and_grad(self, w):
        self.n_calls += 1
        return float(self.value(w[0])), np.array([self.slope(w[0])])


@pytest.mark.parametrize("step", [1e-3, 1e-1, 10, 1e3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_line_search_meets_wolfes_conditions(name, step):
    value, slope = FUNCTIONS[name]
    problem = OnALine(value, slope)
    start = slope(0.0)
    found = _Line(problem, np.zeros(1), np.ones(1)).search(value(0.0), start, step, 30)
    assert value(found.step) == found.loss <= value(0.0) + 1e-3 * found.step * start
    assert abs(slope(found.step)) <= 0.9 * abs(start)
    assert problem.n_calls <= 12


def test_a_line_search_that_finds_nothing():
    """A loss that only grows, against its slope; and one that falls for ever, to where a step is long enough."""
    rising = _Line(OnALine(lambda a: 1 + a, lambda a: -1.0), np.zeros(1), np.ones(1))
    assert rising.search(1.0, -1.0, 1.0, 20) is None
    falling = OnALine(lambda a: -a, lambda a: -1.0)
    found = _Line(falling, np.zeros(1), np.ones(1)).search(0.0, -1.0, 1.0, 30)
    assert found.step == 1e10
    assert falling.n_calls < 20
    assert _Line(falling, np.zeros(1), np.ones(1)).search(0.0, -1.0, 1.0, 3) is None
