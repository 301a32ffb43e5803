from fastbp._engine.kernels cimport Kernels, idx
from fastbp._engine.losses cimport Targets
from fastbp._engine.program cimport Op, Pass


# A network, its data and the memory of a pass: what every thread holds a copy of.
ctypedef struct Batches:
    const Op* ops
    int n_ops
    bint has_penalties      # of weights
    bint has_limits
    bint keeps              # operations keep something besides parameters
    int first_op            # the backward pass ends here: what is before wants nothing of it
    const void* rows        # IN (n_rows, n_in)
    const idx* order        # IN: the rows in the order of the batches; NULL: as they lie
    bint postpones          # a row's step on the first operation is taken when the next row goes through it
    const void* postponed   # the input of the row that is still to be taken that way, or NULL
    bint looks              # a forward pass, by one thread, of rows in order, is to see if they are finite: the first
    bint finite             # operation may take them as they lie then. OUT: made False if one is not
    idx capacity            # samples that go through the network at once, at most
    Pass run
    Targets targets


cdef void forward_pass(Batches* b, idx begin, idx n, int thread, int n_threads) noexcept nogil
cdef void backward_pass(Batches* b, int thread, int n_threads) noexcept nogil
cdef void finish_output(Batches* b, int thread, int n_threads) noexcept nogil
cdef double loss_of_rows(Batches* b, idx begin, idx n, bint gradient, int thread, int n_threads) noexcept nogil
cdef void row_outputs(Batches* b, idx sample, void* outputs) noexcept nogil
cdef double row_loss(Batches* b, idx sample) noexcept nogil
cdef void row_gradient(Batches* b) noexcept nogil
cdef bint can_postpone(const Batches* b) noexcept nogil
cdef void take_postponed(Batches* b) noexcept nogil
cdef bint row_is_bounded(Batches* b, double most) noexcept nogil
cdef bint goes_by_row(idx n, int n_threads) noexcept nogil
cdef double penalty(const Batches* b) noexcept nogil
cdef void limit_weights(const Batches* b, int thread, int n_threads) noexcept nogil
cdef double loss_and_gradient(Batches* b, idx begin, idx n, int thread, int n_threads) noexcept nogil
