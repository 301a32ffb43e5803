"""From outputs and targets to the loss of each sample and the gradient at the output."""

from fastbp._engine.kernels cimport Loss, idx
from fastbp._engine.program cimport Pass


# The targets of a batch, and where its losses go.
ctypedef struct Targets:
    Loss loss
    const idx* labels       # IN (n_rows,): the class of each row of the data, or NULL and
    const void* rows        # IN (n_rows, n_out)
    const double* weights   # IN (n_rows,): sample weights, or NULL
    const idx* order        # IN: sample s of the batch is row order[s] of the data; NULL: row first + s
    idx first
    double weight           # the sum of the weights of the batch: what a mean divides by
    void* packed            # scratch for the targets as panels, laid out as the output's slot
    void* scale             # scratch (n_panels * panel,): weight of each sample / weight
    void* losses            # OUT (n_panels * panel,)


cdef Loss read_loss(object config) except *
cdef double sum_of_weights(const Targets* targets, idx n_samples) noexcept nogil
cdef void loss_of_panels(const Pass* run, const Targets* targets, bint gradient, int thread,
                         int n_threads) noexcept nogil
cdef double sum_of_losses(const Pass* run, const Targets* targets) noexcept nogil
