"""What other compiled code calls: the functions that include/fastbp.h promises.

A `Handle` owns the struct of these functions and the memory they work in, and lives as long as its capsule. What is not
its own is claimed first: the trainer's learner, and the network, each for one thread at a time.
"""

from cpython.pycapsule cimport PyCapsule_GetContext, PyCapsule_New, PyCapsule_SetContext
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.float cimport DBL_MIN
from libc.math cimport INFINITY, NAN, floor, isfinite
from libc.stdint cimport intptr_t, uint64_t
from libc.stdlib cimport calloc, free

from fastbp cimport ABI, BAD_ARGUMENT, BAD_TARGET, BUSY, EXPIRED, NO_TRAINER, NOT_FINITE, OK, Model, Samples
from fastbp._engine.claim cimport CLAIM_FREE, CLAIM_TAKEN, Claim, claim_give_back, claim_take
from fastbp._engine.dispatch cimport kernels
from fastbp._engine.engine cimport GRADIENT_ROWS, Program, fpmode_enter, fpmode_leave, process_mark
from fastbp._engine.kernels cimport Kernels, Panels, idx
from fastbp._engine.losses cimport sum_of_weights
from fastbp._engine.online cimport Learner
from fastbp._engine.passes cimport Batches, forward_pass, loss_and_gradient, row_outputs
from fastbp._engine.program cimport Slot, at
from fastbp._engine.rng cimport batch_seed, stream
from fastbp._engine.rng cimport shuffle as permute
from fastbp._engine.training cimport Block, Position, copy_between, rows_to_an_update, run_block
from fastbp._engine.workspace cimport Workspace, allocate

cdef extern from "fastbp.h":
    const char* NAME "FASTBP_CAPSULE"

cdef enum:
    N_STATUSES = 7

cdef const char* MESSAGES[N_STATUSES]
MESSAGES[OK] = "all is well"
MESSAGES[BUSY] = "another thread works with this model, or trains its network: call again later"
MESSAGES[EXPIRED] = "the trainer has gone on without this model: ask it for another capsule"
MESSAGES[NO_TRAINER] = "a network's capsule has no loss and no optimiser: take a trainer's, Trainer.capsule()"
MESSAGES[BAD_ARGUMENT] = "an argument is NULL, a number out of its range, or weights are no weights: see fastbp.h"
MESSAGES[BAD_TARGET] = "a target is none that the loss takes, or a label is not in 0 ... n_out - 1"
MESSAGES[NOT_FINITE] = "the loss is not finite, or a parameter would not be: lower the learning rate, look at the data"


cdef class Handle:
    """A model for compiled code.

    Parameters
    ----------
    program : Program
    n_samples : int
        That go through the network at once.
    learner : Learner, or None
        The trainer's, which takes the steps.
    batch_size, accumulate : int
        The trainer's.
    full_batch : bool
        Whether its optimiser needs the gradient of all samples.
    """

    cdef Model model
    cdef Claim claim            # of whoever calls one of the functions
    cdef Program program
    cdef Learner learner
    cdef Workspace workspace
    cdef Batches rows           # to be predicted, in that workspace
    cdef Batches samples        # to learn from, in the same
    cdef idx batch_size
    cdef idx accumulate
    cdef bint full_batch
    cdef bint has_limits        # targets have: those of several tasks together are not looked at
    cdef double learning_rate   # the learner's own, while it takes steps at the caller's
    cdef void* grads
    cdef char* saved            # parameters, buffers, states, average

    def __cinit__(self, Program program, idx n_samples, Learner learner=None, idx batch_size=1, idx accumulate=1,
                  bint full_batch=False):
        cdef idx size = program.bits // 8
        if learner is not None:
            n_samples = min(<idx> GRADIENT_ROWS, max(n_samples, batch_size))
        self.program = program
        self.learner = learner
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.full_batch = full_batch
        self.workspace = allocate(kernels(program.bits), program.ops, program.n_ops, n_samples, 1, True)
        self.rows = program.batches(self.workspace, None)
        self.fill()
        if learner is None:
            return
        learner.make_ready()
        self.has_limits = not learner.unlimited and learner.loss.n_tasks == 0
        self.samples = self.rows
        self.samples.run.fused_output = learner.loss.fused or program.scales_targets
        learner.loss.fill(&self.samples.targets, program.n_out)
        self.samples.targets.gain = 1
        self.grads = calloc(program.n_params, size)
        self.saved = <char*> calloc((2 + learner.hyper.update.n_states) * program.n_params + program.n_buffers, size)
        if self.grads == NULL or self.saved == NULL:
            raise MemoryError("no memory for the gradient and a copy of the parameters")

    def __dealloc__(self):
        free(self.grads)
        free(self.saved)

    cdef void fill(self) noexcept:
        cdef Model* model = &self.model
        model.abi = ABI
        model.size = sizeof(Model)
        model.owner = <void*> self
        model.bits = self.program.bits
        model.takes_labels = self.learner is not None and self.learner.takes_labels
        model.n_in = self.program.n_in
        model.n_out = self.program.n_out
        model.n_params = self.program.n_params
        model.n_targets = 0 if self.learner is None else self.learner.n_targets
        model.params = self.program.params.data
        model.learning_rate = NAN if self.learner is None else self.learner.hyper.learning_rate
        model.predict = predict
        model.predict_one = predict_one
        model.learn_one = learn_one
        model.learn_label = learn_label
        model.train = train
        model.shuffle = shuffle
        model.loss_and_grad = loss_and_grad
        model.message = message

    cdef void send_forward(self, const void* x, idx n_samples, void* out) noexcept nogil:
        """out (n_samples, n_out) OUT <- x (n_samples, n_in)."""
        cdef Batches* b = &self.rows
        cdef const Kernels* k = b.run.kernels
        cdef const Slot* output = &b.run.slots[b.run.output]
        cdef idx done = 0
        cdef Panels panels
        cdef idx n
        b.rows = x
        if n_samples == 1:
            row_outputs(b, 0, out)
            return
        while done < n_samples:
            n = min(n_samples - done, b.capacity)
            forward_pass(b, done, n, 0, 1)
            panels = Panels(output.value, output.stride, n, 0, b.run.n_panels)
            k.unpack_rows(&panels, output.n_features, at(out, done * output.n_features, k))
            done += n

    cdef void look_at(self, const Samples* samples, void* grads) noexcept nogil:
        """Set the pass to samples that have been checked, and to where their gradient goes."""
        cdef Batches* b = &self.samples
        b.rows = samples.x
        b.order = <const idx*> samples.rows
        b.targets.labels = <const idx*> samples.labels
        b.targets.rows = samples.targets
        b.targets.weights = samples.weights
        b.targets.order = b.order
        b.targets.first = 0
        b.targets.weight = sum_of_weights(&b.targets, samples.n_samples)
        b.run.grads = grads

    cdef int begin_learning(self) noexcept nogil:
        """Keep others from taking steps, until `end_learning`, and take them at the caller's learning rate."""
        cdef int was
        if not 0 < self.model.learning_rate < INFINITY:
            return BAD_ARGUMENT
        was = self.learner.begin()
        if was != CLAIM_FREE:
            return BUSY if was == CLAIM_TAKEN else EXPIRED
        self.learning_rate = self.learner.hyper.learning_rate
        self.learner.hyper.learning_rate = self.model.learning_rate
        return OK

    cdef void end_learning(self) noexcept nogil:
        self.learner.hyper.learning_rate = self.learning_rate
        self.learner.end()

    cdef int learn(self, const Samples* sample, double* loss) noexcept nogil:
        """A step on a single sample."""
        cdef Batches* b = &self.learner.batches
        b.rows = sample.x
        b.targets.labels = <const idx*> sample.labels
        b.targets.rows = sample.targets
        b.targets.gain = 1
        if self.learner.run_alone(loss):
            return OK
        return self.train(sample, loss)     # the step might lead beyond finite numbers: this goes back if it does

    cdef int train(self, const Samples* samples, double* loss) noexcept nogil:
        """A step on each mini-batch; none at all if one of them is not finite."""
        cdef idx n_samples = samples.n_samples
        cdef Position position
        cdef Block block
        cdef uint64_t mode
        cdef bint finite
        block.batch_size = rows_to_an_update(n_samples, self.batch_size, self.accumulate)
        if self.full_batch and block.batch_size < n_samples:
            return BAD_ARGUMENT
        self.look_at(samples, self.grads)
        block.batches = self.samples
        block.batches.capacity = min(min(self.batch_size, n_samples), <idx> GRADIENT_ROWS)
        block.batches.first_op = self.program.first_trainable
        block.batches.run.training = True
        block.batches.run.skips_frozen = True
        block.hyper = self.learner.hyper
        block.arrays = self.learner.arrays
        block.arrays.grads = self.grads
        block.rates = NULL
        block.n_rows = n_samples
        block.shuffles = False
        block.seed = self.learner.seed
        block.order = <idx*> samples.rows
        block.fused = self.program.fuses
        block.n_batches = (n_samples + block.batch_size - 1) // block.batch_size
        block.n_epochs = 1
        block.losses = loss
        position = Position(0, 0, 0, 0, 0, self.learner.clock, self.learner.n_batches + self.learner.n_learned)
        self.copy(False)
        mode = fpmode_enter()
        finite = run_block(&block, &position, 0, 1) and self.is_finite()
        fpmode_leave(mode)
        if not finite:
            self.copy(True)
            return NOT_FINITE
        self.learner.clock = position.clock
        self.learner.n_learned += block.n_batches
        return OK

    cdef int differentiate(self, const Samples* samples, double* loss, void* grad) noexcept nogil:
        """The loss, and its gradient OUT, of the network as it predicts."""
        cdef uint64_t mode
        self.look_at(samples, grad)
        self.samples.run.seed = batch_seed(0, 0)
        mode = fpmode_enter()
        loss[0] = loss_and_gradient(&self.samples, 0, samples.n_samples, 0, 1) / self.samples.targets.weight
        fpmode_leave(mode)
        return OK if isfinite(loss[0]) else NOT_FINITE

    cdef bint is_finite(self) noexcept nogil:
        """Whether every parameter, every buffer, and every state of the optimiser, is finite."""
        cdef const Kernels* k = self.workspace.kernels
        return (k.all_finite(self.program.params.data, self.program.n_params)
                and k.all_finite(self.program.buffers.data, self.program.n_buffers)
                and k.all_finite(self.learner.arrays.states,
                                 self.learner.hyper.update.n_states * self.program.n_params))

    cdef void copy(self, bint back) noexcept nogil:
        """What steps change, to or back from memory."""
        cdef idx size = self.program.bits // 8
        cdef char* saved = copy_between(self.program.params, self.saved, size, back)
        saved = copy_between(self.program.buffers, saved, size, back)
        saved = copy_between(self.learner.states, saved, size, back)
        copy_between(self.learner.average, saved, size, back)


def capsule(Handle handle):
    """Return a PyCapsule of the handle's struct, which keeps the handle alive."""
    made = PyCapsule_New(&handle.model, NAME, let_go)
    PyCapsule_SetContext(made, <void*> handle)
    Py_INCREF(handle)
    return made


cdef void let_go(object made) noexcept:
    Py_DECREF(<object> PyCapsule_GetContext(made))


cdef bint is_target(Learner learner, const void* targets, idx i) noexcept nogil:
    """Whether a number is what the loss takes."""
    cdef double y = (<const float*> targets)[i] if learner.program.bits == 32 else (<const double*> targets)[i]
    return learner.lowest <= y <= learner.highest and (not learner.whole or y == floor(y))


cdef int check(const Model* model, const Samples* samples) noexcept nogil:
    """OK if these can be learnt from, by a model with a learner."""
    cdef idx n_targets = model.n_targets
    cdef double total = 0
    cdef idx s, i, row
    if (<Handle> model.owner).learner is None:
        return NO_TRAINER
    if samples == NULL or samples.x == NULL or samples.n_samples < 1:
        return BAD_ARGUMENT
    if (samples.targets == NULL) == (samples.labels == NULL):
        return BAD_ARGUMENT
    if samples.labels != NULL and not model.takes_labels:
        return BAD_TARGET
    if samples.weights == NULL and samples.labels == NULL and not (<Handle> model.owner).has_limits:
        return OK
    for s in range(samples.n_samples):
        row = samples.rows[s] if samples.rows != NULL else s
        if samples.weights != NULL:
            if not 0 <= samples.weights[row] < INFINITY:
                return BAD_ARGUMENT
            total += samples.weights[row]
        if samples.labels != NULL:
            if not 0 <= samples.labels[row] < model.n_out:
                return BAD_TARGET
        elif (<Handle> model.owner).has_limits:
            for i in range(n_targets):
                if not is_target((<Handle> model.owner).learner, samples.targets, row * n_targets + i):
                    return BAD_TARGET
    if samples.weights != NULL and not DBL_MIN <= total < INFINITY:
        return BAD_ARGUMENT
    return OK


cdef int predict(Model* model, const void* x, intptr_t n_samples, void* out) noexcept nogil:
    cdef uint64_t mode
    if x == NULL or out == NULL or n_samples < 0:
        return BAD_ARGUMENT
    if not claim_take(&(<Handle> model.owner).claim, process_mark()):
        return BUSY
    mode = fpmode_enter()
    (<Handle> model.owner).send_forward(x, n_samples, out)
    fpmode_leave(mode)
    claim_give_back(&(<Handle> model.owner).claim)
    return OK


cdef int predict_one(Model* model, const void* x, void* out) noexcept nogil:
    return predict(model, x, 1, out)


cdef int take_steps(Model* model, const Samples* samples, bint single, double* loss) noexcept nogil:
    cdef int status = check(model, samples)
    cdef double loss_before = 0
    if status != OK:
        return status
    if not claim_take(&(<Handle> model.owner).claim, process_mark()):
        return BUSY
    status = (<Handle> model.owner).begin_learning()
    if status == OK:
        if single:
            status = (<Handle> model.owner).learn(samples, &loss_before)
        else:
            status = (<Handle> model.owner).train(samples, &loss_before)
        (<Handle> model.owner).end_learning()
    claim_give_back(&(<Handle> model.owner).claim)
    if status == OK and loss != NULL:
        loss[0] = loss_before
    return status


cdef int learn_one(Model* model, const void* x, const void* target, double* loss) noexcept nogil:
    cdef Samples sample = Samples(1, x, target, NULL, NULL, NULL)
    return take_steps(model, &sample, True, loss)


cdef int learn_label(Model* model, const void* x, intptr_t label, double* loss) noexcept nogil:
    cdef Samples sample = Samples(1, x, NULL, &label, NULL, NULL)
    return take_steps(model, &sample, True, loss)


cdef int train(Model* model, const Samples* samples, double* loss) noexcept nogil:
    return take_steps(model, samples, False, loss)


cdef int shuffle(Model* model, intptr_t epoch, intptr_t n_samples, intptr_t* rows) noexcept nogil:
    if (<Handle> model.owner).learner is None:
        return NO_TRAINER
    if rows == NULL or n_samples < 0 or epoch < 0:
        return BAD_ARGUMENT
    permute(<idx*> rows, n_samples, stream((<Handle> model.owner).learner.seed, <uint64_t> epoch))
    return OK


cdef int loss_and_grad(Model* model, const Samples* samples, double* loss, void* grad) noexcept nogil:
    cdef int status = check(model, samples)
    cdef double found = 0
    if status != OK:
        return status
    if grad == NULL:
        return BAD_ARGUMENT
    if not claim_take(&(<Handle> model.owner).claim, process_mark()):
        return BUSY
    status = (<Handle> model.owner).differentiate(samples, &found, grad)
    claim_give_back(&(<Handle> model.owner).claim)
    if loss != NULL:
        loss[0] = found
    return status


cdef const char* message(int status) noexcept nogil:
    if 0 <= status < N_STATUSES:
        return MESSAGES[status]
    return "no status of fastbp's"
