# Optimisers: for each kind one function that moves a vector of parameters, and one loop over flat arrays that runs it
# with the kind as a constant. The weights' own product may do plain SGD in its epilogue instead (gemm.pxi); both write
# w + (-learning_rate) * g with one fused multiply-add, so both give the same bits.
#
# The order of operations is PyTorch's. Each function returns the new parameters, given the old ones w and the gradient
# g, with weight decay done; s is where its states lie, one pointer each.


# PyTorch's form of momentum (Sutskever et al. 2013 with the rate outside):
# v = momentum v + g (v = g at first);  w -= rate (g + momentum v if nesterov else v)
cdef inline vec momentum(const Update* u, real** s, vec w, vec g) noexcept nogil:
    cdef vec mu = vsplat(<real> u.momentum)
    cdef vec v = g if u.first else vfma(mu, vload(s[0]), g)
    vstore(s[0], v)
    return vfma(vsplat(<real> -u.rate), vfma(mu, v, g) if u.nesterov else v, w)


# Duchi, Hazan & Singer 2011: total += g^2;  w -= rate g / (sqrt(total) + epsilon)
cdef inline vec adagrad(const Update* u, real** s, vec w, vec g) noexcept nogil:
    cdef vec total = vfma(g, g, vsplat(<real> u.initial) if u.first else vload(s[0]))
    vstore(s[0], total)
    return vfma(vsplat(<real> -u.rate), g / (vsqrt(total) + vsplat(<real> u.epsilon)), w)


# beta_2 v + (1 - beta_2) x^2, stored
cdef inline vec mean_square(const Update* u, real* v, vec x) noexcept nogil:
    cdef vec mean = vfma(vsplat(<real> (1 - u.beta_2)) * x, x, vsplat(<real> u.beta_2) * vload(v))
    vstore(v, mean)
    return mean


# m + (1 - beta) (g - m), stored
cdef inline vec mean(double beta, real* m, vec g) noexcept nogil:
    cdef vec moved = vfma(vsplat(<real> (1 - beta)), g - vload(m), vload(m))
    vstore(m, moved)
    return moved


# Hinton 2012, lecture 6e of "Neural networks for machine learning"; centered: Graves 2013, equations 38 to 41.
# v is the mean of g^2, less the square of the mean of g if centered;  d = g / (sqrt(v) + epsilon), or with momentum
# b = momentum b + d instead;  w -= rate d. A variance that rounding has made negative counts as 0.
cdef inline vec rmsprop(const Update* u, real** s, vec w, vec g) noexcept nogil:
    cdef vec v = mean_square(u, s[0], g)
    cdef vec m, d
    if u.centered:
        m = mean(u.beta_2, s[1], g)
        v = vmax(vfma(-m, m, v), vsplat(0))
    d = g / (vsqrt(v) + vsplat(<real> u.epsilon))
    if u.momentum != 0:
        d = vfma(vsplat(<real> u.momentum), vload(s[2] if u.centered else s[1]), d)
        vstore(s[2] if u.centered else s[1], d)
    return vfma(vsplat(<real> -u.rate), d, w)


# Zeiler 2012, algorithm 1, with a rate: v is the mean of g^2, and x of d^2;
# d = sqrt(x + epsilon) / sqrt(v + epsilon) g;  w -= rate d
cdef inline vec adadelta(const Update* u, real** s, vec w, vec g) noexcept nogil:
    cdef vec epsilon = vsplat(<real> u.epsilon)
    cdef vec root = vsqrt(mean_square(u, s[0], g) + epsilon)
    cdef vec d = vsqrt(vload(s[1]) + epsilon) / root * g
    mean_square(u, s[1], d)
    return vfma(vsplat(<real> -u.rate), d, w)


# Kingma & Ba 2015, algorithm 1; amsgrad: Reddi, Kale & Kumar 2018, algorithm 2. m is the mean of g, and v of g^2, or
# the largest that it has been;  w -= rate m / (sqrt(v) unbias + epsilon), where rate and unbias hold the corrections.
# With Nesterov's momentum (Dozat 2016, algorithm 2), rate m + rate_g g takes the place of rate m.
cdef inline vec adam(const Update* u, real** s, vec w, vec g, bint nesterov) noexcept nogil:
    cdef vec m = mean(u.beta_1, s[0], g)
    cdef vec v = mean_square(u, s[1], g)
    cdef vec root
    if u.amsgrad:
        v = vmax(vload(s[2]), v)
        vstore(s[2], v)
    root = vfma(vsqrt(v), vsplat(<real> u.unbias), vsplat(<real> u.epsilon))
    if nesterov:
        w = vfma(vsplat(<real> -u.rate_g), g / root, w)
    return vfma(vsplat(<real> -u.rate), m / root, w)


# 1, -1 or 0; NaN stays
cdef inline vec sign(vec x) noexcept nogil:
    return vselect(vless(vsplat(0), x), vsplat(1), vselect(vless(x, vsplat(0)), vsplat(-1), x))


# Chen et al. 2023, algorithm 2: w -= rate sign(m + (1 - beta_1) (g - m));  m += (1 - beta_2) (g - m)
cdef inline vec lion(const Update* u, real** s, vec w, vec g) noexcept nogil:
    cdef vec m = vload(s[0])
    cdef vec direction = sign(vfma(vsplat(<real> (1 - u.beta_1)), g - m, m))
    mean(u.beta_2, s[0], g)
    return vfma(vsplat(<real> -u.rate), direction, w)


# Riedmiller & Braun 1993, without going back on the last step: where g has the sign of the last one, the step grows;
# where it has the other, the step shrinks, and g counts as 0, now and the next time;  w -= step sign(g)
cdef inline vec rprop(const Update* u, real** s, vec w, vec g) noexcept nogil:
    cdef vec zero = vsplat(0)
    cdef vec agree = sign(g) * sign(vload(s[0]))
    cdef vec factor = vselect(vless(zero, agree), vsplat(<real> u.eta_plus),
                              vselect(vless(agree, zero), vsplat(<real> u.eta_minus), vsplat(1)))
    cdef vec step = clamp((vsplat(<real> u.rate) if u.first else vload(s[1])) * factor, <real> u.min_step,
                          <real> u.max_step)
    g = vselect(vless(agree, zero), zero, g)
    vstore(s[0], g)
    vstore(s[1], step)
    return vfma(-step, sign(g), w)


cdef inline vec moved(int kind, const Update* u, real** s, vec w, vec g) noexcept nogil:
    if kind == MOMENTUM:
        return momentum(u, s, w, g)
    if kind == ADAGRAD:
        return adagrad(u, s, w, g)
    if kind == RMSPROP:
        return rmsprop(u, s, w, g)
    if kind == ADADELTA:
        return adadelta(u, s, w, g)
    if kind == ADAM or kind == NADAM:
        return adam(u, s, w, g, kind == NADAM)
    if kind == LION:
        return lion(u, s, w, g)
    if kind == RPROP:
        return rprop(u, s, w, g)
    if kind == AVERAGE:         # Polyak & Juditsky 1992, with weights that fade
        return vfma(vsplat(<real> u.rate), g - w, w)
    if kind == CLIP:
        return clamp(w, <real> -u.rate, <real> u.rate)
    if kind == SCALE:
        return w * vsplat(<real> u.rate)
    return vfma(vsplat(<real> -u.rate), g, w)


# g += weight_decay w, or, where it is decoupled (Loshchilov & Hutter 2019), w *= keep; then the step
cdef inline void update_vector(int kind, const Update* u, real* w, const real* g, real** s) noexcept nogil:
    cdef vec weight = vload(w)
    cdef vec grad = vload(g)
    if u.keep != 1:
        weight = weight * vsplat(<real> u.keep)
    elif u.weight_decay != 0:
        grad = vfma(vsplat(<real> u.weight_decay), weight, grad)
    vstore(w, moved(kind, u, s, weight, grad))


cdef inline void update_of(int kind, const Update* given, idx n) noexcept nogil:
    cdef Update u = given[0]        # a copy, which no store through a pointer can change: its fields are constants
    cdef real* w = <real*> u.params
    cdef const real* g = <const real*> u.grads
    cdef real* s[MOST_STATES]
    cdef real tail[2 + MOST_STATES][LANES]
    cdef idx i = 0
    cdef int j
    for j in range(MOST_STATES):
        s[j] = <real*> u.states[j]
    while i + LANES <= n:
        update_vector(kind, &u, w + i, g + i, s)
        i += LANES
        for j in range(MOST_STATES):
            s[j] += LANES
    if i < n:                       # the last vector is worked on in copies
        load_tail(tail[0], w + i, n - i)
        load_tail(tail[1], g + i, n - i)
        for j in range(MOST_STATES):
            load_tail(tail[2 + j], s[j], n - i)
            s[j] = tail[2 + j]
        update_vector(kind, &u, tail[0], tail[1], s)
        store_tail(w + i, tail[0], n - i)
        for j in range(u.n_states):
            store_tail(<real*> u.states[j] + i, tail[2 + j], n - i)


cdef void update(const Update* u, idx n) noexcept nogil:
    if u.kind == MOMENTUM:
        update_of(MOMENTUM, u, n)
    elif u.kind == ADAGRAD:
        update_of(ADAGRAD, u, n)
    elif u.kind == RMSPROP:
        update_of(RMSPROP, u, n)
    elif u.kind == ADADELTA:
        update_of(ADADELTA, u, n)
    elif u.kind == ADAM:
        update_of(ADAM, u, n)
    elif u.kind == NADAM:
        update_of(NADAM, u, n)
    elif u.kind == LION:
        update_of(LION, u, n)
    elif u.kind == RPROP:
        update_of(RPROP, u, n)
    elif u.kind == AVERAGE:
        update_of(AVERAGE, u, n)
    elif u.kind == CLIP:
        update_of(CLIP, u, n)
    elif u.kind == SCALE:
        update_of(SCALE, u, n)
    else:
        update_of(SGD, u, n)


# sum of x^2 in double precision: 8 sums, each of every 8th element, then their sum, whatever the vector's width
cdef double sum_of_squares(const void* x, idx n) noexcept nogil:
    cdef const real* values = <const real*> x
    cdef double sums[8]
    cdef double total = 0
    cdef idx i = 0
    cdef int j
    for j in range(8):
        sums[j] = 0
    while i + 8 <= n:
        for j in range(8):
            sums[j] += <double> values[i + j] * <double> values[i + j]
        i += 8
    for j in range(<int> (n - i)):
        sums[j] += <double> values[i + j] * <double> values[i + j]
    for j in range(8):
        total += sums[j]
    return total


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
