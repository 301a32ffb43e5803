# Sums over the samples of a batch, for each feature.
#
# No target's panel or vector may show in the result: sample s adds to chain s % CHAINS, as every target can do in its
# own vectors, and the chains are added by halves: the first 16 and the last 16, and so on.

cdef enum:
    CHAINS = 32
    CHAIN_VECTORS = CHAINS // LANES

# x in the first n lanes, 0 in the others, whatever x is there
cdef inline vec first_lanes(vec x, idx n) noexcept nogil:
    return x if n >= LANES else vselect(vless(vload(_lane_numbers), vsplat(<real> n)), x, vsplat(0))


# chains is scratch afterwards
cdef inline real sum_of_chains(vec* chains) noexcept nogil:
    cdef real values[LANES]
    cdef int i
    cdef int n = CHAIN_VECTORS // 2
    while n > 0:
        for i in range(n):
            chains[i] = chains[i] + chains[i + n]
        n //= 2
    vstore(values, chains[0])
    n = LANES // 2
    while n > 0:
        for i in range(n):
            values[i] = values[i] + values[i + n]
        n //= 2
    return values[0]


# For features first ... last - 1: dots OUT (n,) = sum of d * z and, unless NULL, totals OUT (n,) = sum of d over the
# samples; with resume added to what is there.
cdef void sums(const Panels* d, const Panels* z, idx first, idx last, bint resume, void* dots,
               void* totals) noexcept nogil:
    cdef real* dot_out = <real*> dots
    cdef real* total_out = <real*> totals
    cdef vec dot[CHAIN_VECTORS]
    cdef vec total[CHAIN_VECTORS]
    cdef vec left
    cdef real value
    cdef idx j, p, n, begin
    cdef int i, half
    for j in range(first, last):
        for i in range(CHAIN_VECTORS):
            dot[i] = vsplat(0)
            total[i] = vsplat(0)
        for p in range(d.first, d.last):
            for half in range(2):
                n = d.n_samples - p * PANEL - half * LANES
                if n <= 0:
                    break
                i = <int> (2 * p + half) % CHAIN_VECTORS
                begin = j * PANEL + half * LANES
                left = first_lanes(vload(<const real*> d.data + p * d.stride + begin), n)
                dot[i] = vfma(left, first_lanes(vload(<const real*> z.data + p * z.stride + begin), n), dot[i])
                total[i] = total[i] + left
        value = sum_of_chains(dot)
        dot_out[j] = dot_out[j] + value if resume else value
        if total_out != NULL:
            value = sum_of_chains(total)
            total_out[j] = total_out[j] + value if resume else value


# The same numbers for one sample (0 + x is x, but for the sign of 0)
cdef void sums_row(const void* d, const void* z, idx n, void* dots, void* totals) noexcept nogil:
    cdef idx j
    for j in range(n):
        (<real*> dots)[j] = <real> 0 + (<const real*> d)[j] * (<const real*> z)[j]
        if totals != NULL:
            (<real*> totals)[j] = <real> 0 + (<const real*> d)[j]


# total OUT (1,) = sum of x in its order, or with resume total INOUT += it
cdef void sum_up(const void* x, idx n, bint resume, void* total) noexcept nogil:
    cdef real value = 0
    cdef idx j
    for j in range(n):
        value = value + (<const real*> x)[j]
    (<real*> total)[0] = (<real*> total)[0] + value if resume else value


# out OUT (n,) = a * b; out may be a or b
cdef void multiply(const void* a, const void* b, void* out, idx n) noexcept nogil:
    cdef real tail[2][LANES]
    cdef idx i = 0
    while i + LANES <= n:
        vstore(<real*> out + i, vload(<const real*> a + i) * vload(<const real*> b + i))
        i += LANES
    if i < n:
        load_tail(tail[0], <const real*> a + i, n - i)
        load_tail(tail[1], <const real*> b + i, n - i)
        vstore(tail[0], vload(tail[0]) * vload(tail[1]))
        store_tail(<real*> out + i, tail[0], n - i)


# out OUT (n,) = a + b; out may be a or b
cdef void add(const void* a, const void* b, void* out, idx n) noexcept nogil:
    cdef real tail[2][LANES]
    cdef idx i = 0
    while i + LANES <= n:
        vstore(<real*> out + i, vload(<const real*> a + i) + vload(<const real*> b + i))
        i += LANES
    if i < n:
        load_tail(tail[0], <const real*> a + i, n - i)
        load_tail(tail[1], <const real*> b + i, n - i)
        vstore(tail[0], vload(tail[0]) + vload(tail[1]))
        store_tail(<real*> out + i, tail[0], n - i)
