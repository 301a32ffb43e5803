"""What a fit records of every layer's parameters and gradients, on request."""

import numpy as np

from ._objective import Objective

_OF = {"mean": np.mean, "std": np.std, "norm": np.linalg.norm}


class Statistics:
    """Mean, standard deviation and norm of each parameter and of its gradient, for `History.statistics`.

    The gradient is that of the loss of all training samples, as `Network.loss_and_grad` has it: layers behave as in
    predictions.

    Parameters
    ----------
    trainer : Trainer
    X, targets, weights
        As `Network._checked` returns them.
    """

    def __init__(self, trainer, X, targets, weights):
        self._objective = Objective(trainer.network, X, targets, trainer._loss, weights)
        self.values = {
            name: {f"{prefix}{of}": [] for prefix in ("", "gradient_") for of in _OF}
            for name in trainer.network.named_parameters()
        }

    def record(self):
        """Append what an epoch has come to."""
        net = self._objective.net
        named = net.named_parameters()
        gradients = net._named_as_parameters(self._objective.loss_and_grad()[1])
        for name, columns in self.values.items():
            for prefix, array in (("", named[name]), ("gradient_", gradients[name])):
                array = array.astype(np.float64)
                for of, function in _OF.items():
                    columns[f"{prefix}{of}"].append(float(function(array)))
