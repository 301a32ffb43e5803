"""The memory of a pass: panels of every value and gradient, and scratch; allocated once, in one piece."""

from libc.stdint cimport uintptr_t
from libc.stdlib cimport calloc, free

from fastbp._engine.dispatch cimport kernels as kernels_in_use
from fastbp._engine.kernels cimport GELU, SILU, SOFTPLUS, Kernels, idx
from fastbp._engine.program cimport Op, at

cdef enum:
    ALIGNMENT = 64          # of every array, in bytes: a cache line, and the widest vector


cdef class Workspace:
    """Room for one batch of at most `capacity` samples."""

    def __dealloc__(self):
        free(self.memory)
        free(self.slots)

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
    cdef Slot* slot
    cdef idx n_bytes
    cdef int i
    for i in range(n_ops + 1):
        slot = &w.slots[i]
        n_bytes = n_panels * slot.stride * size
        slot.value = take(arena, n_bytes)
        slot.z = take(arena, n_bytes) if slot.keeps_z else slot.value
        slot.grad = take(arena, n_bytes) if w.has_gradients and i > 0 else NULL
        if i > 0:
            widest = max(widest, (slot.n_features + k.panel - 1) // k.panel)
    w.run.transposed_stride = n_panels * k.panel * k.panel
    w.run.transposed = take(arena, widest * w.run.transposed_stride * size) if w.has_gradients else NULL
    w.run.scratch_bytes = (k.scratch * size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
    w.run.scratch = <char*> take(arena, w.run.scratch_bytes * w.n_threads)
    w.targets.packed = take(arena, n_panels * w.slots[n_ops].stride * size)
    w.targets.scale = take(arena, n_panels * k.panel * size)
    w.targets.losses = take(arena, n_panels * k.panel * size)
    return arena.used


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


cdef Workspace allocate(const Kernels* kernels, const Op* ops, int n_ops, idx n_samples, int n_threads,
                        bint gradients):
    """Make the workspace of a network; MemoryError if there is not enough."""
    cdef Workspace w = Workspace()
    cdef Arena arena = Arena(NULL, 0)
    cdef int i
    w.kernels = kernels
    w.capacity = n_samples
    w.n_threads = n_threads
    w.has_gradients = gradients
    w.slots = <Slot*> calloc(n_ops + 1, sizeof(Slot))
    if w.slots == NULL:
        raise MemoryError("no memory for the slots of a network")
    w.slots[0].n_features = ops[0].n_in
    for i in range(n_ops):
        w.slots[i + 1].n_features = ops[i].n_out
        w.slots[i + 1].keeps_z = gradients and ops[i].activation in (GELU, SILU, SOFTPLUS)
    for i in range(n_ops + 1):
        w.slots[i].stride = (w.slots[i].n_features + 1) * kernels.panel
    w.n_bytes = lay_out(w, &arena, ops, n_ops) + ALIGNMENT
    w.memory = calloc(w.n_bytes, 1)
    if w.memory == NULL:
        raise MemoryError(f"no memory for a batch of {n_samples} samples: {w.n_bytes / 1e6:.1f} MB")
    arena = Arena(<char*> ((<uintptr_t> w.memory + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT), 0)
    lay_out(w, &arena, ops, n_ops)
    set_ones(w, n_ops + 1)
    w.barrier.n_threads = n_threads
    w.run.kernels = kernels
    w.run.slots = w.slots
    w.run.output = n_ops
    w.run.barrier = &w.barrier
    return w
