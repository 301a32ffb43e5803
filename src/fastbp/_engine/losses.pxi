# Losses of the samples of one panel, and their gradients with respect to what the loss is given: the outputs, or
# what went into the last softmax or sigmoid (kernels.pxd says which).
#
# A loop runs down the outputs of a vector of samples; `scale` carries the samples' weights and the mean.


# Losses that are a mean over outputs, l = 1/n sum f(a, y): here f, added to a total; below its derivative by a.
cdef inline vec loss_added(int kind, const Loss* p, vec a, vec y, vec total) noexcept nogil:
    cdef vec zero = vsplat(0)
    cdef vec one = vsplat(1)
    cdef vec half = vsplat(<real> 0.5)
    cdef vec error = a - y
    cdef vec size = vabs(error)
    cdef vec m, near
    if kind == SQUARED_ERROR:
        return vfma(error, error, total)
    if kind == ABSOLUTE_ERROR:
        return total + size
    if kind == HUBER:                                   # Huber 1964: e^2 / 2, from delta on its tangent
        near = vmin(size, vsplat(<real> p.delta))
        return vfma(near, vfma(-half, near, size), total)
    # log cosh e with m = exp(-|e|) - 1: |e| - log 2 + log(1 + (1 + m)^2), but near 0, where that cancels,
    # log(1 + m^2 / (2 (1 + m))), for cosh e - 1 = m^2 / (2 (1 + m))
    if kind == LOG_COSH:
        m = vexpm1(-size)
        near = log1p_of_small(vselect(vless(size, one), half * m * m / (one + m), (one + m) * (one + m)))
        return total + (near + vselect(vless(size, one), zero, size - vsplat(<real> 0.6931471805599453)))
    if kind == QUANTILE:                                # Koenker & Bassett 1978: q (y - a), or (1 - q) (a - y)
        return vfma(vselect(vless(error, zero), vsplat(<real> -p.q), vsplat(<real> (1 - p.q))), error, total)
    if kind == POISSON:                                 # -log of the distribution, but for log y!
        return total + vfma(-y, a, vexp(a))
    if kind == BINARY_CROSS_ENTROPY:                    # -y log p - (1 - y) log(1 - p), p = sigmoid(a)
        return total + vfma(-y, a, vsoftplus(a))
    return total


cdef inline vec loss_derivative(int kind, const Loss* p, vec a, vec y) noexcept nogil:
    cdef vec zero = vsplat(0)
    cdef vec one = vsplat(1)
    cdef vec error = a - y
    if kind == SQUARED_ERROR:
        return vsplat(2) * error
    if kind == ABSOLUTE_ERROR:                          # 0 at 0
        return vselect(vless(zero, error), one, vselect(vless(error, zero), -one, zero))
    if kind == HUBER:
        return clamp(error, <real> -p.delta, <real> p.delta)
    if kind == LOG_COSH:
        return vtanh(error)
    if kind == QUANTILE:                                # 0 at 0
        return vselect(vless(zero, error), vsplat(<real> (1 - p.q)),
                       vselect(vless(error, zero), vsplat(<real> -p.q), zero))
    if kind == POISSON:
        return vexp(a) - y
    if kind == BINARY_CROSS_ENTROPY:
        return vsigmoid(a) - y
    return zero


# One loop for them all, down the outputs
cdef inline void mean_over_outputs(int kind, const Loss* which, const real* outputs, idx n_out, const real* targets,
                                   const real* scale, real* losses, real* d) noexcept nogil:
    cdef Loss p = which[0]                              # a copy: what is stored cannot change it
    cdef vec share = vsplat(<real> 1 / <real> n_out)
    cdef vec total, factor, a, y
    cdef idx j
    cdef int half, lane
    for half in range(2):
        lane = half * LANES
        total = vsplat(0)
        factor = vsplat(0) if d == NULL else share * vload(scale + lane)
        for j in range(n_out):
            a = vload(outputs + j * PANEL + lane)
            y = vload(targets + j * PANEL + lane)
            total = loss_added(kind, &p, a, y, total)
            if d != NULL:
                vstore(d + j * PANEL + lane, factor * loss_derivative(kind, &p, a, y))
        vstore(losses + lane, total * share)


# With m = max z and s = sum exp(z - m):  l = sum y (m + log s - z),  d = (sum y) exp(z - m) / s - y.
# A label t is y = 1 at t, 0 elsewhere. No probability is rounded before its logarithm is taken.
cdef void cross_entropy(const real* outputs, idx n_out, const idx* labels, const real* targets, const real* scale,
                        real* losses, real* d) noexcept nogil:
    cdef real label[PANEL]
    cdef vec zero = vsplat(0)
    cdef vec one = vsplat(1)
    cdef vec highest, total, e, z, y, log_sum, mass, factor, inverse, this_label
    cdef idx j
    cdef int half, lane, s
    if labels != NULL:
        for s in range(PANEL):
            label[s] = <real> labels[s]
    for half in range(2):
        lane = half * LANES
        highest = vload(outputs + lane)
        for j in range(1, n_out):
            highest = vmax(highest, vload(outputs + j * PANEL + lane))
        total = zero
        for j in range(n_out):
            e = vexp(vload(outputs + j * PANEL + lane) - highest)
            total = total + e
            if d != NULL:
                vstore(d + j * PANEL + lane, e)
        log_sum = vlog(total)
        inverse = one / total
        factor = zero if d == NULL else vload(scale + lane)
        if labels != NULL:
            this_label = vload(label + lane)
            mass = zero
            for j in range(n_out):
                z = vload(outputs + j * PANEL + lane) - highest
                y = vselect(vequal(this_label, vsplat(<real> j)), one, zero)
                mass = vfma(y, log_sum - z, mass)
                if d != NULL:
                    vstore(d + j * PANEL + lane, factor * vfma(vload(d + j * PANEL + lane), inverse, -y))
            vstore(losses + lane, mass)
        else:
            mass = zero
            e = zero
            for j in range(n_out):
                y = vload(targets + j * PANEL + lane)
                mass = mass + y
                z = vload(outputs + j * PANEL + lane) - highest
                e = vfma(y, log_sum - z, e)
            vstore(losses + lane, e)
            if d != NULL:
                mass = mass * inverse
                for j in range(n_out):
                    y = vload(targets + j * PANEL + lane)
                    vstore(d + j * PANEL + lane, factor * vfma(vload(d + j * PANEL + lane), mass, -y))


cdef void loss(const Loss* p, const void* outputs, idx n_out, const idx* labels, const void* targets,
               const void* scale, void* losses, void* d) noexcept nogil:
    cdef const real* a = <const real*> outputs
    cdef const real* y = <const real*> targets
    cdef const real* w = <const real*> scale
    cdef real* result = <real*> losses
    if p.kind == SQUARED_ERROR:
        mean_over_outputs(SQUARED_ERROR, p, a, n_out, y, w, result, <real*> d)
    elif p.kind == ABSOLUTE_ERROR:
        mean_over_outputs(ABSOLUTE_ERROR, p, a, n_out, y, w, result, <real*> d)
    elif p.kind == HUBER:
        mean_over_outputs(HUBER, p, a, n_out, y, w, result, <real*> d)
    elif p.kind == LOG_COSH:
        mean_over_outputs(LOG_COSH, p, a, n_out, y, w, result, <real*> d)
    elif p.kind == QUANTILE:
        mean_over_outputs(QUANTILE, p, a, n_out, y, w, result, <real*> d)
    elif p.kind == POISSON:
        mean_over_outputs(POISSON, p, a, n_out, y, w, result, <real*> d)
    elif p.kind == BINARY_CROSS_ENTROPY:
        mean_over_outputs(BINARY_CROSS_ENTROPY, p, a, n_out, y, w, result, <real*> d)
    elif p.kind == CROSS_ENTROPY:
        cross_entropy(a, n_out, labels, y, w, result, <real*> d)
