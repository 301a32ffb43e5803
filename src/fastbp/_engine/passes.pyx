"""Forward and backward through all operations, for one batch.

Every function here is run by all threads of a step at once, each with a copy of `Batches`: they do the same things in
the same order, each on its share, and wait for each other at barriers. What one computes alone, all compute alike.
"""

from libc.math cimport isfinite
from libc.string cimport memcpy

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


cdef inline const void* input_row(const Batches* b, idx sample) noexcept nogil:
    cdef idx row = b.order[sample] if b.order != NULL else sample
    return at(b.rows, row * b.run.slots[0].n_features, b.run.kernels)


# Where a single sample keeps its values: plain arrays, in the memory of the slots. The output's panel is the loss's,
# so the values themselves are in the scratch memory for transposed panels.
cdef inline void* row_value(const Pass* run, int slot) noexcept nogil:
    return run.transposed if slot == run.output else run.slots[slot].value


cdef inline void* row_z(const Pass* run, int slot) noexcept nogil:
    return run.slots[slot].z if run.slots[slot].keeps_z else row_value(run, slot)


cdef void copy_strided(const Kernels* k, const void* source, idx source_step, void* target, idx target_step,
                       idx n) noexcept nogil:
    cdef idx size = k.bits // 8
    cdef idx i
    for i in range(n):
        memcpy(<char*> target + i * target_step * size, <const char*> source + i * source_step * size, size)


cdef double row_loss(Batches* b, idx sample) noexcept nogil:
    """Return w l for one sample; the error dz of every operation OUT. Nothing is updated yet."""
    cdef Pass* run = &b.run
    cdef const Kernels* k = run.kernels
    cdef Slot* output = &run.slots[run.output]
    cdef const Op* op
    cdef const void* x = input_row(b, sample)
    cdef bint activates
    cdef double loss
    cdef int i
    for i in range(b.n_ops):
        op = &b.ops[i]
        activates = not (run.fused_output and op.target == run.output)
        _kinds[op.kind].forward_row(op, k, run.params, x, row_z(run, op.target), row_value(run, op.target), activates)
        x = row_value(run, op.target)
    copy_strided(k, x, 1, output.value, k.panel, output.n_features)
    run.n_samples = 1
    run.n_panels = 1
    b.targets.order = b.order + sample if b.order != NULL else NULL
    b.targets.first = sample
    loss_of_panels(run, &b.targets, True, 0, 1)
    loss = sum_of_losses(run, &b.targets)
    copy_strided(k, output.grad, k.panel, output.grad, 1, output.n_features)
    for i in range(b.n_ops - 1, -1, -1):
        op = &b.ops[i]
        activates = not (run.fused_output and op.target == run.output)
        _kinds[op.kind].backward_row(op, k, run.params, row_z(run, op.target), row_value(run, op.target), activates,
                                     run.slots[op.target].grad, run.slots[op.source].grad)
    return loss


cdef void row_gradient(Batches* b, idx sample, bint resume) noexcept nogil:
    """After `row_loss`: the gradient OUT, or taken into the parameters, as run.step says."""
    cdef Pass* run = &b.run
    cdef const Op* op
    cdef int i
    for i in range(b.n_ops):
        op = &b.ops[i]
        _kinds[op.kind].weights_row(op, run.kernels, input_row(b, sample) if op.source == 0 else
                                    row_value(run, op.source), run.slots[op.target].grad, resume, run.step,
                                    run.params if run.step != 0 else run.grads)


cdef bint row_is_bounded(Batches* b, idx sample, double most) noexcept nogil:
    """After `row_loss`: whether no element of the gradient is as large as `most`."""
    cdef Pass* run = &b.run
    cdef const Kernels* k = run.kernels
    cdef const Op* op
    cdef const void* x
    cdef int i
    for i in range(b.n_ops):
        op = &b.ops[i]
        x = input_row(b, sample) if op.source == 0 else row_value(run, op.source)
        if not max(k.largest(x, op.n_in), 1.0) * k.largest(run.slots[op.target].grad, op.n_out) < most:
            return False
    return True


cdef bint goes_by_row(const Batches* b, idx n, int n_threads) noexcept nogil:
    """Whether a batch is best sent through as a row: when it is a single sample, and one thread's."""
    return n == 1 and n_threads == 1 and (b.run.fused_output or b.ops[b.n_ops - 1].activation != SOFTMAX)


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
    if goes_by_row(b, n, n_threads):
        total = row_loss(b, begin)
        if isfinite(total):
            row_gradient(b, begin, False)
        return total
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
