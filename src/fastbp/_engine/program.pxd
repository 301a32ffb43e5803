"""What a network is once it is compiled: a list of operations over numbered slots.

A slot holds one value: its panels and, when it is needed, what went into its activation and its gradient. An operation
reads one slot, or two, and writes another that no other operation writes; slot 0 is the input, and operation i writes
slot i + 1. The engine runs operations through their `OpKind`, a row of the table in `kinds.pyx`, and knows nothing else
about them.
"""

from libc.stdint cimport uint64_t

from fastbp._engine.kernels cimport Kernels, idx


cdef extern from "barrier.h" nogil:
    ctypedef struct Barrier:
        int n_threads           # the rest is its own

    void barrier_wait(Barrier* barrier)


ctypedef struct Slot:
    idx n_features
    idx stride              # reals from a panel to the next: (n_features + 1) * panel, for the row of ones
    bint keeps_z            # z lies apart from value, for the backward pass needs it
    bint keeps_grad         # an operation asks for it, for its parameters or for one before it
    void* value
    void* z                 # value itself unless keeps_z
    void* grad              # NULL where nobody wants it
    void* notes             # what its operation remembers from forward to backward; see OpKind


cdef struct OpKind


ctypedef struct Op:
    const OpKind* kind
    int layer               # of the network, which it belongs to: for messages
    int source              # the slot it reads
    int second              # another one that it reads; 0 if its kind does not
    int target              # the slot it writes
    idx n_in
    idx n_out
    idx params              # where its parameters begin in the flat buffer, in reals
    idx n_params
    idx buffers             # the same of what it keeps that is no parameter, running statistics say
    idx n_buffers
    int activation          # IDENTITY where a kind has none
    bint has_bias
    bint gates              # it reads what a relu has put out, alone: its backward pass goes on through the relu ...
    bint gated              # ... which is this operation's, whose backward pass then must not
    bint trainable
    bint fuses              # its backward pass takes a step of plain SGD by itself
    double options[2]       # numbers that its kind knows the meaning of
    const idx* table        # integers likewise, or NULL
    double l1               # of its weights, the first n_in * n_out of its parameters: the loss has l1 sum |w|
    double l2               # and l2 sum w^2 besides
    double max_norm         # the norm of a column that an update may leave; 0: any


# One batch on its way through the network. All pointers stay the same from batch to batch.
ctypedef struct Pass:
    const Kernels* kernels
    void* params            # INOUT
    void* buffers           # INOUT
    void* grads             # OUT, laid out as params; not used by operations that fuse when step != 0
    double step             # != 0: params += step * gradient at once, in operations that fuse
    bint resume             # grads += gradient: the batch goes on from an earlier pass
    bint training           # layers that behave otherwise in training do
    bint skips_frozen       # nobody wants the gradients of what is not trainable
    bint skips_params       # nor those of any parameters
    uint64_t seed           # of the random numbers of this batch
    idx first_sample        # the position in the batch of the first sample of this pass
    Slot* slots
    Slot* rows              # the same for a single sample: plain arrays, without the row of ones
    int output              # the slot that the loss reads
    bint fused_output       # the loss takes in the output's activation: leave it out
    idx n_samples
    idx n_panels
    void* transposed        # scratch for dz with the samples as rows, as Kernels.transpose makes it
    idx transposed_stride
    char* scratch           # each thread's own
    idx scratch_bytes
    Barrier* barrier


ctypedef void (*OpFunction)(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil
ctypedef void (*RowFunction)(const Op* op, const Pass* run) noexcept nogil


# A kind is a variable of its file, of which what is not set is 0.
cdef struct OpKind:
    # target.value OUT from source.value, for this thread's share. All threads wait for each other afterwards.
    OpFunction forward
    # The same from rows (n_samples, n_in) as they lie, for one thread, where `takes_rows` says that this is faster.
    # Returns False if one of them is not finite; it may do so too if a sum was too large. NULL: never faster
    bint (*takes_rows)(const Op* op, const Pass* run) noexcept nogil
    bint (*forward_rows)(const Op* op, const Pass* run, const void* rows) noexcept nogil
    # source.grad OUT, unless it is NULL, and the gradient of the parameters, from target.grad, which is free to write.
    # Waits on run.barrier whenever it reads what other threads have written; all wait for each other afterwards.
    OpFunction backward
    # The same for one sample: run.rows instead of run.slots, and the gradient of the parameters apart. That is also
    # asked for each sample of a batch, from what `backward` has left (derivatives.pyx).
    RowFunction forward_row
    RowFunction backward_row
    RowFunction weights_row                                                 # not called without parameters
    # `weights_row` for the sample before, whose input was x and whose gradient target.grad still has, then
    # `forward_row`; NULL if that is no faster than one after the other
    void (*step_forward_row)(const Op* op, const Pass* run, const void* x) noexcept nogil
    # What it keeps in run.buffers OUT, from what this pass has come to: in a training, after a loss that is finite.
    # Each thread writes its own share; all wait for each other before and after
    OpFunction keep                                                         # NULL if it keeps nothing
    double (*bound_row)(const Op* op, const Pass* run) noexcept nogil       # no element of that gradient is larger
    bint has_activation     # applies op.activation to what it computes
    bint can_gate           # its backward pass obeys op.gates, and op.gated
    bint keeps_z            # needs target.z in the backward pass, whatever the activation
    bint fuses              # its backward pass (its weights_row) obeys run.step
    bint shares_value       # target.value is source.value itself
    bint scales_targets     # brings outputs to the units of the targets; buffers: means and deviations of these
    bint whole_batch        # in training, batches cannot go through in pieces
    int feature_notes       # reals in target.notes for each feature
    int sample_notes        # and for each sample


# Parameters that lie together and are updated alike.
ctypedef struct Part:
    idx begin
    idx end
    bint fuses              # plain SGD has updated them already


cdef inline void* at(const void* data, idx n, const Kernels* kernels) noexcept nogil:
    """The n-th real behind a pointer."""
    return <char*> data + n * (kernels.bits // 8)


cdef inline void divide(idx n, idx unit, int thread, int n_threads, idx* first, idx* last) noexcept nogil:
    """This thread's share of 0 ... n - 1, in whole units but for the end."""
    cdef idx n_units
    if n_threads == 1:          # a division costs more than all else here
        first[0] = 0
        last[0] = n
        return
    n_units = (n + unit - 1) // unit
    first[0] = min(n, n_units * thread // n_threads * unit)
    last[0] = min(n, n_units * (thread + 1) // n_threads * unit)


cdef inline bint activates(const Op* op, const Pass* run) noexcept nogil:
    """Whether the operation applies its activation: not where the loss takes it in."""
    return not (run.fused_output and op.target == run.output)


cdef inline bint wants_weights(const Op* op, const Pass* run) noexcept nogil:
    """Whether the gradient of the operation's parameters is wanted."""
    return op.n_params > 0 and not run.skips_params and (op.trainable or not run.skips_frozen)


cdef inline double step_of(const Op* op, const Pass* run) noexcept nogil:
    """What the gradient is multiplied by to be added to the parameters; 0: it is stored."""
    return run.step if op.fuses else 0


cdef inline void* gradient_of(const Op* op, const Pass* run) noexcept nogil:
    """Where the gradient goes: the stored one, or the parameters themselves."""
    return at(run.params if step_of(op, run) != 0 else run.grads, op.params, run.kernels)
