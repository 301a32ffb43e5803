# Layer normalisation (Ba, Kiros & Hinton 2016, "Layer normalization"): each sample by the mean and the variance of its
# own features, which are sums in the order of the features.
#
#     z = (x - mean) / sqrt(variance + epsilon),  a = weight z + bias
#     dz = weight da,  dx = (dz - mean of dz - z mean of (z dz)) / sqrt(variance + epsilon)


# One panel: inverse (PANEL,) OUT = 1 / sqrt(variance + epsilon), z and a (n, PANEL) OUT; z may be a
cdef void layer_norm(const void* x, idx n, double epsilon, const void* weight, const void* bias, void* inverse,
                     void* z, void* a) noexcept nogil:
    cdef const real* values = <const real*> x
    cdef vec n_features = vsplat(<real> n)
    cdef vec mean, total, error, scale
    cdef idx j
    cdef int half, lane
    for half in range(2):
        lane = half * LANES
        mean = vsplat(0)
        for j in range(n):
            mean = mean + vload(values + j * PANEL + lane)
        mean = mean / n_features
        total = vsplat(0)
        for j in range(n):
            error = vload(values + j * PANEL + lane) - mean
            total = vfma(error, error, total)
        scale = vsplat(1) / vsqrt(total / n_features + vsplat(<real> epsilon))
        vstore(<real*> inverse + lane, scale)
        for j in range(n):
            error = (vload(values + j * PANEL + lane) - mean) * scale
            vstore(<real*> z + j * PANEL + lane, error)
            if weight != NULL:
                error = vfma(error, vsplat((<const real*> weight)[j]), vsplat((<const real*> bias)[j]))
            vstore(<real*> a + j * PANEL + lane, error)


# dx (n, PANEL) OUT from da; dx may not be da
cdef void layer_norm_backward(const void* z, const void* da, idx n, const void* weight, const void* inverse,
                              void* dx) noexcept nogil:
    cdef const real* values = <const real*> z
    cdef real* out = <real*> dx
    cdef vec n_features = vsplat(<real> n)
    cdef vec total, dot, d, scale
    cdef idx j
    cdef int half, lane
    for half in range(2):
        lane = half * LANES
        total = vsplat(0)
        dot = vsplat(0)
        for j in range(n):
            d = vload(<const real*> da + j * PANEL + lane)
            if weight != NULL:
                d = d * vsplat((<const real*> weight)[j])
            vstore(out + j * PANEL + lane, d)
            total = total + d
            dot = vfma(d, vload(values + j * PANEL + lane), dot)
        total = total / n_features
        dot = dot / n_features
        scale = vload(<const real*> inverse + lane)
        for j in range(n):
            d = vload(out + j * PANEL + lane) - total
            d = vfma(-dot, vload(values + j * PANEL + lane), d)
            vstore(out + j * PANEL + lane, d * scale)


# The same numbers for one sample; what is OUT has room for whole vectors, and what is IN may be read to their ends.
cdef void layer_norm_row(const void* x, idx n, double epsilon, const void* weight, const void* bias, void* inverse,
                         void* z, void* a) noexcept nogil:
    cdef const real* values = <const real*> x
    cdef real lanes[LANES]
    cdef real tail[LANES]
    cdef real mean = 0
    cdef vec total = vsplat(0)
    cdef vec error, scale
    cdef idx j
    for j in range(n):
        mean = mean + values[j]
    mean = mean / <real> n
    for j in range(n):
        error = vsplat(values[j] - mean)
        total = vfma(error, error, total)
    scale = vsplat(1) / vsqrt(total / vsplat(<real> n) + vsplat(<real> epsilon))
    vstore(lanes, scale)
    (<real*> inverse)[0] = lanes[0]
    j = 0
    while j < n:
        load_tail(tail, values + j, min(<idx> LANES, n - j))
        error = (vload(tail) - vsplat(mean)) * scale
        vstore(<real*> z + j, error)
        if weight != NULL:
            error = vfma(error, vload(<const real*> weight + j), vload(<const real*> bias + j))
        vstore(<real*> a + j, error)
        j += LANES


cdef void layer_norm_backward_row(const void* z, const void* da, idx n, const void* weight, const void* inverse,
                                  void* dx) noexcept nogil:
    cdef const real* values = <const real*> z
    cdef real* out = <real*> dx
    cdef real lanes[LANES]
    cdef real total = 0
    cdef vec dot = vsplat(0)
    cdef vec d
    cdef idx j
    for j in range(n):
        out[j] = (<const real*> da)[j]
        if weight != NULL:
            out[j] = out[j] * (<const real*> weight)[j]
        total = total + out[j]
        dot = vfma(vsplat(out[j]), vsplat(values[j]), dot)
    total = total / <real> n
    dot = dot / vsplat(<real> n)
    for j in range(n):
        d = vfma(-dot, vsplat(values[j]), vsplat(out[j] - total))
        vstore(lanes, d * vsplat((<const real*> inverse)[0]))
        out[j] = lanes[0]
