"""Insight into a trained network: what its layers compute, and derivatives of what it predicts."""

import numpy as np

from ._custom_loss import as_loss
from ._engine import derivatives
from ._memory import check_memory
from ._objective import Objective, hessian_vector_product
from ._validation import as_reals, integer, one_of


class Insight:
    """The part of `Network` that looks into it. Layers behave as in predictions; nothing is changed."""

    def activations(self, X):
        """Return the outputs of every layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in)

        Returns
        -------
        list of ndarray of shape (n_samples, width of the layer), of the network's dtype
            One for each of `layers`; the last is what `predict` gives.

        Raises
        ------
        TypeError, ValueError
            If X is not of this shape, or not finite.
        MemoryError
            If there is not enough for the outputs of all layers.
        """
        X = self._samples(X)
        check_memory(len(X) * sum(self.widths[1:]) * self.dtype.itemsize, "the outputs of all layers", _IN_PARTS)
        outs = [np.empty((len(X), width), self.dtype) for width in self.widths[1:]]
        slots = {operation["layer"]: slot for slot, operation in enumerate(self._operations(), start=1)}
        derivatives.activations(self._program, X, len(X), list(slots.values()), outs)
        return outs

    def input_gradient(self, X, y=None, loss=None, sample_weight=None, *, output=None):
        """Return the gradient of a loss, or of one output of each sample, by the inputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in)
        y, loss, sample_weight
            As for `loss_and_grad`: the gradient is that of the loss which it returns, a mean over the samples.
        output : int or array-like of shape (n_samples,) of int, optional
            Without y: the output whose gradient to take, for all samples or for each, by its number; for a network
            with one output it need not be said. ``net.predict(X).argmax(axis=1)`` asks why each sample is told to be
            what it is.

        Returns
        -------
        ndarray of shape (n_samples, n_in), of the network's dtype
            0 for the categories that an Embedding takes.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this kind.
        """
        if (y is None) != (loss is None):
            raise ValueError("y and loss go together: give both for the gradient of a loss, none for that of an output")
        if y is not None:
            if output is not None:
                raise ValueError("output says what to take the gradient of where there is no loss: give one of them")
            X, y, weights = self._checked(X, y, loss := as_loss(loss), sample_weight)
            gradient = np.empty(X.shape, self.dtype)
            derivatives.loss_gradient(self._program, self._as_data(X, y, loss, weights), gradient)
            return gradient
        if sample_weight is not None:
            raise ValueError("sample_weight is for the mean of a loss: give y and loss, or scale what is returned")
        X = self._samples(X)
        chosen = np.zeros((len(X), self.n_out), self.dtype)
        chosen[np.arange(len(X)), self._outputs(output, len(X))] = 1
        gradient = np.empty(X.shape, self.dtype)
        derivatives.pull_back(self._program, X, len(X), chosen, gradient)
        return gradient

    def _outputs(self, output, n_samples):
        if output is None:
            if self.n_out > 1:
                raise ValueError(
                    f"output must say which of the {self.n_out} outputs to take the gradient of; "
                    "or give y and loss; jacobian(X) is the gradient of all outputs"
                )
            return 0
        if np.ndim(output) == 0:
            return integer(output[()] if isinstance(output, np.ndarray) else output, "output", 0, self.n_out - 1)
        output = np.asarray(output)
        if output.dtype.kind not in "iu":
            raise TypeError(f"output must be an integer or hold integers, got dtype {output.dtype}")
        if output.shape != (n_samples,):
            raise ValueError(f"output must be one number, or have shape ({n_samples},), got {output.shape}")
        if output.min() < 0 or output.max() >= self.n_out:
            raise ValueError(f"output must be in 0 ... {self.n_out - 1}, got {output.min()} to {output.max()}")
        return output

    def jacobian(self, X, wrt="inputs"):
        """Return the derivatives of all outputs of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in)
        wrt : {"inputs", "params"}, default "inputs"
            By what: the sample's features, or the parameters.

        Returns
        -------
        ndarray of shape (n_samples, n_out, n_in) or (n_samples, n_out, n_params), of the network's dtype
            Parameters in the order of `params`, also of layers that are not trainable. By a category that an Embedding
            takes, the derivative is 0.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this kind.
        MemoryError
            If there is not enough for so many numbers.
        """
        by_params = one_of(wrt, ("inputs", "params"), "wrt") == "params"
        X = self._samples(X)
        shape = len(X), self.n_out, self.n_params if by_params else self.n_in
        check_memory(shape[0] * shape[1] * shape[2] * self.dtype.itemsize, f"a Jacobian of shape {shape}", _IN_PARTS)
        jacobian = np.empty(shape, self.dtype)
        derivatives.Jacobian(self._program, len(X), by_params).take(X, len(X), jacobian)
        return jacobian

    def hessian_vector_product(self, X, y, loss, vector, sample_weight=None):
        """Return the product of the loss's Hessian by the parameters with a vector: how the gradient changes along it.

        By central differences of the exact gradient, in float64, with steps of 2e-6: two passes over the samples. Where
        there are kinks (relu and the like), three, and more with shorter steps when one is met. It agrees with the
        exact product to 1e-6 of its largest element, unless that is smaller than the gradient by many orders of
        magnitude.

        Parameters
        ----------
        X, y, loss, sample_weight
            As for `loss_and_grad`.
        vector : array-like of shape (n_params,)

        Returns
        -------
        ndarray of shape (n_params,), float64
            Laid out as `params`, also for layers that are not trainable.

        Raises
        ------
        TypeError, ValueError
            If an argument is not of this kind.
        """
        loss = as_loss(loss)
        X, y, weights = self._checked(X, y, loss, sample_weight)
        v = as_reals(vector, "vector", np.dtype(np.float64))
        if v.shape != (self.n_params,):
            raise ValueError(f"vector must have shape ({self.n_params},), as params has, got {v.shape}")
        twin = vars(self).pop("_spare_twin", None)  # of the last call: two callers never share one
        if twin is None:
            twin = self._twin()
        params = self.params.astype(np.float64)
        twin.buffers[...] = self.buffers
        objective = Objective(twin, X, y, loss, weights)

        def gradient(w):
            twin.params[...] = w
            return objective.loss_and_grad()[1]

        product = hessian_vector_product(gradient, params, v, objective.is_smooth())
        self._spare_twin = twin
        return product


_IN_PARTS = "give X in parts, some rows at a time"
