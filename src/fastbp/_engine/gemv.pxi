# The three products for a single sample: bound by memory, so each reads the weights once, in the order they lie.
# The sums are the same chains as in gemm.pxi, so the results are the same bits.

cdef enum:
    N_COLUMN_VECTORS = 8                    # vectors of outputs summed at once: enough chains to hide an fma's latency


# z[column ...] (n_vec vectors)  <-  sum over k of x[k] * w[k, column ...], plus the bias: the last row
cdef inline void row_columns(int n_vec, const real* x, idx n_in, bint has_bias, const real* w, idx n_out, real* z,
                             idx n_times) noexcept nogil:
    cdef vec acc[N_COLUMN_VECTORS]
    cdef vec left
    cdef const real* row
    cdef int i
    cdef idx k, t
    for t in range(n_times):
        row = w + t * n_vec * LANES
        for i in range(n_vec):
            acc[i] = vsplat(0)
        for k in range(n_in):
            left = vsplat(x[k])
            for i in range(n_vec):
                acc[i] = vfma(left, vload(row + i * LANES), acc[i])
            row += n_out
        if has_bias:
            for i in range(n_vec):
                acc[i] = vfma(vsplat(1), vload(row + i * LANES), acc[i])
        for i in range(n_vec):
            vstore(z + (t * n_vec + i) * LANES, acc[i])


# z (n_out,) = x (n_in,)  w (n_in, n_out); the last vector may read beyond a row, never beyond the buffer's spare vector
cdef void row_forward(const Weights* w, bint has_bias, const void* x, void* z) noexcept nogil:
    cdef const real* weights = <const real*> w.data
    cdef real* out = <real*> z
    cdef idx n_in = w.n_rows - has_bias
    cdef idx wide = w.n_out // (N_COLUMN_VECTORS * LANES)
    cdef idx done = wide * N_COLUMN_VECTORS * LANES
    row_columns(N_COLUMN_VECTORS, <const real*> x, n_in, has_bias, weights, w.n_out, out, wide)
    row_columns(1, <const real*> x, n_in, has_bias, weights + done, w.n_out, out + done,
                (w.n_out - done + LANES - 1) // LANES)


# dx (n_rows,) = w (n_rows, n_out)  dz (n_out,): LANES rows at a time, their quads transposed
cdef void row_backward(const Weights* w, const void* dz, void* dx) noexcept nogil:
    cdef const real* weights = <const real*> w.data
    cdef const real* right = <const real*> dz
    cdef const real* rows[LANES]
    cdef real block[4 * LANES]
    cdef vec acc
    cdef idx first, n
    cdef int i
    first = 0
    while first < w.last:
        for i in range(LANES):
            rows[i] = weights + min(first + i, w.last - 1) * w.n_out
        acc = vsplat(0)
        n = 0
        while n + QUAD <= w.n_out:
            transpose_block(rows, n, block, LANES)
            for i in range(QUAD):
                acc = vfma(vload(block + i * LANES), vsplat(right[n + i]), acc)
            n += QUAD
        while n < w.n_out:
            for i in range(LANES):
                block[i] = rows[i][n]
            acc = vfma(vload(block), vsplat(right[n]), acc)
            n += 1
        vstore(<real*> dx + first, acc)
        first += LANES


# out (n,)  <-  left * right, or out + left * right, or out + step * (left * right)
cdef inline void add_row(bint resume, bint adds, vec left, const real* right, vec step, real* out,
                         idx n) noexcept nogil:
    cdef real tail[2][LANES]
    cdef vec product
    cdef idx j = 0
    while j + LANES <= n:
        product = vfma(left, vload(right + j), vload(out + j) if resume else vsplat(0))
        vstore(out + j, vfma(step, product, vload(out + j)) if adds else product)
        j += LANES
    if j < n:
        load_tail(tail[0], right + j, n - j)
        load_tail(tail[1], out + j, n - j)
        product = vfma(left, vload(tail[0]), vload(tail[1]) if resume else vsplat(0))
        vstore(tail[1], vfma(step, product, vload(tail[1])) if adds else product)
        store_tail(out + j, tail[1], n - j)


cdef inline void add_to_row(bint resume, double step, vec left, const real* right, vec factor, real* out,
                            idx n) noexcept nogil:
    if step != 0:
        add_row(False, True, left, right, factor, out, n)
    elif resume:
        add_row(True, False, left, right, factor, out, n)
    else:
        add_row(False, False, left, right, factor, out, n)


# dw (n_in, n_out) = x (n_in,)  dz (n_out,)
cdef void row_weights(const Weights* w, bint has_bias, const void* x, const void* dz, bint resume, double step,
                      void* out) noexcept nogil:
    cdef const real* left = <const real*> x
    cdef const real* right = <const real*> dz
    cdef real* rows = <real*> out
    cdef vec factor = vsplat(<real> step)
    cdef idx n_in = w.n_rows - has_bias
    cdef idx k
    if w.n_out == 1:                        # a column lies in memory as a row does
        add_to_row(resume, step, vsplat(right[0]), left, factor, rows, n_in)
    else:
        for k in range(n_in):
            add_to_row(resume, step, vsplat(left[k]), right, factor, rows + k * w.n_out, w.n_out)
    if has_bias:
        add_to_row(resume, step, vsplat(1), right, factor, rows + n_in * w.n_out, w.n_out)
