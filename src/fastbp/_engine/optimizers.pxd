from libc.stdint cimport uint64_t

from fastbp._engine.kernels cimport Kernels, Update, idx
from fastbp._engine.program cimport Barrier, Part


# An optimiser's hyper-parameters.
ctypedef struct Hyper:
    Update update           # with all that stays the same from step to step
    double learning_rate    # unless a schedule has its own for each step
    double learning_rate_decay
    double momentum_decay
    bint decoupled
    bint epsilon_hat        # Adam: epsilon is added before the bias is corrected (Kingma & Ba 2015, end of section 2)
    double clip_value       # of the gradient; 0: no limit
    double clip_norm
    double ema              # what the running average of the parameters keeps; 0: there is none


# Where it stands.
ctypedef struct Clock:
    uint64_t n_steps        # updates made
    double momenta          # NAdam: the product of the momenta so far
    bint averages           # the average of the parameters has begun


# What it works on: arrays of n_params reals.
ctypedef struct Arrays:
    idx n_params
    void* params            # INOUT
    void* grads             # IN; clipped in place
    void* states            # INOUT (n_states, n_params)
    void* average           # INOUT
    const Part* parts       # those parameters that are trained
    int n_parts
    double* norms           # scratch (n_norms(n_params),), if the norm is clipped


cdef Hyper read_hyper(object config) except *
cdef Clock clock_of(const Hyper* hyper, uint64_t n_steps, bint averages) noexcept
cdef idx n_norms(idx n_params) noexcept nogil
cdef bint is_plain(const Hyper* hyper) noexcept nogil
cdef void take_step(const Kernels* k, const Hyper* hyper, const Clock* clock, double learning_rate,
                    const Arrays* arrays, bint fused, Barrier* barrier, int thread, int n_threads) noexcept nogil
cdef void take_average(const Kernels* k, const Hyper* hyper, const Clock* clock, const Arrays* arrays, int thread,
                       int n_threads) noexcept nogil
cdef void tick(const Hyper* hyper, Clock* clock) noexcept nogil
