"""Inputs, targets and sample weights, as the engine holds them."""

import numpy as np

from libc.math cimport NAN
from libc.stdint cimport uint64_t

from fastbp._engine.buffers cimport View, view
from fastbp._engine.dispatch cimport kernels
from fastbp._engine.engine cimport Program, fpmode_enter, fpmode_leave
from fastbp._engine.kernels cimport Panels, idx
from fastbp._engine.losses cimport HeldLoss, Targets, sum_of_weights
from fastbp._engine.passes cimport Batches, forward_pass
from fastbp._engine.program cimport Slot


cdef idx first_beyond(const idx* labels, idx n, idx n_classes) noexcept nogil:
    """The first place of a label that is not in 0 ... n_classes - 1; n if there is none."""
    cdef idx i
    for i in range(n):
        if labels[i] < 0 or labels[i] >= n_classes:
            return i
    return n


cdef class Data:
    """Inputs, targets and sample weights, held for the engine.

    Parameters
    ----------
    program : Program
    x : ndarray of shape (n_rows, n_in), the network's dtype
    y : ndarray of shape (n_rows,) of intp, labels; or of shape (n_rows, n_out) in the network's dtype
    weights : ndarray of shape (n_rows,), float64, or None
    loss : dict
        The configuration of a loss. With "call" in it, y is anything with rows.
    gain : float
        What the gradient is multiplied by besides the weights, of which a mean is taken.
    """

    def __cinit__(self, Program program, x, y, weights, loss, double gain=1):
        cdef idx wrong
        cdef Targets targets = Targets(weights=NULL, order=NULL, first=0)
        self.n_rows = len(x)
        self.loss = HeldLoss(loss, program.n_out)
        self.gain = gain
        self.x = view(x, "x", self.n_rows * program.n_in, program.format())
        if self.loss.call is not None:
            self.targets = y
            self.sample_weight = weights
        elif y.ndim == 1:
            self.labels = view(y, "y", self.n_rows, b"i")
            with nogil:
                wrong = first_beyond(<const idx*> self.labels.data, self.n_rows, program.n_out)
            if wrong < self.n_rows:
                label = (<const idx*> self.labels.data)[wrong]
                raise ValueError(f"labels must be in 0 ... {program.n_out - 1}, got {label} in row {wrong}")
        else:
            self.y = view(y, "y", self.n_rows * self.loss.n_targets(program.n_out), program.format())
        if weights is not None:
            self.weights = view(weights, "weights", self.n_rows, b"d")
            targets.weights = <const double*> self.weights.data
        with nogil:
            self.weight = sum_of_weights(&targets, self.n_rows)

    cdef void fill(self, Program program, Batches* b) noexcept:
        b.run.fused_output = self.loss.fused or program.scales_targets
        self.loss.fill(&b.targets, program.n_out)
        b.targets.labels = NULL if self.labels is None else <const idx*> self.labels.data
        b.targets.rows = NULL if self.y is None else self.y.data
        b.targets.weights = NULL if self.weights is None else <const double*> self.weights.data
        b.targets.weight = self.weight
        b.targets.gain = self.gain

    cdef View forward(self, Program program, Batches* b, idx begin, idx n, rows):
        """Send n samples forward and have their loss computed by whom it was given.

        `rows` are theirs in the data. Hold what is returned until the gradient has been taken from b.targets.given.
        """
        cdef object outputs = np.empty((n, program.n_out), program.dtype)
        cdef View result = view(outputs, "outputs", -1, program.format(), True)
        cdef Slot* output = &b.run.slots[b.run.output]
        cdef Panels panels
        cdef uint64_t mode
        with nogil:
            mode = fpmode_enter()
            forward_pass(b, begin, n, 0, 1)
            panels = Panels(output.value, output.stride, n, 0, b.run.n_panels)
            b.run.kernels.unpack_rows(&panels, program.n_out, result.data)
            fpmode_leave(mode)
        return self.call(program, outputs, result, rows, &b.targets)

    cdef View call(self, Program program, outputs, View values, rows, Targets* answer):
        """From outputs (n, n_out), which `values` are, to answer.given_loss OUT and answer.given OUT.

        Outputs that are not finite have a loss of NaN, and nobody is asked for it.
        """
        cdef View gradient = values
        answer.given_loss = NAN
        if kernels(program.bits).all_finite(values.data, values.n):
            weights = None if self.sample_weight is None else self.sample_weight[rows]
            loss, grad = self.loss.call(outputs, self.targets[rows], weights, self.gain)
            gradient = view(grad, "grad", values.n, program.format())
            answer.given_loss = loss
        answer.given = gradient.data
        return gradient
