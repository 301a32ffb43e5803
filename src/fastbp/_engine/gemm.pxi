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
# contiguous and aligned; the left one is read where it lies, with two strides, but for the forward product, whose
# rows of weights are too far apart: there a strip of BLOCK rows is copied together first, and used for all panels.
# Long sums are cut into blocks of BLOCK terms, so that a block of a panel stays in the first-level cache. The tile is
# stored and loaded again between blocks, hence
#
#   every element of every product is one chain of fma in the order of its index, from zero:
#
# no blocking, tile size, vector width or number of threads changes a bit of the result.

cdef enum:
    PANEL = 2 * LANES
    BLOCK = 1024 // sizeof(real)
    N_ROWS = STRIP_ROWS

# Measured crossover: from this product of outputs and panels on, copying a strip together costs less than it saves.
cdef enum:
    COPIED_FROM = 128

cdef enum:                              # what becomes of a finished tile
    STORE                               # c  = acc
    ADD                                 # c += step * acc


# For each of n_tiles panels in turn:
# c[i, :] (n_rows, n_vec vectors)  <-  (c or 0) + sum over k of a[i, k] * b[k, :]
# k runs through segments of at most `segment` terms, between which a jumps by `jump`.
# (The loop over tiles is also what makes GCC unroll the loops in it soon enough to keep acc in registers throughout.)
cdef inline void tile(int n_rows, int n_vec, int finish, bint resume, const real* a, idx row_step, idx k_step,
                      idx n_terms, idx segment, idx jump, const real* b, idx b_stride, real* c, idx c_step,
                      idx c_stride, real step, idx n_tiles) noexcept nogil:
    cdef vec acc[N_ROWS][2]
    cdef vec right[2]
    cdef vec left
    cdef const real* left_terms
    cdef const real* right_terms
    cdef int i, j
    cdef idx k, n, t, remaining
    for t in range(n_tiles):
        for i in range(n_rows):
            for j in range(n_vec):
                acc[i][j] = vsplat(0)
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
        for i in range(n_rows):
            for j in range(n_vec):
                if finish == ADD:
                    acc[i][j] = vfma(vsplat(step), acc[i][j], vload(c + i * c_step + j * LANES))
                vstore(c + i * c_step + j * LANES, acc[i][j])
        b += b_stride
        c += c_stride


# The same with the number of rows made a constant of the compiled code, so that acc lives in registers.
cdef inline void tile_of(int n_rows, int n_vec, int finish, bint resume, const real* a, idx row_step, idx k_step,
                         idx n_terms, idx segment, idx jump, const real* b, idx b_stride, real* c, idx c_step,
                         idx c_stride, real step, idx n_tiles) noexcept nogil:
    if n_rows == 1:
        tile(1, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif n_rows == 2:
        tile(2, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif n_rows == 3:
        tile(3, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif n_rows == 4:
        tile(4, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif n_rows == 5:
        tile(5, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif n_rows == 6:
        tile(6, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif N_ROWS > 6 and n_rows == 7:
        tile(7, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif N_ROWS > 6 and n_rows == 8:
        tile(8, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif N_ROWS > 6 and n_rows == 9:
        tile(9, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif N_ROWS > 6 and n_rows == 10:
        tile(10, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif N_ROWS > 6 and n_rows == 11:
        tile(11, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif N_ROWS > 6 and n_rows == 12:
        tile(12, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif N_ROWS > 6 and n_rows == 13:
        tile(13, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)
    elif N_ROWS > 6 and n_rows == 14:
        tile(14, n_vec, finish, resume, a, row_step, k_step, n_terms, segment, jump, b, b_stride, c,
             c_step, c_stride, step, n_tiles)


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

cdef void forward_tiles(int n_rows, int n_vec, bint resume, const real* a, idx k_step, idx n_terms, const real* b,
                        idx b_stride, real* c, idx c_stride, idx n_tiles) noexcept nogil:
    if n_vec == 2:
        tile_of(n_rows, 2, STORE, resume, a, 1, k_step, n_terms, n_terms, 0, b, b_stride, c, PANEL, c_stride, 0,
                n_tiles)
    else:
        tile_of(n_rows, 1, STORE, resume, a, 1, k_step, n_terms, n_terms, 0, b, b_stride, c, PANEL, c_stride, 0,
                n_tiles)


cdef void backward_tiles(int n_rows, int n_vec, bint resume, const real* a, idx row_step, idx n_terms, const real* b,
                         idx b_stride, real* c, idx c_stride, idx n_tiles) noexcept nogil:
    if n_vec == 2:
        tile_of(n_rows, 2, STORE, resume, a, row_step, 1, n_terms, n_terms, 0, b, b_stride, c, PANEL, c_stride, 0,
                n_tiles)
    else:
        tile_of(n_rows, 1, STORE, resume, a, row_step, 1, n_terms, n_terms, 0, b, b_stride, c, PANEL, c_stride, 0,
                n_tiles)


cdef void weights_tiles(int n_rows, int n_vec, int finish, bint resume, const real* a, idx jump, idx n_samples,
                        const real* b, idx b_stride, real* c, idx c_step, real step, idx n_tiles) noexcept nogil:
    if n_vec == 2 and finish == STORE:
        tile_of(n_rows, 2, STORE, resume, a, PANEL, 1, n_samples, PANEL, jump, b, b_stride, c, c_step, PANEL, step,
                n_tiles)
    elif n_vec == 2:
        tile_of(n_rows, 2, ADD, False, a, PANEL, 1, n_samples, PANEL, jump, b, b_stride, c, c_step, PANEL, step,
                n_tiles)
    elif finish == STORE:
        tile_of(n_rows, 1, STORE, resume, a, PANEL, 1, n_samples, PANEL, jump, b, b_stride, c, c_step, PANEL, step,
                n_tiles)
    else:
        tile_of(n_rows, 1, ADD, False, a, PANEL, 1, n_samples, PANEL, jump, b, b_stride, c, c_step, PANEL, step,
                n_tiles)


# strip OUT (n_terms, n_rows) <- w (n_terms, n_out), columns 0 ... n_rows - 1. Whole vectors are copied: what a
# vector brings too much is overwritten by the next row. (A parameter buffer ends with a vector to spare.)
cdef inline void copy_strip(const real* w, idx n_out, idx n_terms, idx n_rows, real* strip) noexcept nogil:
    cdef idx k, j
    for k in range(n_terms):
        j = 0
        while j < n_rows:
            vstore(strip + k * n_rows + j, vload(w + k * n_out + j))
            j += LANES


# The panels of a call whose both vectors hold samples; a last one may follow whose second vector holds none.
cdef inline idx full_panels(const Panels* panels) noexcept nogil:
    return min(panels.last, (panels.n_samples + LANES - 1) // PANEL) - panels.first


# z (n_out, samples) = w^T (n_out, n_rows)  x (n_rows, samples)
cdef void product_forward(const Weights* w, const Panels* x, const Panels* z, void* scratch) noexcept nogil:
    cdef const real* weights = <const real*> w.data
    cdef const real* left
    cdef const real* right
    cdef real* c
    cdef real* strip = <real*> scratch
    cdef idx n_panels = x.last - x.first
    cdef bint copies = n_panels > 1 and n_panels * w.n_out > COPIED_FROM
    cdef idx n_full = full_panels(x)
    cdef idx n_half = x.last - x.first - n_full
    cdef idx begin, end, first, rows
    begin = 0
    while begin < w.n_rows:
        end = min(begin + BLOCK, w.n_rows)
        right = <const real*> x.data + x.first * x.stride + begin * PANEL
        first = w.first
        while first < w.last:
            rows = strip_rows(w.last - first)
            left = weights + begin * w.n_out + first
            if copies:
                copy_strip(left, w.n_out, end - begin, rows, strip)
                left = strip
            c = <real*> z.data + z.first * z.stride + first * PANEL
            forward_tiles(<int> rows, 2, begin > 0, left, rows if copies else w.n_out, end - begin, right, x.stride, c,
                          z.stride, n_full)
            forward_tiles(<int> rows, 1, begin > 0, left, rows if copies else w.n_out, end - begin,
                          right + n_full * x.stride, 0, c + n_full * z.stride, 0, n_half)
            first += rows
        begin = end


# dx (n_rows, samples) = w (n_rows, n_out)  dz (n_out, samples)
cdef void product_backward(const Weights* w, const Panels* dz, const Panels* dx) noexcept nogil:
    cdef const real* weights = <const real*> w.data
    cdef const real* left
    cdef const real* right
    cdef real* c
    cdef idx n_full = full_panels(dz)
    cdef idx n_half = dz.last - dz.first - n_full
    cdef idx begin, end, first, rows
    begin = 0
    while begin < w.n_out:
        end = min(begin + BLOCK, w.n_out)
        right = <const real*> dz.data + dz.first * dz.stride + begin * PANEL
        first = w.first
        while first < w.last:
            rows = strip_rows(w.last - first)
            left = weights + first * w.n_out + begin
            c = <real*> dx.data + dx.first * dx.stride + first * PANEL
            backward_tiles(<int> rows, 2, begin > 0, left, w.n_out, end - begin, right, dz.stride, c, dx.stride,
                           n_full)
            backward_tiles(<int> rows, 1, begin > 0, left, w.n_out, end - begin, right + n_full * dz.stride, 0,
                           c + n_full * dx.stride, 0, n_half)
            first += rows
        begin = end


# dw (n_rows, n_out) = x (n_rows, samples)  dzt (samples, n_out); out = dw, or out += step * dw
cdef void product_weights(const Weights* w, const Panels* x, const void* dzt, idx dzt_stride, bint resume,
                          double step, void* out, void* scratch) noexcept nogil:
    cdef const real* left
    cdef const real* right = <const real*> dzt
    cdef real* c
    cdef real* edge = <real*> scratch
    cdef int finish = STORE if step == 0 else ADD
    cdef idx n_full = w.n_out // PANEL
    cdef idx n_left = w.n_out - n_full * PANEL     # columns of a last, narrower tile
    cdef idx jump = x.stride - PANEL
    cdef idx first, rows, i, j
    first = w.first
    while first < w.last:
        rows = strip_rows(w.last - first)
        left = <const real*> x.data + first * PANEL
        c = <real*> out + first * w.n_out
        weights_tiles(<int> rows, 2, finish, resume, left, jump, x.n_samples, right, dzt_stride, c, w.n_out,
                      <real> step, n_full)
        c += n_full * PANEL
        if n_left == LANES:
            weights_tiles(<int> rows, 1, finish, resume, left, jump, x.n_samples, right + n_full * dzt_stride, 0, c,
                          w.n_out, <real> step, 1)
        elif n_left > 0:        # the tile is wider than what is left of the rows: work on a copy
            if resume or finish == ADD:
                for i in range(rows):
                    for j in range(n_left):
                        edge[i * PANEL + j] = c[i * w.n_out + j]
            weights_tiles(<int> rows, n_vectors(n_left), finish, resume, left, jump, x.n_samples,
                          right + n_full * dzt_stride, 0, edge, PANEL, <real> step, 1)
            for i in range(rows):
                for j in range(n_left):
                    c[i * w.n_out + j] = edge[i * PANEL + j]
        first += rows
