"""Dropout and noise: what is drawn anew for every sample and feature in training, and left out in predictions."""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from fastbp._engine.kernels cimport Kernels, idx
from fastbp._engine.program cimport Op, OpKind, Pass, Slot, at, divide
from fastbp._engine.rng cimport stream


cdef inline uint64_t seed_of(const Op* op, const Pass* run) noexcept nogil:
    """Of the samples of this pass; those of a piece of a batch count from 0."""
    return stream(stream(run.seed, op.target), run.first_sample)


cdef inline void copy_panels(const Op* op, const Pass* run, const void* source, void* target, int thread,
                             int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef idx stride = run.slots[op.target].stride
    cdef idx p, first, last
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        memcpy(at(target, p * stride, k), at(source, p * stride, k), op.n_out * k.panel * (k.bits // 8))


cdef void dropout_forward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    """a = x / (1 - rate), or 0 with probability `rate`"""
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef idx stride = target.stride
    cdef idx p, first, last
    if not run.training:
        copy_panels(op, run, source.value, target.value, thread, n_threads)
        return
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        k.dropout(seed_of(op, run), p * k.panel, op.options[0], at(source.value, p * stride, k), op.n_out,
                  at(target.z, p * stride, k), at(target.value, p * stride, k))


cdef void dropout_backward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef idx stride = target.stride
    cdef idx p, first, last
    if source.grad == NULL:
        return
    if not run.training:
        copy_panels(op, run, target.grad, source.grad, thread, n_threads)
        return
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        k.multiply(at(target.grad, p * stride, k), at(target.z, p * stride, k), at(source.grad, p * stride, k),
                   op.n_out * k.panel)


cdef void dropout_forward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* target = &run.rows[op.target]
    if run.training:
        k.dropout_row(seed_of(op, run), op.options[0], run.rows[op.source].value, op.n_out, target.z, target.value)
    else:
        memcpy(target.value, run.rows[op.source].value, op.n_out * (k.bits // 8))


cdef void dropout_backward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* target = &run.rows[op.target]
    cdef void* dx = run.rows[op.source].grad
    if dx == NULL:
        return
    if run.training:
        k.multiply(target.grad, target.z, dx, op.n_out)
    else:
        memcpy(dx, target.grad, op.n_out * (k.bits // 8))


cdef void noise_forward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    """a = x + std * a standard normal number"""
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef idx stride = target.stride
    cdef idx p, first, last
    if not run.training:
        copy_panels(op, run, source.value, target.value, thread, n_threads)
        return
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        k.gaussian_noise(seed_of(op, run), p * k.panel, op.options[0], at(source.value, p * stride, k), op.n_out,
                         at(target.value, p * stride, k))


cdef void noise_backward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    if run.slots[op.source].grad != NULL:
        copy_panels(op, run, run.slots[op.target].grad, run.slots[op.source].grad, thread, n_threads)


cdef void noise_forward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const void* x = run.rows[op.source].value
    cdef void* a = run.rows[op.target].value
    if run.training:
        run.kernels.gaussian_noise_row(seed_of(op, run), op.options[0], x, op.n_out, a)
    else:
        memcpy(a, x, op.n_out * (run.kernels.bits // 8))


cdef void noise_backward_row(const Op* op, const Pass* run) noexcept nogil:
    if run.rows[op.source].grad != NULL:
        memcpy(run.rows[op.source].grad, run.rows[op.target].grad, op.n_out * (run.kernels.bits // 8))


cdef OpKind _dropout
_dropout.forward = dropout_forward
_dropout.backward = dropout_backward
_dropout.forward_row = dropout_forward_row
_dropout.backward_row = dropout_backward_row
_dropout.keeps_z = True
cdef OpKind _noise
_noise.forward = noise_forward
_noise.backward = noise_backward
_noise.forward_row = noise_forward_row
_noise.backward_row = noise_backward_row


cdef const OpKind* dropout_kind() noexcept:
    return &_dropout


cdef const OpKind* noise_kind() noexcept:
    return &_noise
