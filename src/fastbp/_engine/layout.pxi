# Between rows of samples and panels of them: the engine's only reshuffling of data.


# panels (n_cols, PANEL) OUT <- rows IN; spare columns of the last panel become zero
cdef void pack_rows(const void* rows, const idx* order, idx n_cols, const Panels* panels) noexcept nogil:
    cdef const real* row
    cdef real* out
    cdef idx p, s, j, n
    for p in range(panels.first, panels.last):
        out = <real*> panels.data + p * panels.stride
        n = min(panels.n_samples - p * PANEL, <idx> PANEL)
        for s in range(n):
            row = <const real*> rows + (order[p * PANEL + s] if order != NULL else p * PANEL + s) * n_cols
            for j in range(n_cols):
                out[j * PANEL + s] = row[j]
        for s in range(n, PANEL):
            for j in range(n_cols):
                out[j * PANEL + s] = 0


# rows OUT (n_samples, n_cols) <- panels IN (n_cols, PANEL)
cdef void unpack_rows(const Panels* panels, idx n_cols, void* rows) noexcept nogil:
    cdef const real* panel
    cdef real* out
    cdef idx p, s, j, n
    for p in range(panels.first, panels.last):
        panel = <const real*> panels.data + p * panels.stride
        out = <real*> rows + p * PANEL * n_cols
        n = min(panels.n_samples - p * PANEL, <idx> PANEL)
        for s in range(n):
            for j in range(n_cols):
                out[s * n_cols + j] = panel[j * PANEL + s]


# out: column panel j // PANEL, row sample, column j % PANEL <- panels IN (n_cols, PANEL)
cdef void transpose(const Panels* panels, idx n_cols, void* out, idx stride) noexcept nogil:
    cdef const real* panel
    cdef real* column
    cdef idx p, s, j
    for p in range(panels.first, panels.last):
        panel = <const real*> panels.data + p * panels.stride
        for j in range(n_cols):
            column = <real*> out + j // PANEL * stride + p * PANEL * PANEL + j % PANEL
            for s in range(PANEL):
                column[s * PANEL] = panel[j * PANEL + s]
