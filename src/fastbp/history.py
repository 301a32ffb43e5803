"""What a training reports."""

__all__ = ["History"]


class History:
    """What a `fit` has recorded, one value an epoch.

    Attributes
    ----------
    loss : list of float
        Mean over the samples of the epoch, while the parameters moved; of a solver, after its iteration.
    val_loss : list of float
        Of the validation data after the epoch; empty without.
    metrics : dict of str to list of float
        ``"val_accuracy"`` or ``"val_r2"`` after the epoch; empty without validation data.
    interrupted : bool
        Whether Ctrl-C ended the training.
    statistics : dict of str to dict of str to list of float
        On request, for each parameter by its name, ``"0.weight"`` say: "mean", "std" and "norm" of it after the epoch,
        and "gradient_mean", "gradient_std" and "gradient_norm" of the gradient there. Empty otherwise.
    solver : dict
        What a solver says: "converged", whether it ended by itself, and "message", why; of a Bayesian
        LevenbergMarquardt the "weight_decay" that it has found, and "n_effective_params", how many parameters the data
        determine. Empty without.
    """

    def __init__(self):
        self.loss = []
        self.val_loss = []
        self.metrics = {}
        self.interrupted = False
        self.statistics = {}
        self.solver = {}

    def __repr__(self):
        last = ", ".join(f"{name}={values[-1]:.4g}" for name, values in self._columns().items() if values)
        return f"History({len(self.loss)} epochs{', ' * bool(last)}{last})"

    def _columns(self):
        return {"loss": self.loss, "val_loss": self.val_loss, **self.metrics}
