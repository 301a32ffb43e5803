"""The kernel table: everything that is done to numbers, for one target and one dtype.

A target (baseline, avx2, avx512) and a dtype make one extension module, compiled from `kernels.pxi` with flags of
its own; it hands out one `Kernels` in a PyCapsule. `dispatch.pyx` picks the tables that this machine can run. The
engine sees numbers only through a table, so it has no dtype: pointers to reals are `void*`.

Panels
------
Inside the engine the samples of a batch lie side by side: `panel` samples make one panel, a row-major matrix
(n_features, panel). The last panel is filled up; what its spare columns hold is never read. Consecutive panels are
`stride` reals apart. Vectors run along the samples, so no width of a layer wastes any part of a vector.
A value's panel ends with one more row, of ones: with it the bias is the last row of the weights.

IN, OUT and INOUT mark what a kernel does with the memory behind a pointer.
"""

from libc.stdint cimport uint64_t

ctypedef Py_ssize_t idx

cdef enum Activation:
    IDENTITY
    RELU
    LEAKY_RELU
    ELU
    GELU
    SILU
    SIGMOID
    TANH
    SOFTPLUS
    SOFTMAX                 # couples the outputs of a sample: has kernels of its own

cdef enum Rescaling:        # of features, by means and standard deviations; and of gradients on their way back
    STANDARDIZE
    STANDARDIZE_BACKWARD
    UNSTANDARDIZE
    UNSTANDARDIZE_BACKWARD

cdef enum LossKind:         # of the outputs, but where the loss takes in their activation
    SQUARED_ERROR
    ABSOLUTE_ERROR
    HUBER
    LOG_COSH
    QUANTILE
    POISSON                 # of the logarithm of the mean
    POISSON_SOFTPLUS        # of the softplus, given what went into it
    GAUSSIAN_NLL            # of means, then as many logarithms of variances
    HINGE                   # of one margin an output, or of one of labels
    SQUARED_HINGE
    CROSS_ENTROPY           # of the softmax, given what went into it
    BINARY_CROSS_ENTROPY    # of the sigmoid, given what went into it
    FOCAL                   # of the softmax, given what went into it
    BINARY_FOCAL            # of the sigmoid, given what went into it
    GIVEN                   # none of the kernels': somebody else has computed value and gradient
    MULTI_TASK              # several of the others, each of its own outputs

# A loss; each kind reads those parameters that it has.
ctypedef struct Loss:
    int kind
    double delta            # HUBER: the error where the parabola becomes a line
    double q                # QUANTILE: which one
    double lowest           # GAUSSIAN_NLL: of the logarithm of a variance
    double smoothing        # CROSS_ENTROPY: the share of a target that goes to all classes
    double gamma            # FOCAL, BINARY_FOCAL: the power of 1 - p
    const double* alpha     # FOCAL: a factor for each class, or NULL
    double positive         # BINARY_FOCAL: a factor for y = 1
    double negative         # and for y = 0

cdef enum UpdateKind:
    SGD                     # the optimisers ...
    MOMENTUM
    ADAGRAD
    RMSPROP
    ADADELTA
    ADAM
    NADAM
    LION
    RPROP
    AVERAGE                 # params += rate (grads - params)
    CLIP                    # params into [-rate, rate]
    SCALE                   # params *= rate

cdef enum:
    KERNELS_ABI = 6         # raised whenever a struct below changes
    MOST_STATES = 3         # of an optimiser, for each parameter
    NORM_BLOCK = 4096       # the sum of squares of a long array is that of its blocks of so many reals

# The panels of one value or of its gradient, and the part of them that a call is to work on.
ctypedef struct Panels:
    void* data              # panel p begins at data + p * stride
    idx stride              # in reals
    idx n_samples           # in all panels together
    idx first               # panels first ... last - 1
    idx last

# A weight matrix (n_in, n_out), row-major, with the bias as row n_in when there is one.
ctypedef struct Weights:
    const void* data
    idx n_rows              # n_in, + 1 with a bias
    idx n_out
    idx first               # the part to work on: outputs in the forward pass, rows in the backward pass
    idx last

# One step of an optimiser, which does the same to each parameter of flat arrays. updates.pxi has the formulas; what a
# kind does not use is not looked at.
ctypedef struct Update:
    int kind
    void* params            # INOUT
    const void* grads       # IN
    void* states[MOST_STATES]   # INOUT; where there are fewer, the others point to any memory as long
    int n_states
    bint first              # the first step with these states, which are 0
    double rate             # learning rate of this step, times what else the parameters' change is multiplied by
    double rate_g           # NAdam: of the gradient's own share
    double weight_decay     # so many times the parameters is added to the gradient
    double keep             # unless this is not 1: the parameters are multiplied by it instead
    double momentum
    double beta_1           # what a running mean of the gradient keeps
    double beta_2           # what one of its square keeps
    double epsilon
    double unbias           # 1 / sqrt(1 - beta_2^t)
    double initial          # Adagrad: what the sum begins with
    double eta_minus        # Rprop: how a step shrinks and grows, and within what
    double eta_plus
    double min_step
    double max_step
    bint nesterov
    bint centered
    bint amsgrad


ctypedef struct Kernels:
    int abi
    int bits                # of a real: 32 or 64
    idx panel               # samples in a panel
    idx strip               # rows that a GEMM tile computes at once, at most
    idx scratch             # reals of scratch memory that one thread needs

    # panels OUT <- rows IN: sample s is row order[s] (order NULL: row s) of the row-major (.., n_cols) matrix
    void (*pack_rows)(const void* rows, const idx* order, idx n_cols, const Panels* panels) noexcept nogil
    # the same in the order of the rows; returns whether they are all finite
    bint (*pack_finite)(const void* rows, idx n_cols, const Panels* panels) noexcept nogil
    # rows OUT (n_samples, n_cols) <- panels IN
    void (*unpack_rows)(const Panels* panels, idx n_cols, void* rows) noexcept nogil
    # OUT: the same numbers with the samples as rows, in column panels (n_samples, panel), `stride` reals apart
    void (*transpose)(const Panels* panels, idx n_cols, void* out, idx stride) noexcept nogil

    # z OUT = w^T x, or relu of it with `rectifies`: outputs w.first ... w.last - 1
    void (*product_forward)(const Weights* w, const Panels* x, const Panels* z, bint rectifies,
                            void* scratch) noexcept nogil
    # The same, all outputs, for n_samples rows (.., n_in) as they lie; n_out is a multiple of `panel`. Returns False if
    # one of them is not finite, and it may if the weights are not or a sum was too large
    bint (*rows_forward)(const Weights* w, bint has_bias, const void* rows, const Panels* z, bint rectifies,
                         void* scratch) noexcept nogil
    # dx OUT = w dz: inputs w.first ... w.last - 1; unless a is NULL, times the derivative of the relu whose outputs are
    # a IN, panels as far apart as those of dx
    void (*product_backward)(const Weights* w, const Panels* dz, const Panels* dx, const void* a,
                             void* scratch) noexcept nogil
    # dw = x dz^T, rows w.first ... w.last - 1; dzt as `transpose` made it.
    # step == 0: out OUT = dw, or with resume out INOUT goes on summing. Otherwise out INOUT += step * dw.
    void (*product_weights)(const Weights* w, const Panels* x, const void* dzt, idx dzt_stride, bint resume,
                            double step, void* out, void* scratch) noexcept nogil
    # The same three for one sample. dz and what is OUT have room for whole vectors, and x no element for the bias.
    # z OUT (n_out,) = x w (+ bias)
    void (*row_forward)(const Weights* w, bint has_bias, const void* x, void* z) noexcept nogil
    # dx OUT (last,) = w dz, rows 0 ... last - 1
    void (*row_backward)(const Weights* w, const void* dz, void* dx) noexcept nogil
    # dw = x dz^T (and the bias's = dz), with step, resume and out as above
    void (*row_weights)(const Weights* w, bint has_bias, const void* x, const void* dz, bint resume, double step,
                        void* out) noexcept nogil

    # w INOUT += step * (x dz^T), then z OUT (n_out,) = next w (+ bias), as the two above do it, in one walk
    void (*row_step_forward)(const Weights* w, bint has_bias, const void* x, const void* dz, double step,
                             const void* next, void* z) noexcept nogil

    # a OUT = f(z); a may be z
    void (*activate)(int activation, const void* z, void* a, idx n) noexcept nogil
    # d INOUT *= f'(z), where a = f(z)
    void (*activate_backward)(int activation, const void* z, const void* a, void* d, idx n) noexcept nogil
    # for each sample of one panel: a OUT (n_out, panel) = softmax(z); a may be z
    void (*softmax)(const void* z, void* a, idx n_out) noexcept nogil
    void (*softmax_backward)(const void* a, void* d, idx n_out) noexcept nogil
    # one sample, (n_out,); a may be z
    void (*softmax_row)(const void* z, void* a, idx n_out) noexcept nogil
    void (*softmax_backward_row)(const void* a, void* d, idx n_out) noexcept nogil

    # Sums over the samples, for features first ... last - 1: dots OUT (n,) = sum of d * z, totals OUT (n,) = sum of d
    # (unless NULL); with resume they go on summing
    void (*sums)(const Panels* d, const Panels* z, idx first, idx last, bint resume, void* dots,
                 void* totals) noexcept nogil
    void (*sums_row)(const void* d, const void* z, idx n, void* dots, void* totals) noexcept nogil
    # total OUT (1,) = sum of x (n,), or with resume total INOUT += it
    void (*sum_up)(const void* x, idx n, bint resume, void* total) noexcept nogil
    # out OUT = a + b, or a * b; out may be a or b
    void (*add)(const void* a, const void* b, void* out, idx n) noexcept nogil
    void (*multiply)(const void* a, const void* b, void* out, idx n) noexcept nogil
    # Layer normalisation of one panel (n, panel): inverse OUT (panel,) = 1 / sqrt(variance + epsilon), z OUT, and
    # a OUT = weight z + bias; z may be a, weight and bias (n,) may be NULL
    void (*layer_norm)(const void* x, idx n, double epsilon, const void* weight, const void* bias, void* inverse,
                       void* z, void* a) noexcept nogil
    void (*layer_norm_backward)(const void* z, const void* da, idx n, const void* weight, const void* inverse,
                                void* dx) noexcept nogil
    # one sample, (n,); whole vectors are written
    void (*layer_norm_row)(const void* x, idx n, double epsilon, const void* weight, const void* bias, void* inverse,
                           void* z, void* a) noexcept nogil
    void (*layer_norm_backward_row)(const void* z, const void* da, idx n, const void* weight, const void* inverse,
                                    void* dx) noexcept nogil

    # Batch normalisation of features first ... last - 1. mean and variance OUT (n,): over the samples of x
    void (*batch_statistics)(const Panels* x, idx first, idx last, void* mean, void* variance) noexcept nogil
    # z OUT = (x - mean) / sqrt(variance + epsilon), a OUT = weight z + bias; z may be a, weight and bias may be NULL
    void (*normalize)(const Panels* x, const Panels* z, const Panels* a, idx first, idx last, const void* mean,
                      const void* variance, double epsilon, const void* weight, const void* bias) noexcept nogil
    # dx OUT; dots and totals (n,), what `sums` gives for da and z, or NULL where mean and variance are constants
    void (*normalize_backward)(const Panels* z, const Panels* da, const Panels* dx, idx first, idx last,
                               const void* variance, double epsilon, const void* weight, const void* dots,
                               const void* totals) noexcept nogil
    # one sample, (n,), mean and variance constants; whole vectors are written
    void (*normalize_row)(const void* x, idx n, const void* mean, const void* variance, double epsilon,
                          const void* weight, const void* bias, void* z, void* a) noexcept nogil
    void (*normalize_backward_row)(const void* da, idx n, const void* variance, double epsilon, const void* weight,
                                   void* dx) noexcept nogil
    # running (n,) INOUT = (1 - momentum) running + momentum factor batch
    void (*follow)(void* running, const void* batch, idx first, idx last, double momentum,
                   double factor) noexcept nogil

    # Standardising of features first ... last - 1, or the way back, by mean and std (n,): a OUT, which may be x
    void (*rescale)(int how, const Panels* x, const Panels* a, idx first, idx last, const void* mean,
                    const void* std) noexcept nogil
    # one sample, (n,); whole vectors of a are written
    void (*rescale_row)(int how, const void* x, idx n, const void* mean, const void* std, void* a) noexcept nogil
    # mean_out and std_out (n,) OUT: of two sets of samples, of which the second has this share of all the weight
    void (*join_moments)(const void* mean, const void* std, const void* more_mean, const void* more_variance,
                         double share, idx first, idx last, const idx* chosen, void* mean_out,
                         void* std_out) noexcept nogil

    # One panel (n, panel) or one sample (n,): z OUT = min(x, 0), a OUT = max(x, 0) + slope z; z may be a
    void (*prelu)(const void* x, idx n, const void* slopes, idx slope_step, void* z, void* a) noexcept nogil
    void (*prelu_backward)(const void* x, const void* da, idx n, const void* slopes, idx slope_step,
                           void* dx) noexcept nogil
    void (*prelu_row)(const void* x, idx n, const void* slopes, idx slope_step, void* z, void* a) noexcept nogil
    void (*prelu_backward_row)(const void* x, const void* da, idx n, const void* slopes, idx slope_step,
                               void* dx) noexcept nogil

    # One panel (n, panel) whose first sample has this number, or sample 0 (n,): factors OUT = 0 or 1 / (1 - rate),
    # a OUT = factors x; and a OUT = x + std normal. factors may be a; of a sample, whole vectors are written
    void (*dropout)(uint64_t seed, idx first_sample, double rate, const void* x, idx n, void* factors,
                    void* a) noexcept nogil
    void (*dropout_row)(uint64_t seed, double rate, const void* x, idx n, void* factors, void* a) noexcept nogil
    void (*gaussian_noise)(uint64_t seed, idx first_sample, double std, const void* x, idx n, void* a) noexcept nogil
    void (*gaussian_noise_row)(uint64_t seed, double std, const void* x, idx n, void* a) noexcept nogil

    # out (n_dim, n) OUT = rows x (n,) of the table (n_categories, n_dim); rows of out are `step` apart
    void (*embed)(const void* x, idx n, idx n_categories, idx n_dim, const void* table, void* out,
                  idx step) noexcept nogil
    # table INOUT += d (n_dim, n), in its columns first ... last - 1
    void (*embed_backward)(const void* x, idx n, idx n_categories, idx n_dim, const void* d, idx step, idx first,
                           idx last, void* table) noexcept nogil

    # totals OUT (2,): the sums of |w| and of w^2
    void (*weight_sums)(const void* w, idx n, double* totals) noexcept nogil
    # g INOUT += l1 sign(w) + 2 l2 w
    void (*penalize)(void* g, const void* w, idx n, double l1, double l2) noexcept nogil
    # columns first ... last - 1 of w INOUT (n_in, n_out) get no norm larger than `limit`
    void (*limit_norms)(void* w, idx n_in, idx n_out, idx first, idx last, double limit) noexcept nogil

    # The loss of each sample of one panel, OUT (panel,); with d not NULL also its gradient, OUT (n_out, panel),
    # times scale[sample]. Targets are labels IN (panel,) or else rows in a panel IN (n_out, panel).
    void (*loss)(const Loss* loss, const void* outputs, idx n_out, const idx* labels, const void* targets,
                 const void* scale, void* losses, void* d) noexcept nogil

    # one step of an optimiser, for n parameters
    void (*update)(const Update* step, idx n) noexcept nogil

    double (*sum_of_squares)(const void* x, idx n) noexcept nogil
    bint (*all_finite)(const void* x, idx n) noexcept nogil
    double (*largest)(const void* x, idx n) noexcept nogil      # absolute value; NaN or infinity if there is one
    # out OUT = f(x) for a function of vmath.pxi, by its number; for tests
    void (*math)(int function, const void* x, void* out, idx n) noexcept nogil
    # n_rounds times 12 multiply-adds of a vector of panel / 2 reals; memory INOUT (panel,); for benchmarks
    void (*fma_loop)(idx n_rounds, void* memory) noexcept nogil
