# The parametric rectifier (He, Zhang, Ren & Sun 2015, "Delving deep into rectifiers"): a = max(x, 0) + slope min(x, 0).
# At 0 the derivative is the slope, as in PyTorch. slope_step is 1, or 0 for one slope that all features share.


# One panel: z (n, PANEL) OUT = min(x, 0), which is also da / dslope, and a OUT; z may be a
cdef void prelu(const void* x, idx n, const void* slopes, idx slope_step, void* z, void* a) noexcept nogil:
    cdef vec zero = vsplat(0)
    cdef vec value, slope
    cdef idx j, begin
    cdef int half
    for j in range(n):
        slope = vsplat((<const real*> slopes)[j * slope_step])
        for half in range(2):
            begin = j * PANEL + half * LANES
            value = vload(<const real*> x + begin)
            vstore(<real*> z + begin, vselect(vless(zero, value), zero, value))
            vstore(<real*> a + begin, vselect(vless(zero, value), value, slope * value))


# dx (n, PANEL) OUT = da, or slope * da where x <= 0
cdef void prelu_backward(const void* x, const void* da, idx n, const void* slopes, idx slope_step,
                         void* dx) noexcept nogil:
    cdef vec d
    cdef idx j, begin
    cdef int half
    for j in range(n):
        for half in range(2):
            begin = j * PANEL + half * LANES
            d = vload(<const real*> da + begin)
            vstore(<real*> dx + begin, vselect(vless(vsplat(0), vload(<const real*> x + begin)), d,
                                               vsplat((<const real*> slopes)[j * slope_step]) * d))


# The same for one sample
cdef void prelu_row(const void* x, idx n, const void* slopes, idx slope_step, void* z, void* a) noexcept nogil:
    cdef real value
    cdef idx j
    for j in range(n):
        value = (<const real*> x)[j]
        (<real*> z)[j] = 0 if value > 0 else value
        (<real*> a)[j] = value if value > 0 else (<const real*> slopes)[j * slope_step] * value


cdef void prelu_backward_row(const void* x, const void* da, idx n, const void* slopes, idx slope_step,
                             void* dx) noexcept nogil:
    cdef idx j
    for j in range(n):
        if (<const real*> x)[j] > 0:
            (<real*> dx)[j] = (<const real*> da)[j]
        else:
            (<real*> dx)[j] = (<const real*> slopes)[j * slope_step] * (<const real*> da)[j]
