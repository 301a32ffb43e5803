# simd.h as Cython sees it: include this file, never declare the vector type twice.
#
# `real`, `vec` and `ivec` are named after scalars, so + - * / and unary minus on two of a kind reach the C
# compiler as they stand. Comparisons do not (Cython would make a C int of them): use vless, vlesseq and vselect.
# A constant is a vector only after vsplat(<real>constant).

from libc.stdint cimport uint32_t, uint64_t


cdef extern from "simd.h" nogil:
    enum:
        FBP_BITS
        LANES
        QUAD
        STRIP_ROWS
        WORD_VECTORS
    ctypedef float real
    ctypedef float vec
    ctypedef int ivec
    ctypedef unsigned long long wvec

    wvec wload(const uint64_t* p)
    void wstore(uint32_t* p, wvec x)
    wvec wsplat(uint64_t x)
    vec vwords(const uint32_t* p)

    vec vload(const real* p)
    void vstore(real* p, vec x)
    vec vsplat(real x)
    vec vfma(vec a, vec b, vec c)
    vec vsqrt(vec x)
    vec vzip_low(vec a, vec b)
    vec vzip_high(vec a, vec b)
    vec vload_quads(const real** rows, Py_ssize_t offset)
    void vprefetch(const void* p)
    void vprefetch_far(const void* p)
    vec vmax(vec a, vec b)
    vec vmin(vec a, vec b)
    ivec vless(vec a, vec b)
    ivec vequal(vec a, vec b)
    ivec vlesseq(vec a, vec b)
    vec vselect(ivec mask, vec yes, vec no)

    const real ROUNDER, POW2_ROUNDER
    vec vabs(vec x)
    vec vminus_abs(vec x)
    vec vnegative_as(vec x, vec y)
    vec vhigh_half(vec x)
    vec vpow2(vec k)
    vec vpow2_floor(vec k)
    vec vpow2_ceil(vec k)
    vec vpow2_inverse(vec p)
    vec vexponent(vec x, real low)
    vec vmantissa(vec x, real low)
