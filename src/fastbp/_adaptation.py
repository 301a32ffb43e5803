"""What networks learn from data without gradients: the moments of inputs and targets."""

from contextlib import contextmanager

import numpy as np

from ._engine.engine import Exclusive
from ._standardization import Standardize, Unstandardize
from ._targets import as_rows
from ._validation import boolean


class Adaptation:
    """The part of `Network` that takes moments from data, for `Standardize` and `Unstandardize`."""

    def adapt(self, X, y=None, *, reset=True):
        """Take the means and standard deviations of inputs, and of targets if the network scales them, from data.

        The first `Trainer.fit` does it with what it trains on. Call it before `Trainer.learn_one`, to fit to data in
        blocks, to use other rows than those that are trained on, or to follow what the data has become; parameters stay
        as they are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in)
        y : array-like of shape (n_samples, n_out), or (n_samples,) for one output, optional
            Needed if the last layer is an `Unstandardize`.
        reset : bool, default True
            Whether to forget the moments so far. With False they become those of all rows, earlier and these: block
            after block.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this kind, or too large for the moments to be numbers of the network's dtype, or
            the network has neither layer. The network is then as it was.
        RuntimeError
            If the network is being trained, by another thread say.
        """
        reset = boolean(reset, "reset")
        scalers = self._scalers()
        if not scalers:
            raise ValueError(
                "adapt is for networks with a Standardize as their first layer or an Unstandardize as their last: "
                f"got {self!r}"
            )
        X = self._samples(X)
        if isinstance(self.layers[-1], Unstandardize):
            if y is None:
                raise ValueError("y must be given, for the network scales targets: call adapt(X, y)")
            y = as_rows(y, len(X), self.n_out, self.dtype)
        with Exclusive(self._program):
            self._adapt(scalers, X, y, reset)

    def _scalers(self):
        """Return the layers that take moments from data, by their number."""
        return {n: layer for n, layer in enumerate(self.layers) if isinstance(layer, Standardize | Unstandardize)}

    def _unadapted(self):
        """Return those of them that know no data yet, and will not learn it from a stream."""
        scalers = {n: layer for n, layer in self._scalers().items() if not layer.running}
        buffers = self.named_buffers() if scalers else {}
        return {n: layer for n, layer in scalers.items() if not buffers[f"{n}.weight"].any()}

    @contextmanager
    def _adapting(self, X, y):
        """Give layers the moments that they lack, of checked data; take them back if what follows raises."""
        before = self.buffers.copy()
        try:
            self._adapt(self._unadapted(), X, y)
            yield
        except BaseException:
            self.buffers[...] = before
            raise

    def _adapt(self, scalers, X, y, reset=True):
        """Let layers take the moments of data that has been checked: all of them, or with an error none."""
        if not scalers:
            return
        before = self.buffers.copy()
        buffers = self.named_buffers()
        try:
            for number, layer in scalers.items():
                own = {name: buffers[f"{number}.{name}"] for name in ("mean", "std", "weight")}
                if reset:
                    for values in own.values():
                        values[...] = 0
                layer.adapt(own, X if layer.place == "first" else y)
        except BaseException:
            self.buffers[...] = before
            raise

    def _target_deviation(self):
        """Return by what a loss divides the outputs' distances from their targets, (n_out,) or 1."""
        if not isinstance(self.layers[-1], Unstandardize):
            return 1.0
        std = self.named_buffers()[f"{len(self.layers) - 1}.std"]
        return np.where(std > 0, std, 1)

    def _check_adapted(self, remedy):
        """ValueError if moments are wanted that nothing has given; remedy: what to do about it."""
        for layer in self._unadapted().values():
            raise ValueError(f"{layer!r} knows no data to scale by yet: {remedy}")
