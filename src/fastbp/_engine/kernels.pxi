# The kernels of one target and one dtype: included by the stubs kernels_<target>_f<bits>.pyx.
#
# What is where:  vmath.pxi        exp, log, tanh ... of a vector
#                 ahead.pxi        fetching what will be wanted soon
#                 gemm.pxi         the three matrix products
#                 gemv.pxi         the same for one sample
#                 layout.pxi       rows of samples <-> panels
#                 rows.pxi         the forward product with rows of samples as they lie
#                 activations.pxi  activations, softmax and their derivatives
#                 sums.pxi         sums over samples
#                 layer_norm.pxi   layer normalisation
#                 batch_norm.pxi   batch normalisation
#                 standardize.pxi  standardising, and the way back
#                 prelu.pxi        rectifiers whose slopes are learnt
#                 noise.pxi        dropout and noise
#                 embedding.pxi    vectors for categories
#                 penalties.pxi    penalties and limits of weights
#                 losses.pxi       losses and their gradients
#                 updates.pxi      optimiser steps
#                 peak.pxi         a loop of multiply-adds, for benchmarks
# and here the table that hands them out; kernels.pxd says what each does. Read that first.

from cpython.pycapsule cimport PyCapsule_New
from libc.math cimport floor, sqrt

from fastbp._engine.kernels cimport *

include "simd.pxi"
include "vmath.pxi"


# The first n reals of a vector: the rest is 0 when loaded, and left alone when stored.
cdef inline void load_tail(real* out, const real* x, idx n) noexcept nogil:
    cdef idx j
    for j in range(LANES):
        out[j] = x[j] if j < n else 0


cdef inline void store_tail(real* out, const real* x, idx n) noexcept nogil:
    cdef idx j
    for j in range(n):
        out[j] = x[j]


cdef real _lane_numbers[LANES]
for _i in range(LANES):
    _lane_numbers[_i] = <real> _i


include "activations.pxi"
include "ahead.pxi"
include "gemm.pxi"
include "layout.pxi"
include "rows.pxi"
include "gemv.pxi"
include "sums.pxi"
include "layer_norm.pxi"
include "batch_norm.pxi"
include "standardize.pxi"
include "prelu.pxi"
include "noise.pxi"
include "embedding.pxi"
include "penalties.pxi"
include "losses.pxi"
include "updates.pxi"
include "peak.pxi"


cdef void math(int function, const void* x, void* out, idx n) noexcept nogil:
    math_apply(function, <const real*> x, <real*> out, n)


cdef Kernels _table = Kernels(
    abi=KERNELS_ABI,
    bits=FBP_BITS,
    panel=PANEL,
    strip=N_ROWS,
    scratch=COPIED_GROUP * N_ROWS * (BACKWARD_BLOCK + 2 * LANES),
    pack_rows=pack_rows,
    pack_finite=pack_finite,
    unpack_rows=unpack_rows,
    transpose=transpose,
    product_forward=product_forward,
    rows_forward=rows_forward,
    product_backward=product_backward,
    product_weights=product_weights,
    row_forward=row_forward,
    row_backward=row_backward,
    row_weights=row_weights,
    row_step_forward=row_step_forward,
    activate=activate,
    activate_backward=activate_backward,
    softmax=softmax,
    softmax_backward=softmax_backward,
    softmax_row=softmax_row,
    softmax_backward_row=softmax_backward_row,
    sums=sums,
    sums_row=sums_row,
    sum_up=sum_up,
    add=add,
    multiply=multiply,
    layer_norm=layer_norm,
    layer_norm_backward=layer_norm_backward,
    layer_norm_row=layer_norm_row,
    layer_norm_backward_row=layer_norm_backward_row,
    batch_statistics=batch_statistics,
    normalize=normalize,
    normalize_backward=normalize_backward,
    normalize_row=normalize_row,
    normalize_backward_row=normalize_backward_row,
    follow=follow,
    rescale=rescale,
    rescale_row=rescale_row,
    join_moments=join_moments,
    prelu=prelu,
    prelu_backward=prelu_backward,
    prelu_row=prelu_row,
    prelu_backward_row=prelu_backward_row,
    dropout=dropout,
    dropout_row=dropout_row,
    gaussian_noise=gaussian_noise,
    gaussian_noise_row=gaussian_noise_row,
    embed=embed,
    embed_backward=embed_backward,
    weight_sums=weight_sums,
    penalize=penalize,
    limit_norms=limit_norms,
    loss=loss,
    update=update,
    sum_of_squares=sum_of_squares,
    all_finite=all_finite,
    largest=largest,
    math=math,
    fma_loop=fma_loop,
)

table = PyCapsule_New(&_table, "fastbp.Kernels", NULL)
