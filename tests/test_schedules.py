"""Learning rates that change: PyTorch's values, composition, and what training makes of them."""

import copy
import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp import schedules
from fastbp._scheduling import Scheduler
from fastbp.schedules import Constant, FunctionSchedule, Product, Sequence
from tests import makers as make

KNOWN = json.loads(Path(__file__).with_name("data").joinpath("schedules.json").read_text())


def falling(epoch):
    return 0.5 / (1 + epoch)


SCHEDULES = [
    Constant(0.1),
    fastbp.StepDecay(0.1, 2),
    fastbp.ExponentialDecay(0.1, 0.9),
    fastbp.InverseTimeDecay(0.1, 0.5),
    fastbp.PolynomialDecay(0.1, 3, 2.0, 0.01),
    fastbp.CosineDecay(0.1, 3),
    fastbp.CosineRestarts(0.1, 1, 2),
    fastbp.OneCycle(0.1, 3),
    fastbp.LinearWarmup(0.1, 3, unit="step"),
    fastbp.ReduceOnPlateau(0.1, "loss", patience=0, threshold=0.1),
    fastbp.LinearWarmup(0.1, 5, unit="step") | fastbp.CosineDecay(0.1, 2) | 0.01,
    fastbp.LinearWarmup(1.0, 5, unit="step") * fastbp.ReduceOnPlateau(0.1, "loss", patience=0, threshold=0.1),
    FunctionSchedule(falling),
]


def made(case):
    for operator, sign in ((Sequence, " | "), (Product, " * ")):
        if sign in case["name"]:
            kinds = case["name"].split(sign)
            pairs = zip(kinds, case["settings"], strict=True)
            return operator([getattr(schedules, kind)(**settings, unit="step") for kind, settings in pairs])
    return getattr(schedules, case["name"])(**case["settings"], unit="step")


@pytest.mark.parametrize("case", KNOWN["schedules"], ids=lambda case: case["name"])
def test_known_rates(case):
    schedule = made(case)
    np.testing.assert_allclose(schedule.rates(40), case["rates"], rtol=1e-13, atol=1e-16)
    in_epochs = copy.deepcopy(schedule)
    for part in getattr(in_epochs, "schedules", [in_epochs]):
        part.unit = "epoch"
    got = in_epochs.rates(40 * 3, 3)
    if case["name"] != "OneCycle":  # whose peak and end are updates, whatever the unit
        np.testing.assert_allclose(got[::3], case["rates"], rtol=1e-12, atol=1e-15)
    np.testing.assert_array_less(np.abs(np.diff(got)), 0.3 if "Step" in case["name"] else 0.31)


def test_one_cycle_in_epochs_is_that_of_its_updates():
    in_steps = fastbp.OneCycle(0.3, 60, unit="step").rates(70)
    assert in_steps[[17, 59]] == pytest.approx([0.3, 0.3 / 25 / 1e4])
    assert (in_steps[59:] == in_steps[59]).all()
    np.testing.assert_allclose(fastbp.OneCycle(0.3, 20).rates(70, 3), in_steps, rtol=1e-12)


@pytest.mark.parametrize(("duration", "expected"), [(1, [0.3]), (2, [0.3, 0.3 / 250000])])
def test_very_short_cycles(duration, expected):
    got = fastbp.OneCycle(0.3, duration, unit="step").rates(duration)
    assert got[-1] == pytest.approx(expected[-1]) or duration == 1
    assert np.isfinite(got).all()


def test_after_their_end():
    for schedule in (fastbp.PolynomialDecay(0.1, 5, 2.0, 0.01), fastbp.CosineDecay(0.1, 5, 0.01)):
        assert (schedule.rates(20)[5:] == 0.01).all()
    assert (fastbp.LinearWarmup(0.1, 5).rates(20)[5:] == 0.1).all()


def test_restarts_begin_where_they_should():
    rates = fastbp.CosineRestarts(0.1, 0.7, 3).rates(4001, 100)
    starts = [0, 70, 280, 910, 2800]
    assert (np.flatnonzero(rates == 0.1) == starts).all()


# Composition ------------------------------------------------------------------------------------------------------


def test_units_may_be_mixed():
    schedule = fastbp.LinearWarmup(0.1, 6, unit="step") | fastbp.StepDecay(0.1, 2, 0.5)
    got = schedule.rates(20, 4)  # 6 steps are an epoch and a half
    assert got[:6] == pytest.approx(0.1 * np.arange(6) / 6)
    assert got[6:] == pytest.approx([0.1] * 8 + [0.05] * 6)
    schedule = fastbp.LinearWarmup(0.1, 2) | fastbp.ExponentialDecay(0.1, 0.9, unit="step")
    assert schedule.rates(12, 4)[8:] == pytest.approx(0.1 * 0.9 ** np.arange(4))


def test_composition_is_associative_and_takes_numbers():
    a, b, c = fastbp.LinearWarmup(0.1, 2), fastbp.CosineDecay(0.1, 3), Constant(0.01)
    assert (a | b | c) == Sequence([a, b, c]) == (a | b | 0.01)
    np.testing.assert_array_equal((a | (b | c)).rates(30, 3), (a | b | c).rates(30, 3))
    np.testing.assert_array_equal((2 * a * 0.5).rates(9, 3), a.rates(9, 3))
    np.testing.assert_array_equal((0.3 | a).rates(9, 3)[:4], [0.3, 0.3, 0.3, 0.0])
    np.testing.assert_allclose(((a * b) | 0.7).rates(12, 3), [*(a.rates(9, 3) * b.rates(9, 3)), 0.7, 0.7, 0.7])


def test_what_never_ends_comes_last():
    endless = [fastbp.StepDecay(0.1, 2), fastbp.ExponentialDecay(0.1, 0.9), fastbp.InverseTimeDecay(0.1, 1)]
    endless += [fastbp.CosineRestarts(0.1, 2), fastbp.ReduceOnPlateau(0.1), FunctionSchedule(falling)]
    for schedule in endless:
        with pytest.raises(ValueError, match="only the last schedule of a sequence may go on for ever"):
            schedule | 0.1
        with pytest.raises(ValueError, match="only the last"):
            Constant(0.1) | (Constant(1.0) * schedule) | 0.1


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_schedules_are_values(schedule):
    names = {**vars(fastbp), **vars(schedules), "falling": falling}
    twins = [pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule)]
    if not isinstance(schedule, FunctionSchedule):
        twins.append(eval(repr(schedule), names))
    for twin in twins:
        assert twin == schedule
        assert twin.rates(5, 2).tolist() == schedule.rates(5, 2).tolist()
    assert schedule != Constant(0.123)
    assert fastbp.SGD(schedule) == fastbp.SGD(twins[0]) != fastbp.SGD(0.123)
    assert eval(repr(fastbp.SGD(Constant(0.1))), names) == fastbp.SGD(Constant(0.1))


# Bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make_it", "error", "message"),
    [
        (lambda: fastbp.StepDecay(0, 2), ValueError, "initial must be greater than 0 and finite, got 0"),
        (lambda: fastbp.StepDecay(0.1, 0), ValueError, "every must be greater than 0"),
        (lambda: fastbp.StepDecay("0.1", 1), TypeError, "initial must be a number"),
        (lambda: fastbp.StepDecay(0.1, 1, unit="batch"), ValueError, "unit must be one of epoch, step, got 'batch'"),
        (lambda: fastbp.ExponentialDecay(0.1, -1), ValueError, "factor must be greater than 0"),
        (lambda: fastbp.InverseTimeDecay(0.1, math.nan), ValueError, "decay must be at least 0"),
        (lambda: fastbp.PolynomialDecay(0.1, 5, power=0), ValueError, "power must be greater than 0"),
        (lambda: fastbp.CosineDecay(0.1, math.inf), ValueError, "duration must be greater than 0 and finite"),
        (lambda: fastbp.CosineDecay(0.1, 5, final=-1), ValueError, "final must be at least 0"),
        (lambda: fastbp.CosineRestarts(0.1, 5, growth=1.5), TypeError, "growth must be an integer"),
        (lambda: fastbp.CosineRestarts(0.1, 5, growth=0), ValueError, "growth must be at least 1"),
        (lambda: fastbp.OneCycle(0.1, 5, rise=1), ValueError, "rise must be greater than 0 and less than 1"),
        (lambda: fastbp.LinearWarmup(0.1, 5, start=True), TypeError, "start must be a number"),
        (lambda: fastbp.ReduceOnPlateau(0.1, factor=1.0), ValueError, "factor must be greater than 0 and less than 1"),
        (lambda: fastbp.ReduceOnPlateau(0.1, monitor="accuracy"), ValueError, "monitor must be 'loss'"),
        (lambda: fastbp.ReduceOnPlateau(0.1, monitor="val_mine"), ValueError, "say mode='min' or mode='max'"),
        (lambda: fastbp.ReduceOnPlateau(0.1, patience=-1), ValueError, "patience must be at least 0"),
        (lambda: FunctionSchedule(3), TypeError, "function must be callable, got 3"),
        (lambda: Sequence([]), ValueError, "schedules must be at least one"),
        (lambda: Sequence(Constant(1)), TypeError, "schedules must be a sequence of schedules"),
        (lambda: Constant(1) | "cosine", TypeError, "a schedule is wanted, a number or a function of the epoch"),
        (lambda: fastbp.SGD("cosine"), TypeError, "learning_rate must be a number, got 'cosine'"),
        (lambda: fastbp.SGD(fastbp.CosineDecay), TypeError, "learning_rate must be a number"),
        (lambda: Constant(0.1).rates(-1), ValueError, "n_steps must be at least 0"),
        (lambda: Constant(0.1).rates(5, 0), ValueError, "steps_per_epoch must be at least 1"),
    ],
)
def test_bad_settings(make_it, error, message):
    with pytest.raises(error, match=message):
        make_it()


def test_settings_are_checked_when_they_are_set():
    schedule = fastbp.ReduceOnPlateau(0.1)
    before = copy.copy(schedule)
    with pytest.raises(ValueError, match="factor"):
        schedule.factor = 1.5
    with pytest.raises(AttributeError, match="ReduceOnPlateau has no setting 'gamma'"):
        schedule.gamma = 0.5
    assert schedule == before


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda epoch: -0.1, ValueError, "a learning rate must be at least 0 and finite, .* gives -0.1 after"),
        (lambda epoch: math.nan, ValueError, "at least 0 and finite"),
        (lambda epoch: "0.1", TypeError, "must return a number, got '0.1'"),
        (lambda epoch: None, TypeError, "must return a number, got None"),
        (lambda epoch: 1 / 0, ZeroDivisionError, "zero"),
    ],
)
def test_bad_functions(function, error, message):
    net = make.network([3, 2])
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(lambda epoch: function(epoch) if epoch == 2 else 0.01))
    with pytest.raises(error, match=message):
        trainer.fit(make.samples(8, 3), make.targets("numbers", 8, 2), epochs=4)
    trainer.optimizer.learning_rate = 0.01
    trainer.fit(make.samples(8, 3), make.targets("numbers", 8, 2), epochs=1)  # nothing is left locked


def test_a_plateau_of_what_is_not_computed():
    net = make.network([3, 2])
    before = net.params.copy()
    trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(fastbp.ReduceOnPlateau(0.1)))
    with pytest.raises(ValueError, match="ReduceOnPlateau monitors 'val_loss', this training computes loss: give fit"):
        trainer.fit(make.samples(8, 3), make.targets("numbers", 8, 2))
    assert make.same_bits(net.params, before)


# Training ---------------------------------------------------------------------------------------------------------

X, Y = make.samples(27, 5), make.targets("labels", 27, 3)


def network(dtype="float64"):
    return make.network([5, 7, 3], "tanh", "softmax", dtype)


def by_hand(optimizer, net, rates, batch_size=8, **settings):
    """Batch after batch, each with a number for a learning rate."""
    trainer = fastbp.Trainer(net, optimizer=optimizer, batch_size=batch_size, **settings)
    n = -(-len(X) // batch_size)
    for i, rate in enumerate(rates):
        rows = slice(i % n * batch_size, (i % n + 1) * batch_size)
        optimizer.learning_rate = max(rate, 1e-300)
        trainer.fit(X[rows], Y[rows], epochs=1, shuffle=False)


@pytest.mark.parametrize("schedule", [s for s in SCHEDULES if not s._listens], ids=repr)
@pytest.mark.parametrize("kind", [fastbp.SGD, fastbp.Adam])
def test_each_batch_has_its_rate(all_threads, dtype, schedule, kind):
    nets = [network(dtype) for _ in range(2)]
    trainer = fastbp.Trainer(nets[0], optimizer=kind(schedule), batch_size=8, n_threads=2)
    trainer.fit(X, Y, epochs=1, shuffle=False)
    trainer.fit(X, Y, epochs=3, shuffle=False)  # goes on
    by_hand(kind(), nets[1], schedule.rates(16, 4))
    assert make.same_bits(nets[0].params, nets[1].params)


@pytest.mark.parametrize("seconds", [1e-9, 10.0])
def test_blocks_do_not_show(monkeypatch, seconds):
    schedule = fastbp.LinearWarmup(0.1, 5, unit="step") | fastbp.CosineDecay(0.1, 20)
    expected = network()
    fastbp.Trainer(expected, optimizer=fastbp.SGD(schedule), batch_size=8).fit(X, Y, epochs=30)
    monkeypatch.setattr("fastbp._fitting._BLOCK_SECONDS", seconds)
    net = network()
    fastbp.Trainer(net, optimizer=fastbp.SGD(schedule), batch_size=8).fit(X, Y, epochs=30)
    assert make.same_bits(net.params, expected.params)


@pytest.mark.parametrize("n_per_epoch", [6, 49, math.inf])
def test_a_rate_is_the_same_bits_in_whichever_block_it_is_taken(n_per_epoch):
    """How many steps a block takes is a matter of the clock."""
    scheduler = Scheduler(fastbp.SGD(fastbp.CosineDecay(0.1, 3)), 0, 0)
    whole = scheduler.rates(150, 0, 0, 0, n_per_epoch)
    for step in range(150):
        epoch, batch = (0, step) if math.isinf(n_per_epoch) else divmod(step, n_per_epoch)
        assert scheduler.rates(1, step, epoch, batch, n_per_epoch)[0] == whole[step]


def test_batches_without_weight_count_as_time():
    """They update nothing, and all the others have the rates they would have had."""
    schedule = fastbp.ExponentialDecay(0.1, 0.5, unit="step")
    weights = np.ones(27)
    weights[8:16] = 0
    nets = [network() for _ in range(2)]
    trainer = fastbp.Trainer(nets[0], optimizer=fastbp.SGD(schedule), batch_size=8)
    trainer.fit(X, Y, epochs=2, sample_weight=weights, shuffle=False)
    twin = fastbp.Trainer(nets[1], optimizer=fastbp.SGD())
    for i, rate in enumerate(schedule.rates(8)):
        if i % 4 != 1:
            twin.optimizer.learning_rate = rate
            twin.fit(X[i % 4 * 8 : i % 4 * 8 + 8], Y[i % 4 * 8 : i % 4 * 8 + 8], epochs=1, shuffle=False)
    assert make.same_bits(nets[0].params, nets[1].params)


@pytest.mark.parametrize("unit", ["step", "epoch"])
def test_functions_are_called_once_each(unit):
    calls = []

    def rate(number):
        calls.append(number)
        return 0.01

    trainer = fastbp.Trainer(network(), optimizer=fastbp.SGD(FunctionSchedule(rate, unit)), batch_size=8)
    trainer.fit(X, Y, epochs=3)
    assert all(type(number) is int for number in calls)
    assert set(calls) == set(range(3 if unit == "epoch" else 12))


def test_a_bare_function_is_of_epochs():
    optimizer = fastbp.SGD(falling)
    assert optimizer.learning_rate == FunctionSchedule(falling, "epoch")
    np.testing.assert_array_equal(optimizer.learning_rate.rates(4, 2), [0.5, 0.5, 0.25, 0.25])


@pytest.mark.parametrize("optimizer", make.OPTIMIZERS, ids=repr)
def test_learn_one_counts_steps(optimizer):
    """More of them than are looked ahead; bit for bit the fit of batches of one."""
    schedule = fastbp.LinearWarmup(0.01, 20, unit="step") | fastbp.CosineDecay(0.01, 130, unit="step")
    scheduled = type(optimizer)(**{**vars(optimizer), "learning_rate": schedule})
    nets = [network() for _ in range(2)]
    one, other = (fastbp.Trainer(net, optimizer=scheduled, batch_size=1) for net in nets)
    for i in range(150):
        one.learn_one(X[i % 27], Y[i % 27])
        if i in (30, 100):
            one.fit(X[:3], Y[:3], epochs=1, shuffle=False)
            one.learn_one(X[0], Y[0])
    order = []
    for i in range(150):
        order.append(i % 27)
        if i in (30, 100):
            order += [0, 1, 2, 0]
    other.fit(X[order], Y[order], epochs=1, shuffle=False)
    assert make.same_bits(nets[0].params, nets[1].params)


def test_learn_one_is_in_no_epoch():
    nets = [network() for _ in range(2)]
    one = fastbp.Trainer(nets[0], optimizer=fastbp.SGD(fastbp.ExponentialDecay(0.1, 0.5)))
    two = fastbp.Trainer(nets[1], optimizer=fastbp.SGD(0.05))
    one.fit(X, Y, epochs=1)
    nets[1].params[...] = nets[0].params
    for i in range(5):
        one.learn_one(X[i], Y[i])
        two.learn_one(X[i], Y[i])
    assert make.same_bits(nets[0].params, nets[1].params)


class Twice:
    """Blocks of rows, which each epoch goes through."""

    def __init__(self, *cuts):
        self.cuts = cuts

    def __iter__(self):
        return (((X[a:b], Y[a:b])) for a, b in zip((0, *self.cuts), (*self.cuts, 27), strict=True))


@pytest.mark.parametrize("schedule", [s for s in SCHEDULES if s.unit == "step"], ids=repr)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_blocks_of_rows_do_not_show(schedule, accumulate):
    nets = [network() for _ in range(2)]
    trainers = [
        fastbp.Trainer(net, optimizer=fastbp.Adam(schedule), batch_size=3, accumulate=accumulate, ema=0.9)
        for net in nets
    ]
    trainers[0].fit(X, Y, epochs=3, shuffle=False)
    trainers[1].fit(Twice(4, 5, 19), epochs=3, shuffle=False)
    assert make.same_bits(nets[0].params, nets[1].params)
    assert make.same_bits(*(np.array(trainer.averaged_params) for trainer in trainers))


def test_epochs_of_blocks_are_whole():
    """Their number of steps is not known before they are over."""
    schedule = fastbp.LinearWarmup(0.1, 5, unit="step") | fastbp.ExponentialDecay(0.1, 0.5)
    nets = [network() for _ in range(2)]
    fastbp.Trainer(nets[0], optimizer=fastbp.SGD(schedule), batch_size=9).fit(Twice(4, 19), epochs=4, shuffle=False)
    rates = [*schedule.rates(5), 0.05, *[0.025] * 3, *[0.0125] * 3]
    by_hand(fastbp.SGD(), nets[1], rates, 9)
    assert make.same_bits(nets[0].params, nets[1].params)


@pytest.mark.parametrize(
    "schedule",
    [fastbp.OneCycle(0.1, 3), fastbp.LinearWarmup(0.1, 1) | fastbp.CosineDecay(0.1, 9, unit="step")],
    ids=repr,
)
def test_what_blocks_do_not_tell(schedule):
    trainer = fastbp.Trainer(network(), optimizer=fastbp.SGD(schedule), batch_size=9)
    with pytest.raises(ValueError, match="how many steps make an epoch is not known with blocks and learn_one"):
        trainer.fit(Twice(4, 19), epochs=2)
    trainer.fit(X, Y, epochs=2)


def test_plateaus_of_blocks():
    plateau = fastbp.ReduceOnPlateau(0.3, "loss", patience=0, threshold=10.0)
    trainer = fastbp.Trainer(network(), optimizer=fastbp.SGD(0.3 | plateau))
    trainer.fit(Twice(9), epochs=4)
    assert trainer._scheduler().rates(1, 0, trainer.epoch)[0] == pytest.approx(0.003)


def test_a_reset_begins_anew():
    schedule = fastbp.ExponentialDecay(0.1, 0.5) * fastbp.ReduceOnPlateau(1.0, "loss", patience=0, threshold=10.0)
    nets = [network() for _ in range(2)]
    trainer = fastbp.Trainer(nets[0], optimizer=fastbp.SGD(schedule), ema=0.9)
    trainer.fit(X, Y, epochs=3)
    trainer.reset()
    assert trainer.averaged_params is None
    nets[0].params[...] = nets[1].params
    for each in (trainer, fastbp.Trainer(nets[1], optimizer=fastbp.SGD(schedule), ema=0.9)):
        each.fit(X, Y, epochs=3)
    assert make.same_bits(nets[0].params, nets[1].params)


def test_a_new_optimizer_begins_anew_and_a_new_schedule_does_not():
    schedule = fastbp.ExponentialDecay(0.1, 0.5)
    for replace in (True, False):
        nets = [network() for _ in range(2)]
        trainer = fastbp.Trainer(nets[0], optimizer=fastbp.SGD(schedule), batch_size=8)
        trainer.fit(X, Y, epochs=2, shuffle=False)
        if replace:
            trainer.optimizer = fastbp.SGD(schedule)
        else:
            trainer.optimizer.learning_rate = fastbp.ExponentialDecay(0.1, 0.5)
        trainer.fit(X, Y, epochs=2, shuffle=False)
        rates = schedule.rates(16, 4)
        by_hand(fastbp.SGD(), nets[1], [*rates[:8], *(rates[:8] if replace else rates[8:])])
        assert make.same_bits(nets[0].params, nets[1].params)


def test_settings_may_be_changed_by_a_callback():
    class Change(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            trainer.optimizer.learning_rate.factor = 0.25

    schedule = fastbp.ExponentialDecay(0.1, 0.5)
    nets = [network() for _ in range(2)]
    fastbp.Trainer(nets[0], optimizer=fastbp.SGD(copy.copy(schedule)), batch_size=8).fit(
        X, Y, epochs=2, shuffle=False, callbacks=[Change()]
    )
    rates = [*schedule.rates(4, 4), *fastbp.ExponentialDecay(0.1, 0.25).rates(8, 4)[4:]]
    by_hand(fastbp.SGD(), nets[1], rates)
    assert make.same_bits(nets[0].params, nets[1].params)


# Reduce on plateau ------------------------------------------------------------------------------------------------


class Script:
    """A metric whose values are written beforehand."""

    __name__ = "script"

    def __init__(self, values):
        self.values = iter(values)

    def __call__(self, outputs, targets, weights):
        return next(self.values)


class Rates(fastbp.Callback):
    """The rate of the next epoch."""

    def __init__(self):
        self.rates = []

    def on_epoch_end(self, trainer, epoch, logs):
        scheduler = trainer._scheduler()
        self.rates.append(scheduler.rates(1, 0, trainer.epoch)[0])


@pytest.mark.parametrize("case", KNOWN["plateaus"], ids=lambda case: str(case["settings"]))
@pytest.mark.parametrize("how", ["alone", "after", "times"])
def test_known_plateaus(case, how):
    plateau = fastbp.ReduceOnPlateau(0.3, "val_script", **case["settings"])
    values = KNOWN["values"]
    schedule = {"alone": plateau, "after": 0.3 | plateau, "times": plateau * 2.0}[how]
    if how == "after":
        values = [99.0, *values]  # of the first epoch, which is no concern of the plateau's
    watch = Rates()
    trainer = fastbp.Trainer(network(), optimizer=fastbp.SGD(schedule))
    fits = [values[:7], values[7:]]
    script = Script(values)
    for part in fits:
        trainer.fit(X, Y, epochs=len(part), validation_data=(X, Y), metrics=[script], callbacks=[watch])
    got = watch.rates[1:] if how == "after" else watch.rates
    np.testing.assert_allclose(np.array(got) / (2 if how == "times" else 1), case["rates"], rtol=1e-12)


def test_a_plateau_is_remembered_by_the_trainer():
    plateau = fastbp.ReduceOnPlateau(0.3, "loss", patience=0, threshold=10.0)
    optimizer = fastbp.SGD(plateau)
    one, two = (fastbp.Trainer(network(), optimizer=optimizer) for _ in range(2))
    one.fit(X, Y, epochs=3)
    assert one._scheduler().rates(1, 0, one.epoch)[0] == pytest.approx(0.003)
    assert two._scheduler().rates(1, 0, two.epoch)[0] == 0.3
    assert plateau == fastbp.ReduceOnPlateau(0.3, "loss", patience=0, threshold=10.0)
    one.optimizer.learning_rate = one.optimizer.learning_rate * 0.5  # still the same plateau
    assert one._scheduler().rates(1, 0, one.epoch)[0] == pytest.approx(0.0015)


# Diverging --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ema", [None, 0.9])
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_what_diverges_is_repeated_with_the_same_rates(ema, accumulate, momentum):
    """The last finite parameters are those of a training that stops in time."""
    schedule = fastbp.ExponentialDecay(0.001, 1.7, unit="step")
    y = make.targets("numbers", 27, 2)
    settings = {"batch_size": 4, "ema": ema, "accumulate": accumulate}
    trainer = fastbp.Trainer(make.network([5, 2]), optimizer=fastbp.SGD(schedule, momentum=momentum), **settings)
    with pytest.raises(fastbp.DivergedError, match="smaller learning rate than") as caught:
        trainer.fit(X, y, epochs=100, shuffle=False)
    per_epoch = 4 if accumulate == 2 else 7
    n = caught.value.epoch * per_epoch + caught.value.batch
    assert n > 20
    assert f"than {schedule.rates(n + 1)[n]:g}" in str(caught.value)
    twin = fastbp.Trainer(make.network([5, 2]), optimizer=fastbp.SGD(schedule, momentum=momentum), **settings)
    size = 4 * accumulate
    for i in range(n):
        rows = slice(i % per_epoch * size, (i % per_epoch + 1) * size)
        twin.fit(X[rows], y[rows], epochs=1, shuffle=False)
    assert make.same_bits(trainer.network.params, twin.network.params)
    assert np.isfinite(trainer.network.params).all()
    if ema:
        assert make.same_bits(np.array(trainer.averaged_params), np.array(twin.averaged_params))


def test_a_plateau_is_part_of_what_is_repeated(monkeypatch):
    """Whatever was reduced before counts when the epochs after it are repeated."""
    monkeypatch.setattr("fastbp._fitting._SAVE_SECONDS", 1e9)
    y = make.targets("numbers", 27, 2)
    growing = fastbp.ExponentialDecay(0.01, 1.5)
    plateau = fastbp.ReduceOnPlateau(1.0, "loss", factor=0.9, patience=0)
    nets = [make.network([5, 2]) for _ in range(2)]
    errors = []
    for net, callbacks in zip(nets, ([], [fastbp.Callback()]), strict=True):
        trainer = fastbp.Trainer(net, optimizer=fastbp.SGD(growing * plateau), batch_size=4)
        with pytest.raises(fastbp.DivergedError) as caught:
            trainer.fit(X, y, epochs=300, shuffle=False, callbacks=callbacks)
        errors.append(str(caught.value))
        assert trainer._scheduler()._memory[0][1]["rate"] < 0.8
    assert errors[0] == errors[1]
    assert make.same_bits(nets[0].params, nets[1].params)


def test_retry_on_divergence_scales_a_schedule():
    y = make.targets("numbers", 27, 2)
    optimizer = fastbp.SGD(Constant(0.01, 2) | 1e30)
    trainer = fastbp.Trainer(make.network([5, 2]), optimizer=optimizer, batch_size=4)
    with pytest.warns(UserWarning, match="is repeated at 1e-33 times the learning rate"):
        trainer.fit(X, y, epochs=5, callbacks=[fastbp.RetryOnDivergence(1e-33)])
    assert optimizer.learning_rate == (Constant(0.01, 2) | 1e30) * 1e-33
