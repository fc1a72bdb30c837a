// Kernels on float32 arrays, one implementation file per job. Every job exists in the portable
// form, for AVX2 (with FMA and F16C) and for AVX-512 (F, BW, DQ, VL), and the one that this CPU
// can run is chosen when it is called. Only the Swift module `Tensors` calls them, with checked
// sizes. What stands here besides serves Base (the pool of threads, memory, signals) and Checkpoints
// (CRC-32) too.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// instruction_set.c

enum { RC_PORTABLE = 0, RC_AVX2 = 1, RC_AVX512 = 2 };

/// The best instruction set that this CPU has and that ROPECONV_ISA allows.
int rc_isa_level(void);
/// Whether AVX-512 is in use, the CPU multiplies bfloat16, and ROPECONV_ISA is not "avx512".
int rc_isa_has_bf16(void);

/// Makes the kernels use `level`, or rc_isa_level() where that is lower, on the calling thread; a
/// negative level ends this. For tests, which compare the variants.
void rc_force_variant(int level);
/// The level the kernels use.
int rc_variant(void);

// decode.c

enum {
  RC_F32, RC_F16, RC_BF16, RC_F64, RC_F8_E4M3, RC_F8_E5M2,
  RC_I8, RC_I16, RC_I32, RC_I64, RC_U8, RC_U16, RC_U32, RC_U64,
  RC_Q4_0, RC_Q4_1, RC_Q5_0, RC_Q5_1, RC_Q8_0,
  RC_Q2_K, RC_Q3_K, RC_Q4_K, RC_Q5_K, RC_Q6_K, RC_Q8_K, RC_IQ4_NL, RC_IQ4_XS, RC_MXFP4,
  RC_IQ2_XXS, RC_IQ2_XS, RC_IQ2_S, RC_IQ3_XXS, RC_IQ3_S, RC_IQ1_S, RC_IQ1_M, RC_TQ1_0, RC_TQ2_0,
};

/// Elements of a block of the types from Q4_0 to Q8_0, IQ4_NL and MXFP4, and of one of the others.
enum { RC_BLOCK = 32, RC_SUPERBLOCK = 256 };

/// Bytes of a block.
enum {
  RC_Q4_0_BYTES = 18, RC_Q4_1_BYTES = 20, RC_Q5_0_BYTES = 22, RC_Q5_1_BYTES = 24,
  RC_Q8_0_BYTES = 34, RC_IQ4_NL_BYTES = 18, RC_MXFP4_BYTES = 17,
  RC_Q2_K_BYTES = 84, RC_Q3_K_BYTES = 110, RC_Q4_K_BYTES = 144, RC_Q5_K_BYTES = 176,
  RC_Q6_K_BYTES = 210, RC_Q8_K_BYTES = 292, RC_IQ4_XS_BYTES = 136,
  RC_IQ2_XXS_BYTES = 66, RC_IQ2_XS_BYTES = 74, RC_IQ2_S_BYTES = 82, RC_IQ3_XXS_BYTES = 98,
  RC_IQ3_S_BYTES = 110, RC_IQ1_S_BYTES = 50, RC_IQ1_M_BYTES = 56, RC_TQ1_0_BYTES = 54, RC_TQ2_0_BYTES = 66,
};

/// Decodes whole blocks of `type`, of one element for plain numbers, to float32. Bit-exact on every
/// instruction set. Neither pointer need be aligned.
void rc_decode(int type, const void *bytes, float *output, size_t blocks);

// encode.c

enum { RC_ENCODED, RC_NOT_FINITE, RC_SCALE_OVERFLOW, RC_OVERFLOW };

/// Encodes whole blocks of RC_Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4, IQ4_XS or Q2_K to Q6_K, or
/// numbers of RC_F16 or RC_BF16, each a block: to nearest, ties to even; infinities stay, NaN becomes
/// quiet and keeps its sign and what there is room for of its payload; `bytes` is then aligned for them.
/// Bit-exact on every instruction set. `importance` is null, or says for each of `columns` columns how much errors there
/// count (finite, not below 0); the values are then whole rows. Returns RC_NOT_FINITE for a value that is not finite
/// (nothing is written then), RC_SCALE_OVERFLOW where half precision cannot hold a block's scale, RC_OVERFLOW where a
/// finite number became an infinite one of 16 bits.
int rc_encode(int type, const float *values, const float *importance, size_t columns, void *bytes,
              size_t blocks);

// factors.c: rows in the form that a matrix product takes.

/// float32; float32 rounded to bfloat16 (to nearest, ties to even); bfloat16.
enum { RC_FLOAT, RC_ROUNDED, RC_BFLOAT16 };

/// y = scale * x in a form; strides in elements of either side.
void rc_put_rows(const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t width, float scale,
                 int form, void *y, ptrdiff_t y_stride);

/// y [width, rows] = the transpose of x [rows, width]; strides in elements from row to row.
void rc_transpose(const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t width, float *y,
                  ptrdiff_t y_stride);

// norms.c: y, in any form, may be x; gain and bias may be null.

void rc_rms_norm(const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t width,
                 const float *gain, float epsilon, int form, void *y, ptrdiff_t y_stride);
void rc_layer_norm(const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t width,
                   const float *gain, const float *bias, float epsilon, int form, void *y,
                   ptrdiff_t y_stride);

// rotate.c: in place; cosines and sines are [rows, pairs] with row stride table_stride.

/// Pair p is (x[2p], x[2p + 1]) where `interleaved`, otherwise (x[p], x[p + pairs]).
void rc_rotate(float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t pairs, int interleaved,
               const float *cosines, const float *sines, ptrdiff_t table_stride, int inverse);

// activations.c: y = f(x) or f(x) * up, in any form; y may be x or up.

enum { RC_SILU, RC_GELU_TANH, RC_GELU, RC_RELU, RC_RELU_SQUARED };

void rc_activate(int kind, const float *x, int form, void *y, ptrdiff_t count);
void rc_gate(int kind, const float *x, const float *up, int form, void *y, ptrdiff_t count);
/// y = (u + 1) g / (1 + exp(-slope g)) with g = min(x, limit) and u = up within -limit and limit.
void rc_clamped_gate(const float *x, const float *up, float slope, float limit, int form, void *y,
                     ptrdiff_t count);

// softmax.c: one tile of blocked attention.

/// Query i = first_query + row sees key j = first_key + column iff j <= i and (window == 0 or
/// i - j < window). Puts exp(score - maximum), 0 where not visible, to `weights` in any form, which
/// may be the scores, but not in bfloat16: the zeros after the end of a row would then be written over
/// scores that are read after; updates each row's maximum (start: -infinity) and sum (start: 0); writes to
/// correction[row] the factor that brings earlier sums and outputs to the new maximum. softcap 0 is
/// none, otherwise the score is softcap * tanh(score / softcap), and `scores` hold that then.
void rc_softmax_tile(float *scores, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t keys,
                     ptrdiff_t first_query, ptrdiff_t first_key, ptrdiff_t window, float softcap,
                     float *maximum, double *sum, float *correction, int form, void *weights,
                     ptrdiff_t weights_stride);
/// Multiplies each row by its factor; a factor of 0 stores zeros whatever was there.
void rc_scale_rows(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride,
                   const float *factors);
/// y = x / sum for each row; a row with the sum 0 becomes zeros.
void rc_divide_rows(const float *x, ptrdiff_t x_stride, ptrdiff_t rows, ptrdiff_t width,
                    const double *sums, float *y, ptrdiff_t y_stride);

// logits.c

/// Takes a block of columns into each row's running maximum (start: -infinity) and running sum of
/// exp(logit - maximum) (start: 0). softcap as above.
void rc_log_sum_exp(const float *logits, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns,
                    float softcap, float *maximum, double *sum);

// Like rc_log_sum_exp without a cap, and per row the running sum of exp(logit - maximum) times
// (logit - other), from which the KL divergence of two rows of logits follows.
void rc_expected_difference(const float *logits, const float *others, ptrdiff_t stride,
                            ptrdiff_t rows, ptrdiff_t columns, float *maximum, double *sum,
                            double *weighted);

// elementwise.c

void rc_add(const float *x, float *y, ptrdiff_t count);
void rc_add_rows(const float *bias, float *y, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride);
/// y[row] += factors[row] * bias.
void rc_add_rows_by(const float *bias, const float *factors, float *y, ptrdiff_t rows,
                    ptrdiff_t width, ptrdiff_t stride);
void rc_scale(float *x, float factor, ptrdiff_t count);
void rc_softcap(float *x, float cap, ptrdiff_t count);

// peak.c: what the processor can do at most, for benchmarks.

/// Multiplies and adds in `chains` (3, 5 or 12) independent sums of sixteen lanes, `steps` times:
/// 32 chains steps operations. The result only keeps the work from being left out.
float rc_peak_multiply_add(int chains, ptrdiff_t steps, float seed);
/// The same in products of bfloat16 pairs summed in float32, twelve sums: 768 steps operations.
/// Does nothing where rc_isa_has_bf16() is 0.
float rc_peak_bfloat16(ptrdiff_t steps, float seed);
/// y = a + factor b.
void rc_peak_triad(const float *a, const float *b, float factor, float *y, ptrdiff_t count);

// parallel.c

typedef void (*rc_body)(void *context, ptrdiff_t unit, ptrdiff_t worker);

/// Runs body for every unit in 0..<count on `threads` threads, the caller being worker 0. Each
/// thread calls `prepare` first, where there is one. A call made while another one runs is done by
/// its caller alone.
void rc_parallel(ptrdiff_t count, ptrdiff_t threads, void (*prepare)(void), rc_body body,
                 void *context);

// thread_memory.c

enum { RC_SLOT_DECODED, RC_SLOT_WIDENED, RC_SLOT_SCRATCHPAD, RC_SLOT_FEW_ROWS, RC_SLOT_PRODUCT, RC_THREAD_SLOTS };

/// At least `size` bytes (not zero) of the calling thread's memory for one purpose, on a cache line,
/// valid until the thread asks for more of that slot; NULL where there is no memory left. What it
/// held before is lost when it grows.
void *rc_thread_memory(int slot, size_t size);

// memory_limit.c

/// Whether this process has a limit of its addresses or of its data.
bool rc_memory_is_limited(void);

/// Whether so many bytes more could be had now.
bool rc_memory_has_room(size_t size);

// crc32.c

/// The CRC-32 of zip and gzip, continued from that of the bytes before (0 at the start).
uint32_t rc_crc32(uint32_t crc, const void *bytes, size_t count);

// signals.c

/// A temporary file (or folder, once empty) to remove when a signal ends the process.
void rc_register_temporary(const char *path);
void rc_unregister_temporary(const char *path);
/// Memory that a file is mapped to, and the path by which errors name the file.
void rc_register_mapping(const void *base, size_t size, const char *path);
void rc_unregister_mapping(const void *base);
/// A process that signals which end this one end too; 0 where there is none.
void rc_set_child(int process);
/// With 1 SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGXCPU are put off until it is called with 0; calls may be nested.
void rc_hold_signals(int held);
/// A line, its end included, that they write to standard error; NULL for none.
void rc_set_stop_line(const char *line);
/// SIGINT, SIGTERM and SIGHUP (unless it is ignored): remove the temporary files, exit with 130, 143 and
/// 129. SIGQUIT and SIGXCPU (unless they are ignored): remove them, end by the same signal. SIGBUS: also say which
/// mapped file was truncated, exit with 74. SIGABRT, SIGSEGV, SIGILL, SIGTRAP and SIGFPE: remove them, then what was to
/// be done before, and end by the same signal; where there is no memory left say so instead, exit with 70.
void rc_install_signal_handlers(void);
/// Ends this process as SIGTERM does when its parent, this process, ends, however that comes about.
void rc_end_with_parent(int parent);

#endif
