"""Forward and backward through all operations, for one batch.

Every function here is run by all threads of a step at once, each with a copy of `Batches`: they do the same things in
the same order, each on its share, and wait for each other at barriers. What one computes alone, all compute alike.
"""

from libc.math cimport isfinite
from libc.string cimport memcpy

from fastbp._engine.kernels cimport SOFTMAX, Kernels, Panels, idx
from fastbp._engine.losses cimport loss_of_panels, sum_of_losses, take_given
from fastbp._engine.program cimport Op, Pass, Slot, at, barrier_wait, divide, wants_weights


cdef void forward_pass(Batches* b, idx begin, idx n, int thread, int n_threads) noexcept nogil:
    """Send samples begin ... begin + n - 1 through the network; every slot's value OUT."""
    cdef Pass* run = &b.run
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[0]
    cdef Panels panels
    cdef const void* rows = at(b.rows, 0 if b.order != NULL else begin * source.n_features, k)
    cdef int n_done = 0
    cdef int i
    run.n_samples = n
    run.n_panels = (n + k.panel - 1) // k.panel
    panels = Panels(source.value, source.stride, n, 0, 0)
    divide(run.n_panels, 1, thread, n_threads, &panels.first, &panels.last)
    if not b.looks:
        k.pack_rows(rows, b.order + begin if b.order != NULL else NULL, source.n_features, &panels)
    elif b.ops[0].kind.takes_rows != NULL and b.ops[0].kind.takes_rows(&b.ops[0], run):
        b.finite = b.ops[0].kind.forward_rows(&b.ops[0], run, rows) and b.finite
        n_done = 1
    else:
        b.finite = k.pack_finite(rows, source.n_features, &panels) and b.finite
    barrier_wait(run.barrier)
    for i in range(n_done, b.n_ops):
        b.ops[i].kind.forward(&b.ops[i], run, thread, n_threads)
        barrier_wait(run.barrier)


cdef void backward_pass(Batches* b, int thread, int n_threads) noexcept nogil:
    """From the gradient at the output to that of all parameters OUT, or taken into them, as run.step says."""
    cdef const Op* op
    cdef int i
    for i in range(b.n_ops - 1, b.first_op - 1, -1):
        op = &b.ops[i]
        if b.run.slots[op.target].grad != NULL:
            op.kind.backward(op, &b.run, thread, n_threads)
            barrier_wait(b.run.barrier)


cdef void keep(Batches* b, int thread, int n_threads) noexcept nogil:
    """After a loss that is finite: let operations keep what they have learnt without a gradient."""
    cdef int i
    for i in range(b.n_ops):
        if b.run.training and b.ops[i].kind.keep != NULL:
            b.ops[i].kind.keep(&b.ops[i], &b.run, thread, n_threads)


cdef void finish_output(Batches* b, int thread, int n_threads) noexcept nogil:
    """Apply the output's activation after a loss that took it in, so that the slot holds predictions."""
    cdef const Pass* run = &b.run
    cdef const Kernels* k = run.kernels
    cdef const Op* op = &b.ops[b.n_ops - 1]
    cdef Pass unfused = b.run
    cdef void* value
    cdef idx p, first, last
    if not run.fused_output:
        return
    if op.kind.scales_targets:
        unfused.fused_output = False
        op.kind.forward(op, &unfused, thread, n_threads)
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
    if b.targets.given != NULL:         # after a forward pass
        return take_given(&b.run, &b.targets)
    forward_pass(b, begin, n, thread, n_threads)
    b.targets.order = b.order + begin if b.order != NULL else NULL
    b.targets.first = begin
    loss_of_panels(&b.run, &b.targets, gradient, thread, n_threads)
    barrier_wait(b.run.barrier)
    return sum_of_losses(&b.run, &b.targets)


cdef double share_of_penalty(const Batches* b) noexcept nogil:
    """What penalties are multiplied by in the loss of a batch."""
    return 1 / b.targets.weight if b.targets.penalty_of_sum else 1


cdef double penalty(const Batches* b) noexcept nogil:
    """Return what the loss of a batch has besides the mean over its samples: sum of l1 |w| + l2 w^2."""
    cdef const Op* op
    cdef double sums[2]
    cdef double total = 0
    cdef int i
    for i in range(b.n_ops):
        op = &b.ops[i]
        if op.l1 != 0 or op.l2 != 0:
            b.run.kernels.weight_sums(at(b.run.params, op.params, b.run.kernels), op.n_in * op.n_out, sums)
            total += op.l1 * sums[0] + op.l2 * sums[1]
    return total * share_of_penalty(b)


cdef void add_penalties(const Batches* b, int thread, int n_threads) noexcept nogil:
    """The gradient of the penalty, added to the stored one."""
    cdef const Kernels* k = b.run.kernels
    cdef const Op* op
    cdef double share = share_of_penalty(b)
    cdef idx first, last
    cdef int i
    for i in range(b.n_ops):
        op = &b.ops[i]
        if wants_weights(op, &b.run) and (op.l1 != 0 or op.l2 != 0):
            divide(op.n_in * op.n_out, k.panel, thread, n_threads, &first, &last)
            k.penalize(at(b.run.grads, op.params + first, k), at(b.run.params, op.params + first, k), last - first,
                       share * op.l1, share * op.l2)


cdef void limit_weights(const Batches* b, int thread, int n_threads) noexcept nogil:
    """After an update: no column of weights keeps a norm beyond its limit."""
    cdef const Kernels* k = b.run.kernels
    cdef const Op* op
    cdef idx first, last
    cdef int i
    for i in range(b.n_ops):
        op = &b.ops[i]
        if op.trainable and op.max_norm != 0:
            divide(op.n_out, k.panel, thread, n_threads, &first, &last)
            k.limit_norms(at(b.run.params, op.params, k), op.n_in, op.n_out, first, last, op.max_norm)


cdef inline const void* input_row(const Batches* b, idx sample) noexcept nogil:
    cdef idx row = b.order[sample] if b.order != NULL else sample
    return at(b.rows, row * b.run.slots[0].n_features, b.run.kernels)


cdef void copy_strided(const Kernels* k, const void* source, idx source_step, void* target, idx target_step,
                       idx n) noexcept nogil:
    cdef idx size = k.bits // 8
    cdef idx i
    for i in range(n):
        memcpy(<char*> target + i * target_step * size, <const char*> source + i * source_step * size, size)


cdef void forward_row(Batches* b, idx sample) noexcept nogil:
    """Send one sample through the network; every row's value OUT."""
    cdef const Op* op
    cdef int i
    b.run.rows[0].value = <void*> input_row(b, sample)
    b.run.first_sample = 0
    b.run.n_samples = 1
    b.run.n_panels = 1
    for i in range(b.n_ops):
        op = &b.ops[i]
        if b.postponed != NULL:
            op.kind.step_forward_row(op, &b.run, b.postponed)
            b.postponed = NULL
        else:
            op.kind.forward_row(op, &b.run)


cdef void row_outputs(Batches* b, idx sample, void* outputs) noexcept nogil:
    """outputs (n_out,) OUT: what is predicted for one sample, whatever the pass is set to."""
    cdef Pass run = b.run
    b.run.training = False
    b.run.fused_output = False
    forward_row(b, sample)
    memcpy(outputs, run.rows[run.output].value, run.rows[run.output].n_features * (run.kernels.bits // 8))
    b.run = run


cdef double row_loss(Batches* b, idx sample) noexcept nogil:
    """Return w l for one sample; the error dz of every operation OUT. Nothing is updated yet."""
    cdef Pass* run = &b.run
    cdef const Kernels* k = run.kernels
    cdef Slot* output = &run.slots[run.output]
    cdef const Op* op
    cdef double loss
    cdef int i
    forward_row(b, sample)
    copy_strided(k, run.rows[run.output].value, 1, output.value, k.panel, output.n_features)
    b.targets.order = b.order + sample if b.order != NULL else NULL
    b.targets.first = sample
    loss_of_panels(run, &b.targets, True, 0, 1)
    loss = sum_of_losses(run, &b.targets)
    if b.has_penalties:
        loss += penalty(b) * b.targets.weight
    copy_strided(k, output.grad, k.panel, output.grad, 1, output.n_features)
    for i in range(b.n_ops - 1, b.first_op - 1, -1):
        op = &b.ops[i]
        if run.rows[op.target].grad != NULL:
            op.kind.backward_row(op, run)
    return loss


cdef void row_gradient(Batches* b) noexcept nogil:
    """After `row_loss`: the gradient OUT, or taken into the parameters, as run.step says."""
    cdef const Op* op
    cdef int i
    b.run.resume = False
    if b.postpones:
        b.postponed = b.run.rows[0].value
    for i in range(b.postpones, b.n_ops):
        op = &b.ops[i]
        if wants_weights(op, &b.run):
            op.kind.weights_row(op, &b.run)
    if b.has_penalties:
        add_penalties(b, 0, 1)
    if b.keeps:
        keep(b, 0, 1)


cdef bint can_postpone(const Batches* b) noexcept nogil:
    """Whether nobody looks at the parameters of the first operation between the steps of two rows."""
    cdef const Op* op = &b.ops[0]
    return (op.kind.step_forward_row != NULL and wants_weights(op, &b.run) and op.fuses and not b.has_penalties
            and not b.has_limits)


cdef void take_postponed(Batches* b) noexcept nogil:
    """Take the step that waits for a next row, if there is one."""
    if b.postponed != NULL:
        b.run.rows[0].value = <void*> b.postponed
        b.ops[0].kind.weights_row(&b.ops[0], &b.run)
        b.postponed = NULL


cdef bint row_is_bounded(Batches* b, double most) noexcept nogil:
    """After `row_loss`: whether no element of the gradient is as large as `most`."""
    cdef const Op* op
    cdef int i
    for i in range(b.n_ops):
        op = &b.ops[i]
        if wants_weights(op, &b.run) and not op.kind.bound_row(op, &b.run) < most:
            return False
    return True


cdef bint goes_by_row(idx n, int n_threads) noexcept nogil:
    """Whether a batch is best sent through as a row: when it is a single sample, and one thread's."""
    return n == 1 and n_threads == 1


cdef double loss_and_gradient(Batches* b, idx begin, idx n, int thread, int n_threads) noexcept nogil:
    """Return sum(w_i l_i) of a batch of any size; its gradient OUT, or taken into the parameters, as run.step says.

    The gradient is that of the sum divided by targets.weight. A batch that does not fit at once goes through in
    pieces, whose gradients go on summing where the last one stopped: the same bits as in one piece. Nothing is
    updated if the loss is not finite.
    """
    cdef double total = 0
    cdef idx done = 0
    cdef idx piece
    if goes_by_row(n, n_threads) and b.targets.given == NULL:
        total = row_loss(b, begin)
        if isfinite(total):
            row_gradient(b)
        return total
    if b.has_penalties:
        total = penalty(b) * b.targets.weight
    while done < n:
        piece = min(n - done, b.capacity)
        b.run.first_sample = done
        total += loss_of_rows(b, begin + done, piece, True, thread, n_threads)
        if not isfinite(total):
            return total
        b.run.resume = done > 0
        backward_pass(b, thread, n_threads)
        if b.keeps:
            keep(b, thread, n_threads)
            barrier_wait(b.run.barrier)
        done += piece
    if b.has_penalties:
        add_penalties(b, thread, n_threads)
        barrier_wait(b.run.barrier)
    return total
