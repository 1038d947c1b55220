/* Operations of a step that PyTorch takes in several passes over memory, each in a single pass.

   They come to the bits of PyTorch's own kernels, whose arithmetic they keep to, operation by
   operation; `building.py` has them compiled without leave to round elsewhere, and compares the bits
   on the spot. */

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* SLEEF, the functions that PyTorch's kernels call, as its library exports them. */
extern __m512 Sleef_expf16_u10(__m512);
extern __m512 Sleef_log1pf16_u10(__m512);

#define LANES 16

static inline float widened(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline uint16_t rounded(float value) { /* To bfloat16: to the nearest, ties to even. */
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return value == value ? (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) : 0xffff;
}

/* Where numbers are stored: as float32, or as bfloat16. */
static inline float load(const void *from, int64_t i, int low) {
    return low ? widened(((const uint16_t *)from)[i]) : ((const float *)from)[i];
}

/* Round tensors to bfloat16. */
void round_all(int64_t count, const int64_t *sizes, const float **from, uint16_t **to) {
#pragma omp parallel
    for (int64_t k = 0; k < count; k++) {
        const float *source = from[k];
        uint16_t *target = to[k];
#pragma omp for simd schedule(static) nowait
        for (int64_t i = 0; i < sizes[k]; i++) target[i] = rounded(source[i]);
    }
}

/* Move weights by Adam: tensors of a multiple of LANES numbers, with gradients as they come. */
void adam(int64_t count, const int64_t *sizes, float **weights, const void **gradients,
          const int64_t *low, float **means, float **squares, float **steps, double lr,
          double beta1, double beta2, double eps) {
    const float rest1 = (float)(1 - beta1), rest2 = (float)(1 - beta2);
    const float beta = (float)beta2, small = (float)eps;
    for (int64_t k = 0; k < count; k++) *steps[k] += 1;
#pragma omp parallel
    for (int64_t k = 0; k < count; k++) {
        const void *gradient = gradients[k];
        const double step = *steps[k];
        const float rate = (float)-(lr / (1 - pow(beta1, step)));
        const float root = (float)sqrt(1 - pow(beta2, step));
        float *weight = weights[k], *mean = means[k], *square = squares[k];
#define MOVE(LOW)                                                                               \
    _Pragma("omp for simd schedule(static) nowait") for (int64_t i = 0; i < sizes[k]; i++) {    \
        const float g = load(gradient, i, LOW);                                                 \
        const float m = fmaf(rest1, g - mean[i], mean[i]);                                      \
        const float v = fmaf(rest2 * g, g, square[i] * beta);                                   \
        mean[i] = m;                                                                            \
        square[i] = v;                                                                          \
        weight[i] = weight[i] + rate * m / (sqrtf(v) / root + small);                           \
    }
        if (low[k]) {
            MOVE(1)
        } else {
            MOVE(0)
        }
    }
}

static inline __m512 load_lanes(const void *from, int64_t i, int64_t low) {
    if (!low) return _mm512_loadu_ps((const float *)from + i);
    const __m256i halves = _mm256_loadu_si256((const __m256i *)((const uint16_t *)from + i));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

static inline void store_lanes(void *to, int64_t i, int64_t low, __m512 values) {
    if (!low) {
        _mm512_storeu_ps((float *)to + i, values);
        return;
    }
    const __m512i bits = _mm512_castps_si512(values), one = _mm512_set1_epi32(1);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
    const __m512i up = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
    const __m512i halves = _mm512_srli_epi32(_mm512_add_epi32(bits, up), 16);
    const __mmask16 nan = _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
    const __m512i all = _mm512_mask_blend_epi32(nan, halves, _mm512_set1_epi32(0xffff));
    _mm256_storeu_si256((__m256i *)((uint16_t *)to + i), _mm512_cvtepi32_epi16(all));
}

/* Log-probability of each pixel under its logit. */
void bernoulli(int64_t rows, int64_t size, const void *logits, int64_t low, const float *images,
               float *log_probs) {
    const __m512 most = _mm512_set1_ps(20);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < rows * size; i += LANES) {
        const __m512 x = load_lanes(logits, i, low);
        const __m512 soft = Sleef_log1pf16_u10(Sleef_expf16_u10(x));
        const __mmask16 large = _mm512_cmp_ps_mask(x, most, _CMP_GT_OQ);
        const __m512 softplus = _mm512_mask_blend_ps(large, soft, x);
        const __m512 product = _mm512_mul_ps(_mm512_loadu_ps(images + i), x);
        _mm512_storeu_ps(log_probs + i, _mm512_sub_ps(product, softplus));
    }
}

/* Its gradient for the logits, times a factor for each row. */
void bernoulli_gradient(int64_t rows, int64_t size, const void *logits, int64_t low,
                        const float *images, const float *factors, void *gradient) {
    const __m512 one = _mm512_set1_ps(1), zero = _mm512_setzero_ps();
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        const __m512 factor = _mm512_set1_ps(factors[row]);
        for (int64_t i = row * size; i < (row + 1) * size; i += LANES) {
            const __m512 opposite = _mm512_sub_ps(zero, load_lanes(logits, i, low));
            const __m512 all = _mm512_add_ps(one, Sleef_expf16_u10(opposite));
            const __m512 error = _mm512_sub_ps(_mm512_loadu_ps(images + i), _mm512_div_ps(one, all));
            store_lanes(gradient, i, low, _mm512_mul_ps(error, factor));
        }
    }
}

/* The largest of 2 x 2 pixels, of maps with the channels innermost, and which of the four it is: the
   first of equal ones, and NaN before any number. */
#define CONSIDER(k, type, read, source)                                                          \
    {                                                                                            \
        const type candidate = source;                                                           \
        const float value = read(candidate);                                                     \
        const int more = (value > most) | (value != value);                                      \
        most = more ? value : most;                                                              \
        kept = more ? candidate : kept;                                                          \
        place = more ? k : place;                                                                \
    }
#define POOL(name, type, read)                                                                   \
    void name(int64_t rows, int64_t width, int64_t channels, const type *maps, type *pooled,     \
              uint8_t *places) {                                                                 \
        _Pragma("omp parallel for schedule(static)") for (int64_t r = 0; r < rows; r++) {        \
            for (int64_t w = 0; w < width; w++) {                                                \
                const type *first = maps + (4 * r * width + 2 * w) * channels;                   \
                const type *below = first + 2 * width * channels;                                \
                const int64_t to = (r * width + w) * channels;                                   \
                _Pragma("omp simd") for (int64_t c = 0; c < channels; c++) {                     \
                    type kept = first[c];                                                        \
                    float most = read(kept);                                                     \
                    uint8_t place = 0;                                                           \
                    CONSIDER(1, type, read, first[c + channels])                                 \
                    CONSIDER(2, type, read, below[c])                                            \
                    CONSIDER(3, type, read, below[c + channels])                                 \
                    pooled[to + c] = kept;                                                       \
                    places[to + c] = place;                                                      \
                }                                                                                \
            }                                                                                    \
        }                                                                                        \
    }

/* Its gradient: that of the pooled maps at the largest pixel, and 0 at the other three. */
#define POOL_GRADIENT(name, type, bits)                                                          \
    void name(int64_t rows, int64_t width, int64_t channels, const type *pooled,                 \
              const uint8_t *places, type *maps) {                                               \
        _Pragma("omp parallel for schedule(static)") for (int64_t r = 0; r < rows; r++) {        \
            for (int64_t w = 0; w < width; w++) {                                                \
                type *first = maps + (4 * r * width + 2 * w) * channels;                         \
                type *below = first + 2 * width * channels;                                      \
                const int64_t from = (r * width + w) * channels;                                 \
                _Pragma("omp simd") for (int64_t c = 0; c < channels; c++) {                     \
                    const uint8_t place = places[from + c];                                      \
                    const type value = bits(pooled[from + c]);                                   \
                    first[c] = place == 0 ? value : 0;                                           \
                    first[c + channels] = place == 1 ? value : 0;                                \
                    below[c] = place == 2 ? value : 0;                                           \
                    below[c + channels] = place == 3 ? value : 0;                                \
                }                                                                                \
            }                                                                                    \
        }                                                                                        \
    }

/* PyTorch adds gradients to zero, which makes -0 to 0. */
#define POSITIVE(value) ((value) + 0.0f)
#define POSITIVE_LOW(value) ((uint16_t)((value) == 0x8000 ? 0 : (value)))
#define AS_IT_IS(value) (value)

POOL(pool_float32, float, AS_IT_IS)
POOL(pool_bfloat16, uint16_t, widened)
POOL_GRADIENT(pool_gradient_float32, float, POSITIVE)
POOL_GRADIENT(pool_gradient_bfloat16, uint16_t, POSITIVE_LOW)
