"""The average of the parameters: the part of `Trainer` that hands it out."""

from contextlib import contextmanager

from ._engine.engine import Exclusive


class Averaging:
    """The moving average that `Trainer(ema=...)` keeps, and a network that predicts with it."""

    @property
    def averaged_params(self):
        """The average of the parameters, (n_params,), not writable; None before the first update, and without ema.

        After the first update it is the parameters, after each further one ``ema * average + (1 - ema) * parameters``.
        """
        if self._learner is not None:
            with Exclusive(self.network._program):
                self._retire_learner()
        if not self._averages:
            return None
        average = self._average.view()
        average.flags.writeable = False
        return average

    @contextmanager
    def use_average(self):
        """Give the network its averaged parameters for a while: ``with trainer.use_average(): net.predict(X)``.

        To validate, to predict or to save with them, also in a callback; not to train. Afterwards the network has the
        parameters that training left.

        Returns
        -------
        context manager
            Of the network.

        Raises
        ------
        RuntimeError
            If there is no average, or it is in use already.
        """
        average = self.averaged_params
        if average is None:
            raise RuntimeError("there is no average of the parameters yet: give the Trainer ema=0.999, say, and train")
        if self._params_aside is not None:
            raise RuntimeError("the network has its averaged parameters already")
        params = self.network.params
        self._params_aside = params.copy()
        params[...] = average
        try:
            yield self.network
        finally:
            params[...] = self._params_aside
            self._params_aside = None

    def _check_own_params(self):
        if self._params_aside is not None:
            raise RuntimeError("the network has its averaged parameters: leave use_average before you train")
