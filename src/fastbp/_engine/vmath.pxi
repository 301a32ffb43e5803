# exp, log, tanh and their kin of a vector, in both dtypes and on every target.
#
# One way for all: reduce the argument, evaluate (x + x t P(t)) / D(t) with the polynomials of vmath_tables.h, undo
# the reduction. Every lane does the same, without a branch, in an order of operations that is written down here, so
# every target with fused multiply-add gives the same bits. At most 3 ulp of error; what is not a number, infinite, too
# large or too small for the dtype comes out as IEEE 754 has it, denormal results included.
#
# Sources: W. J. Cody & W. Waite, Software Manual for the Elementary Functions (1980), for the reduction with ln 2 in
# two parts, the first with so few bits that a small multiple of it is exact; J.-M. Muller, Elementary Functions (3rd
# ed. 2016), for the forms; Remez's algorithm for the coefficients, in tools/vmath_coefficients.py.

from libc.math cimport INFINITY, NAN

from fastbp._engine.vmath_names cimport *

cdef extern from "vmath_tables.h" nogil:
    enum:
        EXPM1_TERMS, LOG1P_TERMS, TANH_TERMS, ERF_TERMS
    const real* EXPM1_P
    const real* LOG1P_P
    const real* TANH_P
    const real* ERF_P
    const real EXP_LOWEST, EXP_HIGHEST, GAUSS_LIMIT, TANH_LIMIT, ERF_LIMIT
    const real LOG2_E, LN2_HIGH, LN2_LOW, SQRT_HALF, INV_SQRT_2PI
    const real SMALLEST_NORMAL, DENORMAL_SCALE, DENORMAL_SCALE_LOG2


# c[0] + c[1] t + ... + c[terms - 1] t^(terms - 1)
cdef inline vec polynomial(vec t, const real* c, int terms) noexcept nogil:
    cdef vec total = vsplat(c[terms - 1])
    cdef int i
    for i in range(terms - 2, -1, -1):
        total = vfma(total, t, vsplat(c[i]))
    return total


cdef inline vec clamp(vec x, real low, real high) noexcept nogil:
    return vmin(vmax(x, vsplat(low)), vsplat(high))


# exp(x) = 2^n exp(r): the n of a clamped x, as vpow2_floor and vpow2_ceil take it, ...
cdef inline vec nearest_power(vec x) noexcept nogil:
    return vfma(x, vsplat(LOG2_E), vsplat(ROUNDER))


# ... and r, |r| <= ln(2) / 2
cdef inline vec remainder(vec x, vec k) noexcept nogil:
    cdef vec n = k - vsplat(ROUNDER)
    return vfma(n, vsplat(-LN2_LOW), vfma(n, vsplat(-LN2_HIGH), x))


# exp(r) - 1
cdef inline vec expm1_of_remainder(vec r) noexcept nogil:
    return vfma(r * r, polynomial(r, EXPM1_P, EXPM1_TERMS), r)


cdef inline vec exp_of_clamped(vec x) noexcept nogil:
    cdef vec k = nearest_power(x)
    return (vsplat(1) + expm1_of_remainder(remainder(x, k))) * vpow2_floor(k) * vpow2_ceil(k)


cdef inline vec exp_of_minus_abs(vec x) noexcept nogil:
    return exp_of_clamped(vmax(vminus_abs(x), vsplat(EXP_LOWEST)))


# log(1 + u) = 2 artanh(s), s = u / (2 + u), for sqrt(1/2) - 1 <= u <= 1; written so that u itself, which is exact, leads
cdef inline vec log1p_of_small(vec u) noexcept nogil:
    cdef vec s = u / (vsplat(2) + u)
    cdef vec z = s * s
    return vfma(-s, vfma(-z, polynomial(z, LOG1P_P, LOG1P_TERMS), u), u)


cdef inline vec vexp(vec x) noexcept nogil:
    return exp_of_clamped(clamp(x, EXP_LOWEST, EXP_HIGHEST))


# 2^n (exp(r) - 1) + (2^n - 1), both divided by 2^ceil(n / 2) until the end
cdef inline vec vexpm1(vec x) noexcept nogil:
    cdef vec clamped = clamp(x, EXP_LOWEST, EXP_HIGHEST)
    cdef vec k = nearest_power(clamped)
    cdef vec low = vpow2_floor(k)
    cdef vec high = vpow2_ceil(k)
    cdef vec p = expm1_of_remainder(remainder(clamped, k))
    return vcopysign(vfma(low, p, low - vpow2_inverse(high)) * high, x)


# x = m 2^n: n log(2) + log(m), a denormal scaled up first
cdef inline vec vlog(vec x) noexcept nogil:
    cdef vec zero = vsplat(0)
    cdef vec infinity = vsplat(<real> INFINITY)
    cdef ivec denormal = vless(x, vsplat(SMALLEST_NORMAL))
    cdef vec scaled = x * vselect(denormal, vsplat(DENORMAL_SCALE), vsplat(1))
    cdef vec n = vexponent(scaled, SQRT_HALF) - vselect(denormal, vsplat(DENORMAL_SCALE_LOG2), zero)
    cdef vec log_m = log1p_of_small(vmantissa(scaled, SQRT_HALF) - vsplat(1))
    cdef vec positive = vfma(n, vsplat(LN2_HIGH), vfma(n, vsplat(LN2_LOW), log_m))
    return vselect(vless(zero, x), vselect(vless(x, infinity), positive, infinity),
                   vselect(vequal(x, zero), -infinity, vsplat(<real> NAN)))


# With |x| = n log(2) / 2 + r and exp(2 r) = (1 + t) / (1 - t), t = tanh(r): tanh|x| = (2^n (1 + t) - (1 - t)) / (2^n
# (1 + t) + (1 - t)). Where this comes close to 1, an error in t no longer matters.
cdef inline vec vtanh(vec x) noexcept nogil:
    cdef vec one = vsplat(1)
    cdef vec a = vmin(-vminus_abs(x), vsplat(TANH_LIMIT))
    cdef vec k = vfma(a, vsplat(2 * LOG2_E), vsplat(POW2_ROUNDER))
    cdef vec n = k - vsplat(POW2_ROUNDER)
    cdef vec r = vfma(n, vsplat(<real> -0.5 * LN2_LOW), vfma(n, vsplat(<real> -0.5 * LN2_HIGH), a))
    cdef vec y = r * r
    cdef vec t = vfma(r * y, polynomial(y, TANH_P, TANH_TERMS), r)
    cdef vec s = vpow2(k)
    return vcopysign(vfma(t, s + one, s - one) / vfma(t, s - one, s + one), x)


# erf|x| = 1 - (1 - v / 8)^8, after an idea of C. Hastings (1955). First w / 2 = 1 - (1 - v / 8)^4, multiplied out so
# that v leads, then w - w^2 / 4 = 1 - (1 - w / 2)^2: where this comes close to 1, an error in w no longer matters.
cdef inline vec verf(vec x) noexcept nogil:
    cdef vec a = vmin(-vminus_abs(x), vsplat(ERF_LIMIT))
    cdef vec v = vfma(a, polynomial(a, ERF_P, ERF_TERMS), a)
    cdef vec cubic = vfma(v, vsplat(<real> (-1. / 2048)), vsplat(<real> (1. / 64)))
    cdef vec w = vfma(v * v, vfma(v, cubic, vsplat(<real> (-3. / 16))), v)
    return vcopysign(vfma(w * vsplat(<real> -0.25), w, w), x)


# 1 / (1 + exp(-x)), and with exp(x) above and below for x < 0, which keeps the tail exact
cdef inline vec vsigmoid(vec x) noexcept nogil:
    cdef vec e = exp_of_minus_abs(x)
    return vselect(vless(x, vsplat(0)), e, vsplat(1)) / (vsplat(1) + e)


# log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))
cdef inline vec vsoftplus(vec x) noexcept nogil:
    return vmax(x, vsplat(0)) + log1p_of_small(exp_of_minus_abs(x))


# exp(-x^2 / 2) / sqrt(2 pi). An error in x^2 is multiplied by x^2 / 2, so x^2 is taken in two parts.
cdef inline vec vgauss(vec x) noexcept nogil:
    cdef vec c = clamp(x, -GAUSS_LIMIT, GAUSS_LIMIT)
    cdef vec high = vhigh_half(c)
    cdef vec minus_half = vsplat(<real> -0.5)
    cdef vec leading = minus_half * (high * high)
    cdef vec k = nearest_power(leading)
    cdef vec r = vfma(minus_half * (c - high), c + high, remainder(leading, k))
    return (vsplat(INV_SQRT_2PI) + vsplat(INV_SQRT_2PI) * expm1_of_remainder(r)) * vpow2_floor(k) * vpow2_ceil(k)


ctypedef vec (*function_of_vec)(vec) noexcept nogil


# out OUT (n,) = function(x) for a function of vmath_names.pxd
cdef void math_apply(int which, const real* x, real* out, Py_ssize_t n) noexcept nogil:
    cdef function_of_vec functions[N_MATH_FUNCTIONS]
    cdef function_of_vec function
    cdef real tail[LANES]
    cdef Py_ssize_t i, left
    functions[MATH_EXP] = vexp
    functions[MATH_EXPM1] = vexpm1
    functions[MATH_LOG] = vlog
    functions[MATH_TANH] = vtanh
    functions[MATH_SIGMOID] = vsigmoid
    functions[MATH_SOFTPLUS] = vsoftplus
    functions[MATH_ERF] = verf
    functions[MATH_GAUSS] = vgauss
    function = functions[which]
    i = 0
    while i + LANES <= n:
        vstore(out + i, function(vload(x + i)))
        i += LANES
    left = n - i
    for i in range(LANES):
        tail[i] = x[n - left + i] if i < left else 0
    vstore(tail, function(vload(tail)))
    for i in range(left):
        out[n - left + i] = tail[i]
