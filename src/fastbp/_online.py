"""Learning from one sample at a time: what surrounds the engine's `Learner`.

A trainer keeps a learner for as long as nothing that it was made for changes. It declines what needs care: arguments to
be converted, a step that might lead beyond finite numbers, a loss of the caller's own. That is done here.
"""

import copy
import time

import numpy as np

from ._class_weights import class_weights
from ._custom_loss import CustomLoss
from ._engine import inference
from ._engine.engine import Exclusive
from ._engine.online import Learner
from ._fitting import Pace
from ._validation import Checked, as_array, real

ADAPT = "call net.adapt(X, y) first, or give it running=True where it standardises the inputs"
_LEARNT_AT_ONCE = 64  # samples that a learner has the learning rates for, where they are scheduled


def fits(trainer):
    """Whether the trainer has a learner, made for what it is now."""
    learner, clock = trainer._learner, trainer._clock
    if learner is None or learner.closed or clock is None or clock.optimizer is not trainer.optimizer:
        return False
    return trainer._learner_of == _description(trainer)


def still_fits(trainer):
    """Whether it does after something has been changed, somewhere; what is frozen since, the engine is told."""
    last_change = Checked.last_change
    trainer.network._notice_freezing()
    if not fits(trainer):
        return False
    trainer._learner_as_of = last_change
    return True


def _description(trainer):
    """Return what a learner is made for."""
    optimizer = trainer.optimizer
    return optimizer.kind, vars(optimizer), vars(trainer._loss), trainer.ema


def _renew(trainer):
    """Give the trainer, who holds the network, a learner for what it is now."""
    trainer._retire_learner()
    trainer._prepare_states()
    trainer._learner = Learner(
        trainer.network._program,
        trainer._loss.config(),
        trainer._config(),
        seed=trainer.seed,
        n_batches=trainer._n_batches,
        rates=trainer._scheduler().rates(_LEARNT_AT_ONCE, trainer._n_batches, trainer.epoch),
        **trainer._memory(),
    )
    kind, hyper, loss, ema = _description(trainer)
    hyper = {name: copy.copy(value) for name, value in hyper.items()}
    trainer._learner_of = kind, hyper, dict(loss), ema
    trainer._learner_as_of = None  # the next step looks whether that has changed meanwhile


def capsule(trainer, n_samples):
    """Return what `Trainer.capsule` does."""
    from ._engine import capsule as engine  # on use, for the sake of the time that fastbp takes to import

    trainer._check_own_params()
    trainer._check_takes_steps()
    if isinstance(trainer._loss, CustomLoss):
        raise ValueError(f"the loss of a capsule must be one of fastbp's, got {trainer.loss!r}, which Python computes")
    if trainer._scheduler().schedule is not None:
        raise ValueError(
            f"the learning rate of a capsule must be a number, got {trainer.optimizer.learning_rate!r}: give one, and "
            "change it where the capsule is used (model->learning_rate)"
        )
    trainer.network._notice_freezing()
    trainer.network._check_adapted(ADAPT)
    with Exclusive(trainer.network._program):
        if not fits(trainer):
            _renew(trainer)
        handle = engine.Handle(
            trainer.network._program,
            n_samples,
            trainer._learner,
            trainer.batch_size,
            trainer.accumulate,
            trainer.optimizer.full_batch,
        )
    return engine.capsule(handle)


def weight_of_one(trainer, y, sample_weight, class_weight):
    """Return what the gradient of one sample is multiplied by."""
    weight = 1.0 if sample_weight is None else real(sample_weight, "sample_weight", 0)
    if class_weight is None:
        return weight
    if class_weight == "balanced":
        raise ValueError('class_weight="balanced" means nothing for one sample: give the weights, {label: weight}')
    loss, net = trainer._loss, trainer.network
    targets = loss.targets(loss.of_one(y), 1, net.n_out, net.dtype)
    return weight * float(class_weights(class_weight, loss, targets, net.n_out)[0])


def learn_with_care(trainer, x, y, weight):
    """What `Trainer.learn_one` does when arguments need checks, the optimiser is new, or numbers grow too large."""
    net, loss = trainer.network, trainer._loss
    x = as_array(x, "x")
    if x.shape != (net.n_in,):
        raise ValueError(f"x must have shape ({net.n_in},), got {x.shape}")
    X, targets, _ = net._checked(x[None, :], loss.of_one(y), loss)
    net._check_adapted(ADAPT)
    with Exclusive(net._program):
        return _learn_row(trainer, X, targets, weight)


def _learn_row(trainer, X, targets, weight):
    """Learn from one row, (1, n_in), that has been checked, holding the network; return its loss before the step."""
    row = X[0], targets[0], weight
    # rows of lists all come here, and a new learner takes longer than their conversion and the step
    loss = trainer._learner.learn(*row, checked=True) if weight and fits(trainer) else None
    if loss is not None:
        return loss
    data = trainer.network._as_data(X, targets, trainer._loss, None, weight)
    if weight == 0:
        return inference.loss(trainer.network._program, data)
    _renew(trainer)
    loss = trainer._learner.learn(*row, checked=True)
    if loss is not None:
        return loss
    trainer._retire_learner()
    losses = np.empty(1)
    rates = trainer._scheduler().rates(1, trainer._n_batches, trainer.epoch)
    with trainer._training(data, 0, False) as training:
        training.save()
        if not training.train(1, losses, rates) or not training.params_are_finite():
            raise trainer._diverged(training, lambda training, n: rates)
        trainer._remember(training)
    return float(losses[0])


def learn_rows(trainer, X, targets, weights, outputs=None):
    """Learn from rows that have been checked, one after another.

    Signals are looked at every few hundredths of a second; what has been learnt by then stays. The network is held all
    the while.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_out), optional
        OUT: the prediction for each row before its step.

    Returns
    -------
    ndarray of shape (n_samples,), float64
        The loss of each row before its step, without its weight.
    """
    net = trainer.network
    data = net._as_data(X, targets, trainer._loss, weights)
    losses = np.empty(len(X))
    pace = Pace()
    row = 0
    with Exclusive(net._program):
        while row < len(X):
            if not fits(trainer):
                _renew(trainer)
            end = min(row + pace.n_batches, len(X))
            began = time.perf_counter()
            done = trainer._learner.learn_many(data, row, end, losses, outputs)
            pace.record(done - row, time.perf_counter() - began)
            row = done
            if row < end:
                if outputs is not None:
                    net.predict_one(X[row], outputs[row])
                weight = 1.0 if weights is None else float(weights[row])
                losses[row] = _learn_row(trainer, X[row : row + 1], targets[row : row + 1], weight)
                row += 1
    return losses
