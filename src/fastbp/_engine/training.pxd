from libc.stdint cimport uint64_t

from fastbp._engine.buffers cimport View
from fastbp._engine.kernels cimport idx
from fastbp._engine.optimizers cimport Arrays, Clock, Hyper
from fastbp._engine.passes cimport Batches


# Where a training stands: the next batch, and the sums of the epoch so far.
ctypedef struct Position:
    idx epoch
    idx batch
    double loss             # sum(w_i l_i)
    double weight           # sum(w_i)
    double batch_loss       # mean of the last batch
    Clock clock             # the optimiser's
    uint64_t n_batches      # batches done in training this network


ctypedef struct Block:
    Batches batches
    Hyper hyper
    Arrays arrays           # what the optimiser works on
    const double* rates     # IN (n_batches,): the learning rate of each, or NULL
    idx n_rows
    idx batch_size
    bint shuffles           # each epoch anew
    uint64_t seed
    idx* order              # IN: the rows in the order of the batches, INOUT if it shuffles; NULL: as they lie
    bint fused              # a step of plain SGD updates all of it by itself
    idx n_batches           # to be done, at most
    idx n_epochs            # to be finished, at most
    double* losses          # OUT (n_epochs,): the loss of each epoch that ends in this block


cdef bint run_block(Block* b, Position* at_batch, int thread, int n_threads) noexcept nogil
cdef idx rows_to_an_update(idx n_rows, idx batch_size, idx accumulate) noexcept nogil
cdef char* copy_between(View array, char* saved, idx size, bint back) noexcept nogil
