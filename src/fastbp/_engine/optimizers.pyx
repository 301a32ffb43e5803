"""The update: parameters move against the gradient, in place."""

from libc.math cimport pow, sqrt
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from fastbp._engine.kernels cimport (
    ADADELTA, ADAGRAD, ADAM, AVERAGE, CLIP, LION, MOMENTUM, MOST_STATES, NADAM, NORM_BLOCK, RMSPROP, RPROP, SCALE, SGD,
    Kernels, Update, idx
)
from fastbp._engine.program cimport Barrier, at, barrier_wait, divide

cdef enum:
    CACHE_LINE = 64

# What the Python classes of optimizers.py write into their configuration.
KINDS = {
    "sgd": SGD,
    "adagrad": ADAGRAD,
    "rmsprop": RMSPROP,
    "adadelta": ADADELTA,
    "adam": ADAM,
    "adamw": ADAM,
    "nadam": NADAM,
    "lion": LION,
    "rprop": RPROP,
}
N_STATES = {SGD: 0, MOMENTUM: 1, ADAGRAD: 1, RMSPROP: 1, ADADELTA: 2, ADAM: 2, NADAM: 2, LION: 1, RPROP: 2}


cdef Hyper read_hyper(object config) except *:
    """The C form of an optimiser's configuration: a dict with the key "kind" and the hyper-parameters it has.

    What can be None is then 0.
    """
    cdef Hyper hyper
    cdef Update* u = &hyper.update
    get = config.get
    hyper.learning_rate = config["learning_rate"]
    hyper.learning_rate_decay = get("learning_rate_decay", 0.0)
    hyper.momentum_decay = get("momentum_decay", 0.0)
    hyper.decoupled = get("decoupled_weight_decay", config["kind"] in ("adamw", "lion"))
    hyper.epsilon_hat = get("epsilon_hat", False)
    hyper.clip_value = get("clip_value") or 0.0
    hyper.clip_norm = get("clip_norm") or 0.0
    hyper.ema = get("ema") or 0.0
    u.momentum = get("momentum", 0.0)
    u.kind = KINDS[config["kind"]]
    if u.kind == SGD and u.momentum != 0:
        u.kind = MOMENTUM
    u.weight_decay = get("weight_decay", 0.0)
    u.beta_1 = get("beta_1", 0.0)
    u.beta_2 = get("beta_2", get("alpha", get("rho", 0.0)))
    u.epsilon = get("epsilon", 0.0)
    u.initial = get("initial_accumulator_value", 0.0)
    u.eta_minus = get("eta_minus", 0.0)
    u.eta_plus = get("eta_plus", 0.0)
    u.min_step = get("min_step", 0.0)
    u.max_step = get("max_step", 0.0)
    u.nesterov = get("nesterov", False)
    u.centered = get("centered", False)
    u.amsgrad = get("amsgrad", False)
    u.n_states = N_STATES[u.kind] + u.amsgrad
    if u.kind == RMSPROP:
        u.n_states += u.centered + (u.momentum != 0)
    return hyper


def n_states(config):
    """Return how many arrays of the size of the parameters an optimiser keeps, given its configuration."""
    return read_hyper(config).update.n_states


cdef idx n_norms(idx n_params) noexcept nogil:
    return (n_params + NORM_BLOCK - 1) // NORM_BLOCK


cdef bint is_plain(const Hyper* hyper) noexcept nogil:
    """Whether the update is params -= learning_rate * gradient and no more, which needs no stored gradient."""
    return (hyper.update.kind == SGD and hyper.update.weight_decay == 0 and hyper.clip_value == 0
            and hyper.clip_norm == 0)


cdef double momentum_at(const Hyper* hyper, double t) noexcept nogil:
    """NAdam's momentum in step t, which counts from 1."""
    return hyper.update.beta_1 * (1 - 0.5 * pow(0.96, t * hyper.momentum_decay))


cdef Clock clock_of(const Hyper* hyper, uint64_t n_steps, bint averages) noexcept:
    cdef Clock clock = Clock(0, 1, averages)
    if hyper.update.kind == NADAM:
        while clock.n_steps < n_steps and clock.momenta > 0:
            tick(hyper, &clock)
    clock.n_steps = n_steps
    return clock


cdef void tick(const Hyper* hyper, Clock* clock) noexcept nogil:
    """A step has been taken."""
    clock.n_steps += 1
    clock.averages = hyper.ema != 0
    if hyper.update.kind == NADAM:
        clock.momenta *= momentum_at(hyper, <double> clock.n_steps)


cdef Update update_at(const Kernels* k, const Hyper* hyper, const Clock* clock, double learning_rate,
                      const Arrays* arrays, idx first) noexcept nogil:
    """The update of a step, of the parameters from the first on."""
    cdef Update u = hyper.update
    cdef double t = <double> (clock.n_steps + 1)
    cdef double now, after
    cdef int i
    u.params = at(arrays.params, first, k)
    u.grads = at(arrays.grads, first, k)
    for i in range(MOST_STATES):
        u.states[i] = at(arrays.states, i * arrays.n_params + first, k) if i < u.n_states else u.params
    u.first = clock.n_steps == 0
    u.keep = 1 - learning_rate * u.weight_decay if hyper.decoupled else 1
    if hyper.decoupled:
        u.weight_decay = 0
    u.rate = learning_rate
    if u.kind == ADAGRAD:
        u.rate /= 1 + (t - 1) * hyper.learning_rate_decay
    elif u.kind == ADAM or u.kind == NADAM:
        u.unbias = 1 / sqrt(1 - pow(u.beta_2, t))
    if u.kind == ADAM:
        u.rate /= 1 - pow(u.beta_1, t)
        if hyper.epsilon_hat:
            u.rate /= u.unbias
            u.unbias = 1
    elif u.kind == NADAM:
        now = momentum_at(hyper, t)
        after = momentum_at(hyper, t + 1)
        u.rate_g = learning_rate * (1 - now) / (1 - clock.momenta * now)
        u.rate *= after / (1 - clock.momenta * now * after)
    return u


cdef inline void by_itself(const Kernels* k, int kind, double rate, void* values, const void* others,
                           idx n) noexcept nogil:
    """An update that is no optimiser's: values INOUT, others IN."""
    cdef Update u
    cdef int i
    u.kind = kind
    u.rate = rate
    u.params = values
    u.grads = others
    u.n_states = 0
    for i in range(MOST_STATES):
        u.states[i] = values
    u.weight_decay = 0
    u.keep = 1
    k.update(&u, n)


cdef void each_part(const Kernels* k, int kind, double rate, const Arrays* arrays, idx first, idx last) noexcept nogil:
    """Change the gradient of what is trained among parameters first ... last - 1."""
    cdef idx begin, end
    cdef int p
    for p in range(arrays.n_parts):
        begin = max(first, arrays.parts[p].begin)
        end = min(last, arrays.parts[p].end)
        if begin < end:
            by_itself(k, kind, rate, at(arrays.grads, begin, k), at(arrays.grads, begin, k), end - begin)


cdef void clip(const Kernels* k, const Hyper* hyper, const Arrays* arrays, idx first, idx last, Barrier* barrier,
               int thread, int n_threads) noexcept nogil:
    """Limit this thread's share of the gradient, first by value, then by the norm of all of it.

    The norm is that of PyTorch's clip_grad_norm_, and so is the factor, down to its 1e-6.
    """
    cdef double total = 0
    cdef idx begin, end, i
    cdef int p
    if hyper.clip_value != 0:
        each_part(k, CLIP, hyper.clip_value, arrays, first, last)
    if hyper.clip_norm == 0:
        return
    begin = first
    while begin < last:
        end = min(begin + NORM_BLOCK, last)
        arrays.norms[begin // NORM_BLOCK] = 0
        for p in range(arrays.n_parts):
            i = max(begin, arrays.parts[p].begin)
            if i < min(end, arrays.parts[p].end):
                arrays.norms[begin // NORM_BLOCK] += k.sum_of_squares(at(arrays.grads, i, k),
                                                                      min(end, arrays.parts[p].end) - i)
        begin = end
    barrier_wait(barrier)
    for i in range(n_norms(arrays.n_params)):       # every thread for itself, in the same order
        total += arrays.norms[i]
    total = hyper.clip_norm / (sqrt(total) + 1e-6)
    if not total >= 1:
        each_part(k, SCALE, total, arrays, first, last)


cdef void take_step(const Kernels* k, const Hyper* hyper, const Clock* clock, double learning_rate,
                    const Arrays* arrays, bint fused, Barrier* barrier, int thread, int n_threads) noexcept nogil:
    """Move this thread's share of the parameters; what is fused has been moved by the products.

    Run by all threads at once, who then wait at the barrier before they look at each other's shares.
    """
    cdef idx unit = NORM_BLOCK if hyper.clip_norm != 0 else CACHE_LINE // (k.bits // 8)
    cdef idx first, last, begin, end
    cdef Update u
    cdef int p
    divide(arrays.n_params, unit, thread, n_threads, &first, &last)
    if hyper.clip_value != 0 or hyper.clip_norm != 0:
        clip(k, hyper, arrays, first, last, barrier, thread, n_threads)
    for p in range(arrays.n_parts):
        begin = max(first, arrays.parts[p].begin)
        end = min(last, arrays.parts[p].end)
        if begin < end and not (fused and arrays.parts[p].fuses):
            u = update_at(k, hyper, clock, learning_rate, arrays, begin)
            k.update(&u, end - begin)


cdef void take_average(const Kernels* k, const Hyper* hyper, const Clock* clock, const Arrays* arrays, int thread,
                       int n_threads) noexcept nogil:
    """Move this thread's share of the average of the parameters, after the step."""
    cdef idx first, last
    divide(arrays.n_params, CACHE_LINE // (k.bits // 8), thread, n_threads, &first, &last)
    if clock.averages:
        by_itself(k, AVERAGE, 1 - hyper.ema, at(arrays.average, first, k), at(arrays.params, first, k), last - first)
    else:                           # it begins with the parameters after the first step
        memcpy(at(arrays.average, first, k), at(arrays.params, first, k), (last - first) * (k.bits // 8))
