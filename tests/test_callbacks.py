"""Callbacks: their order, what they are told, what they may change; early stopping."""

import math
import time

import numpy as np
import pytest

import fastbp
from tests import makers as make

X, Y = make.samples(30, 5), make.targets("labels", 30, 3)
HELD_OUT = make.samples(20, 5, seed=7), make.targets("labels", 20, 3, seed=8)


def trainer(optimizer=None, **settings):
    return fastbp.Trainer(make.network([5, 7, 3], "tanh", "softmax"), optimizer=optimizer, **settings)


class Record(fastbp.Callback):
    def __init__(self, calls, name=""):
        self.calls = calls
        self.name = name

    def on_fit_begin(self, trainer):
        self.calls.append(f"{self.name}fit begins")
        self.monitored = trainer.monitored

    def on_fit_end(self, trainer):
        self.calls.append(f"{self.name}fit ends")

    def on_epoch_begin(self, trainer, epoch):
        self.calls.append(f"{self.name}{epoch} begins")

    def on_epoch_end(self, trainer, epoch, logs):
        self.calls.append(f"{self.name}{epoch} ends")
        self.logs = logs


class Fails(fastbp.Callback):
    """Raises at the hook of this name."""

    def __init__(self, hook):
        def fail(*args):
            raise OSError("enough")

        setattr(self, hook, fail)


def test_order():
    calls = []
    trainer().fit(X, Y, epochs=2, callbacks=[Record(calls, "a: "), Record(calls, "b: ")])
    steps = ["fit begins", "0 begins", "0 ends", "1 begins", "1 ends", "fit ends"]
    assert calls == [f"{name}: {step}" for step in steps for name in "ab"]


def test_a_single_callback_needs_no_list():
    calls = []
    trainer().fit(X, Y, epochs=1, callbacks=Record(calls))
    assert len(calls) == 4


def test_epochs_go_on_counting():
    calls = []
    t = trainer()
    t.fit(X, Y, epochs=3)
    t.fit(X, Y, epochs=1, callbacks=[Record(calls)])
    assert calls[1:3] == ["3 begins", "3 ends"]


def test_logs_are_the_history():
    record, t = Record([]), trainer()
    history = t.fit(X, Y, epochs=1, callbacks=[record])
    assert record.monitored == ("loss",)
    assert record.logs == {"loss": history.loss[0]}
    history = t.fit(X, Y, epochs=1, validation_data=HELD_OUT, callbacks=[record])
    assert record.monitored == ("loss", "val_loss", "val_accuracy")
    assert record.logs == {
        "loss": history.loss[0],
        "val_loss": history.val_loss[0],
        "val_accuracy": history.metrics["val_accuracy"][0],
    }


def test_logs_of_a_regression():
    record = Record([])
    t = fastbp.Trainer(make.network([5, 3]))
    t.fit(X, X[:, :3], epochs=1, validation_data=(X, X[:, :3]), callbacks=[record])
    assert list(record.logs) == ["loss", "val_loss", "val_r2"]


def test_stop_training():
    class Stop(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            trainer.stop_training = epoch % 4 == 3

    t = trainer()
    for _ in range(2):  # the second fit is not stopped by what stopped the first
        assert len(t.fit(X, Y, epochs=100, callbacks=[Stop()]).loss) == 4
    assert t.epoch == 8
    assert t.stop_training


@pytest.mark.parametrize("hook", ["on_fit_begin", "on_epoch_begin", "on_epoch_end", "on_fit_end"])
def test_exceptions_end_the_fit_and_come_through(hook):
    calls, t = [], trainer()
    with pytest.raises(OSError, match="enough"):
        t.fit(X, Y, epochs=5, callbacks=[Record(calls), Fails(hook)])
    assert calls[0] == "fit begins"
    assert calls[-1] == "fit ends"
    assert calls.count("fit ends") == 1
    assert len(t.fit(X, Y, epochs=2).loss) == 2


def test_all_who_have_begun_end_whoever_fails():
    calls = []
    with pytest.raises(OSError, match="enough"):
        trainer().fit(X, Y, epochs=1, callbacks=[Record(calls, "a: "), Fails("on_fit_end"), Record(calls, "b: ")])
    assert calls[-2:] == ["a: fit ends", "b: fit ends"]


def test_who_has_not_begun_does_not_end():
    calls = []
    with pytest.raises(OSError, match="enough"):
        trainer().fit(X, Y, callbacks=[Fails("on_fit_begin"), Record(calls)])
    assert calls == []


# Changes on the way ---------------------------------------------------------------------------------------------------


class Change(fastbp.Callback):
    """Does something after epoch 1."""

    def __init__(self, change):
        self.change = change

    def on_epoch_end(self, trainer, epoch, logs):
        if epoch == 1:
            self.change(trainer)


def set_optimizer(**settings):
    def change(trainer):
        for name, value in settings.items():
            setattr(trainer.optimizer, name, value)

    return change


CHANGES = {
    "learning rate": (fastbp.SGD(0.1), set_optimizer(learning_rate=0.01)),
    "weight decay begins": (fastbp.SGD(0.1), set_optimizer(weight_decay=0.1)),
    "weight decay ends": (fastbp.SGD(0.1, weight_decay=0.1), set_optimizer(weight_decay=0)),
    "momentum begins": (fastbp.SGD(0.1), set_optimizer(momentum=0.9)),
    "momentum ends": (fastbp.SGD(0.1, momentum=0.9), set_optimizer(momentum=0)),
    "nesterov": (fastbp.SGD(0.1, momentum=0.9), set_optimizer(nesterov=True)),
    "Adam's means": (fastbp.Adam(0.01), set_optimizer(beta_1=0.5, beta_2=0.9, epsilon=0.1)),
    "Adam for SGD": (fastbp.SGD(0.1), lambda trainer: setattr(trainer, "optimizer", fastbp.Adam(0.01))),
    "SGD for Adam": (fastbp.Adam(0.01), lambda trainer: setattr(trainer, "optimizer", fastbp.SGD(0.1))),
    "parameters": (fastbp.SGD(0.1), lambda trainer: trainer.network.params.__imul__(0.5)),
}


@pytest.mark.parametrize(("optimizer", "change"), CHANGES.values(), ids=CHANGES)
def test_changes_on_the_way_are_changes_between_fits(optimizer, change):
    """A callback may do whatever the user may do between two fits, to the same effect."""
    results = []
    for on_the_way in (True, False):
        t = trainer(type(optimizer)(**vars(optimizer)), batch_size=8)
        if on_the_way:
            losses = t.fit(X, Y, epochs=5, callbacks=[Change(change)]).loss
        else:
            losses = t.fit(X, Y, epochs=2).loss
            change(t)
            losses += t.fit(X, Y, epochs=3).loss
        results.append((t.network.params.tobytes(), losses))
    assert results[0] == results[1]
    plain = trainer(type(optimizer)(**vars(optimizer)), batch_size=8)
    assert plain.fit(X, Y, epochs=5).loss != results[0][1]


def test_targets_may_change_on_the_way(restored_target):
    t = trainer(fastbp.SGD(0.1), batch_size=8)
    names = fastbp.available_targets()
    t.fit(X, Y, epochs=5, callbacks=[Change(lambda trainer: fastbp.set_target(names[0]))])
    plain = trainer(fastbp.SGD(0.1), batch_size=8)
    plain.fit(X, Y, epochs=5)
    assert make.furthest(t.network.params, plain.network.params) < 1e-10


def test_bad_settings_on_the_way_are_refused():
    t = trainer()
    with pytest.raises(ValueError, match=r"learning_rate must be greater than 0.*got -1"):
        t.fit(X, Y, epochs=5, callbacks=[Change(set_optimizer(learning_rate=-1))])
    assert np.isfinite(t.network.params).all()
    assert t.optimizer == fastbp.Adam()


# Early stopping -------------------------------------------------------------------------------------------------------


class Script(fastbp.Callback):
    """Puts numbers of its own into the logs, and the epoch into the parameters."""

    def __init__(self, name, values):
        self.name = name
        self.values = values

    def on_epoch_end(self, trainer, epoch, logs):
        logs[self.name] = self.values[epoch]
        trainer.network.params[...] = epoch


def stopped(stopping, values, epochs=None):
    """Fit by script; return the epochs done and the epoch whose parameters the network has."""
    net = make.network([5, 7, 3], "tanh", "softmax")
    t = fastbp.Trainer(net, optimizer=fastbp.SGD(1e-300))
    script = Script(stopping.monitor, values)
    history = t.fit(X, Y, epochs=epochs or len(values), validation_data=HELD_OUT, callbacks=[script, stopping])
    assert np.ptp(net.params) == 0
    return len(history.loss), net.params[0]


# name: monitor, patience, min_delta, values; epochs done, best epoch
SCRIPTS = {
    "falling": ("val_loss", 1, 0, [5, 4, 3, 2], 4, 3),
    "rising": ("val_loss", 1, 0, [5, 6, 4, 3], 2, 0),
    "patience": ("val_loss", 2, 0, [5, 6, 4, 5, 6, 1], 5, 2),
    "equal is not better": ("val_loss", 2, 0, [5, 5, 5, 1], 3, 0),
    "small steps": ("val_loss", 2, 0.5, [5, 4.8, 4.6, 1], 3, 0),
    "small steps add up": ("val_loss", 2, 0.5, [5, 4.75, 4.25, 4.2, 4.1, 1], 5, 2),
    "a step of min_delta is too small": ("val_loss", 1, 0.5, [5, 4.5, 1], 2, 0),
    "training loss": ("loss", 1, 0, [5, 4, 6, 1], 3, 1),
    "accuracy": ("val_accuracy", 1, 0, [0.5, 0.75, 0.6, 0.9], 3, 1),
    "accuracy in steps": ("val_accuracy", 2, 0.125, [0.5, 0.6, 0.62, 0.9], 3, 0),
    "NaN": ("val_loss", 2, 0, [math.nan, 5, math.nan, math.nan, 1], 4, 1),
    "infinity at first": ("val_loss", 2, 0, [math.inf, math.inf, 1], 2, None),
}


@pytest.mark.parametrize("restore_best", [True, False])
@pytest.mark.parametrize("script", SCRIPTS)
def test_early_stopping(script, restore_best):
    monitor, patience, min_delta, values, n_epochs, best = SCRIPTS[script]
    stopping = fastbp.EarlyStopping(monitor, patience, min_delta, restore_best)
    last = n_epochs - 1
    assert stopped(stopping, values) == (n_epochs, best if restore_best and best is not None else last)
    assert stopping.best_epoch == (-1 if best is None else best)
    assert stopping.best == (math.inf if best is None else values[best])


def test_each_fit_begins_anew():
    stopping = fastbp.EarlyStopping("val_loss", patience=1)
    assert stopped(stopping, [1, 2, 3]) == (2, 0)
    assert stopped(stopping, [9, 8, 7]) == (3, 2)
    assert stopping.best == 7


def test_monitors_of_a_regression():
    t = fastbp.Trainer(make.network([5, 3]), optimizer=fastbp.SGD(1e-12))
    stopping = fastbp.EarlyStopping("val_r2", patience=3, min_delta=0.01)
    history = t.fit(X, X[:, :3], epochs=20, validation_data=(X, X[:, :3]), callbacks=[stopping])
    assert len(history.loss) == 4
    assert stopping.best == history.metrics["val_r2"][0]


@pytest.mark.parametrize(
    ("monitor", "validated", "hint"),
    [
        ("val_loss", False, "validation_data or validation_split"),
        ("val_accuracy", False, "validation_data or validation_split"),
        ("val_r2", True, r"computes loss, val_loss, val_accuracy: give fit metrics=\['r2'\]"),
    ],
)
def test_what_is_not_computed_cannot_be_monitored(monitor, validated, hint):
    t = trainer()
    before = t.network.params.copy()
    with pytest.raises(ValueError, match=f"monitors '{monitor}'.*{hint}"):
        t.fit(X, Y, validation_data=HELD_OUT if validated else None, callbacks=[fastbp.EarlyStopping(monitor)])
    assert make.same_bits(t.network.params, before)


@pytest.mark.parametrize("end", ["error", "interrupt", "divergence"])
def test_the_best_is_restored_however_it_ends(end):
    class Ends(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            if epoch == 3 and end != "divergence":
                raise {"error": OSError("enough"), "interrupt": KeyboardInterrupt()}[end]
            if epoch == 3:
                trainer.network.params[...] = 1e300

    net = make.network([5, 3])
    t = fastbp.Trainer(net, optimizer=fastbp.SGD(1e-300))
    script = Script("val_loss", [5, 3, 4, 4, 4, 4])
    expected = {
        "error": lambda: pytest.raises(OSError, match="enough"),
        "interrupt": lambda: pytest.warns(UserWarning, match="interrupted"),
        "divergence": lambda: pytest.raises(fastbp.DivergedError, match="diverged"),
    }[end]
    with expected():
        t.fit(X, X[:, :3], validation_data=(X, X[:, :3]), callbacks=[script, fastbp.EarlyStopping(), Ends()])
    assert net.params.tolist() == [1.0] * net.n_params


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"monitor": "accuracy"}, ValueError, "'val_' and a metric's name, got 'accuracy'.* 'val_accuracy'"),
        ({"monitor": "val loss"}, ValueError, "monitor must be 'loss', 'val_loss', .*, got 'val loss'$"),
        ({"monitor": None}, ValueError, "monitor must be 'loss', .*, got None"),
        ({"monitor": "val_mine"}, ValueError, "'val_mine' is none of the metrics accuracy, .* say mode='min'"),
        ({"monitor": "val_mine", "mode": "up"}, ValueError, "mode must be one of auto, min, max, got 'up'"),
        ({"patience": 0}, ValueError, "patience must be at least 1, got 0"),
        ({"patience": 1.5}, TypeError, "patience must be an integer, got 1.5"),
        ({"min_delta": -1}, ValueError, "min_delta must be at least 0 .*got -1"),
        ({"min_delta": math.nan}, ValueError, "min_delta must be at least 0 .*got nan"),
        ({"min_delta": "0"}, TypeError, "min_delta must be a number, got '0'"),
        ({"restore_best": 1}, TypeError, "restore_best must be True or False, got 1"),
    ],
    ids=str,
)
def test_settings_of_early_stopping(settings, error, message):
    with pytest.raises(error, match=message):
        fastbp.EarlyStopping(**settings)


def test_defaults_of_early_stopping():
    stopping = fastbp.EarlyStopping()
    assert vars(stopping).items() >= {
        "monitor": "val_loss", "patience": 10, "min_delta": 0, "restore_best": True, "mode": "auto",
        "best": math.inf, "best_epoch": -1
    }.items()  # fmt: skip


def test_early_stopping_in_earnest():
    net = fastbp.Network.mlp([5, 64, 3], output="softmax", dtype="float64")
    t = fastbp.Trainer(net, optimizer=fastbp.Adam(0.01))
    history = t.fit(X, Y, epochs=500, validation_data=HELD_OUT, callbacks=[fastbp.EarlyStopping(patience=5)])
    assert 6 <= len(history.loss) < 500
    best = int(np.argmin(history.val_loss))
    assert best == len(history.loss) - 6
    assert t.evaluate(*HELD_OUT)["loss"] == history.val_loss[best]


@pytest.mark.parametrize(
    ("monitor", "mode", "values", "best"),
    [
        ("val_rmse", "auto", [3, 2, 4], 1),
        ("val_top_2", "auto", [3, 2, 4], 2),
        ("val_loss", "max", [3, 2, 4], 2),
        ("val_accuracy", "min", [3, 2, 4], 1),
        ("val_mine", "max", [3, 2, 4], 2),
    ],
)
def test_directions(monitor, mode, values, best):
    def mine(outputs, targets, sample_weight):
        return 0

    stopping = fastbp.EarlyStopping(monitor, mode=mode)
    t = fastbp.Trainer(make.network([5, 3]), optimizer=fastbp.SGD(1e-300))
    name = monitor.removeprefix("val_")
    chosen = [] if name == "loss" else [mine if name == "mine" else name]
    y = np.eye(3)[Y]
    t.fit(X, y, epochs=3, validation_data=(X, y), metrics=chosen, callbacks=[Script(monitor, values), stopping])
    assert (stopping.best_epoch, stopping.best) == (best, values[best])


# Every so many batches ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 2, 3, 4, 7, 100])
def test_every_so_many_batches(every):
    """Batches of 8 of 30 rows are 4 an epoch."""
    calls = []
    count = fastbp.LambdaCallback(on_batch_end=lambda trainer, batch, logs: calls.append(batch), every=every)
    t = trainer(batch_size=8)
    history = t.fit(X, Y, epochs=5, callbacks=[count])
    assert calls == list(range(every - 1, 20, every))
    assert history.loss == trainer(batch_size=8).fit(X, Y, epochs=5).loss


def test_several_that_listen_and_the_order_of_hooks():
    calls = []

    def note(name, every):
        return fastbp.LambdaCallback(on_batch_end=lambda trainer, batch, logs: calls.append((name, batch)), every=every)

    ends = fastbp.LambdaCallback(on_epoch_end=lambda trainer, epoch, logs: calls.append(("epoch", epoch)))
    trainer(batch_size=8).fit(X, Y, epochs=2, callbacks=[note("a", 2), ends, note("b", 3)])
    expected = [("a", 1), ("b", 2), ("a", 3), ("epoch", 0), ("a", 5), ("b", 5), ("a", 7), ("epoch", 1)]
    assert calls == expected


def test_the_loss_of_a_part_of_an_epoch():
    seen = []
    listen = fastbp.LambdaCallback(on_batch_end=lambda trainer, batch, logs: seen.append(logs["loss"]))
    history = trainer(fastbp.SGD(1e-12), batch_size=8).fit(X, Y, epochs=2, callbacks=[listen], shuffle=False)
    for part, n in zip(seen, [8, 16, 24, 30] * 2, strict=True):
        assert part == pytest.approx(trainer().evaluate(X[:n], Y[:n])["loss"], rel=1e-9)
    assert [seen[3], seen[7]] == history.loss


def test_a_batch_may_end_the_training():
    class Stop(fastbp.Callback):
        every = 6

        def on_batch_end(self, trainer, batch, logs):
            trainer.stop_training = True

    t = trainer(batch_size=8)
    assert len(t.fit(X, Y, epochs=100, callbacks=[Stop()]).loss) == 1
    assert t.epoch == 2


def test_changes_between_batches_count():
    """A learning rate that is changed after each batch is one that is changed between fits of a batch each."""
    rates = [0.1, 0.2, 0.05, 0.3]

    def change(trainer, batch, logs):
        trainer.optimizer.learning_rate = rates[(batch + 1) % 4]

    t, twin = (trainer(fastbp.SGD(rates[0], momentum=0.5), batch_size=8) for _ in range(2))
    t.fit(X, Y, epochs=1, callbacks=[fastbp.LambdaCallback(on_batch_end=change)], shuffle=False)
    for i, rate in enumerate(rates):
        twin.optimizer.learning_rate = rate
        twin.fit(X[8 * i : 8 * i + 8], Y[8 * i : 8 * i + 8], epochs=1, shuffle=False)
    assert make.same_bits(t.network.params, twin.network.params)


@pytest.mark.parametrize("every", [0, 1.5, "2"])
def test_every_is_checked(every):
    with pytest.raises((TypeError, ValueError), match="every must be"):
        fastbp.LambdaCallback(every=every)

    class Mine(fastbp.Callback):
        pass

    Mine.every = every
    with pytest.raises((TypeError, ValueError), match="every of Mine must be"):
        trainer().fit(X, Y, callbacks=[Mine()])


# Made of functions, timed, written down -------------------------------------------------------------------------------


def test_lambdas():
    calls = []
    hooks = ["on_fit_begin", "on_epoch_begin", "on_batch_end", "on_epoch_end", "on_fit_end"]
    functions = {hook: lambda trainer, *args, hook=hook: calls.append((hook, args)) for hook in hooks}
    history = trainer().fit(X, Y, epochs=1, callbacks=fastbp.LambdaCallback(**functions))
    logs = {"loss": history.loss[0]}
    assert calls == list(zip(hooks, [(), (0,), (0, logs), (0, logs), ()], strict=True))
    with pytest.raises(TypeError, match="on_epoch_end must be a function, got 3"):
        fastbp.LambdaCallback(on_epoch_end=3)
    with pytest.raises(TypeError, match="on_epoch"):
        fastbp.LambdaCallback(on_epoch=print)


def test_timer():
    timer = fastbp.Timer()
    slow = fastbp.LambdaCallback(on_epoch_begin=lambda trainer, epoch: time.sleep(0.02 * epoch))
    for _ in range(2):
        t = trainer()
        t.fit(X, Y, epochs=3, callbacks=[timer, slow])
        assert len(timer.seconds) == 3
        assert timer.seconds[1] > 0.02
        assert timer.seconds[2] > 0.04
        assert sum(timer.seconds) <= timer.total < 10


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    read = []
    reader = fastbp.LambdaCallback(on_epoch_end=lambda trainer, epoch, logs: read.append(path.read_text()))
    t = trainer()
    history = t.fit(X, Y, epochs=2, validation_data=HELD_OUT, callbacks=[fastbp.CSVLogger(path), reader])
    columns = history.loss, history.val_loss, history.metrics["val_accuracy"]
    lines = ["epoch,loss,val_loss,val_accuracy"]
    lines += [f"{i},{','.join(map(repr, row))}" for i, row in enumerate(zip(*columns, strict=True))]
    assert [text.splitlines() for text in read] == [lines[:2], lines[:3]]  # each line is there when its epoch ends
    t.fit(X, Y, epochs=1, validation_data=HELD_OUT, callbacks=[fastbp.CSVLogger(path, append=True)])
    assert path.read_text().splitlines()[:3] == lines
    assert path.read_text().splitlines()[3].startswith("2,")
    with pytest.raises(ValueError, match=r"has the columns epoch,loss,val_loss,val_accuracy, .* epoch,loss$"):
        t.fit(X, Y, epochs=1, callbacks=[fastbp.CSVLogger(path, append=True)])
    t.fit(X, Y, epochs=1, callbacks=[fastbp.CSVLogger(path)])
    assert [line.split(",")[0] for line in path.read_text().splitlines()] == ["epoch", "3"]
    with pytest.raises(FileNotFoundError):
        t.fit(X, Y, epochs=1, callbacks=[fastbp.CSVLogger(tmp_path / "none" / "log.csv")])
    with pytest.raises(TypeError, match="append must be True or False"):
        fastbp.CSVLogger(path, append=1)


def test_checkpoints_of_every_epoch(tmp_path):
    saved = []

    class Keep(fastbp.Callback):
        def on_epoch_end(self, trainer, epoch, logs):
            saved.append((trainer.network.params.copy(), logs["val_loss"]))

    checkpoint = fastbp.ModelCheckpoint(tmp_path / "net-{epoch:03d}-{val_loss:.6f}.npz")
    trainer().fit(X, Y, epochs=3, validation_data=HELD_OUT, callbacks=[Keep(), checkpoint])
    for epoch, (params, loss) in enumerate(saved):
        path = tmp_path / f"net-{epoch:03d}-{loss:.6f}.npz"
        assert make.same_bits(fastbp.Network.load(path).params, params)
    assert checkpoint.saved_path == str(path)
    assert len(list(tmp_path.iterdir())) == 3


def test_checkpoint_of_the_best(tmp_path):
    path = tmp_path / "best.npz"
    checkpoint = fastbp.ModelCheckpoint(path, monitor="val_accuracy", save_best_only=True)
    script = Script("val_accuracy", [0.5, 0.7, 0.7, 0.6, math.nan])
    t = fastbp.Trainer(make.network([5, 7, 3], "tanh", "softmax"), optimizer=fastbp.SGD(1e-300))
    t.fit(X, Y, epochs=5, validation_data=HELD_OUT, callbacks=[script, checkpoint])
    assert (checkpoint.best, checkpoint.best_epoch) == (0.7, 1)
    assert set(fastbp.Network.load(path).params) == {1}


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"path": 3}, TypeError, "int"),
        ({"path": "{}.npz"}, ValueError, r"names of the logs in its braces, \{epoch:03d\} say"),
        ({"path": "{0}.npz"}, ValueError, "names of the logs"),
        ({"path": "{epoch"}, ValueError, "cannot be filled in: "),
        ({"path": "a", "save_best_only": 1}, TypeError, "save_best_only must be True or False"),
        ({"path": "a", "monitor": "accuracy"}, ValueError, "monitor must be"),
    ],
    ids=str,
)
def test_settings_of_a_checkpoint(settings, error, message):
    with pytest.raises(error, match=message):
        fastbp.ModelCheckpoint(**settings)


def test_checkpoints_that_cannot_be(tmp_path):
    t = trainer()
    for path, error, message in [
        (
            "{val_loss}.npz",
            ValueError,
            "names 'val_loss', this training computes epoch, loss: give fit validation_data",
        ),
        ("{accuracy}.npz", ValueError, "names 'accuracy', this training computes epoch, loss$"),
        ("none/net.npz", FileNotFoundError, "no folder .*none.*make it first"),
    ]:
        with pytest.raises(error, match=message):
            t.fit(X, Y, callbacks=[fastbp.ModelCheckpoint(tmp_path / path)])
    with pytest.raises(ValueError, match="ModelCheckpoint monitors 'val_loss'"):
        t.fit(X, Y, callbacks=[fastbp.ModelCheckpoint(tmp_path / "net.npz", save_best_only=True)])
    assert t.epoch == 0


# Divergence -----------------------------------------------------------------------------------------------------------


class Rate(fastbp.Callback):
    """A learning rate that makes the third epoch diverge."""

    def on_epoch_begin(self, trainer, epoch):
        if epoch == 2 and not self.is_done:
            self.is_done = True
            trainer.optimizer.learning_rate = 1e300

    is_done = False


def test_terminate_on_nan():
    t, twin = (fastbp.Trainer(make.network([5, 3]), optimizer=fastbp.SGD(0.01), batch_size=8) for _ in range(2))
    with pytest.warns(UserWarning, match="diverged: in epoch 2, .* The training ends here"):
        history = t.fit(X, X[:, :3], epochs=9, callbacks=[Rate(), fastbp.TerminateOnNaN()])
    assert history.loss == twin.fit(X, X[:, :3], epochs=2).loss
    assert np.isfinite(t.network.params).all()
    assert t.epoch == 3
    t.optimizer.learning_rate = 0.01
    t.network.params[...] = twin.network.params
    assert len(t.fit(X, X[:, :3], epochs=2).loss) == 2


def test_the_best_before_a_divergence():
    t = fastbp.Trainer(make.network([5, 3]), optimizer=fastbp.SGD(0.01), batch_size=8)
    best = fastbp.EarlyStopping()
    data = X, X[:, :3]
    with pytest.warns(UserWarning, match="ends here"):
        history = t.fit(*data, epochs=9, validation_data=data, callbacks=[Rate(), best, fastbp.TerminateOnNaN()])
    assert t.evaluate(*data)["loss"] == history.val_loss[best.best_epoch]


def test_an_epoch_is_repeated_more_slowly():
    t, twin = (fastbp.Trainer(make.network([5, 3]), optimizer=fastbp.SGD(0.01), batch_size=8) for _ in range(2))
    retry = fastbp.RetryOnDivergence(factor=1e-302)
    with pytest.warns(UserWarning, match="epoch 2 diverged and is repeated at 1e-302 times the learning rate"):
        history = t.fit(X, X[:, :3], epochs=5, callbacks=[Rate(), retry])
    assert retry.n_retries == 1
    twin.optimizer.learning_rate = 0.01
    expected = twin.fit(X, X[:, :3], epochs=2).loss
    twin.optimizer.learning_rate = 1e300 * 1e-302
    assert history.loss == expected + twin.fit(X, X[:, :3], epochs=3).loss
    assert make.same_bits(t.network.params, twin.network.params)


def test_retries_end():
    t = fastbp.Trainer(make.network([5, 3]), optimizer=fastbp.SGD(0.01), batch_size=8)
    retry = fastbp.RetryOnDivergence(factor=0.5, retries=2)
    with (
        pytest.warns(UserWarning, match="is repeated") as warned,
        pytest.raises(fastbp.DivergedError, match="in epoch 2"),
    ):
        t.fit(X, X[:, :3], epochs=5, callbacks=[Rate(), retry])
    assert len(warned) == retry.n_retries == 2
    with pytest.warns(UserWarning, match="is repeated|ends here"):
        t.fit(X, X[:, :3], epochs=5, callbacks=[retry, fastbp.TerminateOnNaN()])


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"factor": 1}, "factor must be greater than 0 and less than 1"), ({"retries": 0}, "retries must be at least 1")],
)
def test_settings_of_retries(settings, message):
    with pytest.raises(ValueError, match=message):
        fastbp.RetryOnDivergence(**settings)


def test_remedies_are_checked():
    t = fastbp.Trainer(make.network([5, 3]), optimizer=fastbp.SGD(1e300))
    wrong = fastbp.LambdaCallback(on_diverged=lambda trainer, error: "again")
    with pytest.raises(ValueError, match="what on_diverged returns must be one of stop, retry, got 'again'"):
        t.fit(X, X[:, :3], callbacks=[wrong])
