# exp, log, tanh and their kin of a vector, in both dtypes and on every target.
#
# Each function reduces its argument to a short interval around 0, evaluates a polynomial there (from vmath_tables.h)
# and undoes the reduction. A result is written as something exact plus a small correction, and a result that saturates
# as something that no longer depends on its argument, so that errors do not add up: at most 3 ulp, with or without
# fused multiply-add. NaN, infinities, overflow, signed zeros and denormal results come out as IEEE 754 has them.
# (Where denormals are flushed, as they are while the engine computes, one of them counts as 0: its log is -inf.)
# No lane, no branch and no library function: the order of operations is the one written here, and every target with
# fused multiply-add gives the same bits.
#
# The largest error over every float32, in ulp, with fused multiply-add (tests/test_vmath.py, FASTBP_SWEEP_STRIDE=1):
#     exp 1.05   expm1 1.60   log 0.97   tanh 2.44   sigmoid 2.40   softplus 1.89   erf 2.71   gauss 1.60
#
# Sources: W. J. Cody & W. Waite, Software Manual for the Elementary Functions (1980), for ln 2 in two parts, the first
# so short that a small multiple of it is exact; J.-M. Muller, Elementary Functions (3rd ed. 2016), for the rest. The
# coefficients are our own, by Remez's algorithm: tools/vmath_coefficients.py.

from libc.math cimport INFINITY, NAN

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


# c[0] + c[step] t + c[2 step] t^2 + ..., by Horner's rule
cdef inline vec horner(vec t, const real* c, int step, int terms) noexcept nogil:
    cdef vec total = vsplat(c[(terms - 1) * step])
    cdef int i
    for i in range(terms - 2, -1, -1):
        total = vfma(total, t, vsplat(c[i * step]))
    return total


# c[0] + c[1] t + c[2] t^2 + .... Many terms: even and odd powers apart, which halves the chain of dependent operations
cdef inline vec polynomial(vec t, const real* c, int terms) noexcept nogil:
    cdef vec t2
    if terms < 8:
        return horner(t, c, 1, terms)
    t2 = t * t
    return vfma(t, horner(t2, c + 1, 2, terms // 2), horner(t2, c, 2, (terms + 1) // 2))


cdef inline vec clamp(vec x, real low, real high) noexcept nogil:
    return vmin(vmax(x, vsplat(low)), vsplat(high))


# exp(x) = 2^n exp(r), |r| <= ln(2) / 2. First n, in the form that vpow2_floor and vpow2_ceil take; then r.
cdef inline vec exponent_of_exp(vec x) noexcept nogil:
    return vfma(x, vsplat(LOG2_E), vsplat(ROUNDER))


cdef inline vec remainder_of_exp(vec x, vec k) noexcept nogil:
    cdef vec n = k - vsplat(ROUNDER)
    return vfma(n, vsplat(-LN2_LOW), vfma(n, vsplat(-LN2_HIGH), x))


# exp(r) - 1
cdef inline vec expm1_of_remainder(vec r) noexcept nogil:
    return vfma(r * r, polynomial(r, EXPM1_P, EXPM1_TERMS), r)


# factor 2^n exp(r): of the three products only the last may round
cdef inline vec scaled_exp(vec factor, vec k, vec r) noexcept nogil:
    return vfma(factor, expm1_of_remainder(r), factor) * vpow2_floor(k) * vpow2_ceil(k)


cdef inline vec exp_of_clamped(vec x) noexcept nogil:
    cdef vec k = exponent_of_exp(x)
    return scaled_exp(vsplat(1), k, remainder_of_exp(x, k))


cdef inline vec exp_of_minus_abs(vec x) noexcept nogil:
    return exp_of_clamped(vmax(vminus_abs(x), vsplat(EXP_LOWEST)))


# log(1 + u) for sqrt(1/2) - 1 <= u <= 1: 2 artanh(s) = 2 s + s z P(z), s = u / (2 + u), z = s^2. As 2 s = u - s u,
# this is u and a correction.
cdef inline vec log1p_of_small(vec u) noexcept nogil:
    cdef vec s = u / (vsplat(2) + u)
    cdef vec z = s * s
    return vfma(-s, vfma(-z, polynomial(z, LOG1P_P, LOG1P_TERMS), u), u)


cdef inline vec vexp(vec x) noexcept nogil:
    return exp_of_clamped(clamp(x, EXP_LOWEST, EXP_HIGHEST))


# 2^n (exp(r) - 1) + (2^n - 1), the factor 2^ceil(n / 2) applied last. An addition may lose the sign of a zero.
cdef inline vec vexpm1(vec x) noexcept nogil:
    cdef vec clamped = clamp(x, EXP_LOWEST, EXP_HIGHEST)
    cdef vec k = exponent_of_exp(clamped)
    cdef vec p = expm1_of_remainder(remainder_of_exp(clamped, k))
    cdef vec floor = vpow2_floor(k)
    cdef vec ceil = vpow2_ceil(k)
    return vnegative_as(vfma(floor, p, floor - vpow2_inverse(ceil)) * ceil, x)


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
    cdef vec a = vmin(vabs(x), vsplat(TANH_LIMIT))
    cdef vec k = vfma(a, vsplat(2 * LOG2_E), vsplat(POW2_ROUNDER))
    cdef vec n = k - vsplat(POW2_ROUNDER)
    cdef vec r = vfma(n, vsplat(<real> -0.5 * LN2_LOW), vfma(n, vsplat(<real> -0.5 * LN2_HIGH), a))
    cdef vec y = r * r
    cdef vec t = vfma(r * y, polynomial(y, TANH_P, TANH_TERMS), r)
    cdef vec s = vpow2(k)
    return vnegative_as(vfma(t, s + one, s - one) / vfma(t, s - one, s + one), x)


# erf|x| = 1 - (1 - v / 8)^8, after an idea of C. Hastings (1955). First w / 2 = 1 - (1 - v / 8)^4, multiplied out so
# that v leads, then w - w^2 / 4 = 1 - (1 - w / 2)^2: where this comes close to 1, an error in w no longer matters.
cdef inline vec verf(vec x) noexcept nogil:
    cdef vec a = vmin(vabs(x), vsplat(ERF_LIMIT))
    cdef vec v = vfma(a, polynomial(a, ERF_P, ERF_TERMS), a)
    cdef vec cubic = vfma(v, vsplat(<real> (-1. / 2048)), vsplat(<real> (1. / 64)))
    cdef vec w = vfma(v * v, vfma(v, cubic, vsplat(<real> (-3. / 16))), v)
    return vnegative_as(vfma(w * vsplat(<real> -0.25), w, w), x)


# 1 / (1 + exp(-x)), and with exp(x) above and below for x < 0, which keeps the tail exact
cdef inline vec vsigmoid(vec x) noexcept nogil:
    cdef vec e = exp_of_minus_abs(x)
    return vselect(vless(x, vsplat(0)), e, vsplat(1)) / (vsplat(1) + e)


# log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))
cdef inline vec vsoftplus(vec x) noexcept nogil:
    return vmax(x, vsplat(0)) + log1p_of_small(exp_of_minus_abs(x))


# exp(-x^2 / 2) / sqrt(2 pi). An absolute error in x^2 is a relative one here, so x^2 is taken in two parts: the square
# of the leading half of x's bits, which is exact, and the rest.
cdef inline vec vgauss(vec x) noexcept nogil:
    cdef vec minus_half = vsplat(<real> -0.5)
    cdef vec a = vmin(vabs(x), vsplat(GAUSS_LIMIT))
    cdef vec high = vhigh_half(a)
    cdef vec leading = minus_half * (high * high)
    cdef vec k = exponent_of_exp(leading)
    cdef vec r = vfma(minus_half * (a - high), a + high, remainder_of_exp(leading, k))
    return scaled_exp(vsplat(INV_SQRT_2PI), k, r)


ctypedef vec (*function_of_vec)(vec) noexcept nogil


# out OUT (n,) = f(x), f by its place in dispatch.MATH_FUNCTIONS; for tests
cdef void math_apply(int which, const real* x, real* out, Py_ssize_t n) noexcept nogil:
    cdef function_of_vec functions[8]
    cdef function_of_vec f
    cdef real tail[LANES]
    cdef Py_ssize_t whole = n - n % LANES
    cdef Py_ssize_t i = 0
    functions[0], functions[1], functions[2], functions[3] = vexp, vexpm1, vlog, vtanh
    functions[4], functions[5], functions[6], functions[7] = vsigmoid, vsoftplus, verf, vgauss
    f = functions[which]
    while i < whole:
        vstore(out + i, f(vload(x + i)))
        i += LANES
    for i in range(LANES):
        tail[i] = x[whole + i] if whole + i < n else 0
    vstore(tail, f(vload(tail)))
    for i in range(n - whole):
        out[whole + i] = tail[i]
