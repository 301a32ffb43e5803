# What is asked of weights besides a small loss.


cdef inline vec load_some(const real* x, idx n) noexcept nogil:
    cdef real tail[LANES]
    if n >= LANES:
        return vload(x)
    load_tail(tail, x, n)
    return vload(tail)


cdef inline void store_some(real* out, vec x, idx n) noexcept nogil:
    cdef real tail[LANES]
    if n >= LANES:
        vstore(out, x)
    else:
        vstore(tail, x)
        store_tail(out, tail, n)


# sizes INOUT += |w|, squares INOUT += w^2, one element to each chain of sums.pxi
cdef inline void add_sizes(const real* w, vec* sizes, vec* squares) noexcept nogil:
    cdef vec value
    cdef int c
    for c in range(CHAIN_VECTORS):
        value = vload(w + c * LANES)
        sizes[c] = sizes[c] + vabs(value)
        squares[c] = vfma(value, value, squares[c])


# totals OUT (2,): the sums of |w| and of w^2, over blocks of PENALTY_BLOCK in those chains, of the blocks in double
cdef enum:
    PENALTY_BLOCK = 4096

cdef void weight_sums(const void* w, idx n, double* totals) noexcept nogil:
    cdef vec sizes[CHAIN_VECTORS]
    cdef vec squares[CHAIN_VECTORS]
    cdef real tail[CHAINS]
    cdef idx begin, end, i, j
    cdef int c
    totals[0] = 0
    totals[1] = 0
    begin = 0
    while begin < n:
        end = min(begin + PENALTY_BLOCK, n)
        for c in range(CHAIN_VECTORS):
            sizes[c] = vsplat(0)
            squares[c] = vsplat(0)
        i = begin
        while i + CHAINS <= end:
            add_sizes(<const real*> w + i, sizes, squares)
            i += CHAINS
        if i < end:                     # what is added as 0 changes nothing
            for j in range(CHAINS):
                tail[j] = (<const real*> w)[i + j] if i + j < end else 0
            add_sizes(tail, sizes, squares)
        totals[0] += sum_of_chains(sizes)
        totals[1] += sum_of_chains(squares)
        begin = end


# g INOUT += l1 sign(w) + 2 l2 w, where sign(0) = 0
cdef void penalize(void* g, const void* w, idx n, double l1, double l2) noexcept nogil:
    cdef vec size = vsplat(<real> l1)
    cdef vec slope = vsplat(<real> (2 * l2))
    cdef vec weight, sign
    cdef idx i = 0
    while i < n:
        weight = load_some(<const real*> w + i, n - i)
        sign = vselect(vequal(weight, vsplat(0)), vsplat(0), vnegative_as(size, weight))
        sign = vfma(slope, weight, sign)
        store_some(<real*> g + i, load_some(<const real*> g + i, n - i) + sign, n - i)
        i += LANES


# Columns first ... last - 1 of w INOUT (n_in, n_out): those whose norm is larger than `limit` get that norm
cdef void limit_norms(void* w, idx n_in, idx n_out, idx first, idx last, double limit) noexcept nogil:
    cdef real* weights = <real*> w
    cdef vec most = vsplat(<real> limit)
    cdef vec one = vsplat(1)
    cdef vec total, factor, value
    cdef idx j, i
    j = first
    while j < last:
        total = vsplat(0)
        for i in range(n_in):
            value = load_some(weights + i * n_out + j, last - j)
            total = vfma(value, value, total)
        total = vsqrt(total)
        factor = vselect(vless(most, total), most / total, one)
        for i in range(n_in):
            value = load_some(weights + i * n_out + j, last - j)
            store_some(weights + i * n_out + j, value * factor, last - j)
        j += LANES
