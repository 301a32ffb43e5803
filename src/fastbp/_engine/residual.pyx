"""The two ends of a skip connection, y = x + f(x).

What is read twice has two gradients. So that every operation may simply write the gradient of what it reads, a fork
gives x a second slot, which shares its values but has a gradient of its own; f reads that one, and `add` the first:

    x ---> fork ---> f ---> add ---> y          dx = dy, written by add, + the gradient of f's slot, added by fork:
      \\____________________/                    always in this order
"""

from libc.string cimport memcpy

from fastbp._engine.kernels cimport Kernels, idx
from fastbp._engine.program cimport Op, OpKind, Pass, Slot, at, divide


cdef void fork_forward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    pass                                    # the slots share their values


cdef void fork_backward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef void* d
    cdef idx p, first, last
    if source.grad == NULL:
        return
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        d = at(source.grad, p * source.stride, k)
        k.add(d, at(target.grad, p * target.stride, k), d, op.n_out * k.panel)


cdef void fork_forward_row(const Op* op, const Pass* run) noexcept nogil:
    if run.rows[op.target].value != run.rows[op.source].value:
        memcpy(run.rows[op.target].value, run.rows[op.source].value, op.n_out * (run.kernels.bits // 8))


cdef void fork_backward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef void* d = run.rows[op.source].grad
    if d != NULL:
        run.kernels.add(d, run.rows[op.target].grad, d, op.n_out)


cdef void add_forward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* slots = run.slots
    cdef idx stride = slots[op.target].stride
    cdef idx p, first, last
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        k.add(at(slots[op.source].value, p * stride, k), at(slots[op.second].value, p * stride, k),
              at(slots[op.target].value, p * stride, k), op.n_out * k.panel)


cdef void add_backward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* slots = run.slots
    cdef idx stride = slots[op.target].stride
    cdef idx n_bytes = op.n_out * k.panel * (k.bits // 8)
    cdef idx p, first, last
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        if slots[op.source].grad != NULL:
            memcpy(at(slots[op.source].grad, p * stride, k), at(slots[op.target].grad, p * stride, k), n_bytes)
        if slots[op.second].grad != NULL:
            memcpy(at(slots[op.second].grad, p * stride, k), at(slots[op.target].grad, p * stride, k), n_bytes)


cdef void add_forward_row(const Op* op, const Pass* run) noexcept nogil:
    run.kernels.add(run.rows[op.source].value, run.rows[op.second].value, run.rows[op.target].value, op.n_out)


cdef void add_backward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Slot* rows = run.rows
    cdef idx n_bytes = op.n_out * (run.kernels.bits // 8)
    if rows[op.source].grad != NULL:
        memcpy(rows[op.source].grad, rows[op.target].grad, n_bytes)
    if rows[op.second].grad != NULL:
        memcpy(rows[op.second].grad, rows[op.target].grad, n_bytes)


cdef OpKind _fork
_fork.forward = fork_forward
_fork.backward = fork_backward
_fork.forward_row = fork_forward_row
_fork.backward_row = fork_backward_row
_fork.shares_value = True
cdef OpKind _add
_add.forward = add_forward
_add.backward = add_backward
_add.forward_row = add_forward_row
_add.backward_row = add_backward_row


cdef const OpKind* fork_kind() noexcept:
    return &_fork


cdef const OpKind* add_kind() noexcept:
    return &_add
