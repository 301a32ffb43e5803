"""The dense layer: z = x w + b, a = f(z)."""

from fastbp._engine.kernels cimport IDENTITY, RELU, SOFTMAX, Kernels, Panels, Weights, idx
from fastbp._engine.program cimport (
    Op, OpKind, Pass, Slot, activates, at, barrier_wait, divide, gradient_of, step_of, wants_weights
)


cdef enum:
    ALIASED = 4096          # bytes: rows a multiple of this apart push each other out of a cache
    LARGE = 1 << 20         # bytes of weights, a second-level cache's


# What one thread works on: some panels whole, or some rows of them all.
ctypedef struct Share:
    idx first_panel
    idx last_panel
    idx first_row
    idx last_row


# Panels are shared out unless there are fewer than threads, or so many that it is better for each thread to bring in a
# part of large weights than all of them: docs/decisions/0005.
cdef inline bint shares_panels(const Op* op, const Pass* run, int n_threads) noexcept nogil:
    return (run.n_panels >= n_threads
            and (run.n_panels < 2 * n_threads or op.n_params * run.kernels.bits < 8 * LARGE))


cdef inline Share share_of(const Op* op, const Pass* run, idx n_rows, int thread, int n_threads) noexcept nogil:
    cdef Share share = Share(0, run.n_panels, 0, n_rows)
    if shares_panels(op, run, n_threads):
        divide(run.n_panels, 1, thread, n_threads, &share.first_panel, &share.last_panel)
    else:
        divide(n_rows, run.kernels.strip, thread, n_threads, &share.first_row, &share.last_row)
    return share


cdef inline Panels panels_of(void* data, const Slot* slot, const Pass* run, const Share* share) noexcept nogil:
    return Panels(data, slot.stride, run.n_samples, share.first_panel, share.last_panel)


cdef inline Weights weights_of(const Op* op, const Pass* run, idx first, idx last) noexcept nogil:
    return Weights(at(run.params, op.params, run.kernels), op.n_in + op.has_bias, op.n_out, first, last)


cdef void forward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    """z (n_out, samples) = w^T x, a = f(z)"""
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef bint activating = activates(op, run)
    cdef Share share = share_of(op, run, op.n_out, thread, n_threads)
    cdef Weights w = weights_of(op, run, share.first_row, share.last_row)
    cdef Panels x = panels_of(source.value, source, run, &share)
    cdef Panels z = panels_of(target.z if activating else target.value, target, run, &share)
    k.product_forward(&w, &x, &z, activating and op.activation == RELU, run.scratch + thread * run.scratch_bytes)
    if activating and op.activation != RELU:
        activate_share(op, run, &share, thread, n_threads)


cdef void activate_share(const Op* op, const Pass* run, Share* share, int thread, int n_threads) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* target = &run.slots[op.target]
    cdef idx p, begin
    if op.activation == SOFTMAX:
        if not shares_panels(op, run, n_threads):       # the rows of a sample are other threads' work
            barrier_wait(run.barrier)
            divide(run.n_panels, 1, thread, n_threads, &share.first_panel, &share.last_panel)
        for p in range(share.first_panel, share.last_panel):
            begin = p * target.stride
            k.softmax(at(target.z, begin, k), at(target.value, begin, k), op.n_out)
    else:
        for p in range(share.first_panel, share.last_panel):
            begin = p * target.stride + share.first_row * k.panel
            k.activate(op.activation, at(target.z, begin, k), at(target.value, begin, k),
                       (share.last_row - share.first_row) * k.panel)


cdef bint takes_rows(const Op* op, const Pass* run) noexcept nogil:
    """Whether it costs less to turn what the layer makes of the rows than to turn these: docs/decisions/0013."""
    cdef const Kernels* k = run.kernels
    return (op.n_out % k.panel == 0 and op.n_in >= op.n_out and run.n_panels > 1
            and op.n_in * k.bits // 8 % ALIASED != 0)


cdef bint forward_rows(const Op* op, const Pass* run, const void* rows) noexcept nogil:
    """z (n_out, samples) = w^T x, a = f(z), for x (samples, n_in)"""
    cdef const Slot* target = &run.slots[op.target]
    cdef bint activating = activates(op, run)
    cdef Share share = share_of(op, run, op.n_out, 0, 1)
    cdef Weights w = weights_of(op, run, 0, op.n_out)
    cdef Panels z = panels_of(target.z if activating else target.value, target, run, &share)
    cdef bint finite = run.kernels.rows_forward(&w, op.has_bias, rows, &z, activating and op.activation == RELU,
                                                run.scratch)
    if activating and op.activation != RELU:
        activate_share(op, run, &share, 0, 1)
    return finite


cdef void backward(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil:
    """dz = da * f'(z), dx (n_in, samples) = w dz, dw (n_in, n_out) = x dz^T"""
    cdef const Kernels* k = run.kernels
    cdef const Slot* source = &run.slots[op.source]
    cdef const Slot* target = &run.slots[op.target]
    cdef Share share
    cdef Weights w
    cdef Panels x, dz, dx
    cdef idx p, begin, first, last

    share = Share(0, run.n_panels, 0, op.n_out)
    divide(run.n_panels, 1, thread, n_threads, &share.first_panel, &share.last_panel)
    if activates(op, run) and op.activation != IDENTITY and not op.gated:
        for p in range(share.first_panel, share.last_panel):
            begin = p * target.stride
            if op.activation == SOFTMAX:
                k.softmax_backward(at(target.value, begin, k), at(target.grad, begin, k), op.n_out)
            else:
                k.activate_backward(op.activation, at(target.z, begin, k), at(target.value, begin, k),
                                    at(target.grad, begin, k), op.n_out * k.panel)
    dz = panels_of(target.grad, target, run, &share)
    if wants_weights(op, run):
        k.transpose(&dz, op.n_out, run.transposed, run.transposed_stride)
    barrier_wait(run.barrier)

    if source.grad != NULL:
        share = share_of(op, run, op.n_in, thread, n_threads)
        w = weights_of(op, run, share.first_row, share.last_row)
        dz = panels_of(target.grad, target, run, &share)
        dx = panels_of(source.grad, source, run, &share)
        k.product_backward(&w, &dz, &dx, source.value if op.gates else NULL,
                           run.scratch + thread * run.scratch_bytes)
        barrier_wait(run.barrier)           # the weights are about to change

    if not wants_weights(op, run):
        return
    divide(op.n_in + op.has_bias, k.strip, thread, n_threads, &first, &last)
    w = weights_of(op, run, first, last)
    x = Panels(source.value, source.stride, run.n_samples, 0, run.n_panels)
    k.product_weights(&w, &x, run.transposed, run.transposed_stride, run.resume, step_of(op, run),
                      gradient_of(op, run), run.scratch + thread * run.scratch_bytes)


cdef inline Weights row_weights_of(const Op* op, const Pass* run) noexcept nogil:
    return Weights(at(run.params, op.params, run.kernels), op.n_in + op.has_bias, op.n_out, 0, op.n_in)


cdef inline void* row_outputs_of(const Op* op, const Pass* run) noexcept nogil:
    """Where the product goes."""
    return run.rows[op.target].z if activates(op, run) else run.rows[op.target].value


cdef inline void activate_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* target = &run.rows[op.target]
    if not activates(op, run):
        return
    if op.activation == SOFTMAX:
        k.softmax_row(target.z, target.value, op.n_out)
    else:
        k.activate(op.activation, target.z, target.value, op.n_out)


cdef void forward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef Weights w = row_weights_of(op, run)
    run.kernels.row_forward(&w, op.has_bias, run.rows[op.source].value, row_outputs_of(op, run))
    activate_row(op, run)


cdef void step_forward_row(const Op* op, const Pass* run, const void* x) noexcept nogil:
    cdef Weights w = row_weights_of(op, run)
    run.kernels.row_step_forward(&w, op.has_bias, x, run.rows[op.target].grad, step_of(op, run),
                                 run.rows[op.source].value, row_outputs_of(op, run))
    activate_row(op, run)


cdef void backward_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef const Slot* target = &run.rows[op.target]
    cdef Weights w = row_weights_of(op, run)
    cdef idx lanes = k.panel // 2
    if activates(op, run) and op.activation == SOFTMAX:
        k.softmax_backward_row(target.value, target.grad, op.n_out)
    elif activates(op, run):
        k.activate_backward(op.activation, target.z, target.value, target.grad,
                            (op.n_out + lanes - 1) // lanes * lanes)
    if run.rows[op.source].grad != NULL:
        k.row_backward(&w, target.grad, run.rows[op.source].grad)


cdef void weights_row(const Op* op, const Pass* run) noexcept nogil:
    cdef Weights w = row_weights_of(op, run)
    run.kernels.row_weights(&w, op.has_bias, run.rows[op.source].value, run.rows[op.target].grad, run.resume,
                            step_of(op, run), gradient_of(op, run))


cdef double bound_row(const Op* op, const Pass* run) noexcept nogil:
    cdef const Kernels* k = run.kernels
    cdef double bound = max(k.largest(run.rows[op.source].value, op.n_in), 1.0) * k.largest(run.rows[op.target].grad,
                                                                                            op.n_out)
    if op.l1 != 0 or op.l2 != 0:
        bound += op.l1 + 2 * op.l2 * k.largest(at(run.params, op.params, k), op.n_in * op.n_out)
    return bound


cdef OpKind _kind
_kind.forward = forward
_kind.takes_rows = takes_rows
_kind.forward_rows = forward_rows
_kind.backward = backward
_kind.forward_row = forward_row
_kind.backward_row = backward_row
_kind.weights_row = weights_row
_kind.step_forward_row = step_forward_row
_kind.bound_row = bound_row
_kind.has_activation = True
_kind.can_gate = True
_kind.fuses = True


cdef const OpKind* dense_kind() noexcept:
    return &_kind
