# Losses of the samples of one panel, and their gradients with respect to what the loss is given: the outputs, or
# what went into the last softmax or sigmoid (kernels.pxd says which).
#
# A loop runs down the outputs of a vector of samples; `scale` carries the samples' weights and the mean.


# l = 1/n sum (y^ - y)^2,  d = 2/n (y^ - y)
cdef void squared_error(const real* outputs, idx n_out, const real* targets, const real* scale, real* losses,
                        real* d) noexcept nogil:
    cdef vec share = vsplat(<real> 1 / <real> n_out)
    cdef vec total, error, factor
    cdef idx j
    cdef int half, lane
    for half in range(2):
        lane = half * LANES
        total = vsplat(0)
        factor = vsplat(0) if d == NULL else vsplat(2) * share * vload(scale + lane)
        for j in range(n_out):
            error = vload(outputs + j * PANEL + lane) - vload(targets + j * PANEL + lane)
            total = vfma(error, error, total)
            if d != NULL:
                vstore(d + j * PANEL + lane, factor * error)
        vstore(losses + lane, total * share)


# l = 1/n sum softplus(z) - y z,  d = 1/n (sigmoid(z) - y)
cdef void binary_cross_entropy(const real* outputs, idx n_out, const real* targets, const real* scale, real* losses,
                               real* d) noexcept nogil:
    cdef vec share = vsplat(<real> 1 / <real> n_out)
    cdef vec total, factor, z, y
    cdef idx j
    cdef int half, lane
    for half in range(2):
        lane = half * LANES
        total = vsplat(0)
        factor = vsplat(0) if d == NULL else share * vload(scale + lane)
        for j in range(n_out):
            z = vload(outputs + j * PANEL + lane)
            y = vload(targets + j * PANEL + lane)
            total = total + vfma(-y, z, vsoftplus(z))
            if d != NULL:
                vstore(d + j * PANEL + lane, factor * (vsigmoid(z) - y))
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


cdef void loss(int kind, const void* outputs, idx n_out, const idx* labels, const void* targets, const void* scale,
               void* losses, void* d) noexcept nogil:
    if kind == SQUARED_ERROR:
        squared_error(<const real*> outputs, n_out, <const real*> targets, <const real*> scale, <real*> losses,
                      <real*> d)
    elif kind == BINARY_CROSS_ENTROPY:
        binary_cross_entropy(<const real*> outputs, n_out, <const real*> targets, <const real*> scale,
                             <real*> losses, <real*> d)
    elif kind == CROSS_ENTROPY:
        cross_entropy(<const real*> outputs, n_out, labels, <const real*> targets, <const real*> scale,
                      <real*> losses, <real*> d)
