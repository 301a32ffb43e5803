"""What scikit-learn does at the end of an epoch: the loss curve, the learning rate, and when to stop."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..callbacks import Callback


class Epochs(Callback):
    """Keeps the books of an estimator while its network is trained, and stops the training.

    Parameters
    ----------
    estimator : estimator
        Whose `loss_`, `loss_curve_`, `n_iter_`, `t_` and so on are kept.
    n_samples : int
        Trained on in an epoch.
    objective : Objective
    constant : float
        Added to the loss that is shown.
    score : function of logs, or None
        The validation score after an epoch; the higher, the better.
    stops : bool
        Whether this score decides when to stop, and which parameters are the best; otherwise the loss does.
    """

    def __init__(self, estimator, n_samples, objective, constant=0.0, score=None, stops=False):
        self.estimator = estimator
        self.n_samples = n_samples
        self.objective = objective
        self.constant = constant
        self.score = score
        self.stops = stops
        self.has_stopped = False
        self._best = None

    def on_epoch_end(self, trainer, epoch, logs):
        score = None if self.score is None else self.score(logs)
        self._record(logs["loss"] * self.objective.shown + self.constant, score)
        self._count()
        estimator = self.estimator
        if self.stops and self._is_best:
            self._best = trainer.network.params.copy(), trainer.network.buffers.copy()
        if estimator.solver == "sgd" and estimator.learning_rate == "invscaling":
            rate = estimator.learning_rate_init / (estimator.t_ + 1) ** estimator.power_t
            _set_rate(trainer, rate * self.objective.scale)
        if estimator._no_improvement_count > estimator.n_iter_no_change:
            self._give_up(trainer)

    def on_diverged(self, trainer, error):
        """A training that is validated ends with the best parameters; any other with the error."""
        if not self.stops:
            return None
        self._record(np.nan, np.nan)
        self.has_stopped = True
        warnings.warn(f"{error}. The best parameters so far are kept", ConvergenceWarning, stacklevel=2)
        return "stop"

    def on_fit_end(self, trainer):
        if self._best is not None:
            trainer.network.params[...], trainer.network.buffers[...] = self._best
            self._best = None

    def _record(self, loss, score):
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.t_ += self.n_samples
        estimator.loss_ = loss
        estimator.loss_curve_.append(loss)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
        if score is not None:
            estimator.validation_scores_.append(float(score))
            if estimator.verbose:
                print(f"Validation score: {score:f}")

    def _count(self):
        """Take note of whether the epoch has brought an improvement, and whether it was the best."""
        estimator = self.estimator
        if self.stops:
            score, best = estimator.validation_scores_[-1], estimator.best_validation_score_
            improved = not score < best + estimator.tol
            self._is_best = score > best
            if self._is_best:
                estimator.best_validation_score_ = score
        else:
            improved = not estimator.loss_ > estimator.best_loss_ - estimator.tol
            estimator.best_loss_ = min(estimator.loss_, estimator.best_loss_)
        estimator._no_improvement_count = 0 if improved else estimator._no_improvement_count + 1

    def _give_up(self, trainer):
        """Stop, or go on with a fifth of the learning rate where it is adaptive."""
        estimator = self.estimator
        what = "Validation score" if self.stops else "Training loss"
        message = (
            f"{what} did not improve more than tol={estimator.tol:f} for {estimator.n_iter_no_change} consecutive "
            "epochs."
        )
        rate = trainer.optimizer.learning_rate / self.objective.scale
        if estimator.solver != "sgd" or estimator.learning_rate != "adaptive" or rate <= 1e-6:
            self.has_stopped = trainer.stop_training = True
            then = "Learning rate too small. Stopping." if rate <= 1e-6 else "Stopping."
        else:
            _set_rate(trainer, rate / 5 * self.objective.scale)
            estimator._no_improvement_count = 0
            then = f"Setting learning rate to {rate / 5:f}"
        if estimator.verbose:
            print(f"{message} {then}")


def _set_rate(trainer, rate):
    """Change the learning rate as scikit-learn does, whose velocity has been multiplied by it; fastbp's has not."""
    if trainer.optimizer.momentum > 0:
        trainer._states *= trainer.optimizer.learning_rate / rate
    trainer.optimizer.learning_rate = rate
