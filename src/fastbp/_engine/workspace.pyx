"""The memory of a pass: panels of every value and gradient, and scratch; allocated once, in one piece."""

from libc.stdint cimport uintptr_t
from libc.stdlib cimport calloc, free

from fastbp._engine.dispatch cimport kernels as kernels_in_use
from fastbp._engine.kernels cimport GELU, SILU, SOFTPLUS, Kernels, idx
from fastbp._engine.program cimport Op, OpKind, Slot, at

cdef enum:
    ALIGNMENT = 64          # of every array, in bytes: a cache line, and the widest vector


cdef class Workspace:
    """Room for one batch of at most `capacity` samples."""

    def __dealloc__(self):
        free(self.memory)
        free(self.slots)
        free(self.rows)

    cdef bint is_for(self, int bits):
        """Whether it was made for the kernels in use."""
        return self.kernels == kernels_in_use(bits)

    cdef bint fits(self, const Kernels* kernels, idx n_samples, int n_threads, bint gradients) noexcept:
        return (self.kernels == kernels and self.capacity >= n_samples and self.n_threads >= n_threads
                and self.has_gradients >= gradients)


# The arrays are laid out twice: first to learn the size, then to hand out the pointers.
ctypedef struct Arena:
    char* base              # NULL while measuring
    idx used


cdef void* take(Arena* arena, idx n_bytes) noexcept:
    cdef void* data = arena.base + arena.used if arena.base != NULL else NULL
    arena.used += (n_bytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
    return data


cdef idx lay_out(Workspace w, Arena* arena, const Op* ops, int n_ops):
    cdef const Kernels* k = w.kernels
    cdef idx size = k.bits // 8
    cdef idx n_panels = (w.capacity + k.panel - 1) // k.panel
    cdef idx widest = 1
    cdef const OpKind* kind
    cdef Slot* slot
    cdef idx n_bytes
    cdef int i
    for i in range(n_ops + 1):
        slot = &w.slots[i]
        n_bytes = n_panels * slot.stride * size
        if i > 0 and ops[i - 1].kind.shares_value:
            slot.value = w.slots[ops[i - 1].source].value
        else:
            slot.value = take(arena, n_bytes)
        slot.z = take(arena, n_bytes) if slot.keeps_z else slot.value
        slot.grad = take(arena, n_bytes) if slot.keeps_grad else NULL
        if i > 0:
            kind = ops[i - 1].kind
            slot.notes = take(arena, (kind.feature_notes * slot.n_features
                                      + kind.sample_notes * n_panels * k.panel) * size)
            widest = max(widest, (slot.n_features + k.panel - 1) // k.panel)
    w.run.transposed_stride = n_panels * k.panel * k.panel
    w.run.transposed = take(arena, widest * w.run.transposed_stride * size) if w.has_gradients else NULL
    w.run.scratch_bytes = (k.scratch * size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
    w.run.scratch = <char*> take(arena, w.run.scratch_bytes * w.n_threads)
    w.targets.packed = take(arena, n_panels * w.slots[n_ops].stride * size)
    w.targets.scale = take(arena, n_panels * k.panel * size)
    w.targets.losses = take(arena, n_panels * k.panel * size)
    return arena.used


cdef void lay_out_rows(Workspace w, int n_slots) noexcept:
    """A single sample's values, in the memory of the panels. The output's panel is the loss's, so there they are in the
    scratch memory for transposed panels."""
    cdef Slot* row
    cdef int i
    for i in range(n_slots):
        row = &w.rows[i]
        row[0] = w.slots[i]
        if i == n_slots - 1:
            row.value = w.run.transposed
            row.z = row.z if row.keeps_z else row.value


cdef void set_ones(Workspace w, int n_slots) noexcept:
    """The last row of every value's panels."""
    cdef const Kernels* k = w.kernels
    cdef idx n_panels = (w.capacity + k.panel - 1) // k.panel
    cdef void* row
    cdef idx p, s
    cdef int i
    for i in range(n_slots):
        for p in range(n_panels):
            row = at(w.slots[i].value, p * w.slots[i].stride + w.slots[i].n_features * k.panel, k)
            for s in range(k.panel):
                if k.bits == 32:
                    (<float*> row)[s] = 1
                else:
                    (<double*> row)[s] = 1


cdef Workspace plan(const Kernels* kernels, const Op* ops, int n_ops, idx n_samples, int n_threads, bint gradients,
                    bint of_inputs):
    """Describe a workspace, n_bytes among it, without its memory."""
    cdef Workspace w = Workspace()
    cdef Arena arena = Arena(NULL, 0)
    cdef const Op* op
    cdef Slot* slot
    cdef int i
    w.kernels = kernels
    w.capacity = n_samples
    w.n_threads = n_threads
    w.has_gradients = gradients
    w.slots = <Slot*> calloc(n_ops + 1, sizeof(Slot))
    w.rows = <Slot*> calloc(n_ops + 1, sizeof(Slot))
    if w.slots == NULL or w.rows == NULL:
        raise MemoryError("no memory for the slots of a network")
    w.slots[0].n_features = ops[0].n_in
    w.slots[0].keeps_grad = of_inputs
    for i in range(n_ops):
        op = &ops[i]
        slot = &w.slots[op.target]
        slot.n_features = op.n_out
        slot.keeps_z = gradients and (op.kind.keeps_z or op.kind.has_activation
                                      and op.activation in (GELU, SILU, SOFTPLUS))
        slot.keeps_grad = gradients and (i == n_ops - 1 or op.n_params > 0
                                         or w.slots[op.source].keeps_grad or w.slots[op.second].keeps_grad)
    for i in range(n_ops + 1):
        w.slots[i].stride = (w.slots[i].n_features + 1) * kernels.panel
    w.n_bytes = lay_out(w, &arena, ops, n_ops) + ALIGNMENT
    return w


cdef idx bytes_of(const Kernels* kernels, const Op* ops, int n_ops, idx n_samples, int n_threads, bint gradients):
    """What `allocate` would take."""
    return plan(kernels, ops, n_ops, n_samples, n_threads, gradients, False).n_bytes


cdef Workspace allocate(const Kernels* kernels, const Op* ops, int n_ops, idx n_samples, int n_threads,
                        bint gradients, bint of_inputs=False):
    """Make the workspace of a network, with room for gradients (and the inputs' own); MemoryError if there is not
    enough."""
    cdef Workspace w = plan(kernels, ops, n_ops, n_samples, n_threads, gradients, of_inputs)
    cdef Arena arena
    w.memory = calloc(w.n_bytes, 1)
    if w.memory == NULL:
        raise MemoryError(f"no memory for a batch of {n_samples} samples: {w.n_bytes / 1e6:.1f} MB")
    arena = Arena(<char*> ((<uintptr_t> w.memory + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT), 0)
    lay_out(w, &arena, ops, n_ops)
    lay_out_rows(w, n_ops + 1)
    set_ones(w, n_ops + 1)
    w.barrier.n_threads = n_threads
    w.run.kernels = kernels
    w.run.slots = w.slots
    w.run.rows = w.rows
    w.run.output = n_ops
    w.run.barrier = &w.barrier
    return w


cdef class Row:
    """Room for one sample on its way to a prediction: plain arrays, one after the other."""

    def __dealloc__(self):
        free(self.memory)
        free(self.run.rows)


cdef Row allocate_row(const Op* ops, int n_ops, int bits):
    """Make room for one sample, without a word of parameters or kernels; MemoryError if there is not enough."""
    cdef Row row = Row()
    cdef idx size = bits // 8
    cdef idx n_bytes = 0
    cdef Slot* slot
    cdef int i
    row.run.rows = <Slot*> calloc(n_ops + 1, sizeof(Slot))
    for i in range(n_ops):      # whole vectors are written
        n_bytes += (1 + ops[i].kind.feature_notes) * ops[i].n_out * size + 3 * ALIGNMENT
    row.memory = calloc(n_bytes, 1)
    if row.run.rows == NULL or row.memory == NULL:
        raise MemoryError("no memory for the values of one sample")
    n_bytes = 0
    for i in range(n_ops):
        slot = &row.run.rows[i + 1]
        slot.n_features = ops[i].n_out
        slot.value = <char*> row.memory + n_bytes
        slot.z = slot.value
        n_bytes += (ops[i].n_out * size + 127) // ALIGNMENT * ALIGNMENT
        slot.notes = <char*> row.memory + n_bytes
        n_bytes += (ops[i].kind.feature_notes * ops[i].n_out * size + 64) // ALIGNMENT * ALIGNMENT
    row.run.output = n_ops
    return row
