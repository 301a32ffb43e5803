"""From outputs and targets to the loss of each sample and the gradient at the output."""

from fastbp._engine.buffers cimport View
from fastbp._engine.kernels cimport Loss, idx
from fastbp._engine.program cimport Pass


# A loss of some of the outputs, one of several that are added up.
ctypedef struct Task:
    Loss loss
    idx output              # the first of its outputs
    idx n_outputs
    idx target              # the first of its targets in a row
    double weight           # by which it is added


# The targets of a batch, and where its losses go.
ctypedef struct Targets:
    Loss loss
    const Task* tasks       # IN (n_tasks,): for a loss of kind MULTI_TASK
    int n_tasks
    const idx* labels       # IN (n_rows,): the class of each row of the data, or NULL and
    const void* rows        # IN (n_rows, n_targets)
    idx n_targets           # of a row
    const double* weights   # IN (n_rows,): sample weights, or NULL
    const idx* order        # IN: sample s of the batch is row order[s] of the data; NULL: row first + s
    idx first
    double weight           # the sum of the weights of the batch: what a mean divides by
    double gain             # what the gradient is multiplied by besides; 1 but for a weighted step on one sample
    bint penalty_of_sum     # penalties of weights belong to sum(w_i l_i), not to the mean: they are divided by weight
    const void* given       # IN (n, n_out): for a loss of kind GIVEN, its gradient at the output
    double given_loss       # and sum(w_i l_i)
    const void* mean        # IN (n_targets,): by which and by
    const void* std         # IN (n_targets,) they are standardised; NULL: they are taken as they are
    void* packed            # scratch for the targets as panels, laid out as the output's slot
    void* scale             # scratch (n_panels * panel,): weight of each sample / weight
    void* losses            # OUT (n_panels * panel,)


cdef class HeldLoss:
    cdef Loss c
    cdef Task* tasks
    cdef int n_tasks
    cdef list parts         # the losses of the tasks
    cdef View alpha         # which c points to
    cdef readonly bint fused
    cdef bint penalty_of_sum
    cdef object call        # of kind GIVEN: what computes it

    cdef hold_tasks(self, tasks, idx n_out)
    cdef void fill(self, Targets* targets, idx n_out) noexcept
    cdef idx n_targets(self, idx n_out) noexcept
    cdef bint takes_labels(self, idx n_out) noexcept

cdef double sum_of_weights(const Targets* targets, idx n_samples) noexcept nogil
cdef void loss_of_panels(const Pass* run, const Targets* targets, bint gradient, int thread,
                         int n_threads) noexcept nogil
cdef double sum_of_losses(const Pass* run, const Targets* targets) noexcept nogil
cdef double take_given(const Pass* run, const Targets* targets) noexcept nogil
