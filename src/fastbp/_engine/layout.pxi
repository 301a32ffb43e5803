# Between rows of samples and panels of them: the engine's only reshuffling of data.
#
# All three functions are transpositions of blocks of LANES rows by QUAD columns. Where columns are left over, the last
# block begins earlier; fewer columns than a block has are moved one by one. Rows that are missing are stood in for by
# the last one.


# out (QUAD, LANES), its rows `step` apart  <-  the transpose of columns offset ... offset + QUAD - 1 of LANES rows;
# to `seen`, unless it is NULL, something is added that is no number if one of them is not finite
cdef inline void transpose_block(const real** rows, idx offset, real* out, idx step, vec* seen) noexcept nogil:
    cdef vec low, high
    cdef vec v[4]
    cdef int i
    for i in range(QUAD):
        v[i] = vload_quads(rows + i, offset)
        if seen != NULL:
            seen[i] = vfma(v[i], vsplat(0), seen[i])
    if QUAD == 4:
        low = vzip_low(v[0], v[2])
        high = vzip_high(v[0], v[2])
        v[0] = vzip_low(v[1], v[3])
        v[1] = vzip_high(v[1], v[3])
        vstore(out, vzip_low(low, v[0]))
        vstore(out + step, vzip_high(low, v[0]))
        vstore(out + 2 * step, vzip_low(high, v[1]))
        vstore(out + 3 * step, vzip_high(high, v[1]))
    else:
        vstore(out, vzip_low(v[0], v[1]))
        vstore(out + step, vzip_high(v[0], v[1]))


# out (n_cols, LANES), its rows `step` apart  <-  the transpose of LANES rows; `seen` (4,) as above
cdef inline void transpose_columns(const real** rows, idx n_cols, real* out, idx step, vec* seen) noexcept nogil:
    cdef idx j = 0
    cdef int i
    while j + QUAD <= n_cols:
        transpose_block(rows, j, out + j * step, step, seen)
        j += QUAD
    if j < n_cols and n_cols > QUAD:
        j = n_cols - QUAD
        transpose_block(rows, j, out + j * step, step, seen)
        return
    while j < n_cols:
        for i in range(LANES):
            out[j * step + i] = rows[i][j]
        if seen != NULL:
            seen[0] = vfma(vload(out + j * step), vsplat(0), seen[0])
        j += 1


cdef inline void pack(const real* rows, const idx* order, idx n_cols, const Panels* panels, vec* seen) noexcept nogil:
    cdef const real* sources[LANES]
    cdef real* out
    cdef idx p, sample
    cdef int half, i
    for p in range(panels.first, panels.last):
        out = <real*> panels.data + p * panels.stride
        for half in range(n_vectors(panels.n_samples - p * PANEL)):
            for i in range(LANES):
                sample = min(p * PANEL + half * LANES + i, panels.n_samples - 1)
                sources[i] = rows + (order[sample] if order != NULL else sample) * n_cols
            transpose_columns(sources, n_cols, out + half * LANES, PANEL, seen)


# panels (n_cols, PANEL) OUT <- rows IN; what is spare in the last panel is finite if they are
cdef void pack_rows(const void* rows, const idx* order, idx n_cols, const Panels* panels) noexcept nogil:
    pack(<const real*> rows, order, n_cols, panels, NULL)


# The same; returns whether they are.
cdef bint pack_finite(const void* rows, idx n_cols, const Panels* panels) noexcept nogil:
    cdef vec seen[4]                    # QUAD <= 4
    cdef real zeros[LANES]
    cdef int i
    for i in range(4):
        seen[i] = vsplat(0)
    pack(<const real*> rows, NULL, n_cols, panels, seen)
    vstore(zeros, (seen[0] + seen[1]) + (seen[2] + seen[3]))
    return all_finite(zeros, LANES)


# rows OUT (n_samples, n_cols) <- panels IN (n_cols, PANEL)
cdef void unpack_rows(const Panels* panels, idx n_cols, void* rows) noexcept nogil:
    cdef const real* sources[LANES]
    cdef const real* panel
    cdef real* out
    cdef idx p, s, n, column
    cdef int i
    for p in range(panels.first, panels.last):
        panel = <const real*> panels.data + p * panels.stride
        out = <real*> rows + p * PANEL * n_cols
        n = min(panels.n_samples - p * PANEL, <idx> PANEL)
        column = 0
        while column + LANES <= n_cols:
            for i in range(LANES):
                sources[i] = panel + (column + i) * PANEL
            transpose_columns(sources, n, out + column, n_cols, NULL)
            column += LANES
        while column < n_cols:
            for s in range(n):
                out[s * n_cols + column] = panel[column * PANEL + s]
            column += 1


# out: column panel j // PANEL, row sample, column j % PANEL <- panels IN (n_cols, PANEL); what is spare is finite.
# A single column is its own transpose: out (samples,).
cdef void transpose(const Panels* panels, idx n_cols, void* out, idx stride) noexcept nogil:
    cdef const real* sources[LANES]
    cdef const real* panel
    cdef real* target
    cdef idx p, column, n, s
    cdef idx i
    for p in range(panels.first, panels.last):
        panel = <const real*> panels.data + p * panels.stride
        n = n_vectors(panels.n_samples - p * PANEL) * LANES
        if n_cols == 1:
            for i in range(n_vectors(panels.n_samples - p * PANEL)):
                vstore(<real*> out + p * PANEL + i * LANES, vload(panel + i * LANES))
            continue
        column = 0
        while column < n_cols:
            target = <real*> out + column // PANEL * stride + p * PANEL * PANEL + column % PANEL
            if n_cols - column > QUAD:
                for i in range(LANES):
                    sources[i] = panel + min(column + i, n_cols - 1) * PANEL
                transpose_columns(sources, n, target, PANEL, NULL)
            else:
                for i in range(n_cols - column):
                    for s in range(n):
                        target[s * PANEL + i] = panel[(column + i) * PANEL + s]
            column += LANES
