"""Online learning: one sample, one step of the optimiser, in microseconds; and many samples, one step each."""

from cpython.buffer cimport PyBuffer_Release
from cpython.float cimport PyFloat_Check
from cpython.long cimport PyLong_Check
from cpython.number cimport PyIndex_Check
from libc.math cimport INFINITY, floor, isfinite
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free

from fastbp._engine.buffers cimport View, lend, view
from fastbp._engine.claim cimport CLAIM_CLOSED, CLAIM_FREE, CLAIM_TAKEN
from fastbp._engine.data cimport Data
from fastbp._engine.engine cimport Program, fpmode_enter, fpmode_leave
from fastbp._engine.kernels cimport Kernels, idx
from fastbp._engine.losses cimport HeldLoss
from fastbp._engine.optimizers cimport (
    Hyper, clock_of, is_plain, n_norms, read_hyper, take_average, take_step, tick
)
from fastbp._engine.passes cimport Batches, limit_weights, row_gradient, row_is_bounded, row_loss, row_outputs
from fastbp._engine.program cimport at
from fastbp._engine.rng cimport batch_seed

cdef enum:
    HOLD_GIL_IN_STEPS_BELOW = 10_000    # parameters: a step on fewer takes a few us, a wait for the GIL up to 5000


cdef class Learner:
    """A network, a loss and an optimiser, made ready for `learn` and `learn_many`.

    Parameters
    ----------
    program : Program
    loss : dict
        The configuration of a loss.
    optimizer : dict
        The configuration of an optimiser.
    states : ndarray of shape (n_states, n_params), or None
    n_steps : int
        Updates made before, with these states.
    average, averages, seed, n_batches
        As for `Training`.
    rates : ndarray of float64, or None
        The learning rates of the next steps, in place of the optimiser's; after the last, `learn` returns None.
    """

    def __cinit__(self, Program program, loss, optimizer, states, n_steps, average=None, bint averages=False,
                  rates=None, uint64_t seed=0, uint64_t n_batches=0):
        program.check_batches(1, 1)
        self.program = program
        self.loss = HeldLoss(loss, program.n_out)
        self.n_targets = self.loss.n_targets(program.n_out)
        self.takes_labels = self.loss.takes_labels(program.n_out)
        self.lowest, self.highest = loss["limits"]
        self.whole = loss["whole"]
        self.unlimited = self.lowest == -INFINITY and self.highest == INFINITY
        self.hyper = read_hyper(optimizer)
        self.seed = seed
        self.n_batches = n_batches
        self.clock = clock_of(&self.hyper, n_steps, averages)
        self.arrays.n_params = program.n_params
        self.arrays.params = program.params.data
        self.arrangement = program.arrangement
        self.arrays.parts = program.parts
        self.arrays.n_parts = program.n_parts
        if self.hyper.update.n_states:
            self.states = view(states, "states", self.hyper.update.n_states * program.n_params, program.format(), True)
            self.arrays.states = self.states.data
        if self.hyper.ema != 0:
            self.average = view(average, "average", program.n_params, program.format(), True)
            self.arrays.average = self.average.data
        if rates is not None:
            self.rates = view(rates, "rates", -1, b"d")
        if not (is_plain(&self.hyper) and program.fuses) or rates is not None:
            self.arrays.grads = calloc(program.n_params, program.bits // 8)
            if self.arrays.grads == NULL:
                raise MemoryError("no memory for the gradient")
        if self.hyper.clip_norm != 0:
            self.arrays.norms = <double*> calloc(n_norms(program.n_params), sizeof(double))
            if self.arrays.norms == NULL:
                raise MemoryError("no memory for the norm of the gradient")

    def __dealloc__(self):
        free(self.arrays.grads)
        free(self.arrays.norms)

    @property
    def closed(self):
        return self.is_closed()

    @property
    def n_steps(self):
        return self.clock.n_steps

    @property
    def n_batches_done(self):
        return self.n_batches + self.n_learned

    @property
    def averages(self):
        return bool(self.clock.averages)

    def learn(self, x, y, double weight=1, bint checked=False):
        """Learn from x (n_in,) and y: a label, a number, or (n_targets,). The gradient is multiplied by the weight.

        Who says that both are `checked` holds the network by `Exclusive` as well.

        Returns
        -------
        float or None
            The loss before the step. None if x and y are not just such arrays of the network's dtype and plain
            numbers (a row of numbers that have limits only if `checked`), if the loss has no way for a single sample,
            if the step might lead beyond finite numbers, or if there is no learning rate for it, or if the learner has
            been retired: then nothing has happened.
        """
        cdef Program program = self.program
        cdef Py_buffer row, target
        cdef idx label = 0
        cdef double number = 0
        cdef float number_f32
        cdef bint has_row = False
        cdef const void* targets = NULL
        if self.loss.call is not None:
            return None
        if self.takes_labels and (PyLong_Check(y) or PyIndex_Check(y) and not hasattr(y, "__len__")):
            if not 0 <= y < program.n_out:
                return None
            label = y
        elif self.n_targets == 1 and not self.takes_labels and (PyFloat_Check(y) or PyLong_Check(y)):
            try:
                number = y
            except OverflowError:
                return None
            if not self.lowest <= number <= self.highest or (self.whole and number != floor(number)):
                return None
            number_f32 = <float> number
            targets = <const void*> &number_f32 if program.bits == 32 else <const void*> &number
        elif checked or self.unlimited:
            if not lend(y, program.dtype, &target, self.n_targets, False):
                return None
            has_row = True
            targets = target.buf
        else:                       # rows of limited numbers have to be looked at first
            return None
        if not lend(x, program.dtype, &row, program.n_in, False):
            if has_row:
                PyBuffer_Release(&target)
            return None
        try:
            return self.step(row.buf, &label if targets == NULL else NULL, targets, weight, checked)
        finally:
            PyBuffer_Release(&row)
            if has_row:
                PyBuffer_Release(&target)

    cdef object step(self, const void* x, const idx* label, const void* target, double weight, bint held):
        cdef Program program = self.program
        cdef Batches* b = &self.batches
        cdef double loss
        cdef bint done
        if self.is_closed() if held else not self.begin_or_raise():
            return None
        try:
            self.prepare()
            b.rows = x
            b.targets.labels = label
            b.targets.rows = target
            b.targets.gain = weight
            if program.n_params < HOLD_GIL_IN_STEPS_BELOW:
                done = self.run_alone(&loss)
            else:
                with nogil:
                    done = self.run_alone(&loss)
        finally:
            if not held:
                self.end()
        return loss if done else None

    def learn_many(self, Data data, idx begin, idx end, losses, outputs=None):
        """Learn from rows begin ... end - 1 of the data, one after another: the same bits as by `learn`.

        For who holds the network by `Exclusive`.

        Parameters
        ----------
        data : Data
            Its weights multiply the gradients.
        losses : ndarray of shape (n_rows,), float64
            OUT: of each row before its step.
        outputs : ndarray of shape (n_rows, n_out), or None
            OUT: the prediction for each row before its step.

        Returns
        -------
        int
            The first row that has not been learnt: `end`, or one that `learn` would return None for, or whose weight
            is 0.
        """
        cdef Program program = self.program
        cdef Batches* b = &self.batches
        cdef View loss = view(losses, "losses", data.n_rows, b"d", True)
        cdef View out = None
        cdef idx row = begin
        if not 0 <= begin <= end <= data.n_rows:
            raise IndexError(f"rows must be in 0 ... {data.n_rows - 1}, got {begin} ... {end - 1}")
        if outputs is not None:
            out = view(outputs, "outputs", data.n_rows * program.n_out, program.format(), True)
        if self.loss.call is not None:
            return begin
        if self.is_closed():
            return begin
        self.prepare()
        b.rows = data.x.data
        b.targets.labels = NULL if data.labels is None else <const idx*> data.labels.data
        b.targets.rows = NULL if data.y is None else data.y.data
        with nogil:
            row = self.run_rows(row, end, NULL if data.weights is None else <const double*> data.weights.data,
                                <double*> loss.data, NULL if out is None else out.data)
        return row

    cdef bint is_closed(self) noexcept nogil:
        """Whether this is to take no more steps, or other layers are frozen than were when it was made."""
        return self.retired or self.arrangement != self.program.arrangement

    cdef int begin(self) noexcept nogil:
        """Keep others from training the network, until `end`: CLAIM_FREE.

        CLAIM_TAKEN if somebody is at it; CLAIM_CLOSED if this learner `is_closed`.
        """
        if not self.program.take():
            return CLAIM_TAKEN
        if self.is_closed():
            self.end()
            return CLAIM_CLOSED
        return CLAIM_FREE

    cdef void end(self) noexcept nogil:
        self.program.give_back()

    cdef bint begin_or_raise(self) except -1:
        cdef int was = self.begin()
        if was == CLAIM_TAKEN:
            raise RuntimeError("this network is being trained already: train one at a time, or copies of it")
        return was == CLAIM_FREE

    def retire(self):
        """Take no more steps, so that what has been counted stays. For who holds the network by `Exclusive`."""
        self.retired = True

    cdef int make_ready(self) except -1:
        """Let `begin` be enough for a step to be taken by who cannot call Python. For who holds the network."""
        return self.prepare()

    cdef int prepare(self) except -1:
        """A workspace of this learner's own, for the kernels in use."""
        cdef Program program = self.program
        cdef Batches* b = &self.batches
        if self.workspace is not None and self.workspace.is_for(program.bits):
            return 0
        self.workspace = program.borrow(1, 1, True)
        b[0] = program.batches(self.workspace, None)
        b.run.fused_output = self.loss.fused or program.scales_targets
        b.run.grads = self.arrays.grads
        b.run.training = True
        b.run.skips_frozen = True
        b.first_op = program.first_trainable
        self.loss.fill(&b.targets, program.n_out)
        b.targets.weights = NULL
        b.targets.weight = 1
        return 0

    cdef idx run_rows(self, idx begin, idx end, const double* weights, double* losses, void* outputs) noexcept nogil:
        """Steps on rows begin ... end - 1; return the first that must be looked at by somebody else."""
        cdef Batches* b = &self.batches
        cdef uint64_t mode = fpmode_enter()
        cdef idx row
        for row in range(begin, end):
            b.targets.gain = 1 if weights == NULL else weights[row]
            if outputs != NULL:
                row_outputs(b, row, at(outputs, row * self.program.n_out, b.run.kernels))
            if not self.run(row, &losses[row]):
                end = row
                break
        fpmode_leave(mode)
        return end

    cdef bint run_alone(self, double* loss) noexcept nogil:
        cdef uint64_t mode = fpmode_enter()
        cdef bint done = self.run(0, loss)
        fpmode_leave(mode)
        return done

    cdef bint run(self, idx row, double* loss) noexcept nogil:
        """One step; False if it might lead beyond finite numbers, or if it has no learning rate or no weight."""
        cdef Batches* b = &self.batches
        cdef const Kernels* k = b.run.kernels
        cdef idx n_params = self.program.n_params
        cdef double rate = self.hyper.learning_rate
        cdef double most
        cdef bint bounded
        if b.targets.gain == 0:
            return False
        if self.rates is not None:
            if self.n_learned >= self.rates.n:
                return False
            rate = (<const double*> self.rates.data)[self.n_learned]
        most = most_gradient(k, &self.hyper, rate)
        b.run.seed = batch_seed(self.seed, self.n_batches + self.n_learned)
        b.run.step = -rate if is_plain(&self.hyper) else 0
        loss[0] = row_loss(b, row)
        bounded = isfinite(loss[0]) and row_is_bounded(b, most)
        if bounded and self.hyper.update.weight_decay != 0:
            bounded = k.largest(b.run.params, n_params) * self.hyper.update.weight_decay < most
        if bounded:
            row_gradient(b)
            if b.run.step == 0 or not self.program.fuses:
                take_step(k, &self.hyper, &self.clock, rate, &self.arrays, b.run.step != 0, b.run.barrier, 0, 1)
            if b.has_limits:
                limit_weights(b, 0, 1)
            if self.hyper.ema != 0:
                take_average(k, &self.hyper, &self.clock, &self.arrays, 0, 1)
            tick(&self.hyper, &self.clock)
            self.n_learned += 1
        return bounded


cdef double most_gradient(const Kernels* k, const Hyper* hyper, double learning_rate) noexcept nogil:
    """A gradient below this moves no parameter by as much as half the spacing of the largest reals, nor does its
    square overflow."""
    cdef double most = 1e15 if k.bits == 32 else 1e150
    cdef double gain = max(learning_rate, 1.0)
    if hyper.update.epsilon > 0:
        gain /= min(hyper.update.epsilon, 1.0)
    return most / (gain / (1 - hyper.update.momentum))
