"""The update: parameters move against the gradient, in place."""

from libc.math cimport pow
from libc.stdint cimport uint64_t

from fastbp._engine.kernels cimport Kernels, idx
from fastbp._engine.program cimport at

# What the Python classes of optimizers.py write into their configuration.
KINDS = {"sgd": SGD, "adam": ADAM}


cdef Hyper read_hyper(object config) except *:
    """The C form of an optimiser's configuration: a dict with the key "kind" and the hyper-parameters it has."""
    cdef Hyper hyper
    hyper.kind = KINDS[config["kind"]]
    hyper.learning_rate = config["learning_rate"]
    hyper.weight_decay = config["weight_decay"]
    hyper.momentum = config.get("momentum", 0.0)
    hyper.nesterov = config.get("nesterov", False)
    hyper.beta_1 = config.get("beta_1", 0.0)
    hyper.beta_2 = config.get("beta_2", 0.0)
    hyper.epsilon = config.get("epsilon", 0.0)
    return hyper


cdef int n_states(const Hyper* hyper) noexcept nogil:
    """How many arrays of the size of the parameters the optimiser keeps."""
    if hyper.kind == ADAM:
        return 2
    return 1 if hyper.momentum != 0 else 0


cdef bint is_plain(const Hyper* hyper) noexcept nogil:
    """Whether the update is params -= learning_rate * gradient and no more, which needs no stored gradient."""
    return hyper.kind == SGD and hyper.momentum == 0 and hyper.weight_decay == 0


cdef void update(const Kernels* k, const Hyper* hyper, void* params, const void* grads, void* states, idx n_params,
                 uint64_t n_steps, idx first, idx last) noexcept nogil:
    """Parameters first ... last - 1; n_steps counts the updates before this one."""
    cdef idx n = last - first
    cdef void* w = at(params, first, k)
    cdef const void* g = at(grads, first, k)
    cdef double t = <double> (n_steps + 1)
    if hyper.kind == ADAM:
        k.adam(w, g, at(states, first, k), at(states, n_params + first, k), n, hyper.learning_rate, hyper.beta_1,
               hyper.beta_2, hyper.epsilon, hyper.weight_decay, 1 - pow(hyper.beta_1, t), 1 - pow(hyper.beta_2, t))
    elif hyper.momentum != 0:
        k.momentum(w, g, at(states, first, k), n, hyper.learning_rate, hyper.momentum, hyper.nesterov,
                   hyper.weight_decay, n_steps == 0)
    else:
        k.sgd(w, g, n, hyper.learning_rate, hyper.weight_decay)
