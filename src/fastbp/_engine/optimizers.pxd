from libc.stdint cimport uint64_t

from fastbp._engine.kernels cimport Kernels, idx


cdef enum OptimizerKind:
    SGD
    ADAM


ctypedef struct Hyper:
    int kind
    double learning_rate
    double weight_decay
    double momentum
    bint nesterov
    double beta_1
    double beta_2
    double epsilon


cdef Hyper read_hyper(object config) except *
cdef int n_states(const Hyper* hyper) noexcept nogil
cdef bint is_plain(const Hyper* hyper) noexcept nogil
cdef void update(const Kernels* k, const Hyper* hyper, void* params, const void* grads, void* states, idx n_params,
                 uint64_t n_steps, idx first, idx last) noexcept nogil
