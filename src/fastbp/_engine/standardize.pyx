"""Standardising: inputs by the moments of each feature, and outputs back to the units of the targets.

The moments lie in the buffers of an operation, means, then standard deviations, then of a standardiser the sum of the
weights of the samples that they are of. One that is running (options[0], the factor by which each sample makes those
before it count less, is not 0) follows the samples of each batch of a training, and works with what they have made of
the moments; these are kept only once the loss of the batch is known to be finite. For the backward pass moments are
constants.

op.table: of each feature, whether a running standardiser follows it; NULL if it follows all. Threads own features.
"""

from libc.math cimport pow
from libc.string cimport memcpy

from fastbp._engine.kernels cimport (
    STANDARDIZE, STANDARDIZE_BACKWARD, UNSTANDARDIZE, UNSTANDARDIZE_BACKWARD, Kernels, Panels, idx
)
from fastbp._engine.program cimport Op, OpKind, Pass, Slot, at, divide


cdef inline void* moment(const Op* op, const Pass* run, int which) noexcept nogil:
    """As they are kept: means (0), deviations (1), and the sum of weights (2)."""
    return at(run.buffers, op.buffers + which * op.n_in, run.kernels)


cdef inline void* note(const Op* op, const Pass* run, int which) noexcept nogil:
    """With the samples of this pass: means (0), deviations (1); of these alone: means (2), variances (3)."""
    return at(run.slots[op.target].notes, which * op.n_in, run.kernels)


cdef inline bint follows(const Op* op, const Pass* run) noexcept nogil:
    return run.training and op.trainable and op.options[0] != 0


cdef inline void* in_use(const Op* op, const Pass* run, int which) noexcept nogil:
    return note(op, run, which) if follows(op, run) else moment(op, run, which)


cdef inline double weight_with(const Op* op, const Pass* run) noexcept nogil:
    """The sum of weights with the samples of this pass, each of weight 1."""
    cdef double weight = (<float*> moment(op, run, 2))[0] if run.kernels.bits == 32 else (
        <double*> moment(op, run, 2))[0]
    return weight * pow(op.options[0], <double> run.n_samples) + <double> run.n_samples


cdef inline void follow(const Op* op, const Pass* run, const void* mean, const void* variance, idx first,
                        idx last) noexcept nogil:
    run.kernels.join_moments(moment(op, run, 0), moment(op, run, 1), mean, variance,
                             <double> run.n_samples / weight_with(op, run), first, last, op.table,
                             note(op, run, 0), note(op, run, 1))


cdef inline Panels panels_of(void* data, const Slot* slot, const Pass* run) noexcept nogil:
    return Panels(data, slot.stride, run.n_samples, 0, run.n_panels)


cdef void rescale(const Op* op, const Pass* run, int how, int source, int target, bint backward, int thread,
                  int n_threads) noexcept nogil:
    """From slot to slot, values or gradients."""
    cdef const Slot* x = &run.slots[source]
    cdef const Slot* a = &run.slots[target]
    cdef Panels x_panels = panels_of(x.grad if backward else x.value, x, run)
    cdef Panels a_panels = panels_of(a.grad if backward else a.value, a, run)
    cdef idx first, last
    divide(op.n_in, 1, thread, n_threads, &first, &last)
    run.kernels.rescale(how, &x_panels, &a_panels, first, last, in_use(op, run, 0), in_use(op, run, 1))


cdef void rescale_row(const Op* op, const Pass* run, int how, const void* x, void* a) noexcept nogil:
    run.kernels.rescale_row(how, x, op.n_in, in_use(op, run, 0), in_use(op, run, 1), a)


cdef void forward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Slot* source = &run.slots[op.source]
    cdef Panels x = panels_of(source.value, source, run)
    cdef idx first, last
    if follows(op, run):
        divide(op.n_in, 1, thread, n_threads, &first, &last)
        run.kernels.batch_statistics(&x, first, last, note(op, run, 2), note(op, run, 3))
        follow(op, run, note(op, run, 2), note(op, run, 3), first, last)
    rescale(op, run, STANDARDIZE, op.source, op.target, False, thread, n_threads)


cdef void backward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    if run.slots[op.source].grad != NULL:
        rescale(op, run, STANDARDIZE_BACKWARD, op.target, op.source, True, thread, n_threads)


cdef void keep(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef idx first, last
    cdef int which
    if not follows(op, run):
        return
    divide(op.n_in, 1, thread, n_threads, &first, &last)
    for which in range(2):
        memcpy(at(moment(op, run, which), first, k), at(note(op, run, which), first, k),
               (last - first) * (k.bits // 8))
    if thread == 0:
        if k.bits == 32:
            (<float*> moment(op, run, 2))[0] = <float> weight_with(op, run)
        else:
            (<double*> moment(op, run, 2))[0] = weight_with(op, run)


# A single sample's notes are those of its batch of one.

cdef void forward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const void* x = run.rows[op.source].value
    if follows(op, run):
        follow(op, run, x, NULL, 0, op.n_in)
    rescale_row(op, run, STANDARDIZE, x, run.rows[op.target].value)


cdef void backward_row(const Op* op, const Pass* run) noexcept nogil:
    if run.rows[op.source].grad != NULL:
        rescale_row(op, run, STANDARDIZE_BACKWARD, run.rows[op.target].grad, run.rows[op.source].grad)


# The way back, where the loss has not taken in the outputs as they are before it.

cdef void back_forward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    if run.fused_output:
        copy(op, run, run.slots[op.source].value, run.slots[op.target].value, thread, n_threads)
    else:
        rescale(op, run, UNSTANDARDIZE, op.source, op.target, False, thread, n_threads)


cdef void back_backward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    if run.slots[op.source].grad == NULL:
        return
    if run.fused_output:
        copy(op, run, run.slots[op.target].grad, run.slots[op.source].grad, thread, n_threads)
    else:
        rescale(op, run, UNSTANDARDIZE_BACKWARD, op.target, op.source, True, thread, n_threads)


cdef void copy(const Op* op, const Pass* run, const void* source, void* target, int thread,
               int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef idx stride = run.slots[op.target].stride
    cdef idx p, first, last
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        memcpy(at(target, p * stride, k), at(source, p * stride, k), op.n_in * k.panel * (k.bits // 8))


cdef void back_forward_row(const Op* op, const Pass* run) noexcept nogil:
    if run.fused_output:
        memcpy(run.rows[op.target].value, run.rows[op.source].value, op.n_in * (run.kernels.bits // 8))
    else:
        rescale_row(op, run, UNSTANDARDIZE, run.rows[op.source].value, run.rows[op.target].value)


cdef void back_backward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef void* dx = run.rows[op.source].grad
    if dx == NULL:
        return
    if run.fused_output:
        memcpy(dx, run.rows[op.target].grad, op.n_in * (run.kernels.bits // 8))
    else:
        rescale_row(op, run, UNSTANDARDIZE_BACKWARD, run.rows[op.target].grad, dx)


cdef OpKind _kind
_kind.forward = forward
_kind.backward = backward
_kind.forward_row = forward_row
_kind.backward_row = backward_row
_kind.keep = keep
_kind.feature_notes = 4
cdef OpKind _back
_back.forward = back_forward
_back.backward = back_backward
_back.forward_row = back_forward_row
_back.backward_row = back_backward_row
_back.scales_targets = True


cdef const OpKind* standardize_kind() noexcept:
    return &_kind


cdef const OpKind* unstandardize_kind() noexcept:
    return &_back
