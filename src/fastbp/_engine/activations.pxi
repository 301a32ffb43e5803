# Activations and their derivatives, element by element, and the softmax, sample by sample.
#
# A derivative is written in the output a where that is exact enough, otherwise in the input z.


cdef inline vec value_of(int activation, vec z) noexcept nogil:
    cdef vec zero = vsplat(0)
    if activation == RELU:
        return vselect(vless(z, zero), zero, z)         # in this order NaN stays NaN
    if activation == LEAKY_RELU:
        return vselect(vless(z, zero), vsplat(<real> 0.01) * z, z)
    if activation == ELU:                               # Clevert, Unterthiner & Hochreiter 2015, alpha = 1
        return vselect(vless(z, zero), vexpm1(z), z)
    if activation == GELU:                              # Hendrycks & Gimpel 2016: z Phi(z), exact
        return vsplat(<real> 0.5) * z * (vsplat(1) + verf(z * vsplat(<real> 0.7071067811865476)))
    if activation == SILU:
        return z * vsigmoid(z)
    if activation == SIGMOID:
        return vsigmoid(z)
    if activation == TANH:
        return vtanh(z)
    if activation == SOFTPLUS:
        return vsoftplus(z)
    return z


cdef inline vec derivative_of(int activation, vec z, vec a) noexcept nogil:
    cdef vec zero = vsplat(0)
    cdef vec one = vsplat(1)
    cdef vec s
    if activation == RELU:                              # f'(0) = 0
        return vselect(vless(zero, a), one, zero)
    if activation == LEAKY_RELU:
        return vselect(vless(zero, a), one, vsplat(<real> 0.01))
    if activation == ELU:
        return vselect(vless(a, zero), a + one, one)
    if activation == GELU:                              # Phi(z) + z phi(z)
        return vfma(z, vgauss(z), vsplat(<real> 0.5) * (one + verf(z * vsplat(<real> 0.7071067811865476))))
    if activation == SILU:                              # s + z s (1 - s)
        s = vsigmoid(z)
        return vfma(z * s, one - s, s)
    if activation == SIGMOID:
        return a * (one - a)
    if activation == TANH:
        return one - a * a
    if activation == SOFTPLUS:
        return vsigmoid(z)
    return one


# One loop for every activation; n need not be a multiple of a vector.
cdef inline void value_loop(int activation, const real* z, real* a, idx n) noexcept nogil:
    cdef real tail[LANES]
    cdef idx i = 0
    cdef idx j
    while i + LANES <= n:
        vstore(a + i, value_of(activation, vload(z + i)))
        i += LANES
    if i < n:
        for j in range(LANES):
            tail[j] = z[i + j] if i + j < n else 0
        vstore(tail, value_of(activation, vload(tail)))
        for j in range(n - i):
            a[i + j] = tail[j]


# n is a multiple of a vector
cdef inline void derivative_loop(int activation, const real* z, const real* a, real* d, idx n) noexcept nogil:
    cdef idx i = 0
    while i < n:
        vstore(d + i, vload(d + i) * derivative_of(activation, vload(z + i), vload(a + i)))
        i += LANES


cdef void activate(int activation, const void* z, void* a, idx n) noexcept nogil:
    if activation == RELU:
        value_loop(RELU, <const real*> z, <real*> a, n)
    elif activation == LEAKY_RELU:
        value_loop(LEAKY_RELU, <const real*> z, <real*> a, n)
    elif activation == ELU:
        value_loop(ELU, <const real*> z, <real*> a, n)
    elif activation == GELU:
        value_loop(GELU, <const real*> z, <real*> a, n)
    elif activation == SILU:
        value_loop(SILU, <const real*> z, <real*> a, n)
    elif activation == SIGMOID:
        value_loop(SIGMOID, <const real*> z, <real*> a, n)
    elif activation == TANH:
        value_loop(TANH, <const real*> z, <real*> a, n)
    elif activation == SOFTPLUS:
        value_loop(SOFTPLUS, <const real*> z, <real*> a, n)
    elif z != a:
        value_loop(IDENTITY, <const real*> z, <real*> a, n)


cdef void activate_backward(int activation, const void* z, const void* a, void* d, idx n) noexcept nogil:
    if activation == RELU:
        derivative_loop(RELU, <const real*> z, <const real*> a, <real*> d, n)
    elif activation == LEAKY_RELU:
        derivative_loop(LEAKY_RELU, <const real*> z, <const real*> a, <real*> d, n)
    elif activation == ELU:
        derivative_loop(ELU, <const real*> z, <const real*> a, <real*> d, n)
    elif activation == GELU:
        derivative_loop(GELU, <const real*> z, <const real*> a, <real*> d, n)
    elif activation == SILU:
        derivative_loop(SILU, <const real*> z, <const real*> a, <real*> d, n)
    elif activation == SIGMOID:
        derivative_loop(SIGMOID, <const real*> z, <const real*> a, <real*> d, n)
    elif activation == TANH:
        derivative_loop(TANH, <const real*> z, <const real*> a, <real*> d, n)
    elif activation == SOFTPLUS:
        derivative_loop(SOFTPLUS, <const real*> z, <const real*> a, <real*> d, n)


# a (n_out, PANEL) = exp(z - max z) / sum, down each column
cdef void softmax(const void* z, void* a, idx n_out) noexcept nogil:
    cdef const real* x = <const real*> z
    cdef real* out = <real*> a
    cdef vec highest, total, e
    cdef idx j
    cdef int half, lane
    for half in range(2):
        lane = half * LANES
        highest = vload(x + lane)
        for j in range(1, n_out):
            highest = vmax(highest, vload(x + j * PANEL + lane))
        total = vsplat(0)
        for j in range(n_out):
            e = vexp(vload(x + j * PANEL + lane) - highest)
            total = total + e
            vstore(out + j * PANEL + lane, e)
        total = vsplat(1) / total
        for j in range(n_out):
            vstore(out + j * PANEL + lane, vload(out + j * PANEL + lane) * total)


# d INOUT (n_out, PANEL): dz_j = a_j (da_j - sum over i of a_i da_i)
cdef void softmax_backward(const void* a, void* d, idx n_out) noexcept nogil:
    cdef const real* p = <const real*> a
    cdef real* grad = <real*> d
    cdef vec dot
    cdef idx j
    cdef int half, lane
    for half in range(2):
        lane = half * LANES
        dot = vsplat(0)
        for j in range(n_out):
            dot = vfma(vload(p + j * PANEL + lane), vload(grad + j * PANEL + lane), dot)
        for j in range(n_out):
            vstore(grad + j * PANEL + lane,
                   vload(p + j * PANEL + lane) * (vload(grad + j * PANEL + lane) - dot))


# a (n_out,) OUT: the same numbers as `softmax` gives, for one sample
cdef void softmax_row(const void* z, void* a, idx n_out) noexcept nogil:
    cdef const real* x = <const real*> z
    cdef real* out = <real*> a
    cdef real tail[LANES]
    cdef real highest = x[0]
    cdef real total = 0
    cdef idx j, i
    for j in range(1, n_out):
        if highest < x[j]:
            highest = x[j]
    j = 0
    while j < n_out:
        for i in range(LANES):
            tail[i] = x[j + i] - highest if j + i < n_out else 0
        vstore(tail, vexp(vload(tail)))
        for i in range(min(<idx> LANES, n_out - j)):
            out[j + i] = tail[i]
            total += tail[i]
        j += LANES
    total = <real> 1 / total
    for j in range(n_out):
        out[j] *= total


# d INOUT (n_out,): the same numbers as `softmax_backward` gives, for one sample
cdef void softmax_backward_row(const void* a, void* d, idx n_out) noexcept nogil:
    cdef const real* p = <const real*> a
    cdef real* grad = <real*> d
    cdef real lanes[LANES]
    cdef vec dot = vsplat(0)
    cdef idx j
    for j in range(n_out):
        dot = vfma(vsplat(p[j]), vsplat(grad[j]), dot)
    vstore(lanes, dot)
    for j in range(n_out):
        grad[j] = p[j] * (grad[j] - lanes[0])
