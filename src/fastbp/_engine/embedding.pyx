"""Embeddings: some features are categories, each replaced by a vector that is learnt; the others go through.

op.table: the number of columns that go through, those columns; then of each category its column, its number of
categories, and the length of its vectors. The outputs are in this order, and so are the parameters, one table
(n_categories, n_dim) after the other. An embedding reads the input, which in training has no gradient; where it has
one, that of a category is 0.
"""

from libc.string cimport memcpy, memset

from fastbp._engine.kernels cimport Kernels, idx
from fastbp._engine.program cimport Op, OpKind, Pass, Slot, at, barrier_wait, divide, gradient_of, wants_weights


# One category: where it is, and where its vector and its table are.
ctypedef struct Field:
    idx column
    idx n_categories
    idx n_dim
    idx output
    idx params


cdef inline idx n_through(const Op* op) noexcept nogil:
    return op.table[0]


cdef inline Field first_field(const Op* op) noexcept nogil:
    cdef const idx* entry = op.table + 1 + n_through(op)
    return Field(entry[0], entry[1], entry[2], n_through(op), 0)


cdef inline Field field_after(const Op* op, const Field* field, int number) noexcept nogil:
    cdef const idx* entry = op.table + 1 + n_through(op) + 3 * number
    cdef Field after = Field(0, 0, 0, field.output + field.n_dim, field.params + field.n_categories * field.n_dim)
    if after.output < op.n_out:  # otherwise that was the last
        after.column, after.n_categories, after.n_dim = entry[0], entry[1], entry[2]
    return after


cdef inline void embed_samples(const Op* op, const Pass* run, const void* x, void* a, idx n, idx step) noexcept nogil:
    """a (n_out, n) OUT from x (n_in, n), both with rows `step` reals apart."""
    cdef const Kernels* k = run.kernels
    cdef Field field
    cdef int i = 0
    cdef idx j
    for j in range(n_through(op)):
        memcpy(at(a, j * step, k), at(x, op.table[1 + j] * step, k), n * (k.bits // 8))
    field = first_field(op)
    while field.output < op.n_out:
        k.embed(at(x, field.column * step, k), n, field.n_categories, field.n_dim,
                at(run.params, op.params + field.params, k), at(a, field.output * step, k), step)
        i += 1
        field = field_after(op, &field, i)


cdef inline void add_gradient(const Op* op, const Pass* run, const void* x, const void* d, idx n, idx step,
                              int thread, int n_threads) noexcept nogil:
    """The gradient of the tables += d; a thread owns some elements of every vector."""
    cdef const Kernels* k = run.kernels
    cdef Field field = first_field(op)
    cdef idx first, last
    cdef int i = 0
    while field.output < op.n_out:
        divide(field.n_dim, 1, thread, n_threads, &first, &last)
        k.embed_backward(at(x, field.column * step, k), n, field.n_categories, field.n_dim,
                         at(d, field.output * step, k), step, first, last, at(gradient_of(op, run), field.params, k))
        i += 1
        field = field_after(op, &field, i)


cdef void forward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef idx p, first, last
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        embed_samples(op, run, at(source.value, p * source.stride, k), at(target.value, p * target.stride, k),
                      min(run.n_samples - p * k.panel, k.panel), k.panel)


cdef void backward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef idx p, first, last
    cdef idx j
    if source.grad != NULL:
        divide(run.n_panels, 1, thread, n_threads, &first, &last)
        for p in range(first, last):
            memset(at(source.grad, p * source.stride, k), 0, op.n_in * k.panel * (k.bits // 8))
            for j in range(n_through(op)):
                memcpy(at(source.grad, p * source.stride + op.table[1 + j] * k.panel, k),
                       at(target.grad, p * target.stride + j * k.panel, k), k.panel * (k.bits // 8))
    if not wants_weights(op, run):
        return
    if not run.resume:
        divide(op.n_params, 1, thread, n_threads, &first, &last)
        memset(at(gradient_of(op, run), first, k), 0, (last - first) * (k.bits // 8))
        barrier_wait(run.barrier)
    for p in range(run.n_panels):
        add_gradient(op, run, at(source.value, p * source.stride, k), at(target.grad, p * target.stride, k),
                     min(run.n_samples - p * k.panel, k.panel), k.panel, thread, n_threads)


cdef void forward_row(const Op* op, const Pass* run) noexcept nogil:
    embed_samples(op, run, run.rows[op.source].value, run.rows[op.target].value, 1, 1)


cdef void backward_row(const Op* op, const Pass* run) noexcept nogil:
    pass


cdef void weights_row(const Op* op, const Pass* run) noexcept nogil:
    memset(gradient_of(op, run), 0, op.n_params * (run.kernels.bits // 8))
    add_gradient(op, run, run.rows[op.source].value, run.rows[op.target].grad, 1, 1, 0, 1)


cdef double bound_row(const Op* op, const Pass* run) noexcept nogil:
    return run.kernels.largest(run.rows[op.target].grad, op.n_out)


cdef OpKind _kind
_kind.forward = forward
_kind.backward = backward
_kind.forward_row = forward_row
_kind.backward_row = backward_row
_kind.weights_row = weights_row
_kind.bound_row = bound_row


cdef const OpKind* embedding_kind() noexcept:
    return &_kind
