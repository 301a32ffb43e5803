"""From outputs and targets to the loss of each sample and the gradient at the output.

One normalisation, everywhere: the loss of a batch is sum(w_i l_i) / sum(w_i) over its samples, w_i = 1 without sample
weights, and the gradient is that of exactly this mean. Sums over samples run in the order of the batch, in double
precision.
"""

from fastbp._engine.kernels cimport (
    ABSOLUTE_ERROR, BINARY_CROSS_ENTROPY, CROSS_ENTROPY, HUBER, LOG_COSH, POISSON, QUANTILE, SQUARED_ERROR, Kernels,
    Loss, Panels, idx
)
from fastbp._engine.program cimport Pass, Slot, at, divide

# What the Python classes of losses.py write into their configuration.
KINDS = {
    "squared_error": SQUARED_ERROR,
    "absolute_error": ABSOLUTE_ERROR,
    "huber": HUBER,
    "log_cosh": LOG_COSH,
    "quantile": QUANTILE,
    "poisson": POISSON,
    "cross_entropy": CROSS_ENTROPY,
    "binary_cross_entropy": BINARY_CROSS_ENTROPY,
}

cdef enum:
    MOST_SAMPLES = 64       # in a panel of any target


cdef Loss read_loss(object config) except *:
    """The C form of a loss's configuration: a dict with the key "kind" and the parameters it has."""
    cdef Loss loss
    loss.kind = KINDS[config["kind"]]
    loss.delta = config.get("delta", 0.0)
    loss.q = config.get("q", 0.0)
    return loss


cdef inline idx row_of(const Targets* targets, idx sample) noexcept nogil:
    return targets.order[sample] if targets.order != NULL else targets.first + sample


cdef double sum_of_weights(const Targets* targets, idx n_samples) noexcept nogil:
    cdef double total = 0
    cdef idx s
    if targets.weights == NULL:
        return <double> n_samples
    for s in range(n_samples):
        total += targets.weights[row_of(targets, s)]
    return total


cdef void set_scale(const Kernels* k, const Targets* targets, idx n_samples, idx first, idx last) noexcept nogil:
    """scale[s] = w_s / sum of w, for the samples first ... last - 1, and 0 for those that fill the last panel."""
    cdef double value
    cdef idx s
    for s in range(first, last):
        if s >= n_samples:
            value = 0
        elif targets.weights == NULL:
            value = 1 / targets.weight
        else:
            value = targets.weights[row_of(targets, s)] / targets.weight
        if k.bits == 32:
            (<float*> targets.scale)[s] = <float> value
        else:
            (<double*> targets.scale)[s] = value


cdef void loss_of_panels(const Pass* run, const Targets* targets, bint gradient, int thread,
                         int n_threads) noexcept nogil:
    """losses OUT and, if wanted, the gradient of the output's slot OUT; this thread's panels."""
    cdef const Kernels* k = run.kernels
    cdef const Slot* output = &run.slots[run.output]
    cdef idx labels[MOST_SAMPLES]
    cdef Panels panels = Panels(targets.packed, output.stride, run.n_samples, 0, 0)
    cdef idx p, s, sample, begin
    divide(run.n_panels, 1, thread, n_threads, &panels.first, &panels.last)
    if targets.labels == NULL and targets.order != NULL:
        k.pack_rows(targets.rows, targets.order, output.n_features, &panels)
    elif targets.labels == NULL:
        k.pack_rows(at(targets.rows, targets.first * output.n_features, k), NULL, output.n_features, &panels)
    if gradient:
        set_scale(k, targets, run.n_samples, panels.first * k.panel, panels.last * k.panel)
    for p in range(panels.first, panels.last):
        begin = p * output.stride
        if targets.labels != NULL:
            for s in range(k.panel):
                sample = p * k.panel + s
                labels[s] = targets.labels[row_of(targets, sample)] if sample < run.n_samples else 0
        k.loss(&targets.loss, at(output.value, begin, k), output.n_features,
               labels if targets.labels != NULL else NULL, at(targets.packed, begin, k),
               at(targets.scale, p * k.panel, k), at(targets.losses, p * k.panel, k),
               at(output.grad, begin, k) if gradient else NULL)


cdef double sum_of_losses(const Pass* run, const Targets* targets) noexcept nogil:
    """sum(w_i l_i) over the batch; to be divided by the sum of weights."""
    cdef double total = 0
    cdef double value
    cdef idx s
    for s in range(run.n_samples):
        if targets.weights != NULL and targets.weights[row_of(targets, s)] == 0:
            continue                        # whatever its loss, be it infinite
        value = (<float*> targets.losses)[s] if run.kernels.bits == 32 else (<double*> targets.losses)[s]
        total += value if targets.weights == NULL else targets.weights[row_of(targets, s)] * value
    return total
