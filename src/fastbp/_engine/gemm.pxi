# The three matrix products of back-propagation, for activations kept as panels (see kernels.pxd).
#
#     forward    z  = w^T x      (n_out, samples)  sums over the inputs
#     backward   dx = w   dz     (n_in, samples)   sums over the outputs
#     weights    dw = x   dz^T   (n_in, n_out)     sums over the samples
#
# All three are one loop, `tile`: it computes n_rows x (1 or 2 vectors) of the result at once and keeps them in
# registers while it walks along the sum. A step along the sum is one outer product:
#
#                    b[k]  [ . . . . . . . . | . . . . . . . . ]     2 vectors: a row of a panel
#          a[0, k]   .     [                 |                 ]  \
#          a[1, k]   .     [   acc[1][0]     |   acc[1][1]     ]   > a strip: N_ROWS rows at most,
#          a[2, k]   .     [                 |                 ]  /  each element of a copied to all lanes
#
# so a register tile of r x 2 vectors costs r + 2 loads for 2 r multiply-adds. The right factor is always a panel,
# contiguous and aligned; the left one is read where it lies, with two strides, unless that is slow: the rows of weights
# of the forward product are far apart, and rows 4 KB apart, as the backward product may have them, push each other out
# of the caches. There a group of strips is copied together first. Long sums are cut into blocks of BLOCK terms, so that
# a block of a panel, or of a strip, stays in the first-level cache while the other factor streams past it. The tile is
# stored and loaded again between blocks, hence
#
#   every element of every product is one chain of fma in the order of its index, from zero:
#
# no blocking, tile size, vector width or number of threads changes a bit of the result.

cdef enum:
    PANEL = 2 * LANES
    BLOCK = 1024 // sizeof(real)
    N_ROWS = STRIP_ROWS

# Measured crossovers.
cdef enum:
    GROUP = 8                           # strips that a block of the right factor is used for while it is at hand
    ALIASED = 1024                      # bytes: rows a multiple of this apart compete for the same sets of a cache
    FETCHED_FROM = 128                  # terms of a sum: from here on, what it will be added to is asked for early
    KEPT_BYTES = 1 << 19                # of a factor that stay in the second-level cache from strip to strip
    # Tall tiles walk along the panels with one strip of weights at hand, low ones along the strips with one block of a
    # panel at hand: a tall tile takes more of the left factor with each step, a low one more of the right.
    IS_TALL = STRIP_ROWS // 14
    BACKWARD_BLOCK = (1 + IS_TALL) * BLOCK
    # Strips of weights are copied for the forward product where that costs less than it saves: of so many bytes of
    # weights and more, for more than so many panels, or for more than so many if rows compete for a cache.
    COPIED_GROUP = (3 - 2 * IS_TALL) * GROUP
    COPIED_BYTES = (48 + 464 * IS_TALL) * 1024
    FEW_PANELS = 4 - IS_TALL
    FEW_ALIASED = 3 - 2 * IS_TALL
    COPIED_ALIASED = (1 + 3 * IS_TALL) * ALIASED

cdef enum:                              # what becomes of a finished tile
    STORE                               # c  = acc
    ADD                                 # c += step * acc


# For each of n_tiles panels, or strips, in turn (a, b and c move on by their strides):
# c[i, :] (n_rows, n_vec vectors)  <-  (c or 0) + sum over k of a[i, k] * b[k, :]
# k runs through segments of at most `segment` terms, between which a jumps by `jump`.
# What is stored is rectified, if asked, or multiplied by the derivative of the rectifier whose output is at `gate`.
# (The loop over tiles is also what makes GCC unroll the loops in it soon enough to keep acc in registers throughout.)
cdef inline void tile(int n_rows, int n_vec, int finish, bint resume, const real* a, idx a_stride, idx row_step,
                      idx k_step, idx n_terms, idx segment, idx jump, const real* b, idx b_stride, real* c, idx c_step,
                      idx c_stride, real step, idx n_tiles, Ahead* ahead, bint rectifies,
                      const real* gate) noexcept nogil:
    cdef vec acc[N_ROWS][2]
    cdef vec right[2]
    cdef vec left
    cdef const real* left_terms
    cdef const real* right_terms
    cdef int i, j
    cdef idx k, n, t, remaining
    for t in range(n_tiles):
        if ahead != NULL:
            fetch(ahead)
        for i in range(n_rows):
            for j in range(n_vec):
                acc[i][j] = vsplat(0)
        if finish == ADD and n_terms >= FETCHED_FROM:
            for i in range(n_rows):
                for j in range(n_vec):
                    vprefetch(c + i * c_step + j * LANES)
        if resume:
            for i in range(n_rows):
                for j in range(n_vec):
                    acc[i][j] = vload(c + i * c_step + j * LANES)
        left_terms = a
        right_terms = b
        remaining = n_terms
        while remaining > 0:
            n = min(remaining, segment)
            for k in range(n):
                for j in range(n_vec):
                    right[j] = vload(right_terms + j * LANES)
                for i in range(n_rows):
                    left = vsplat(left_terms[i * row_step])
                    for j in range(n_vec):
                        acc[i][j] = vfma(left, right[j], acc[i][j])
                left_terms += k_step
                right_terms += PANEL
            left_terms += jump
            remaining -= segment
        if rectifies:
            for i in range(n_rows):
                for j in range(n_vec):
                    acc[i][j] = value_of(RELU, acc[i][j])
        if gate != NULL:
            for i in range(n_rows):
                for j in range(n_vec):
                    acc[i][j] = acc[i][j] * derivative_of(RELU, acc[i][j], vload(gate + i * c_step + j * LANES))
            gate += c_stride
        for i in range(n_rows):
            for j in range(n_vec):
                if finish == ADD:
                    acc[i][j] = vfma(vsplat(step), acc[i][j], vload(c + i * c_step + j * LANES))
                vstore(c + i * c_step + j * LANES, acc[i][j])
        a += a_stride
        b += b_stride
        c += c_stride


# The same with the number of rows made a constant of the compiled code, so that acc lives in registers.
cdef inline void tile_of(int n_rows, int n_vec, int finish, bint resume, const real* a, idx a_stride, idx row_step,
                         idx k_step, idx n_terms, idx segment, idx jump, const real* b, idx b_stride, real* c,
                         idx c_step, idx c_stride, real step, idx n_tiles, Ahead* ahead, bint rectifies,
                         const real* gate) noexcept nogil:
    if n_rows == 1:
        tile(1, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif n_rows == 2:
        tile(2, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif n_rows == 3:
        tile(3, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif n_rows == 4:
        tile(4, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif n_rows == 5:
        tile(5, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif n_rows == 6:
        tile(6, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif N_ROWS > 6 and n_rows == 7:
        tile(7, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif N_ROWS > 6 and n_rows == 8:
        tile(8, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif N_ROWS > 6 and n_rows == 9:
        tile(9, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif N_ROWS > 6 and n_rows == 10:
        tile(10, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif N_ROWS > 6 and n_rows == 11:
        tile(11, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif N_ROWS > 6 and n_rows == 12:
        tile(12, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif N_ROWS > 6 and n_rows == 13:
        tile(13, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)
    elif N_ROWS > 6 and n_rows == 14:
        tile(14, n_vec, finish, resume, a, a_stride, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles, ahead, rectifies, gate)


cdef inline int n_vectors(idx n) noexcept nogil:
    return 1 if n <= LANES else 2


# Rows are shared out evenly among the fewest strips: 16 rows are 8 + 8, not 14 + 2.
cdef inline idx strip_rows(idx n_rows) noexcept nogil:
    cdef int n, n_strips
    if n_rows <= N_ROWS:
        return n_rows
    n = <int> n_rows
    n_strips = (n + N_ROWS - 1) // N_ROWS
    return (n + n_strips - 1) // n_strips


# Tiles of the three products, out of line: inlined into the loops around it, a tile's registers would spill.

cdef void forward_tiles(int n_rows, int n_vec, bint resume, const real* a, idx a_stride, idx k_step, idx n_terms,
                        const real* b, idx b_stride, real* c, idx c_stride, idx n_tiles,
                        bint rectifies) noexcept nogil:
    if n_vec == 2:
        tile_of(n_rows, 2, STORE, resume, a, a_stride, 1, k_step, n_terms, n_terms, 0, b, b_stride, c, PANEL,
                c_stride, 0, n_tiles, NULL, rectifies, NULL)
    else:
        tile_of(n_rows, 1, STORE, resume, a, a_stride, 1, k_step, n_terms, n_terms, 0, b, b_stride, c, PANEL,
                c_stride, 0, n_tiles, NULL, rectifies, NULL)


cdef void backward_tiles(int n_rows, int n_vec, bint resume, const real* a, idx a_stride, idx row_step, idx n_terms,
                         const real* b, idx b_stride, real* c, idx c_stride, idx n_tiles, Ahead* ahead,
                         const real* gate) noexcept nogil:
    if n_vec == 2:
        tile_of(n_rows, 2, STORE, resume, a, a_stride, row_step, 1, n_terms, n_terms, 0, b, b_stride, c, PANEL,
                c_stride, 0, n_tiles, ahead, False, gate)
    else:
        tile_of(n_rows, 1, STORE, resume, a, a_stride, row_step, 1, n_terms, n_terms, 0, b, b_stride, c, PANEL,
                c_stride, 0, n_tiles, ahead, False, gate)


cdef void weights_tiles(int n_rows, int n_vec, int finish, bint resume, const real* a, idx jump, idx n_samples,
                        const real* b, idx b_stride, real* c, idx c_step, real step, idx n_tiles) noexcept nogil:
    if n_vec == 2 and finish == STORE:
        tile_of(n_rows, 2, STORE, resume, a, 0, PANEL, 1, n_samples, PANEL, jump, b, b_stride, c, c_step, PANEL, step,
                n_tiles, NULL, False, NULL)
    elif n_vec == 2:
        tile_of(n_rows, 2, ADD, False, a, 0, PANEL, 1, n_samples, PANEL, jump, b, b_stride, c, c_step, PANEL, step,
                n_tiles, NULL, False, NULL)
    elif finish == STORE:
        tile_of(n_rows, 1, STORE, resume, a, 0, PANEL, 1, n_samples, PANEL, jump, b, b_stride, c, c_step, PANEL, step,
                n_tiles, NULL, False, NULL)
    else:
        tile_of(n_rows, 1, ADD, False, a, 0, PANEL, 1, n_samples, PANEL, jump, b, b_stride, c, c_step, PANEL, step,
                n_tiles, NULL, False, NULL)


# strips OUT, each (n_terms, n_rows), `stride` apart <- w (n_terms, n_out), columns 0 ... n_strips * n_rows - 1; all in
# one go, so that a cache line of w is read but once. Whole vectors are copied: what a vector brings too much is
# overwritten by the next row, or falls between the strips. (A parameter buffer ends with a vector to spare.)
cdef inline void copy_strips(const real* w, idx n_out, idx n_terms, idx n_rows, idx n_strips, real* strips,
                             idx stride) noexcept nogil:
    cdef idx k, j, g
    for k in range(n_terms):
        for g in range(n_strips):
            j = 0
            while j < n_rows:
                vstore(strips + g * stride + k * n_rows + j, vload(w + k * n_out + g * n_rows + j))
                j += LANES


# rows OUT (n_rows, step) <- w (n_rows, n_out), columns 0 ... n_terms - 1, in whole vectors: step has room for one more
cdef inline void copy_rows(const real* w, idx n_out, idx n_terms, idx n_rows, real* rows, idx step) noexcept nogil:
    cdef idx i, k
    for i in range(n_rows):
        k = 0
        while k < n_terms:
            vstore(rows + i * step + k, vload(w + i * n_out + k))
            k += LANES


# The panels of a call whose both vectors hold samples; a last one may follow whose second vector holds none.
cdef inline idx full_panels(const Panels* panels) noexcept nogil:
    return min(panels.last, (panels.n_samples + LANES - 1) // PANEL) - panels.first


# A sum is cut evenly too: 785 terms are blocks of 393 and 392.
cdef inline idx block_terms(idx n_terms, int most) noexcept nogil:
    cdef int n, n_blocks
    if n_terms <= most:
        return n_terms
    n = <int> n_terms
    n_blocks = (n + most - 1) // most
    return (n + n_blocks - 1) // n_blocks


cdef inline bint is_aliased(const Weights* w, idx n_bytes) noexcept nogil:
    return w.n_out * <idx> sizeof(real) % n_bytes == 0


cdef inline bint copies_strips(const Weights* w, idx n_panels) noexcept nogil:
    return (w.n_rows * w.n_out * <idx> sizeof(real) > COPIED_BYTES
            and n_panels > (FEW_ALIASED if is_aliased(w, COPIED_ALIASED) else FEW_PANELS))


# z (n_out, samples) = w^T (n_out, n_rows)  x (n_rows, samples), or max(z, 0) with `rectifies`
cdef void product_forward(const Weights* w, const Panels* x, const Panels* z, bint rectifies,
                          void* scratch) noexcept nogil:
    cdef const real* weights
    cdef const real* right
    cdef real* c
    cdef real* strips = <real*> scratch
    cdef idx n_panels = x.last - x.first
    cdef idx n_full = full_panels(x)
    cdef idx block = block_terms(w.n_rows, BLOCK)
    cdef bint copies = copies_strips(w, n_panels)
    cdef idx begin, n, first, rows, n_strips, stride, p
    cdef bint ends
    begin = 0
    while begin < w.n_rows:
        n = min(block, w.n_rows - begin)
        ends = rectifies and begin + n == w.n_rows
        weights = <const real*> w.data + begin * w.n_out
        right = <const real*> x.data + x.first * x.stride + begin * PANEL
        first = w.first
        while first < w.last:
            rows = strip_rows(w.last - first)
            n_strips = min(<idx> COPIED_GROUP, (w.last - first) // rows) if copies else 1
            c = <real*> z.data + z.first * z.stride + first * PANEL
            if copies:
                stride = n * rows + LANES
                copy_strips(weights + first, w.n_out, n, rows, n_strips, strips, stride)
                for p in range(n_panels):
                    forward_tiles(<int> rows, 2 if p < n_full else 1, begin > 0, strips, stride, rows, n,
                                  right + p * x.stride, 0, c + p * z.stride, rows * PANEL, n_strips, ends)
            else:
                if n_full:
                    forward_tiles(<int> rows, 2, begin > 0, weights + first, 0, w.n_out, n, right, x.stride, c,
                                  z.stride, n_full, ends)
                if n_full < n_panels:
                    forward_tiles(<int> rows, 1, begin > 0, weights + first, 0, w.n_out, n, right + n_full * x.stride,
                                  0, c + n_full * z.stride, 0, 1, ends)
            first += n_strips * rows
        begin += n


# dx (n_rows, samples) = w (n_rows, n_out)  dz (n_out, samples), or dx * (a > 0) unless a is NULL
cdef void product_backward(const Weights* w, const Panels* dz, const Panels* dx, const void* a,
                           void* scratch) noexcept nogil:
    cdef const real* left
    cdef const real* right
    cdef real* c
    cdef idx n_panels = dz.last - dz.first
    cdef idx n_full = full_panels(dz)
    cdef idx block = block_terms(w.n_out, BACKWARD_BLOCK)
    cdef idx row_step = w.n_out
    cdef bint along_panels = IS_TALL
    cdef bint copies = n_full > 2 and is_aliased(w, ALIASED)
    cdef bint fetches = n_full > 2 and w.n_rows * w.n_out * <idx> sizeof(real) > KEPT_BYTES
    cdef Ahead ahead
    cdef idx begin, n, first, next, rows, n_strips, p, here
    cdef const real* gate
    if copies:
        row_step = block + 2 * LANES
    begin = 0
    while begin < w.n_out:
        n = min(block, w.n_out - begin)
        gate = <const real*> a if begin + n == w.n_out else NULL
        right = <const real*> dz.data + dz.first * dz.stride + begin * PANEL
        first = w.first
        while first < w.last:
            rows = strip_rows(w.last - first)
            n_strips = 1 if along_panels else min(<idx> GROUP, (w.last - first) // rows)
            next = first + n_strips * rows
            left = <const real*> w.data + first * w.n_out + begin
            if fetches:
                ahead = block_ahead(<const real*> w.data + next * w.n_out + begin, w.n_out,
                                    min(n_strips * rows, w.last - next), n, n_strips * n_panels)
            if copies:
                copy_rows(left, w.n_out, n, n_strips * rows, <real*> scratch, row_step)
                left = <const real*> scratch
            here = dx.first * dx.stride + first * PANEL
            c = <real*> dx.data + here
            if along_panels and n_full:
                backward_tiles(<int> rows, 2, begin > 0, left, 0, row_step, n, right, dz.stride, c, dx.stride, n_full,
                               &ahead if fetches else NULL, gate + here if gate != NULL else NULL)
            for p in range(n_full if along_panels else 0, n_panels):
                backward_tiles(<int> rows, 2 if p < n_full else 1, begin > 0, left, rows * row_step, row_step, n,
                               right + p * dz.stride, 0, c + p * dx.stride, rows * PANEL, n_strips,
                               &ahead if fetches else NULL, gate + here + p * dx.stride if gate != NULL else NULL)
            first = next
        begin += n


# One strip of dw whose last tile is wider than what is left of its rows: a copy is worked on. Rows that lie without a
# gap are copied in whole vectors, in their order, so that the next rows overwrite what one brings too much; but for the
# last of them, whose vectors would end beyond the strip.
cdef void edge_tile(int n_rows, idx n_cols, int finish, bint resume, const real* a, idx jump, idx n_samples,
                    const real* b, real* c, idx c_step, real step, real* edge) noexcept nogil:
    cdef int n_vec = n_vectors(n_cols)
    cdef idx n_whole = 0
    cdef idx i, j
    while n_cols == c_step and n_whole * n_cols + n_vec * LANES <= n_rows * n_cols:
        n_whole += 1
    if resume or finish == ADD:
        for i in range(n_whole):
            for j in range(n_vec):
                vstore(edge + i * PANEL + j * LANES, vload(c + i * c_step + j * LANES))
        for i in range(n_whole, n_rows):
            for j in range(n_cols):
                edge[i * PANEL + j] = c[i * c_step + j]
    weights_tiles(n_rows, n_vec, finish, resume, a, jump, n_samples, b, 0, edge, PANEL, step, 1)
    for i in range(n_whole):
        for j in range(n_vec):
            vstore(c + i * c_step + j * LANES, vload(edge + i * PANEL + j * LANES))
    for i in range(n_whole, n_rows):
        for j in range(n_cols):
            c[i * c_step + j] = edge[i * PANEL + j]


# dw (n_rows, 1) = x (n_rows, samples)  dz (samples, 1), for LANES rows or fewer; out = dw, or out += step * dw.
# A column of weights lies in one piece, so the rows are put along the vector, and x is transposed by the way.
cdef void column_of_weights(const real* x, idx jump, idx n_samples, idx n_rows, const real* dz, bint resume, real step,
                            real* out) noexcept nogil:
    cdef const real* rows[LANES]
    cdef real block[4][LANES]               # QUAD <= 4
    cdef real sums[LANES]
    cdef vec acc
    cdef idx i, s
    cdef int k
    load_tail(sums, out, n_rows if resume else 0)
    acc = vload(sums)
    if n_rows > QUAD:
        for i in range(LANES):
            rows[i] = x + min(i, n_rows - 1) * PANEL
        s = 0
        while s < n_samples:
            transpose_block(rows, s + s // PANEL * jump, block[0], LANES, NULL)
            for k in range(QUAD):
                if s + k < n_samples:
                    acc = vfma(vload(block[k]), vsplat(dz[s + k]), acc)
            s += QUAD
        vstore(sums, acc)
    else:                                   # as the last row of all often is, that of ones
        for i in range(n_rows):
            acc = vsplat(sums[i])
            for s in range(n_samples):
                acc = vfma(vsplat(x[i * PANEL + s + s // PANEL * jump]), vsplat(dz[s]), acc)
            vstore(block[0], acc)
            sums[i] = block[0][0]
    if step != 0:
        load_tail(block[0], out, n_rows)
        vstore(sums, vfma(vsplat(step), vload(sums), vload(block[0])))
    store_tail(out, sums, n_rows)


# dw (n_rows, n_out) = x (n_rows, samples)  dzt (samples, n_out); out = dw, or out += step * dw
cdef void product_weights(const Weights* w, const Panels* x, const void* dzt, idx dzt_stride, bint resume,
                          double step, void* out, void* scratch) noexcept nogil:
    cdef const real* left
    cdef const real* right
    cdef real* c
    cdef int finish = STORE if step == 0 else ADD
    cdef idx n_full = w.n_out // PANEL
    cdef idx n_left = w.n_out - n_full * PANEL
    cdef idx jump = x.stride - PANEL
    cdef idx panel_bytes = x.n_samples * PANEL * <idx> sizeof(real)
    cdef idx kept = n_full
    cdef idx column, n, first, rows
    if w.n_out == 1:
        first = w.first
        while first < w.last:
            rows = min(w.last - first, <idx> LANES)
            column_of_weights(<const real*> x.data + first * PANEL, jump, x.n_samples, rows, <const real*> dzt, resume,
                              <real> step, <real*> out + first)
            first += rows
        return
    if n_full * panel_bytes > KEPT_BYTES:
        kept = max(KEPT_BYTES // panel_bytes, <idx> 1)
    column = 0
    while column * PANEL < w.n_out:         # columns of dzt that are kept in the cache, then the next of them
        n = min(kept, n_full - column)
        right = <const real*> dzt + column * dzt_stride
        first = w.first
        while first < w.last:
            rows = strip_rows(w.last - first)
            left = <const real*> x.data + first * PANEL
            c = <real*> out + first * w.n_out + column * PANEL
            if n:
                weights_tiles(<int> rows, 2, finish, resume, left, jump, x.n_samples, right, dzt_stride, c, w.n_out,
                              <real> step, n)
            if column + n == n_full and n_left == LANES:
                weights_tiles(<int> rows, 1, finish, resume, left, jump, x.n_samples, right + n * dzt_stride, 0,
                              c + n * PANEL, w.n_out, <real> step, 1)
            elif column + n == n_full and n_left > 0:
                edge_tile(<int> rows, n_left, finish, resume, left, jump, x.n_samples, right + n * dzt_stride,
                          c + n * PANEL, w.n_out, <real> step, <real*> scratch)
            first += rows
        column += n if column + n < n_full else n + 1
