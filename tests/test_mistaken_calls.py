"""Every public call with nonsense in the place of an argument."""

import contextlib
import inspect
import os
import tempfile
import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import fastbp
from tests import makers as make

X, LABELS = make.samples(60, 5), make.targets("labels", 60, 3)


def trained():
    trainer = fastbp.Trainer(make.network([5, 7, 3], output="softmax"), optimizer=fastbp.Adam(0.01, clip_norm=1.0))
    trainer.fit(X, LABELS, epochs=2)
    return trainer


# Any of these in the place of any argument.
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=9),
    st.sampled_from([X, LABELS, X[:0], X[0], X[:, :3], X[..., None], X.T, X * np.nan, X * 1e30, LABELS - 9]),
    st.sampled_from(
        [np.array(3.0), X.astype(object), X.astype(complex), X.astype(">f4"), np.array(["a"]), np.ma.array(X)]
    ),
    st.sampled_from([[], {}, (), {0: 1}, [1, [2]], print, int, fastbp.Adam, fastbp.SGD(), object(), slice(3), ...]),
    st.lists(st.floats(width=16), max_size=7),
)
FACTORIES = {
    name: getattr(fastbp, name)
    for name in fastbp.__all__
    if inspect.isclass(getattr(fastbp, name)) and name not in ("DivergedError", "History")  # which nobody else makes
}
# What is called, with good arguments; `t` is a trainer.
CALLS = {
    **{name: (lambda t, factory=factory: factory, ()) for name, factory in FACTORIES.items()},
    "Network": (lambda t: fastbp.Network, (5, [fastbp.Dense(3)])),
    "Trainer": (lambda t: fastbp.Trainer, (make.network([5, 3]),)),
    "Dense": (lambda t: fastbp.Dense, (3,)),
    "Activation": (lambda t: fastbp.Activation, ("tanh",)),
    "Residual": (lambda t: fastbp.Residual, ([fastbp.Dense(3)],)),
    "MultiTask": (lambda t: fastbp.MultiTask, ([(fastbp.SquaredError(), 1)],)),
    "mlp": (lambda t: fastbp.Network.mlp, ([5, 3],)),
    "predict": (lambda t: t.network.predict, (X,)),
    "predict_one": (lambda t: t.network.predict_one, (X[0],)),
    "loss_and_grad": (lambda t: t.network.loss_and_grad, (X, LABELS, fastbp.CrossEntropy())),
    "activations": (lambda t: t.network.activations, (X,)),
    "input_gradient": (lambda t: t.network.input_gradient, (X, LABELS, fastbp.CrossEntropy())),
    "jacobian": (lambda t: t.network.jacobian, (X,)),
    "hessian_vector_product": (
        lambda t: t.network.hessian_vector_product,
        (X, LABELS, fastbp.CrossEntropy(), np.ones(trained().network.n_params)),
    ),
    "adapt": (lambda t: t.network.adapt, (X,)),
    "capsule": (lambda t: t.network.capsule, ()),
    "check_gradients": (lambda t: fastbp.check_gradients, (make.network([5, 3]), X, X[:, :3], fastbp.SquaredError())),
    "fit": (lambda t: t.fit, (X, LABELS, 1)),
    "evaluate": (lambda t: t.evaluate, (X, LABELS)),
    "learn_one": (lambda t: t.learn_one, (X[0], 1)),
    "learn_many": (lambda t: t.learn_many, (X, LABELS)),
    "progressive_validation": (lambda t: t.progressive_validation, (X, LABELS)),
    "find_learning_rate": (lambda t: t.find_learning_rate, (X, LABELS)),
    "memory_estimate": (lambda t: t.memory_estimate, (60,)),
    "capsule of a trainer": (lambda t: t.capsule, ()),
    "reset": (lambda t: t.reset, ()),
    "save": (lambda t: t.network.save, ("net.npz",)),
    "load": (lambda t: fastbp.Network.load, ("net.npz",)),
    "set_target": (lambda t: fastbp.set_target, (fastbp.get_target(),)),
}
# Large numbers of these are no mistake, but take long or much memory.
TOO_MUCH = {"epochs", "n_in", "widths", "n_out", "batch_size", "n_steps", "n_samples", "n_dim", "memory"}


def test_every_call_is_among_them():
    """All that is public and takes arguments, but what others make of fastbp's objects."""
    methods = {
        name
        for owner in (fastbp.Network, fastbp.Trainer)
        for name, method in inspect.getmembers(owner, callable)
        if not name.startswith("_") and len(inspect.signature(method).parameters) > 1
    }
    functions = {name for name in fastbp.__all__ if callable(getattr(fastbp, name))}
    functions -= {"available_targets", "get_include", "get_target", "DivergedError", "History"}
    assert methods - {"summary"} | functions | {"mlp", "load"} == set(CALLS) - {"capsule of a trainer"}


@settings(max_examples=int(os.environ.get("FASTBP_FUZZ", "300")), deadline=None)
@given(st.sampled_from(sorted(CALLS)), st.data())
def test_mistaken_calls(name, data):
    """An argument that makes no sense ends in an error that says so, or in a result: never in a crash."""
    trainer = trained()
    get, good = CALLS[name]
    call = get(trainer)
    parameters = [
        parameter
        for parameter in inspect.signature(call).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    if not parameters:
        return
    arguments = dict(zip((p.name for p in parameters), good, strict=False))
    wrong = data.draw(st.sampled_from([p.name for p in parameters]))
    junk = data.draw(JUNK)
    if wrong in TOO_MUCH and isinstance(junk, int):
        junk = -abs(junk)
    if wrong == "path" and isinstance(junk, str | bytes):
        junk = type(junk)()  # others are files somewhere
    arguments[wrong] = junk
    before = trainer.network.params.copy()
    refused = None
    try:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            warnings.simplefilter("ignore")
            call(**arguments)
    except fastbp.DivergedError:
        pass  # what came made sense, if not to the optimiser
    except (TypeError, ValueError, OverflowError, RuntimeError, OSError, MemoryError) as error:
        refused = error
    if refused is not None:
        assert len(str(refused)) > 10
        assert make.same_bits(trainer.network.params, before)
    assert np.isfinite(trainer.network.predict(X)).all()
