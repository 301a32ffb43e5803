"""From outputs and targets to the loss of each sample and the gradient at the output.

One normalisation, everywhere: the loss of a batch is sum(w_i l_i) / sum(w_i) over its samples, w_i = 1 without sample
weights, and the gradient is that of exactly this mean. Sums over samples run in the order of the batch, in double
precision.
"""

from libc.math cimport log
from libc.stdlib cimport calloc, free

from fastbp._engine.buffers cimport view
from fastbp._engine.kernels cimport (
    ABSOLUTE_ERROR, BINARY_CROSS_ENTROPY, BINARY_FOCAL, CROSS_ENTROPY, FOCAL, GAUSSIAN_NLL, GIVEN, HINGE, HUBER,
    LOG_COSH, MULTI_TASK, POISSON, POISSON_SOFTPLUS, QUANTILE, SQUARED_ERROR, SQUARED_HINGE, STANDARDIZE,
    Kernels, Panels, idx
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
    "poisson_softplus": POISSON_SOFTPLUS,
    "gaussian_nll": GAUSSIAN_NLL,
    "hinge": HINGE,
    "squared_hinge": SQUARED_HINGE,
    "cross_entropy": CROSS_ENTROPY,
    "binary_cross_entropy": BINARY_CROSS_ENTROPY,
    "focal": FOCAL,
    "binary_focal": BINARY_FOCAL,
    "given": GIVEN,
    "multi_task": MULTI_TASK,
}

cdef enum:
    MOST_SAMPLES = 64       # in a panel of any target


cdef class HeldLoss:
    """The C form of a loss's configuration.

    Parameters
    ----------
    config : dict
        "kind", "fused", and the parameters that the loss has: of several tasks, "tasks", a list of (config, number of
        outputs, weight). With "penalty_of_sum" what layers ask for their weights is divided by the sum of the weights
        of a batch's samples, as scikit-learn has it: it stays the same share of a batch of any size.
    n_out : int
    """

    def __cinit__(self, config, idx n_out):
        self.fused = config["fused"]
        self.call = config.get("call")
        self.penalty_of_sum = config.get("penalty_of_sum", False)
        self.c.kind = KINDS[config["kind"]]
        self.c.delta = config.get("delta", 0.0)
        self.c.q = config.get("q", 0.0)
        self.c.lowest = log(config.get("epsilon", 1.0))
        self.c.smoothing = config.get("label_smoothing", 0.0)
        self.c.gamma = config.get("gamma", 0.0)
        self.c.positive, self.c.negative = config.get("balance", (1.0, 1.0))
        factors = config.get("factors")
        if factors is not None:
            self.alpha = view(factors, "factors", n_out, b"d")
            self.c.alpha = <const double*> self.alpha.data
        if "tasks" in config:
            self.hold_tasks(config["tasks"], n_out)

    def __dealloc__(self):
        free(self.tasks)

    cdef hold_tasks(self, tasks, idx n_out):
        cdef HeldLoss part
        cdef Task* task
        cdef idx output = 0
        cdef idx target = 0
        self.tasks = <Task*> calloc(len(tasks), sizeof(Task))
        if self.tasks == NULL:
            raise MemoryError("no memory for the tasks of a loss")
        self.parts = []
        for config, n_outputs, weight in tasks:
            part = HeldLoss(config, n_outputs)
            self.parts.append(part)
            task = &self.tasks[self.n_tasks]
            task[0] = Task(part.c, output, n_outputs, target, weight)
            self.n_tasks += 1
            output += task.n_outputs
            target += part.n_targets(task.n_outputs)
        if output != n_out:
            raise ValueError(f"the tasks have {output} outputs, the network has {n_out}")

    cdef void fill(self, Targets* targets, idx n_out) noexcept:
        targets.loss = self.c
        targets.tasks = self.tasks
        targets.n_tasks = self.n_tasks
        targets.n_targets = self.n_targets(n_out)
        targets.penalty_of_sum = self.penalty_of_sum

    cdef idx n_targets(self, idx n_out) noexcept:
        """How many numbers a row of targets has."""
        cdef HeldLoss last
        if self.n_tasks:
            last = self.parts[self.n_tasks - 1]
            return self.tasks[self.n_tasks - 1].target + last.n_targets(self.tasks[self.n_tasks - 1].n_outputs)
        return n_out // 2 if self.c.kind == GAUSSIAN_NLL else n_out

    cdef bint takes_labels(self, idx n_out) noexcept:
        """Whether an integer is the label of a class, and not a number."""
        if self.c.kind == HINGE or self.c.kind == SQUARED_HINGE:
            return n_out > 1
        return self.c.kind == CROSS_ENTROPY or self.c.kind == FOCAL


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


cdef void set_scale(const Kernels* k, const Targets* targets, double gain, idx n_samples, idx first,
                    idx last) noexcept nogil:
    """scale[s] = gain w_s / sum of w, for the samples first ... last - 1, and 0 for those that fill the last panel."""
    cdef double alike = gain / targets.weight
    cdef double value
    cdef idx s
    for s in range(first, last):
        if s >= n_samples:
            value = 0
        elif targets.weights == NULL:
            value = alike
        else:
            value = gain * targets.weights[row_of(targets, s)] / targets.weight
        if k.bits == 32:
            (<float*> targets.scale)[s] = <float> value
        else:
            (<double*> targets.scale)[s] = value


cdef void loss_of_tasks(const Pass* run, const Targets* targets, bint gradient, idx p) noexcept nogil:
    """What `loss_of_panels` does, for panel p: the weighted sum over tasks, each with rows of the outputs to itself."""
    cdef const Kernels* k = run.kernels
    cdef const Slot* output = &run.slots[run.output]
    cdef double memory[MOST_SAMPLES]
    cdef void* part = memory
    cdef void* losses = at(targets.losses, p * k.panel, k)
    cdef const Task* task
    cdef double sum_of_tasks
    cdef idx begin = p * output.stride
    cdef idx first, s
    cdef int t
    for t in range(targets.n_tasks):
        task = &targets.tasks[t]
        first = begin + task.output * k.panel
        if gradient:
            set_scale(k, targets, task.weight * targets.gain, run.n_samples, p * k.panel, (p + 1) * k.panel)
        k.loss(&task.loss, at(output.value, first, k), task.n_outputs, NULL,
               at(targets.packed, begin + task.target * k.panel, k), at(targets.scale, p * k.panel, k), part,
               at(output.grad, first, k) if gradient else NULL)
        for s in range(k.panel):
            if k.bits == 32:
                sum_of_tasks = (<float*> losses)[s] if t > 0 else 0
                (<float*> losses)[s] = <float> (sum_of_tasks + task.weight * (<float*> part)[s])
            else:
                sum_of_tasks = (<double*> losses)[s] if t > 0 else 0
                (<double*> losses)[s] = sum_of_tasks + task.weight * (<double*> part)[s]


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
        k.pack_rows(targets.rows, targets.order, targets.n_targets, &panels)
    elif targets.labels == NULL:
        k.pack_rows(at(targets.rows, targets.first * targets.n_targets, k), NULL, targets.n_targets, &panels)
    if targets.mean != NULL:
        k.rescale(STANDARDIZE, &panels, &panels, 0, targets.n_targets, targets.mean, targets.std)
    if targets.n_tasks > 0:
        for p in range(panels.first, panels.last):
            loss_of_tasks(run, targets, gradient, p)
        return
    if gradient:
        set_scale(k, targets, targets.gain, run.n_samples, panels.first * k.panel, panels.last * k.panel)
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


cdef double take_given(const Pass* run, const Targets* targets) noexcept nogil:
    """Return sum(w_i l_i) of a loss that somebody else has computed; its gradient at the output OUT."""
    cdef const Slot* output = &run.slots[run.output]
    cdef Panels panels = Panels(output.grad, output.stride, run.n_samples, 0, run.n_panels)
    run.kernels.pack_rows(targets.given, NULL, output.n_features, &panels)
    return targets.given_loss
