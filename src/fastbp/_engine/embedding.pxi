# Embeddings: a category, an integer held by a real, picks a row of a table (n_categories, n_dim). Samples are columns,
# whose rows lie `step` reals apart: some of them side by side in a panel, or one alone.


# -1 for what is no category, NaN say: it is looked for before, but never read what is not the table's
cdef inline idx category_of(real x, idx n_categories) noexcept nogil:
    cdef idx category
    if not (0 <= x and x < <real> n_categories):
        return -1
    category = <idx> x
    return category if <real> category == x else -1


# out (n_dim, n) OUT, its rows `step` reals apart, from x (n,)
cdef void embed(const void* x, idx n, idx n_categories, idx n_dim, const void* table, void* out,
                idx step) noexcept nogil:
    cdef real nothing = 0
    cdef const real* vector
    cdef idx s, i, category
    nothing = nothing / nothing
    for s in range(n):
        category = category_of((<const real*> x)[s], n_categories)
        vector = <const real*> table + max(category, 0) * n_dim
        for i in range(n_dim):
            (<real*> out)[i * step + s] = vector[i] if category >= 0 else nothing


# table INOUT: += d (n_dim, n), its rows `step` reals apart, in columns first ... last - 1, sample after sample
cdef void embed_backward(const void* x, idx n, idx n_categories, idx n_dim, const void* d, idx step, idx first,
                         idx last, void* table) noexcept nogil:
    cdef real* vector
    cdef idx s, i, category
    for s in range(n):
        category = category_of((<const real*> x)[s], n_categories)
        if category < 0:
            continue
        vector = <real*> table + category * n_dim
        for i in range(first, last):
            vector[i] = vector[i] + (<const real*> d)[i * step + s]
