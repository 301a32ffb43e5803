"""Layer normalisation: the features of each sample, by their mean and variance."""

from fastbp._engine.kernels cimport Kernels, Panels, idx
from fastbp._engine.program cimport Op, OpKind, Pass, Slot, at, divide, gradient_of, wants_weights


cdef inline const void* weight_of(const Op* op, const Pass* run) noexcept nogil:
    return at(run.params, op.params, run.kernels) if op.n_params else NULL


cdef inline const void* bias_of(const Op* op, const Pass* run) noexcept nogil:
    return at(run.params, op.params + op.n_in, run.kernels) if op.n_params else NULL


cdef void forward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef idx p, first, last
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        k.layer_norm(at(source.value, p * source.stride, k), op.n_in, op.options[0], weight_of(op, run),
                     bias_of(op, run), at(target.notes, p * k.panel, k), at(target.z, p * target.stride, k),
                     at(target.value, p * target.stride, k))


cdef void backward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef Panels d, z
    cdef void* grads
    cdef idx p, first, last
    if wants_weights(op, run):
        d = Panels(target.grad, target.stride, run.n_samples, 0, run.n_panels)
        z = Panels(target.z, target.stride, run.n_samples, 0, run.n_panels)
        grads = gradient_of(op, run)
        divide(op.n_in, 1, thread, n_threads, &first, &last)
        k.sums(&d, &z, first, last, run.resume, grads, at(grads, op.n_in, k))
    if source.grad == NULL:
        return
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        k.layer_norm_backward(at(target.z, p * target.stride, k), at(target.grad, p * target.stride, k), op.n_in,
                              weight_of(op, run), at(target.notes, p * k.panel, k),
                              at(source.grad, p * source.stride, k))


cdef void forward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Slot* target = &run.rows[op.target]
    run.kernels.layer_norm_row(run.rows[op.source].value, op.n_in, op.options[0], weight_of(op, run),
                               bias_of(op, run), target.notes, target.z, target.value)


cdef void backward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Slot* target = &run.rows[op.target]
    if run.rows[op.source].grad != NULL:
        run.kernels.layer_norm_backward_row(target.z, target.grad, op.n_in, weight_of(op, run), target.notes,
                                            run.rows[op.source].grad)


cdef void weights_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Slot* target = &run.rows[op.target]
    cdef void* grads = gradient_of(op, run)
    run.kernels.sums_row(target.grad, target.z, op.n_in, grads, at(grads, op.n_in, run.kernels))


cdef double bound_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Slot* target = &run.rows[op.target]
    return (max(run.kernels.largest(target.z, op.n_in), 1.0) * run.kernels.largest(target.grad, op.n_in))


cdef OpKind _kind
_kind.forward = forward
_kind.backward = backward
_kind.forward_row = forward_row
_kind.backward_row = backward_row
_kind.weights_row = weights_row
_kind.bound_row = bound_row
_kind.keeps_z = True
_kind.sample_notes = 1


cdef const OpKind* layer_norm_kind() noexcept:
    return &_kind
