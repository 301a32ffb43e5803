"""The parametric rectifier: a = max(x, 0) + slope min(x, 0), its slopes learnt."""

from fastbp._engine.kernels cimport Kernels, Panels, idx
from fastbp._engine.program cimport Op, OpKind, Pass, Slot, at, barrier_wait, divide, gradient_of, wants_weights


cdef inline const void* slopes_of(const Op* op, const Pass* run) noexcept nogil:
    return at(run.params, op.params, run.kernels)


cdef inline idx slope_step(const Op* op) noexcept nogil:
    return 1 if op.n_params == op.n_in else 0


cdef void forward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef idx stride = target.stride
    cdef idx p, first, last
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        k.prelu(at(source.value, p * stride, k), op.n_in, slopes_of(op, run), slope_step(op),
                at(target.z, p * stride, k), at(target.value, p * stride, k))


cdef void backward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    """dx = da or slope da, dslope = sum of min(x, 0) da"""
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef idx stride = target.stride
    cdef Panels d, z
    cdef idx p, first, last
    if wants_weights(op, run):
        d = Panels(target.grad, stride, run.n_samples, 0, run.n_panels)
        z = Panels(target.z, stride, run.n_samples, 0, run.n_panels)
        divide(op.n_in, 1, thread, n_threads, &first, &last)
        if slope_step(op) == 1:
            k.sums(&d, &z, first, last, run.resume, gradient_of(op, run), NULL)
        else:
            k.sums(&d, &z, first, last, False, target.notes, NULL)
            barrier_wait(run.barrier)
            if thread == 0:
                k.sum_up(target.notes, op.n_in, run.resume, gradient_of(op, run))
    if source.grad == NULL:
        return
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        k.prelu_backward(at(source.value, p * stride, k), at(target.grad, p * stride, k), op.n_in, slopes_of(op, run),
                         slope_step(op), at(source.grad, p * stride, k))


cdef void forward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Slot* target = &run.rows[op.target]
    run.kernels.prelu_row(run.rows[op.source].value, op.n_in, slopes_of(op, run), slope_step(op), target.z,
                          target.value)


cdef void backward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Slot* source = &run.rows[op.source]
    if source.grad != NULL:
        run.kernels.prelu_backward_row(source.value, run.rows[op.target].grad, op.n_in, slopes_of(op, run),
                                       slope_step(op), source.grad)


cdef void weights_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* target = &run.rows[op.target]
    if slope_step(op) == 1:
        k.sums_row(target.grad, target.z, op.n_in, gradient_of(op, run), NULL)
    else:
        k.sums_row(target.grad, target.z, op.n_in, target.notes, NULL)
        k.sum_up(target.notes, op.n_in, False, gradient_of(op, run))


cdef double bound_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Slot* target = &run.rows[op.target]
    return run.kernels.largest(target.z, op.n_in) * run.kernels.largest(target.grad, op.n_in) * op.n_in


cdef OpKind _kind
_kind.forward = forward
_kind.backward = backward
_kind.forward_row = forward_row
_kind.backward_row = backward_row
_kind.weights_row = weights_row
_kind.bound_row = bound_row
_kind.keeps_z = True
_kind.feature_notes = 1


cdef const OpKind* prelu_kind() noexcept:
    return &_kind
