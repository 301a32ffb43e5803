# Standardising: features by a mean and a standard deviation of their own, and the way back. Where the deviation is no
# more than what rounding makes of the mean, the feature is a constant, and its deviation is taken as 1.
#
#     STANDARDIZE    a = (x - mean) / std,    STANDARDIZE_BACKWARD    dx = da / std
#     UNSTANDARDIZE  a = x std + mean,        UNSTANDARDIZE_BACKWARD  dx = da std


cdef inline vec deviation_of(vec mean, vec std) noexcept nogil:
    cdef vec rounding = vabs(mean) * vsplat(<real> (1.1920928955078125e-7 if FBP_BITS == 32 else
                                                    2.220446049250313e-16))
    return vselect(vless(rounding, std), std, vsplat(1))


cdef inline vec rescaled(int how, vec x, vec mean, vec factor) noexcept nogil:
    if how == STANDARDIZE:
        return (x - mean) * factor
    if how == UNSTANDARDIZE:
        return vfma(x, factor, mean)
    return x * factor


cdef inline vec factor_by(int how, vec mean, vec std) noexcept nogil:
    cdef vec deviation = deviation_of(mean, std)
    if how == UNSTANDARDIZE or how == UNSTANDARDIZE_BACKWARD:
        return deviation
    return vsplat(1) / deviation


# a (n, samples) OUT, of features first ... last - 1; a may be x
cdef void rescale(int how, const Panels* x, const Panels* a, idx first, idx last, const void* mean,
                  const void* std) noexcept nogil:
    cdef vec center, factor
    cdef idx j, p, begin
    cdef int half
    for j in range(first, last):
        center = vsplat((<const real*> mean)[j])
        factor = factor_by(how, center, vsplat((<const real*> std)[j]))
        for p in range(x.first, x.last):
            for half in range(2):
                begin = j * PANEL + half * LANES
                vstore(<real*> a.data + p * a.stride + begin,
                       rescaled(how, vload(<const real*> x.data + p * x.stride + begin), center, factor))


# The same numbers for one sample; whole vectors of a are written, and of mean and std read
cdef void rescale_row(int how, const void* x, idx n, const void* mean, const void* std, void* a) noexcept nogil:
    cdef real tail[LANES]
    cdef vec center
    cdef idx j = 0
    while j < n:
        center = vload(<const real*> mean + j)
        load_tail(tail, <const real*> x + j, min(<idx> LANES, n - j))
        vstore(<real*> a + j,
               rescaled(how, vload(tail), center, factor_by(how, center, vload(<const real*> std + j))))
        j += LANES


# The moments of two sets of samples together, of features first ... last - 1: `share` is the second set's of all the
# weight, and its variance is 0 where `more_variance` is NULL. In double precision, for they go on for long (Welford
# 1962; Chan, Golub & LeVeque 1983; with weights, West 1979). Features that `chosen` (n,), if given, leaves out are
# copied.
cdef void join_moments(const void* mean, const void* std, const void* more_mean, const void* more_variance,
                       double share, idx first, idx last, const idx* chosen, void* mean_out,
                       void* std_out) noexcept nogil:
    cdef double error, variance
    cdef idx j
    for j in range(first, last):
        if chosen != NULL and not chosen[j]:
            (<real*> mean_out)[j] = (<const real*> mean)[j]
            (<real*> std_out)[j] = (<const real*> std)[j]
            continue
        error = <double> (<const real*> more_mean)[j] - (<const real*> mean)[j]
        variance = <double> (<const real*> std)[j] * (<const real*> std)[j]
        variance = (1 - share) * (variance + share * error * error)
        if more_variance != NULL:
            variance += share * (<const real*> more_variance)[j]
        (<real*> mean_out)[j] = <real> ((<const real*> mean)[j] + share * error)
        (<real*> std_out)[j] = <real> sqrt(variance)
