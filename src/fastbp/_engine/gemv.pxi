# The three products for a single sample: bound by memory, so each reads the weights once, in the order they lie.
# The sums are the same chains as in gemm.pxi, so the results are the same bits.

cdef enum:
    N_COLUMN_VECTORS = 8                    # vectors of outputs summed at once: enough chains to hide an fma's latency
    N_STEP_VECTORS = 4                      # fewer where each needs a register for its error as well


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
    cdef idx n_left = (w.n_out + LANES - 1) // LANES        # vectors of outputs
    cdef idx done = n_left // N_COLUMN_VECTORS * N_COLUMN_VECTORS
    row_columns(N_COLUMN_VECTORS, <const real*> x, n_in, has_bias, weights, w.n_out, out, n_left // N_COLUMN_VECTORS)
    n_left -= done
    if n_left >= 4:
        row_columns(4, <const real*> x, n_in, has_bias, weights + done * LANES, w.n_out, out + done * LANES, 1)
        n_left -= 4
        done += 4
    if n_left >= 2:
        row_columns(2, <const real*> x, n_in, has_bias, weights + done * LANES, w.n_out, out + done * LANES, 1)
        n_left -= 2
        done += 2
    if n_left:
        row_columns(1, <const real*> x, n_in, has_bias, weights + done * LANES, w.n_out, out + done * LANES, 1)


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
            transpose_block(rows, n, block, LANES, NULL)
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


# out (n,)  <-  left * right, or out + left * right, or out + step * (left * right). Where it goes on behind the row, it
# is written in whole vectors, and what is behind the row (where `within` is 0) is written back as it was.
cdef inline void add_row(bint resume, bint adds, vec left, const real* right, vec step, real* out, idx n, ivec within,
                         bint goes_on) noexcept nogil:
    cdef real tail[2][LANES]
    cdef vec product, before
    cdef idx j = 0
    while j + LANES <= n:
        product = vfma(left, vload(right + j), vload(out + j) if resume else vsplat(0))
        vstore(out + j, vfma(step, product, vload(out + j)) if adds else product)
        j += LANES
    if j < n and goes_on:
        before = vload(out + j)
        product = vfma(left, vload(right + j), before if resume else vsplat(0))
        vstore(out + j, vselect(within, vfma(step, product, before) if adds else product, before))
    elif j < n:
        load_tail(tail[0], right + j, n - j)
        load_tail(tail[1], out + j, n - j)
        product = vfma(left, vload(tail[0]), vload(tail[1]) if resume else vsplat(0))
        vstore(tail[1], vfma(step, product, vload(tail[1])) if adds else product)
        store_tail(out + j, tail[1], n - j)


# The same for rows of out (n_rows, n), one behind the other, each with a factor of its own
cdef inline void add_rows(bint resume, bint adds, const real* left, const real* right, vec step, real* out, idx n_rows,
                          idx n) noexcept nogil:
    cdef ivec within = vless(vload(_lane_numbers), vsplat(<real> (n % LANES)))
    cdef idx k
    for k in range(n_rows):
        add_row(resume, adds, vsplat(left[k]), right, step, out, n, within, (n_rows - k - 1) * n >= LANES)
        out += n


cdef inline void add_to_rows(bint resume, double step, const real* left, const real* right, real* out, idx n_rows,
                             idx n) noexcept nogil:
    if step != 0:
        add_rows(False, True, left, right, vsplat(<real> step), out, n_rows, n)
    elif resume:
        add_rows(True, False, left, right, vsplat(0), out, n_rows, n)
    else:
        add_rows(False, False, left, right, vsplat(0), out, n_rows, n)


# dw (n_in, n_out) = x (n_in,)  dz (n_out,)
cdef void row_weights(const Weights* w, bint has_bias, const void* x, const void* dz, bint resume, double step,
                      void* out) noexcept nogil:
    cdef const real* left = <const real*> x
    cdef const real* right = <const real*> dz
    cdef real one = 1
    cdef idx n_in = w.n_rows - has_bias
    if w.n_out == 1:                        # a column lies in memory as a row does
        add_to_rows(resume, step, right, left, <real*> out, 1, n_in)
    else:
        add_to_rows(resume, step, left, right, <real*> out, n_in, w.n_out)
    if has_bias:
        add_to_rows(resume, step, &one, right, <real*> out + n_in * w.n_out, 1, w.n_out)


# Columns (n_vec vectors, or the first n_lanes lanes of one) of w += step * (x dz^T), and then of z = next w
cdef inline void step_columns(int n_vec, idx n_lanes, const Weights* w, bint has_bias, idx column, const real* x,
                              const real* dz, vec step, const real* next, real* z) noexcept nogil:
    cdef vec acc[N_STEP_VECTORS]
    cdef vec error[N_STEP_VECTORS]
    cdef real tail[LANES]
    cdef real* row = <real*> w.data + column
    cdef vec left, right, weights
    cdef idx k
    cdef int i
    for i in range(n_vec):
        acc[i] = vsplat(0)
        if n_lanes == LANES:
            error[i] = vload(dz + column + i * LANES)
        else:
            load_tail(tail, dz + column, n_lanes)
            error[i] = vload(tail)
    for k in range(w.n_rows):
        left = vsplat(x[k] if k < w.n_rows - has_bias else <real> 1)
        right = vsplat(next[k] if k < w.n_rows - has_bias else <real> 1)
        for i in range(n_vec):
            if n_lanes == LANES:
                weights = vfma(step, vfma(left, error[i], vsplat(0)), vload(row + i * LANES))
                vstore(row + i * LANES, weights)
            else:
                load_tail(tail, row, n_lanes)
                weights = vfma(step, vfma(left, error[i], vsplat(0)), vload(tail))
                vstore(tail, weights)
                store_tail(row, tail, n_lanes)
            acc[i] = vfma(right, weights, acc[i])
        row += w.n_out
    for i in range(n_vec):
        vstore(z + column + i * LANES, acc[i])


# The step of one sample and the forward product of the next, in one walk through the weights:
# w INOUT += step * (x dz^T) as `row_weights` takes it, z OUT (n_out,) = next w as `row_forward` has it
cdef void row_step_forward(const Weights* w, bint has_bias, const void* x, const void* dz, double step,
                           const void* next, void* z) noexcept nogil:
    cdef vec factor = vsplat(<real> step)
    cdef idx column = 0
    while column + N_STEP_VECTORS * LANES <= w.n_out:
        step_columns(N_STEP_VECTORS, LANES, w, has_bias, column, <const real*> x, <const real*> dz, factor,
                     <const real*> next, <real*> z)
        column += N_STEP_VECTORS * LANES
    while column + LANES <= w.n_out:
        step_columns(1, LANES, w, has_bias, column, <const real*> x, <const real*> dz, factor, <const real*> next,
                     <real*> z)
        column += LANES
    if column < w.n_out:
        step_columns(1, w.n_out - column, w, has_bias, column, <const real*> x, <const real*> dz, factor,
                     <const real*> next, <real*> z)
