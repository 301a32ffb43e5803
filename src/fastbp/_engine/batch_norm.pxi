# Batch normalisation (Ioffe & Szegedy 2015): each feature by its mean and variance over the samples of the batch, which
# are sums as sums.pxi has them.
#
#     z = (x - mean) / sqrt(variance + epsilon),  a = weight z + bias
#     dx = weight / sqrt(variance + epsilon) (da - mean of da - z mean of (z da))
#
# All work on features first ... last - 1.


# mean and variance OUT (n,): the latter divided by the number of samples
cdef void batch_statistics(const Panels* x, idx first, idx last, void* mean, void* variance) noexcept nogil:
    cdef vec chains[CHAIN_VECTORS]
    cdef vec center, error
    cdef real n_samples = <real> x.n_samples
    cdef real value
    cdef idx j, p, n
    cdef int i, half, turn
    for j in range(first, last):
        center = vsplat(0)
        value = 0
        for turn in range(2):
            for i in range(CHAIN_VECTORS):
                chains[i] = vsplat(0)
            for p in range(x.first, x.last):
                for half in range(2):
                    n = x.n_samples - p * PANEL - half * LANES
                    if n <= 0:
                        break
                    i = <int> ((2 * p + half) % CHAIN_VECTORS)
                    error = vload(<const real*> x.data + p * x.stride + j * PANEL + half * LANES) - center
                    error = first_lanes(error, n)
                    chains[i] = chains[i] + error if turn == 0 else vfma(error, error, chains[i])
            value = sum_of_chains(chains) / n_samples
            if turn == 0:
                (<real*> mean)[j] = value
                center = vsplat(value)
        (<real*> variance)[j] = value


# z and a OUT (n, samples); z may be a, weight and bias (n,) may be NULL
cdef void normalize(const Panels* x, const Panels* z, const Panels* a, idx first, idx last, const void* mean,
                    const void* variance, double epsilon, const void* weight, const void* bias) noexcept nogil:
    cdef vec center, scale, value
    cdef idx j, p, begin
    cdef int half
    for j in range(first, last):
        center = vsplat((<const real*> mean)[j])
        scale = vsplat(1) / vsqrt(vsplat((<const real*> variance)[j]) + vsplat(<real> epsilon))
        for p in range(x.first, x.last):
            for half in range(2):
                begin = j * PANEL + half * LANES
                value = (vload(<const real*> x.data + p * x.stride + begin) - center) * scale
                vstore(<real*> z.data + p * z.stride + begin, value)
                if weight != NULL:
                    value = vfma(value, vsplat((<const real*> weight)[j]), vsplat((<const real*> bias)[j]))
                vstore(<real*> a.data + p * a.stride + begin, value)


# dx OUT. dots and totals (n,) are the sums of z da and da; NULL where mean and variance are no matter of the batch.
cdef void normalize_backward(const Panels* z, const Panels* da, const Panels* dx, idx first, idx last,
                             const void* variance, double epsilon, const void* weight, const void* dots,
                             const void* totals) noexcept nogil:
    cdef vec scale, value, dot, total
    cdef vec n_samples = vsplat(<real> z.n_samples)
    cdef idx j, p, begin
    cdef int half
    for j in range(first, last):
        scale = vsplat(1) / vsqrt(vsplat((<const real*> variance)[j]) + vsplat(<real> epsilon))
        if weight != NULL:
            scale = scale * vsplat((<const real*> weight)[j])
        dot = vsplat(0) if dots == NULL else vsplat((<const real*> dots)[j]) / n_samples
        total = vsplat(0) if dots == NULL else vsplat((<const real*> totals)[j]) / n_samples
        for p in range(z.first, z.last):
            for half in range(2):
                begin = j * PANEL + half * LANES
                value = vload(<const real*> da.data + p * da.stride + begin)
                if dots != NULL:
                    value = vfma(-dot, vload(<const real*> z.data + p * z.stride + begin), value - total)
                vstore(<real*> dx.data + p * dx.stride + begin, value * scale)


# One sample with given mean and variance; whole vectors are written, and read
cdef void normalize_row(const void* x, idx n, const void* mean, const void* variance, double epsilon,
                        const void* weight, const void* bias, void* z, void* a) noexcept nogil:
    cdef real tail[LANES]
    cdef vec scale, value
    cdef idx j = 0
    while j < n:
        scale = vsplat(1) / vsqrt(vload(<const real*> variance + j) + vsplat(<real> epsilon))
        load_tail(tail, <const real*> x + j, min(<idx> LANES, n - j))
        value = (vload(tail) - vload(<const real*> mean + j)) * scale
        vstore(<real*> z + j, value)
        if weight != NULL:
            value = vfma(value, vload(<const real*> weight + j), vload(<const real*> bias + j))
        vstore(<real*> a + j, value)
        j += LANES


cdef void normalize_backward_row(const void* da, idx n, const void* variance, double epsilon, const void* weight,
                                 void* dx) noexcept nogil:
    cdef vec scale
    cdef idx j = 0
    while j < n:
        scale = vsplat(1) / vsqrt(vload(<const real*> variance + j) + vsplat(<real> epsilon))
        if weight != NULL:
            scale = scale * vload(<const real*> weight + j)
        vstore(<real*> dx + j, vload(<const real*> da + j) * scale)
        j += LANES


# running (n,) INOUT = (1 - momentum) running + momentum factor batch
cdef void follow(void* running, const void* batch, idx first, idx last, double momentum, double factor) noexcept nogil:
    cdef real keep = <real> (1 - momentum)
    cdef real take = <real> (momentum * factor)
    cdef idx j
    for j in range(first, last):
        (<real*> running)[j] = keep * (<const real*> running)[j] + take * (<const real*> batch)[j]
