"""The memory of a pass is kept for the next one, and made anew when that needs more: no call can tell."""

import copy

import pytest

import fastbp
from tests import makers as make


def predict(n):
    return lambda net: net.predict(make.samples(n, 6)).tobytes()


def gradient(n):
    return lambda net: net.loss_and_grad(make.samples(n, 6), make.targets("numbers", n, 40), fastbp.SquaredError())[
        1
    ].tobytes()


def evaluate(n):
    return lambda net: fastbp.Trainer(net).evaluate(make.samples(n, 6), make.targets("numbers", n, 40))


def fit(n, batch_size, n_threads):
    def run(net):
        trainer = fastbp.Trainer(net, batch_size=batch_size, n_threads=n_threads)
        history = trainer.fit(make.samples(n, 6), make.targets("numbers", n, 40), epochs=2)
        return history.loss, net.params.tobytes()

    return run


def learn_one(net):
    return fastbp.Trainer(net).learn_one(make.samples(1, 6)[0], make.targets("numbers", 1, 40)[0]), net.params.tobytes()


# Each needs less, more, or something else than the one before.
CALLS = [
    predict(3), predict(100), predict(300), predict(1), gradient(5), predict(3), gradient(100), fit(50, 8, 1),
    fit(50, 8, 5), fit(50, 50, 2), fit(50, 8, 7), gradient(2), evaluate(300), fit(1500, 1200, 3), learn_one,
    gradient(1500), predict(40), fit(20, 1, 9), evaluate(7), learn_one, fit(100, 100, 12), gradient(64), predict(64),
]  # fmt: skip


@pytest.mark.parametrize("calls", [CALLS, CALLS[::-1]], ids=["forth", "back"])
def test_one_call_after_another(all_threads, target, dtype, calls):
    net = make.network([6, 70, 33, 40], "softplus", dtype=dtype)
    for number, call in enumerate(calls):
        fresh = copy.deepcopy(net)  # has no memory of earlier calls
        assert call(net) == call(fresh), number


def test_targets_alternate(restored_target):
    net = make.network([6, 70, 33, 40], "softplus")
    results = {}
    for call in (predict(30), gradient(30), predict(30)):
        for name in fastbp.available_targets():
            fastbp.set_target(name)
            fresh = copy.deepcopy(net)
            assert call(net) == call(fresh) == results.setdefault((call, name), call(net))
