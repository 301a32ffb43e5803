# The forward product of a first layer with rows of samples as they lie, for predictions.
#
# Rows that are wide cost more to turn into panels than what the layer makes of them: here samples are the rows of the
# register tiles, the outputs run along the vectors, and what has been computed is turned. The chains of fma are those
# of `product_forward`, and so are the bits.
#
#     weights, a block of columns:  (n_in, PANEL)    copied, a block of terms at a time
#     z, a block of a panel:        (PANEL samples, PANEL outputs), turned in its place when the sums are complete


# block (PANEL outputs, PANEL samples) OUT  <-  the transpose of block (PANEL samples, PANEL outputs), + bias, or relu
# of that; finite, unless it is NULL, is made False if the sums of the first output are not
cdef inline void turn_block(real* block, const real* bias, bint rectifies, bint* finite, idx n_samples) noexcept nogil:
    cdef real turned[PANEL * PANEL]
    cdef const real* rows[LANES]
    cdef vec z
    cdef idx half, i, j
    for half in range(2):
        for i in range(LANES):
            rows[i] = block + (half * LANES + i) * PANEL
        transpose_columns(rows, PANEL, turned + half * LANES, PANEL, NULL)
    if finite != NULL:
        finite[0] = finite[0] and all_finite(turned, n_samples)
    for j in range(PANEL):
        for half in range(2):
            z = vload(turned + j * PANEL + half * LANES)
            if bias != NULL:
                z = z + vsplat(bias[j])
            if rectifies:
                z = value_of(RELU, z)
            vstore(block + j * PANEL + half * LANES, z)


# z (n_out, samples) = w^T x + b, or max(z, 0), for rows x (n_samples, n_in); n_out is a multiple of PANEL.
# Returns whether the first output's sums are finite for all samples: what is not in a row leaves none of its sums so.
cdef bint rows_forward(const Weights* w, bint has_bias, const void* rows, const Panels* z, bint rectifies,
                       void* scratch) noexcept nogil:
    cdef idx n_in = w.n_rows - has_bias
    cdef idx block = block_terms(n_in, BLOCK)
    cdef const real* bias = <const real*> w.data + n_in * w.n_out
    cdef const real* weights
    cdef const real* x
    cdef real* right = <real*> scratch
    cdef real* c
    cdef idx begin = 0, n, column, p, k, first, n_samples, n_rows, n_tiles
    cdef bint finite = True
    while begin < n_in:
        n = min(block, n_in - begin)
        column = 0
        while column < w.n_out:
            weights = <const real*> w.data + begin * w.n_out + column
            for k in range(n):
                vstore(right + k * PANEL, vload(weights + k * w.n_out))
                vstore(right + k * PANEL + LANES, vload(weights + k * w.n_out + LANES))
            for p in range(z.first, z.last):
                n_samples = min(z.n_samples - p * PANEL, <idx> PANEL)
                x = <const real*> rows + p * PANEL * n_in + begin
                c = <real*> z.data + p * z.stride + column * PANEL
                first = 0
                while first < n_samples:
                    n_rows = strip_rows(n_samples - first)
                    n_tiles = (n_samples - first) // n_rows
                    backward_tiles(<int> n_rows, 2, begin > 0, x + first * n_in, n_rows * n_in, n_in, n, right, 0,
                                   c + first * PANEL, n_rows * PANEL, n_tiles, NULL, NULL)
                    first += n_tiles * n_rows
                if begin + n == n_in:
                    for k in range(n_samples * PANEL, PANEL * PANEL):
                        c[k] = 0
                    turn_block(c, bias + column if has_bias else NULL, rectifies, &finite if column == 0 else NULL,
                               n_samples)
            column += PANEL
        begin += n
    return finite
