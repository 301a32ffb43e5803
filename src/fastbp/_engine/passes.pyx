"""Forward and backward through all operations, for one batch.

Every function here is run by all threads of a step at once, each with a copy of `Batches`: they do the same things in
the same order, each on its share, and wait for each other at barriers. What one computes alone, all compute alike.
"""

from libc.math cimport isfinite

from fastbp._engine.dense cimport dense_kind
from fastbp._engine.kernels cimport SOFTMAX, Kernels, Panels, idx
from fastbp._engine.losses cimport loss_of_panels, sum_of_losses
from fastbp._engine.program cimport DENSE, Op, OpKind, Pass, Slot, at, barrier_wait, divide

cdef const OpKind* _kinds[1]
_kinds[DENSE] = dense_kind()


cdef const OpKind* kind_of(const Op* op) noexcept nogil:
    return _kinds[op.kind]


cdef void forward_pass(Batches* b, idx begin, idx n, int thread, int n_threads) noexcept nogil:
    """Send samples begin ... begin + n - 1 through the network; every slot's value OUT."""
    cdef Pass* run = &b.run
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[0]
    cdef Panels panels
    cdef int i
    run.n_samples = n
    run.n_panels = (n + k.panel - 1) // k.panel
    panels = Panels(source.value, source.stride, n, 0, 0)
    divide(run.n_panels, 1, thread, n_threads, &panels.first, &panels.last)
    if b.order != NULL:
        k.pack_rows(b.rows, b.order + begin, source.n_features, &panels)
    else:
        k.pack_rows(at(b.rows, begin * source.n_features, k), NULL, source.n_features, &panels)
    barrier_wait(run.barrier)
    for i in range(b.n_ops):
        _kinds[b.ops[i].kind].forward(&b.ops[i], run, thread, n_threads)
        barrier_wait(run.barrier)


cdef void finish_output(Batches* b, int thread, int n_threads) noexcept nogil:
    """Apply the output's activation after a loss that took it in, so that the slot holds predictions."""
    cdef const Pass* run = &b.run
    cdef const Kernels* k = run.kernels
    cdef const Op* op = &b.ops[b.n_ops - 1]
    cdef void* value
    cdef idx p, first, last
    if not run.fused_output:
        return
    divide(run.n_panels, 1, thread, n_threads, &first, &last)
    for p in range(first, last):
        value = at(run.slots[run.output].value, p * run.slots[run.output].stride, k)
        if op.activation == SOFTMAX:
            k.softmax(value, value, op.n_out)
        else:
            k.activate(op.activation, value, value, op.n_out * k.panel)


cdef double loss_of_rows(Batches* b, idx begin, idx n, bint gradient, int thread, int n_threads) noexcept nogil:
    """Return sum(w_i l_i) over samples begin ... begin + n - 1, no more than fit at once.

    Its gradient at the output OUT.
    """
    forward_pass(b, begin, n, thread, n_threads)
    b.targets.order = b.order + begin if b.order != NULL else NULL
    b.targets.first = begin
    loss_of_panels(&b.run, &b.targets, gradient, thread, n_threads)
    barrier_wait(b.run.barrier)
    return sum_of_losses(&b.run, &b.targets)


cdef double loss_and_gradient(Batches* b, idx begin, idx n, int thread, int n_threads) noexcept nogil:
    """Return sum(w_i l_i) of a batch of any size; its gradient OUT, or taken into the parameters, as run.step says.

    The gradient is that of the sum divided by targets.weight. A batch that does not fit at once goes through in
    pieces, whose gradients go on summing where the last one stopped: the same bits as in one piece. Nothing is
    updated if the loss is not finite.
    """
    cdef double total = 0
    cdef idx done = 0
    cdef idx piece
    cdef int i
    while done < n:
        piece = min(n - done, b.capacity)
        total += loss_of_rows(b, begin + done, piece, True, thread, n_threads)
        if not isfinite(total):
            return total
        b.run.resume = done > 0
        for i in range(b.n_ops - 1, -1, -1):
            _kinds[b.ops[i].kind].backward(&b.ops[i], &b.run, thread, n_threads)
        done += piece
    return total
