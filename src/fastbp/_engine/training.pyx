"""Training: blocks of mini-batches in one call without the GIL.

A `Training` lives for one `fit`. Its caller asks for a number of batches at a time and looks after everything else in
between: callbacks, progress, signals. Threads are ordinary Python threads that run one worker each for the length of a
call.
"""

import numpy as np

from libc.math cimport NAN, isfinite
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy

from fastbp._engine.buffers cimport View, view
from fastbp._engine.data cimport Data
from fastbp._engine.dispatch cimport kernels
from fastbp._engine.engine cimport Program, fpmode_enter, fpmode_leave
from fastbp._engine.kernels cimport Kernels, idx
from fastbp._engine.losses cimport sum_of_weights
from fastbp._engine.optimizers cimport (
    Hyper, clock_of, is_plain, n_norms, read_hyper, take_average, take_step, tick
)
from fastbp._engine.passes cimport Batches, can_postpone, limit_weights, loss_and_gradient, take_postponed
from fastbp._engine.program cimport at, barrier_wait
from fastbp._engine.rng cimport batch_seed
from fastbp._engine.rng cimport shuffle as permute
from fastbp._engine.rng cimport stream
from fastbp._engine.threads cimport Threads
from fastbp._engine.workspace cimport Workspace, bytes_of


cdef bint run_block(Block* b, Position* at_batch, int thread, int n_threads) noexcept nogil:
    """Train; False at a batch whose loss is not finite, before anything is updated by it.

    Run by all threads at once, each with copies of both arguments; see passes.pyx.
    """
    cdef Batches* batches = &b.batches
    cdef const Kernels* k = batches.run.kernels
    cdef idx n_per_epoch = (b.n_rows + b.batch_size - 1) // b.batch_size
    cdef bint plain = is_plain(&b.hyper)
    cdef idx n_done = 0
    cdef idx n_finished = 0
    cdef idx begin, n
    cdef double loss
    cdef double rate = b.hyper.learning_rate
    batches.order = b.order
    batches.postpones = (b.batch_size == 1 and n_threads == 1 and plain and b.rates == NULL and b.hyper.ema == 0
                         and can_postpone(batches))
    while n_done < b.n_batches and n_finished < b.n_epochs:
        if at_batch.batch == 0 and b.shuffles:
            if thread == 0:
                permute(b.order, b.n_rows, stream(b.seed, <uint64_t> at_batch.epoch))
            barrier_wait(batches.run.barrier)
        begin = at_batch.batch * b.batch_size
        n = min(b.batch_size, b.n_rows - begin)
        batches.targets.order = batches.order + begin if b.order != NULL else NULL
        batches.targets.first = begin
        batches.targets.weight = sum_of_weights(&batches.targets, n)
        if batches.targets.weight > 0:      # a batch of weight 0 has no mean, and says nothing
            if b.rates != NULL:
                rate = b.rates[n_done]
            batches.run.step = -rate if plain and n <= batches.capacity else 0
            batches.run.seed = batch_seed(b.seed, at_batch.n_batches)
            loss = loss_and_gradient(batches, begin, n, thread, n_threads)
            if not isfinite(loss):
                return False
            if batches.run.step == 0 or not b.fused:
                take_step(k, &b.hyper, &at_batch.clock, rate, &b.arrays, batches.run.step != 0, batches.run.barrier,
                          thread, n_threads)
                barrier_wait(batches.run.barrier)
                if batches.has_limits:
                    limit_weights(batches, thread, n_threads)
                    barrier_wait(batches.run.barrier)
            if b.hyper.ema != 0:
                take_average(k, &b.hyper, &at_batch.clock, &b.arrays, thread, n_threads)
                barrier_wait(batches.run.barrier)
            tick(&b.hyper, &at_batch.clock)
            at_batch.batch_loss = loss / batches.targets.weight
            at_batch.loss += loss
            at_batch.weight += batches.targets.weight
        else:                               # threads must not drift apart, even where there is nothing to do
            barrier_wait(batches.run.barrier)
        at_batch.batch += 1
        at_batch.n_batches += 1
        n_done += 1
        if at_batch.batch == n_per_epoch:
            if thread == 0:
                b.losses[n_finished] = at_batch.loss / at_batch.weight
            n_finished += 1
            at_batch.epoch += 1
            at_batch.batch = 0
            at_batch.loss = 0
            at_batch.weight = 0
    take_postponed(batches)
    return True


def permutation(idx n_rows, uint64_t seed, idx epoch):
    """Return the order in which a training with this seed takes n_rows rows in this epoch, (n_rows,) of intp."""
    order = np.empty(n_rows, np.intp)
    cdef View held = view(order, "order", n_rows, b"i", True)
    with nogil:
        permute(<idx*> held.data, n_rows, stream(seed, <uint64_t> epoch))
    return order


cdef idx rows_to_an_update(idx n_rows, idx batch_size, idx accumulate) noexcept nogil:
    return batch_size * accumulate if batch_size < n_rows and accumulate <= n_rows // batch_size else n_rows


cdef idx rows_at_once(Program program, idx mini_batch, idx batch_size, bint called) noexcept:
    """How many samples go through at once: of a mini-batch, or fewer; all of a batch for a loss that is called."""
    return batch_size if called else program.rows_at_once(mini_batch, True)


def footprint(Program program, optimizer, idx n_rows, idx batch_size, idx accumulate, int n_threads, bint shuffle,
              bint called, bint scheduled):
    """Return the bytes that a `Training` with these arguments takes: its copies and gradient, and its workspace."""
    cdef Hyper hyper = read_hyper(optimizer)
    cdef idx size = program.bits // 8
    cdef idx mini_batch = min(batch_size, n_rows)
    cdef idx batch = rows_to_an_update(n_rows, batch_size, accumulate)
    cdef idx capacity = rows_at_once(program, mini_batch, batch, called)
    cdef idx n_arrays = 1 + hyper.update.n_states + (hyper.ema != 0)
    if scheduled or not (is_plain(&hyper) and program.fuses and batch <= capacity):
        n_arrays += 1
    workspace = bytes_of(kernels(program.bits), program.ops, program.n_ops, capacity, 1 if called else n_threads, True)
    return (n_arrays * program.n_params + program.n_buffers) * size, workspace + shuffle * n_rows * <idx> sizeof(idx)


cdef void* allocated(void* memory) except NULL:
    if memory == NULL:
        raise MemoryError("no memory to train with")
    return memory


cdef char* copy_between(View array, char* saved, idx size, bint back) noexcept nogil:
    """Copy an array, if there is one, to or back from memory; return where that ends."""
    if array is None:
        return saved
    if back:
        memcpy(array.data, saved, array.n * size)
    else:
        memcpy(saved, array.data, array.n * size)
    return saved + array.n * size


cdef class Training(Threads):
    """One `fit`: data, optimiser, and where it stands.

    Parameters
    ----------
    program : Program
        Held by `Exclusive` for as long as this trains it.
    data : Data
    optimizer : dict
        The configuration of an optimiser: "kind" and its hyper-parameters.
    states : ndarray of shape (n_states, n_params), or None
        The optimiser's memory, worked on in place.
    n_steps : int
        Updates made before, with these states.
    batch_size, epoch : int
        Epochs count from `epoch`, which with the seed decides the order of the rows.
    shuffle : bool
    seed : int
    n_threads : int
    accumulate : int
        Mini-batches of batch_size samples to an update. What is called a batch elsewhere here is all of them.
    average : ndarray of shape (n_params,), or None
        The running average of the parameters, worked on in place, if the optimiser's "ema" asks for one.
    averages : bool
        Whether it has begun.
    n_batches : int
        Batches done before, which with the seed decides what is drawn in each.
    """

    cdef Program program
    cdef Data data
    cdef Workspace workspace
    cdef View states
    cdef View average
    cdef Hyper hyper
    cdef Position position
    cdef Position saved_position
    cdef Block block
    cdef idx* order
    cdef void* grads
    cdef double* norms
    cdef void* saved            # parameters, buffers, states, average
    cdef idx batch_size
    cdef idx mini_batch
    cdef uint64_t seed
    cdef bint shuffles
    cdef int n_threads
    cdef bint finite

    def __cinit__(self, Program program, Data data, optimizer, states, n_steps, idx batch_size, idx epoch,
                  bint shuffle, uint64_t seed, int n_threads, idx accumulate=1, average=None, bint averages=False,
                  uint64_t n_batches=0):
        self.program = program
        self.data = data
        self.mini_batch = min(batch_size, data.n_rows)
        self.batch_size = rows_to_an_update(data.n_rows, batch_size, accumulate)
        self.shuffles = shuffle
        self.seed = seed
        self.n_threads = n_threads if data.loss.call is None else 1
        self.position.epoch = epoch
        self.position.n_batches = n_batches
        if shuffle:
            self.order = <idx*> allocated(malloc(data.n_rows * sizeof(idx)))
        program.check_batches(data.n_rows, self.mini_batch)
        self.set_optimizer(optimizer, states, n_steps, average, averages)

    def __dealloc__(self):
        free(self.order)
        free(self.grads)
        free(self.norms)
        free(self.saved)

    @property
    def epoch(self):
        return self.position.epoch

    @property
    def batch(self):
        return self.position.batch

    @property
    def n_batches_per_epoch(self):
        return (self.data.n_rows + self.batch_size - 1) // self.batch_size

    @property
    def n_batches_done(self):
        return self.position.n_batches

    @property
    def loss(self):
        """Mean over the samples of the epoch so far; NaN if none had a weight."""
        return self.position.loss / self.position.weight if self.position.weight > 0 else NAN

    @property
    def weight(self):
        """Sum of the weights of the samples of the epoch so far."""
        return self.position.weight

    @property
    def n_steps(self):
        return self.position.clock.n_steps

    @property
    def averages(self):
        return bool(self.position.clock.averages)

    @property
    def batch_loss(self):
        return self.position.batch_loss

    def __enter__(self):
        self.workspace = self.program.borrow(self.capacity(), self.n_threads, True)
        return self

    def __exit__(self, *error):
        self.program.put_back(self.workspace)
        self.workspace = None

    cdef idx capacity(self) noexcept:
        return rows_at_once(self.program, self.mini_batch, self.batch_size, self.data.loss.call is not None)

    def set_optimizer(self, optimizer, states, n_steps, average=None, bint averages=False):
        """Take an optimiser, or new hyper-parameters of the same; arguments as in the class."""
        cdef Hyper hyper = read_hyper(optimizer)
        cdef idx n_params = self.program.n_params
        cdef idx size = self.program.bits // 8
        cdef View memory = None
        cdef View mean = None
        if hyper.update.n_states:
            memory = view(states, "states", hyper.update.n_states * n_params, self.program.format(), True)
        if hyper.ema != 0:
            mean = view(average, "average", n_params, self.program.format(), True)
        if not (is_plain(&hyper) and self.program.fuses and self.batch_size <= self.capacity()):
            self.need_gradient()
        if self.norms == NULL and hyper.clip_norm != 0:
            self.norms = <double*> allocated(calloc(n_norms(n_params), sizeof(double)))
        self.saved = allocated(realloc(self.saved, ((2 + hyper.update.n_states) * n_params + self.program.n_buffers)
                                       * size))
        self.states = memory
        self.average = mean
        self.hyper = hyper
        self.position.clock = clock_of(&hyper, n_steps, averages)

    cdef int need_gradient(self) except -1:
        if self.grads == NULL:
            self.grads = allocated(calloc(self.program.n_params, self.program.bits // 8))
        return 0

    def train(self, idx n_batches, losses, rates=None):
        """Train for n_batches, or until as many epochs have ended as there is room for their losses.

        Parameters
        ----------
        n_batches : int
        losses : ndarray of shape (n_epochs,), float64
            OUT: the loss of each epoch that ended.
        rates : ndarray of shape (n_batches,), float64, or None
            The learning rate of each batch, in place of the optimiser's.

        Returns
        -------
        bool
            False at a batch whose loss is not finite, which then has updated nothing.
        """
        cdef View result = view(losses, "losses", -1, b"d", True)
        cdef View scheduled = None if rates is None else view(rates, "rates", n_batches, b"d")
        if scheduled is not None:       # a rate of 0 cannot be part of the weights' product
            self.need_gradient()
        self.block.rates = NULL if scheduled is None else <const double*> scheduled.data
        self.block.batches = self.program.batches(self.workspace, self.data.x)
        self.data.fill(self.program, &self.block.batches)
        self.block.batches.capacity = self.capacity()
        self.block.batches.run.grads = self.grads
        self.block.batches.run.training = True
        self.block.batches.run.skips_frozen = True
        self.block.batches.first_op = self.program.first_trainable
        self.block.hyper = self.hyper
        self.block.arrays.n_params = self.program.n_params
        self.block.arrays.params = self.program.params.data
        self.block.arrays.grads = self.grads
        self.block.arrays.states = NULL if self.states is None else self.states.data
        self.block.arrays.average = NULL if self.average is None else self.average.data
        self.block.arrays.norms = self.norms
        self.block.n_rows = self.data.n_rows
        self.block.batch_size = self.batch_size
        self.block.shuffles = self.shuffles
        self.block.seed = self.seed
        self.block.order = self.order
        self.block.arrays.parts = self.program.parts
        self.block.arrays.n_parts = self.program.n_parts
        self.block.fused = self.program.fuses
        self.block.n_batches = n_batches
        self.block.n_epochs = result.n
        self.block.losses = <double*> result.data
        if self.data.loss.call is None:
            self.run(self.n_threads)
        else:
            self.run_called(n_batches)
        return bool(self.finite)

    cdef int run_called(self, idx n_batches) except -1:
        """What `run` is for other losses, for one that is called: batch by batch, in this thread alone.

        The block ends with the epoch, so that no loss of an epoch is lost if the call raises. A batch whose call does
        has changed nothing.
        """
        cdef idx epoch = self.position.epoch
        self.block.n_batches = 1
        self.finite = True
        while n_batches > 0 and self.finite and self.position.epoch == epoch:
            self.run_called_batch()
            n_batches -= 1
        return 0

    cdef int run_called_batch(self) except -1:
        cdef Block* b = &self.block
        cdef idx begin = self.position.batch * b.batch_size
        cdef idx n = min(b.batch_size, b.n_rows - begin)
        cdef View _held
        cdef uint64_t mode
        if self.shuffles and self.position.batch == 0:
            permute(b.order, b.n_rows, stream(b.seed, <uint64_t> self.position.epoch))
        b.batches.order = b.order if self.shuffles else NULL
        b.batches.targets.order = b.order + begin if self.shuffles else NULL
        b.batches.targets.first = begin
        if sum_of_weights(&b.batches.targets, n) > 0:
            b.batches.run.seed = batch_seed(b.seed, self.position.n_batches)
            rows = slice(begin, begin + n)
            if self.shuffles:
                rows = np.frombuffer((<char*> (b.order + begin))[:n * sizeof(idx)], np.intp)
            _held = self.data.forward(self.program, &b.batches, begin, n, rows)
        with nogil:
            mode = fpmode_enter()
            self.finite = run_block(b, &self.position, 0, 1)
            fpmode_leave(mode)
        return 0

    cdef void work(self, int thread) noexcept:
        """One thread's part of `train`."""
        cdef Block block = self.block
        cdef Position position = self.position
        cdef int n_threads = self.n_threads
        cdef uint64_t mode
        cdef bint finite
        with nogil:
            mode = fpmode_enter()
            finite = run_block(&block, &position, thread, n_threads)
            fpmode_leave(mode)
        if thread == 0:
            self.position = position
            self.finite = finite

    def save(self):
        """Remember parameters, buffers, states, average and position."""
        self.copy(False)
        self.saved_position = self.position

    def restore(self):
        """Go back to what `save` remembered."""
        self.copy(True)
        self.position = self.saved_position

    cdef void copy(self, bint back) noexcept:
        cdef idx size = self.program.bits // 8
        cdef char* saved = <char*> self.saved
        with nogil:
            saved = copy_between(self.program.params, saved, size, back)
            saved = copy_between(self.program.buffers, saved, size, back)
            saved = copy_between(self.states, saved, size, back)
            copy_between(self.average, saved, size, back)

    def params_are_finite(self):
        """Whether every parameter, every buffer, and every state of the optimiser, is finite."""
        cdef const Kernels* k = self.workspace.kernels
        cdef const void* states = NULL if self.states is None else self.states.data
        cdef idx n_states = 0 if self.states is None else self.hyper.update.n_states * self.program.n_params
        cdef bint finite
        with nogil:
            finite = (k.all_finite(self.program.params.data, self.program.n_params)
                      and k.all_finite(self.program.buffers.data, self.program.n_buffers)
                      and k.all_finite(states, n_states))
        return bool(finite)

    def first_layer_not_finite(self, bint outputs):
        """The first layer with outputs of the last batch, or else parameters, that are not finite; -1 if none."""
        cdef const Kernels* k = self.workspace.kernels
        cdef idx n_panels, p
        cdef int i
        for i in range(self.program.n_ops):
            op = &self.program.ops[i]
            if not outputs:
                if not (k.all_finite(at(self.program.params.data, op.params, k), op.n_params)
                        and k.all_finite(at(self.program.buffers.data, op.buffers, k), op.n_buffers)):
                    return op.layer
                continue
            slot = &self.workspace.slots[i + 1]
            n_panels = (self.capacity() + k.panel - 1) // k.panel
            for p in range(n_panels):
                if not k.all_finite(at(slot.value, p * slot.stride, k), op.n_out * k.panel):
                    return op.layer
        return -1
