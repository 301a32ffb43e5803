"""An activation as a layer of its own: a = f(x)."""

from libc.string cimport memcpy

from fastbp._engine.kernels cimport SOFTMAX, Kernels, idx
from fastbp._engine.program cimport Op, OpKind, Pass, Slot, activates, at, divide


cdef void forward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef void* x
    cdef void* a
    cdef idx p, first, last
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        x = at(source.value, p * source.stride, k)
        a = at(target.value, p * target.stride, k)
        if not activates(op, run):
            memcpy(a, x, op.n_out * k.panel * (k.bits // 8))
        elif op.activation == SOFTMAX:
            k.softmax(x, a, op.n_out)
        else:
            k.activate(op.activation, x, a, op.n_out * k.panel)


cdef void backward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    """dx = da f'(x)"""
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef void* x
    cdef void* a
    cdef void* d
    cdef idx p, first, last
    if source.grad == NULL:
        return
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        x = at(source.value, p * source.stride, k)
        a = at(target.value, p * target.stride, k)
        d = at(source.grad, p * source.stride, k)
        memcpy(d, at(target.grad, p * target.stride, k), op.n_out * k.panel * (k.bits // 8))
        if not activates(op, run):
            continue
        if op.activation == SOFTMAX:
            k.softmax_backward(a, d, op.n_out)
        else:
            k.activate_backward(op.activation, x, a, d, op.n_out * k.panel)


cdef void forward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const void* x = run.rows[op.source].value
    cdef void* a = run.rows[op.target].value
    if not activates(op, run):
        memcpy(a, x, op.n_out * (k.bits // 8))
    elif op.activation == SOFTMAX:
        k.softmax_row(x, a, op.n_out)
    else:
        k.activate(op.activation, x, a, op.n_out)


cdef void backward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.rows[op.source]
    cdef const Slot* target = &run.rows[op.target]
    cdef idx lanes = k.panel // 2
    if source.grad == NULL:
        return
    memcpy(source.grad, target.grad, op.n_out * (k.bits // 8))
    if not activates(op, run):
        return
    if op.activation == SOFTMAX:
        k.softmax_backward_row(target.value, source.grad, op.n_out)
    else:
        k.activate_backward(op.activation, source.value, target.value, source.grad,
                            (op.n_out + lanes - 1) // lanes * lanes)


cdef OpKind _kind
_kind.forward = forward
_kind.backward = backward
_kind.forward_row = forward_row
_kind.backward_row = backward_row


cdef const OpKind* activation_kind() noexcept:
    return &_kind
