"""What a network is once it is compiled: a list of operations over numbered slots.

A slot holds one value: its panels and, when it is needed, what went into its activation and its gradient. An operation
reads one slot and writes another. The engine runs operations through the table of `OpKind` in `engine.pyx`, and knows
nothing else about them.
"""

from fastbp._engine.kernels cimport Kernels, idx


cdef extern from "barrier.h" nogil:
    ctypedef struct Barrier:
        int n_threads           # the rest is its own

    void barrier_wait(Barrier* barrier)


cdef enum:
    DENSE                   # the rows of the table of kinds


ctypedef struct Op:
    int kind
    int activation
    bint has_bias
    idx n_in
    idx n_out
    idx params              # where its parameters begin in the flat buffer, in reals
    int source              # the slot it reads
    int target              # the slot it writes


ctypedef struct Slot:
    idx n_features
    idx stride              # reals from a panel to the next: (n_features + 1) * panel, for the row of ones
    bint keeps_z            # z lies apart from value, for the derivative needs it
    void* value
    void* z                 # value itself unless keeps_z
    void* grad              # NULL where nobody wants it


# One batch on its way through the network. All pointers stay the same from batch to batch.
ctypedef struct Pass:
    const Kernels* kernels
    void* params            # INOUT
    void* grads             # OUT, laid out as params; not used when step != 0
    double step             # != 0: params += step * gradient at once
    bint resume             # grads += gradient: the batch goes on from an earlier pass
    Slot* slots
    int output              # the slot that the loss reads
    bint fused_output       # the loss takes in the output's activation: leave it out
    idx n_samples
    idx n_panels
    void* transposed        # scratch for dz with the samples as rows
    idx transposed_stride
    char* scratch           # each thread's own
    idx scratch_bytes
    Barrier* barrier


ctypedef void (*OpFunction)(const Op* op, const Pass* run, int thread, int n_threads) noexcept nogil

ctypedef struct OpKind:
    OpFunction forward
    OpFunction backward     # waits on run.barrier whenever it reads what other threads have written
    # The same for one sample, whose values are plain arrays.
    # z OUT, a OUT (n_out,) from x (n_in,); a may be z, and is left out if the loss takes in the activation
    void (*forward_row)(const Op* op, const Kernels* kernels, const void* params, const void* x, void* z, void* a,
                        bint activates) noexcept nogil
    # d INOUT (n_out,): da, then dz; dx OUT (n_in,) unless NULL
    void (*backward_row)(const Op* op, const Kernels* kernels, const void* params, const void* z, const void* a,
                         bint activates, void* d, void* dx) noexcept nogil
    # gradient of the parameters OUT, or params += step * gradient
    void (*weights_row)(const Op* op, const Kernels* kernels, const void* x, const void* dz, bint resume,
                        double step, void* params_or_grads) noexcept nogil


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
