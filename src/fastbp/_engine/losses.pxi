# Losses of the samples of one panel, and their gradients with respect to what the loss is given: the outputs, or
# what went into the last softmax or sigmoid (kernels.pxd says which).
#
# A loop runs down the outputs of a vector of samples; `scale` carries the samples' weights and the mean.


# softplus(a) = exp(a) to the last bit
cdef inline ivec softplus_is_exp(vec a) noexcept nogil:
    return vless(a, vsplat(-40))


# The classes of a hinge are 1 and -1, or 1 and 0.
cdef inline vec sign_of(vec y) noexcept nogil:
    return vselect(vless(vsplat(0), y), vsplat(1), vsplat(-1))


# Losses that are a mean over outputs, l = 1/n sum f(a, y): here f, added to a total; below its derivative by a.
cdef inline vec loss_added(int kind, const Loss* p, vec a, vec y, vec total) noexcept nogil:
    cdef vec zero = vsplat(0)
    cdef vec one = vsplat(1)
    cdef vec half = vsplat(<real> 0.5)
    cdef vec error = a - y
    cdef vec size = vabs(error)
    cdef vec m, near, above, below
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
    if kind == POISSON_SOFTPLUS:                        # m - y log m, m = softplus(a)
        m = vsoftplus(a)
        return total + vfma(-y, vselect(softplus_is_exp(a), a, vlog(m)), m)
    if kind == HINGE:
        return total + vmax(one - sign_of(y) * a, zero)
    if kind == SQUARED_HINGE:
        m = vmax(one - sign_of(y) * a, zero)
        return vfma(m, m, total)
    if kind == BINARY_CROSS_ENTROPY:                    # -y log p - (1 - y) log(1 - p), p = sigmoid(a)
        return total + vfma(-y, a, vsoftplus(a))
    # -positive y (1 - p)^gamma log p - negative (1 - y) p^gamma log(1 - p), Lin et al. 2017; with -log p = softplus(-a)
    # and -log(1 - p) = softplus(a) the powers are exact as well
    if kind == BINARY_FOCAL:
        above = vsoftplus(a)
        below = vsoftplus(-a)
        m = y * vsplat(<real> p.positive) * below * vexp(vsplat(<real> -p.gamma) * above)
        near = (one - y) * vsplat(<real> p.negative) * above * vexp(vsplat(<real> -p.gamma) * below)
        return total + (m + near)
    return total


cdef inline vec loss_derivative(int kind, const Loss* p, vec a, vec y) noexcept nogil:
    cdef vec zero = vsplat(0)
    cdef vec one = vsplat(1)
    cdef vec error = a - y
    cdef vec s, m, above, below, gamma
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
    if kind == POISSON_SOFTPLUS:                        # sigmoid(a) (1 - y / m)
        s = vsigmoid(a)
        return vfma(-y, vselect(softplus_is_exp(a), one, s / vsoftplus(a)), s)
    if kind == HINGE:
        s = sign_of(y)
        return vselect(vless(s * a, one), -s, zero)
    if kind == SQUARED_HINGE:
        s = sign_of(y)
        return vsplat(-2) * s * vmax(one - s * a, zero)
    if kind == BINARY_CROSS_ENTROPY:
        return vsigmoid(a) - y
    if kind == BINARY_FOCAL:
        above = vsoftplus(a)
        below = vsoftplus(-a)
        gamma = vsplat(<real> p.gamma)
        s = vsigmoid(a)
        m = vsigmoid(-a)
        s = (one - y) * vsplat(<real> p.negative) * vexp(-gamma * below) * vfma(gamma * m, above, s)
        return vfma(-y * vsplat(<real> p.positive) * vexp(-gamma * above), vfma(gamma * vsigmoid(a), below, m), s)
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


# Nix & Weigend 1994. Of n_out = 2 n outputs the first n are means m, the others logarithms s of variances; with
# t = max(s, lowest) and e = m - y:  l = 1/(2 n) sum t + e^2 exp(-t),  dm = e exp(-t) / n,
# ds = (1 - e^2 exp(-t)) / (2 n), 0 where s < lowest.
cdef void gaussian_nll(const Loss* which, const real* outputs, idx n_out, const real* targets, const real* scale,
                       real* losses, real* d) noexcept nogil:
    cdef idx n = n_out // 2
    cdef vec zero = vsplat(0)
    cdef vec one = vsplat(1)
    cdef vec lowest = vsplat(<real> which.lowest)
    cdef vec share = vsplat(<real> 1 / <real> n_out)
    cdef vec total, factor, s, t, e, q
    cdef idx j
    cdef int half, lane
    for half in range(2):
        lane = half * LANES
        total = zero
        factor = zero if d == NULL else share * vload(scale + lane)
        for j in range(n):
            s = vload(outputs + (n + j) * PANEL + lane)
            t = vmax(s, lowest)
            e = vload(outputs + j * PANEL + lane) - vload(targets + j * PANEL + lane)
            q = e * vexp(-t)
            total = total + vfma(e, q, t)
            if d != NULL:
                vstore(d + j * PANEL + lane, factor * (vsplat(2) * q))
                vstore(d + (n + j) * PANEL + lane, factor * vselect(vless(s, lowest), zero, vfma(-e, q, one)))
        vstore(losses + lane, total * share)


# Labels of a panel as reals, to be compared with numbers of outputs
cdef inline void read_labels(const idx* labels, real* out) noexcept nogil:
    cdef int s
    for s in range(PANEL):
        out[s] = <real> labels[s]


# Crammer & Singer 2001. With the label t, and r the first of the highest other outputs: m = max(0, 1 + z_r - z_t),
# l = m or m^2,  d_r = 1 or 2 m and d_t = -d_r where m > 0.
cdef inline void margin_of_label(bint squared, const real* outputs, idx n_out, const idx* labels, const real* scale,
                                 real* losses, real* d) noexcept nogil:
    cdef real label[PANEL]
    cdef vec zero = vsplat(0)
    cdef vec one = vsplat(1)
    cdef vec this_label, own, rival, z, m, slope, sought
    cdef ivec mine, found
    cdef idx j
    cdef int half, lane
    read_labels(labels, label)
    for half in range(2):
        lane = half * LANES
        this_label = vload(label + lane)
        own = zero
        rival = vsplat(<real> -INFINITY)
        for j in range(n_out):
            z = vload(outputs + j * PANEL + lane)
            mine = vequal(this_label, vsplat(<real> j))
            own = vselect(mine, z, own)
            rival = vselect(mine, rival, vmax(z, rival))
        m = vmax(one + (rival - own), zero)
        vstore(losses + lane, m * m if squared else m)
        if d == NULL:
            continue
        slope = vload(scale + lane) * (vsplat(2) * m if squared else vselect(vless(zero, m), one, zero))
        sought = slope
        for j in range(n_out):
            z = vload(outputs + j * PANEL + lane)
            mine = vequal(this_label, vsplat(<real> j))
            found = vequal(z, rival)
            vstore(d + j * PANEL + lane, vselect(mine, -slope, vselect(found, sought, zero)))
            sought = vselect(mine, sought, vselect(found, zero, sought))


# With m = max z and s = sum exp(z - m):  l = sum y (m + log s - z),  d = (sum y) exp(z - m) / s - y.
# A label t is y = 1 at t, 0 elsewhere; of any y a share may first be spread over all classes (Szegedy et al. 2016).
# No probability is rounded before its logarithm is taken.
cdef void cross_entropy(const Loss* which, const real* outputs, idx n_out, const idx* labels, const real* targets,
                        const real* scale, real* losses, real* d) noexcept nogil:
    cdef real label[PANEL]
    cdef vec zero = vsplat(0)
    cdef vec one = vsplat(1)
    cdef vec kept = vsplat(<real> (1 - which.smoothing))
    cdef vec spread = vsplat(<real> (which.smoothing / n_out))
    cdef vec at_label = vsplat(<real> (1 - which.smoothing + which.smoothing / n_out))
    cdef vec highest, total, e, z, y, log_sum, mass, factor, inverse, this_label
    cdef idx j
    cdef int half, lane
    if labels != NULL:
        read_labels(labels, label)
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
                y = vselect(vequal(this_label, vsplat(<real> j)), at_label, spread)
                mass = vfma(y, log_sum - z, mass)
                if d != NULL:
                    vstore(d + j * PANEL + lane, factor * vfma(vload(d + j * PANEL + lane), inverse, -y))
            vstore(losses + lane, mass)
        else:
            mass = zero
            e = zero
            for j in range(n_out):
                y = vfma(vload(targets + j * PANEL + lane), kept, spread)
                mass = mass + y
                z = vload(outputs + j * PANEL + lane) - highest
                e = vfma(y, log_sum - z, e)
            vstore(losses + lane, e)
            if d != NULL:
                mass = mass * inverse
                for j in range(n_out):
                    y = vfma(vload(targets + j * PANEL + lane), kept, spread)
                    vstore(d + j * PANEL + lane, factor * vfma(vload(d + j * PANEL + lane), mass, -y))


# Lin et al. 2017, of a softmax: with u = 1 - p and g = u^gamma (gamma p log(p) / u - 1), y times alpha if there is one,
# l = -sum y u^gamma log p,  d_k = y_k g_k u_k - p_k sum over the others of y g.
# u is a sum of the other classes' exp, so that it is exact where p comes close to 1; log p likewise is -log(1 + a sum).
cdef void focal(const Loss* which, const real* outputs, idx n_out, const idx* labels, const real* targets,
                const real* scale, real* losses, real* d) noexcept nogil:
    cdef real label[PANEL]
    cdef vec zero = vsplat(0)
    cdef vec one = vsplat(1)
    cdef vec gamma = vsplat(<real> which.gamma)
    cdef vec highest, others, n_highest, log_sum, inverse, this_label, factor, z, e, y, u, log_p, power, g, total, sum_g
    cdef ivec is_highest
    cdef idx j
    cdef int half, lane
    if labels != NULL:
        read_labels(labels, label)
    for half in range(2):
        lane = half * LANES
        this_label = vload(label + lane) if labels != NULL else zero
        highest = vload(outputs + lane)
        for j in range(1, n_out):
            highest = vmax(highest, vload(outputs + j * PANEL + lane))
        others = zero                                   # but for one of the highest
        n_highest = zero
        for j in range(n_out):
            e = vexp(vload(outputs + j * PANEL + lane) - highest)
            is_highest = vequal(e, one)
            others = others + vselect(is_highest, zero, e)
            n_highest = n_highest + vselect(is_highest, one, zero)
        others = others + (n_highest - one)
        log_sum = vselect(vless(others, one), log1p_of_small(vmin(others, one)), vlog(one + others))
        inverse = one / (one + others)
        factor = zero if d == NULL else vload(scale + lane)
        total = zero
        sum_g = zero
        for j in range(n_out):
            z = vload(outputs + j * PANEL + lane) - highest
            e = vexp(z)
            if labels != NULL:
                y = vselect(vequal(this_label, vsplat(<real> j)), one, zero)
            else:
                y = vload(targets + j * PANEL + lane)
            if which.alpha != NULL:
                y = y * vsplat(<real> which.alpha[j])
            u = inverse * vselect(vequal(e, one), others, one + (others - e))
            log_p = z - log_sum
            power = vexp(gamma * vmax(vlog(u), vsplat(<real> -1e30)))       # 1 for gamma = 0, whatever u
            total = vfma(-y * power, log_p, total)
            if d != NULL:
                g = vselect(vequal(u, zero), -one, log_p / u)               # its limit
                g = y * power * vfma(gamma * (e * inverse), g, -one)
                sum_g = sum_g + g
                vstore(d + j * PANEL + lane, g)
        vstore(losses + lane, total)
        if d == NULL:
            continue
        for j in range(n_out):
            e = vexp(vload(outputs + j * PANEL + lane) - highest)
            u = inverse * vselect(vequal(e, one), others, one + (others - e))
            g = vload(d + j * PANEL + lane)
            vstore(d + j * PANEL + lane, factor * vfma(g, u, -(e * inverse) * (sum_g - g)))


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
    elif p.kind == POISSON_SOFTPLUS:
        mean_over_outputs(POISSON_SOFTPLUS, p, a, n_out, y, w, result, <real*> d)
    elif p.kind == GAUSSIAN_NLL:
        gaussian_nll(p, a, n_out, y, w, result, <real*> d)
    elif p.kind == HINGE and labels != NULL:
        margin_of_label(False, a, n_out, labels, w, result, <real*> d)
    elif p.kind == HINGE:
        mean_over_outputs(HINGE, p, a, n_out, y, w, result, <real*> d)
    elif p.kind == SQUARED_HINGE and labels != NULL:
        margin_of_label(True, a, n_out, labels, w, result, <real*> d)
    elif p.kind == SQUARED_HINGE:
        mean_over_outputs(SQUARED_HINGE, p, a, n_out, y, w, result, <real*> d)
    elif p.kind == BINARY_CROSS_ENTROPY:
        mean_over_outputs(BINARY_CROSS_ENTROPY, p, a, n_out, y, w, result, <real*> d)
    elif p.kind == CROSS_ENTROPY:
        cross_entropy(p, a, n_out, labels, y, w, result, <real*> d)
    elif p.kind == FOCAL:
        focal(p, a, n_out, labels, y, w, result, <real*> d)
    elif p.kind == BINARY_FOCAL:
        mean_over_outputs(BINARY_FOCAL, p, a, n_out, y, w, result, <real*> d)
