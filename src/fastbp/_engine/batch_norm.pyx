"""Batch normalisation: each feature, by its mean and variance over the batch, or by running ones in predictions.

Threads own features. The running statistics follow after the backward pass, in a batch of finite loss. A layer
that is not trainable is as in predictions: it uses its running statistics, and leaves them alone.
"""

from libc.string cimport memcpy

from fastbp._engine.kernels cimport Kernels, Panels, idx
from fastbp._engine.program cimport Op, OpKind, Pass, Slot, at, divide, gradient_of, wants_weights


cdef inline const void* weight_of(const Op* op, const Pass* run) noexcept nogil:
    return at(run.params, op.params, run.kernels) if op.n_params else NULL


cdef inline const void* bias_of(const Op* op, const Pass* run) noexcept nogil:
    return at(run.params, op.params + op.n_in, run.kernels) if op.n_params else NULL


cdef inline void* running(const Op* op, const Pass* run, int which) noexcept nogil:
    """The running mean (0) or variance (1)."""
    return at(run.buffers, op.buffers + which * op.n_in, run.kernels)


cdef inline void* note(const Op* op, const Pass* run, int which) noexcept nogil:
    """Of the batch: mean (0) and variance (1), sums of z da (2) and of da (3)."""
    return at(run.slots[op.target].notes, which * op.n_in, run.kernels)


cdef inline bint by_batch(const Op* op, const Pass* run) noexcept nogil:
    return run.training and op.trainable


cdef inline Panels panels_of(void* data, const Slot* slot, const Pass* run) noexcept nogil:
    return Panels(data, slot.stride, run.n_samples, 0, run.n_panels)


cdef inline void hand_over(const Kernels* k, const void* sums, idx first, idx last, bint resume,
                           void* grads) noexcept nogil:
    """grads = sums, or with `resume` grads += sums"""
    cdef const void* source = at(sums, first, k)
    cdef void* target = at(grads, first, k)
    if resume:
        k.add(target, source, target, last - first)
    else:
        memcpy(target, source, (last - first) * (k.bits // 8))


cdef void forward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* target = &run.slots[op.target]
    cdef Panels x = panels_of(run.slots[op.source].value, &run.slots[op.source], run)
    cdef Panels z = panels_of(target.z, target, run)
    cdef Panels a = panels_of(target.value, target, run)
    cdef void* mean = note(op, run, 0) if by_batch(op, run) else running(op, run, 0)
    cdef void* variance = note(op, run, 1) if by_batch(op, run) else running(op, run, 1)
    cdef idx first, last
    divide(op.n_in, 1, thread, n_threads, &first, &last)
    if by_batch(op, run):
        k.batch_statistics(&x, first, last, mean, variance)
    k.normalize(&x, &z, &a, first, last, mean, variance, op.options[0], weight_of(op, run), bias_of(op, run))


cdef void backward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef Panels z = panels_of(target.z, target, run)
    cdef Panels da = panels_of(target.grad, target, run)
    cdef Panels dx = panels_of(source.grad, source, run)
    cdef void* dots = note(op, run, 2)
    cdef void* totals = note(op, run, 3)
    cdef void* grads
    cdef idx first, last
    divide(op.n_in, 1, thread, n_threads, &first, &last)
    k.sums(&da, &z, first, last, False, dots, totals)
    if wants_weights(op, run):
        grads = gradient_of(op, run)
        hand_over(k, dots, first, last, run.resume, grads)
        hand_over(k, totals, first, last, run.resume, at(grads, op.n_in, k))
    if source.grad == NULL:
        return
    if by_batch(op, run):
        k.normalize_backward(&z, &da, &dx, first, last, note(op, run, 1), op.options[0], weight_of(op, run), dots,
                             totals)
    else:
        k.normalize_backward(&z, &da, &dx, first, last, running(op, run, 1), op.options[0], weight_of(op, run), NULL,
                             NULL)


cdef void keep(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    """running = (1 - momentum) running + momentum batch, the variance divided by n - 1"""
    cdef const Kernels* k = run.kernels
    cdef double n = <double> run.n_samples
    cdef idx first, last
    if by_batch(op, run):
        divide(op.n_in, 1, thread, n_threads, &first, &last)
        k.follow(running(op, run, 0), note(op, run, 0), first, last, op.options[1], 1)
        k.follow(running(op, run, 1), note(op, run, 1), first, last, op.options[1], n / (n - 1))


# A single sample has no statistics: training refuses it, unless the layer is frozen.

cdef void forward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Slot* target = &run.rows[op.target]
    run.kernels.normalize_row(run.rows[op.source].value, op.n_in, running(op, run, 0), running(op, run, 1),
                              op.options[0], weight_of(op, run), bias_of(op, run), target.z, target.value)


cdef void backward_row(const Op* op, const Pass* run) noexcept nogil:
    if run.rows[op.source].grad != NULL:
        run.kernels.normalize_backward_row(run.rows[op.target].grad, op.n_in, running(op, run, 1), op.options[0],
                                           weight_of(op, run), run.rows[op.source].grad)


cdef void weights_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Slot* target = &run.rows[op.target]
    cdef void* grads = gradient_of(op, run)
    run.kernels.sums_row(target.grad, target.z, op.n_in, grads, at(grads, op.n_in, run.kernels))


cdef double bound_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Slot* target = &run.rows[op.target]
    return max(run.kernels.largest(target.z, op.n_in), 1.0) * run.kernels.largest(target.grad, op.n_in)


cdef OpKind _kind
_kind.forward = forward
_kind.backward = backward
_kind.forward_row = forward_row
_kind.backward_row = backward_row
_kind.weights_row = weights_row
_kind.bound_row = bound_row
_kind.keep = keep
_kind.keeps_z = True
_kind.whole_batch = True
_kind.feature_notes = 4


cdef const OpKind* batch_norm_kind() noexcept:
    return &_kind
