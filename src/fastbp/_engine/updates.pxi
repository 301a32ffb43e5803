# Optimisers: one loop each over flat arrays. The weights' own product may do plain SGD in its epilogue instead
# (gemm.pxi); both write w + (-learning_rate) * g with one fused multiply-add, so both give the same bits.
#
# A step is written for one vector; the last, partial vector is worked on in copies.


# w -= learning_rate (g + weight_decay w)
cdef inline void sgd_vector(real* w, const real* g, vec rate, bint decays, vec decay) noexcept nogil:
    cdef vec weight = vload(w)
    vstore(w, vfma(rate, vfma(decay, weight, vload(g)) if decays else vload(g), weight))


cdef void sgd(void* w, const void* g, idx n, double learning_rate, double weight_decay) noexcept nogil:
    cdef real* weights = <real*> w
    cdef const real* grads = <const real*> g
    cdef real tail[2][LANES]
    cdef vec rate = vsplat(<real> -learning_rate)
    cdef vec decay = vsplat(<real> weight_decay)
    cdef idx i = 0
    while i + LANES <= n:
        sgd_vector(weights + i, grads + i, rate, weight_decay != 0, decay)
        i += LANES
    if i < n:
        load_tail(tail[0], weights + i, n - i)
        load_tail(tail[1], grads + i, n - i)
        sgd_vector(tail[0], tail[1], rate, weight_decay != 0, decay)
        store_tail(weights + i, tail[0], n - i)


# PyTorch's form of momentum (Sutskever et al. 2013 with the rate outside):
# g += weight_decay w;  v = momentum v + g (v = g at first);  w -= rate (g + momentum v if nesterov else v)
cdef inline void momentum_vector(real* w, const real* g, real* velocity, vec rate, bint decays, vec decay, vec mu,
                                 bint nesterov, bint first) noexcept nogil:
    cdef vec weight = vload(w)
    cdef vec grad = vfma(decay, weight, vload(g)) if decays else vload(g)
    cdef vec v = grad if first else vfma(mu, vload(velocity), grad)
    vstore(velocity, v)
    vstore(w, vfma(rate, vfma(mu, v, grad) if nesterov else v, weight))


cdef void momentum(void* w, const void* g, void* velocity, idx n, double learning_rate, double momentum,
                   bint nesterov, double weight_decay, bint first) noexcept nogil:
    cdef real* weights = <real*> w
    cdef const real* grads = <const real*> g
    cdef real* state = <real*> velocity
    cdef real tail[3][LANES]
    cdef vec rate = vsplat(<real> -learning_rate)
    cdef vec decay = vsplat(<real> weight_decay)
    cdef vec mu = vsplat(<real> momentum)
    cdef idx i = 0
    while i + LANES <= n:
        momentum_vector(weights + i, grads + i, state + i, rate, weight_decay != 0, decay, mu, nesterov, first)
        i += LANES
    if i < n:
        load_tail(tail[0], weights + i, n - i)
        load_tail(tail[1], grads + i, n - i)
        load_tail(tail[2], state + i, n - i)
        momentum_vector(tail[0], tail[1], tail[2], rate, weight_decay != 0, decay, mu, nesterov, first)
        store_tail(weights + i, tail[0], n - i)
        store_tail(state + i, tail[2], n - i)


# Kingma & Ba 2015, algorithm 1, with PyTorch's order of operations:
# m += (1 - beta_1)(g - m);  v = beta_2 v + (1 - beta_2) g^2;  w -= rate / c1 * m / (sqrt(v) / sqrt(c2) + epsilon)
# where c1 = 1 - beta_1^t and c2 = 1 - beta_2^t
cdef inline void adam_vector(real* w, const real* g, real* m, real* v, vec rate, bint decays, vec decay, vec take_1,
                             vec keep_2, vec take_2, vec unbias_2, vec epsilon) noexcept nogil:
    cdef vec weight = vload(w)
    cdef vec grad = vfma(decay, weight, vload(g)) if decays else vload(g)
    cdef vec first = vfma(take_1, grad - vload(m), vload(m))
    cdef vec second = vfma(take_2 * grad, grad, keep_2 * vload(v))
    vstore(m, first)
    vstore(v, second)
    vstore(w, vfma(rate, first / vfma(vsqrt(second), unbias_2, epsilon), weight))


cdef void adam(void* w, const void* g, void* m, void* v, idx n, double learning_rate, double beta_1, double beta_2,
               double epsilon, double weight_decay, double correction_1, double correction_2) noexcept nogil:
    cdef real* weights = <real*> w
    cdef const real* grads = <const real*> g
    cdef real* first = <real*> m
    cdef real* second = <real*> v
    cdef real tail[4][LANES]
    cdef vec rate = vsplat(<real> (-learning_rate / correction_1))
    cdef vec decay = vsplat(<real> weight_decay)
    cdef vec take_1 = vsplat(<real> (1 - beta_1))
    cdef vec keep_2 = vsplat(<real> beta_2)
    cdef vec take_2 = vsplat(<real> (1 - beta_2))
    cdef vec unbias_2 = vsplat(<real> (1 / sqrt(correction_2)))
    cdef vec eps = vsplat(<real> epsilon)
    cdef idx i = 0
    while i + LANES <= n:
        adam_vector(weights + i, grads + i, first + i, second + i, rate, weight_decay != 0, decay, take_1, keep_2,
                    take_2, unbias_2, eps)
        i += LANES
    if i < n:
        load_tail(tail[0], weights + i, n - i)
        load_tail(tail[1], grads + i, n - i)
        load_tail(tail[2], first + i, n - i)
        load_tail(tail[3], second + i, n - i)
        adam_vector(tail[0], tail[1], tail[2], tail[3], rate, weight_decay != 0, decay, take_1, keep_2, take_2,
                    unbias_2, eps)
        store_tail(weights + i, tail[0], n - i)
        store_tail(first + i, tail[2], n - i)
        store_tail(second + i, tail[3], n - i)


# x - x is 0 for a finite x and NaN for any other
cdef bint all_finite(const void* x, idx n) noexcept nogil:
    cdef const real* values = <const real*> x
    cdef real tail[LANES]
    cdef vec total = vsplat(0)
    cdef idx i = 0
    while i + LANES <= n:
        total = total + (vload(values + i) - vload(values + i))
        i += LANES
    load_tail(tail, values + i, n - i)
    total = total + (vload(tail) - vload(tail))
    vstore(tail, total)
    for i in range(LANES):
        if tail[i] != 0:
            return False
    return True


# max |x|; a comparison with NaN is false, so a NaN that is met stays
cdef double largest(const void* x, idx n) noexcept nogil:
    cdef const real* values = <const real*> x
    cdef real tail[LANES]
    cdef vec high = vsplat(0)
    cdef vec value
    cdef real result
    cdef idx i = 0
    cdef int j
    while i < n:
        if i + LANES <= n:
            value = vload(values + i)
        else:
            load_tail(tail, values + i, n - i)
            value = vload(tail)
        value = vmax(value, -value)
        high = vselect(vlesseq(value, high), high, value)
        i += LANES
    vstore(tail, high)
    result = tail[0]
    for j in range(1, LANES):
        if not tail[j] <= result:
            result = tail[j]
    return result
