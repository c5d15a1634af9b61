/* SPDX-License-Identifier: MIT
 *
 * views.cu - a view of an image, as views/views.c: resized crop, flips, colour jitter in its drawn
 * order, grayscale, blur, solarise, x = (u / 255 - mean) / std.
 *
 * A block makes a view, whose bytes are planar as on the CPU.  They and what the work needs besides
 * stay in shared memory if the view is small, about 64 x 64; else a block for each multiprocessor makes
 * one view after another in scratch memory of its own.
 */
#include "backend/cuda/kernels.h"

#include "backend/cuda/block_sum.cuh"
#include "backend/cuda/view_blur.cuh"
#include "backend/cuda/view_color.cuh"
#include "backend/cuda/view_resize.cuh"

static const unsigned NEAR_THREADS = 256, FAR_THREADS = 512;
static const size_t NEAR_BYTES = 29 << 10; /* 3 to 7 such blocks share a multiprocessor's memory */
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000
static const unsigned NEAR_BLOCKS =
    2; /* that registers hold, or more: Blackwell's code would spill for 3 */
#else
static const unsigned NEAR_BLOCKS = 4;
#endif

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE }; /* SC_JITTER_* of views/views.h */

/* ---- memory of a view: its planes, then the axes of the resize, whose place the blur takes ---- */

struct view_memory {
    uint8_t *planes;
    resize_axis vertical, horizontal;
    float *columns, *weight; /* of the blur */
};

__host__ __device__ static size_t axis_bytes(uint32_t outputs, size_t stride)
{
    return outputs * (stride + 2) * sizeof(int32_t);
}

__host__ __device__ static size_t planes_bytes(const sc_device_views *o)
{
    return ((size_t)o->height * o->width * o->channels + 15) / 16 * 16;
}

static size_t view_bytes(const sc_device_views *o, uint32_t max_height, uint32_t max_width)
{
    bool bicubic = o->of[0].bicubic || o->of[1].bicubic;
    size_t axes = axis_bytes(o->height, resize_taps(max_height, o->height, bicubic)) +
                  axis_bytes(o->width, resize_taps(max_width, o->width, bicubic));
    size_t a = o->of[0].blur_kernel, b = o->of[1].blur_kernel;
    size_t blur = ((size_t)o->height * o->width + (a > b ? a : b)) * sizeof(float);

    return (planes_bytes(o) + (axes > blur ? axes : blur) + 255) / 256 * 256;
}

__device__ static resize_axis axis_at(unsigned char *memory, uint32_t in, uint32_t out,
                                      bool bicubic)
{
    const size_t stride = resize_taps(in, out, bicubic);
    int32_t *weight = (int32_t *)memory;
    uint32_t *first = (uint32_t *)(weight + out * stride);

    return {weight, first, first + out, stride};
}

__device__ static view_memory memory_of(unsigned char *memory, const sc_device_views *o,
                                        const sc_device_view *view)
{
    const bool bicubic = o->of[view->options].bicubic != 0;
    unsigned char *rest = memory + planes_bytes(o);
    view_memory m;

    m.planes = memory;
    m.vertical = axis_at(rest, view->crop_height, o->height, bicubic);
    rest += axis_bytes(o->height, m.vertical.stride);
    m.horizontal = axis_at(rest, view->crop_width, o->width, bicubic);
    m.columns = (float *)(memory + planes_bytes(o));
    m.weight = m.columns + (size_t)o->height * o->width;
    return m;
}

/* ---- steps: each thread has the same pixels in all of them but the blur ---- */

/* f(pixel) on all pixels of the planes, n bytes each. */
template <int CHANNELS, class Operation>
__device__ static void each_pixel(uint8_t *planes, uint32_t n, Operation f)
{
    SC_LOOP
    for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
        int pixel[CHANNELS];
        for (uint32_t c = 0; c < CHANNELS; c++)
            pixel[c] = planes[c * n + i];
        f(pixel);
        for (uint32_t c = 0; c < CHANNELS; c++)
            planes[c * n + i] = (uint8_t)pixel[c];
    }
}

template <int CHANNELS>
__device__ static void resize(const view_memory &m, const uint8_t *pixels,
                              const sc_device_view *view, const sc_device_views *o)
{
    const bool bicubic = o->of[view->options].bicubic != 0;
    const size_t row = (size_t)view->width * CHANNELS;
    const uint8_t *box = pixels + view->pixels + view->top * row + (size_t)view->left * CHANNELS;
    const uint32_t n = o->height * o->width;

    resize_plan(m.vertical, view->crop_height, o->height, view->vflip, bicubic);
    resize_plan(m.horizontal, view->crop_width, o->width, view->hflip, bicubic);
    __syncthreads();
    SC_LOOP
    for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
        int pixel[CHANNELS];
        resize_pixel<CHANNELS>(pixel, box, row, m.vertical, m.horizontal, i / o->width,
                               i % o->width);
        for (uint32_t c = 0; c < CHANNELS; c++)
            m.planes[c * n + i] = (uint8_t)pixel[c];
    }
}

/* Mean of the lumas, .5 added and truncated. */
template <int CHANNELS, unsigned THREADS>
__device__ static int mean_level(uint64_t *shared, uint8_t *planes, uint32_t n)
{
    uint64_t sum = 0;

    each_pixel<CHANNELS>(planes, n, [&](int *pixel) {
        sum += (uint64_t)(CHANNELS == 3 ? color_luma(pixel) : pixel[0]);
    });
    sum = block_sum<THREADS>(shared, sum);
    return (int)((double)sum / (double)n + 0.5);
}

template <int CHANNELS>
__device__ static void blend_all(uint8_t *planes, uint32_t n, int level, float f)
{
    each_pixel<CHANNELS>(planes, n, [=](int *pixel) {
        for (int c = 0; c < CHANNELS; c++)
            pixel[c] = color_blend(pixel[c], level, f);
    });
}

template <int CHANNELS, unsigned THREADS>
__device__ static void jitter(uint64_t *shared, uint8_t *planes, uint32_t n,
                              const sc_device_view *view)
{
    SC_LOOP
    for (int k = 0; k < 4; k++) {
        const int operation = view->order[k];
        const double factor = view->factor[operation];
        const float f = (float)factor;
        if (operation == BRIGHTNESS) {
            blend_all<CHANNELS>(planes, n, 0, f);
        } else if (operation == CONTRAST) {
            int level = mean_level<CHANNELS, THREADS>(shared, planes, n);
            blend_all<CHANNELS>(planes, n, level, f);
        } else if (CHANNELS == 3 && operation == SATURATION) {
            each_pixel<CHANNELS>(planes, n, [=](int *pixel) {
                const int luma = color_luma(pixel);
                for (int c = 0; c < CHANNELS; c++)
                    pixel[c] = color_blend(pixel[c], luma, f);
            });
        } else if (CHANNELS == 3 && operation == HUE) {
            const int step = (int)(factor * 255.0) & 255;
            each_pixel<CHANNELS>(planes, n, [=](int *pixel) { color_hue(pixel, step); });
        }
    }
}

template <int CHANNELS>
__device__ static void blur(const view_memory &m, const sc_device_views *o, uint32_t size,
                            double sigma)
{
    const uint32_t width = o->width, n = o->height * width;
    const blur_kernel kernel = blur_weights(m.weight, (int)size, sigma);

    SC_LOOP
    for (uint32_t c = 0; c < CHANNELS; c++) {
        uint8_t *plane = m.planes + c * n;
        SC_LOOP
        for (uint32_t i = threadIdx.x; i < n; i += blockDim.x)
            m.columns[i] =
                blur_sum(plane + i % width, width, kernel, (int)(i / width), (int)o->height);
        __syncthreads();
        SC_LOOP
        for (uint32_t i = threadIdx.x; i < n; i += blockDim.x)
            plane[i] = blur_level(
                blur_sum(m.columns + i / width * width, 1, kernel, (int)(i % width), (int)width));
        __syncthreads();
    }
}

/* Planes to (pixel, channel), solarised where >= threshold. */
template <int CHANNELS>
__device__ static void write(float *x, const uint8_t *planes, uint32_t n, uint32_t threshold,
                             const float (*normal)[256])
{
    SC_LOOP
    for (uint32_t i = threadIdx.x; i < n * CHANNELS; i += blockDim.x) {
        const uint32_t c = i % CHANNELS, u = planes[c * n + i / CHANNELS];
        x[i] = normal[c][u >= threshold ? 255 - u : u];
    }
}

template <int CHANNELS, unsigned THREADS>
__device__ static void make_view(float *x, unsigned char *memory, uint64_t *shared,
                                 const uint8_t *pixels, const sc_device_view *view,
                                 const sc_device_views *o)
{
    const view_memory m = memory_of(memory, o, view);
    const uint32_t n = o->height * o->width, never = 256;
    const uint32_t threshold = view->solarize ? o->of[view->options].solarize_threshold : never;

    resize<CHANNELS>(m, pixels, view, o);
    if (view->jitter)
        jitter<CHANNELS, THREADS>(shared, m.planes, n, view);
    if (CHANNELS == 3 && view->grayscale)
        each_pixel<CHANNELS>(m.planes, n, [](int *pixel) {
            const int luma = color_luma(pixel);
            for (int c = 0; c < CHANNELS; c++)
                pixel[c] = luma;
        });
    __syncthreads();
    if (view->blur_sigma > 0)
        blur<CHANNELS>(m, o, o->of[view->options].blur_kernel, view->blur_sigma);
    write<CHANNELS>(x, m.planes, n, threshold, o->of[view->options].normal);
}

/* ---- launches ---- */

template <int CHANNELS, bool NEAR, unsigned THREADS>
__global__ static void __launch_bounds__(THREADS, NEAR ? NEAR_BLOCKS : 1)
    make_views(float *x, const uint8_t *pixels, const sc_device_view *view, size_t count,
               const sc_device_views *o, unsigned char *scratch, size_t bytes)
{
    __shared__ uint64_t memory[(NEAR ? NEAR_BYTES : 8) / sizeof(uint64_t)], shared[THREADS];
    unsigned char *mine = NEAR ? (unsigned char *)memory : scratch + blockIdx.x * bytes;
    const size_t size = (size_t)o->height * o->width * CHANNELS;

    /* The next view's planes, which the last one's are read from, come after a barrier. */
    for (size_t v = blockIdx.x; v < count; v += gridDim.x)
        make_view<CHANNELS, THREADS>(x + v * size, mine, shared, pixels, &view[v], o);
}

static bool is_near(size_t bytes)
{
    return bytes <= NEAR_BYTES;
}

static size_t far_blocks(size_t count)
{
    size_t blocks = (size_t)sc_cuda_processors();
    return count < blocks ? count : blocks;
}

size_t sc_cuda_views_scratch(const sc_device_views *host_options, size_t count, uint32_t max_height,
                             uint32_t max_width)
{
    size_t bytes = view_bytes(host_options, max_height, max_width);
    return is_near(bytes) ? 0 : far_blocks(count) * bytes;
}

template <int CHANNELS>
static void launch(float *x, const uint8_t *pixels, const sc_device_view *view, size_t count,
                   const sc_device_views *o, void *scratch, size_t bytes)
{
    unsigned char *to = (unsigned char *)scratch;

    if (is_near(bytes))
        SC_LAUNCH((make_views<CHANNELS, true, NEAR_THREADS>), count, NEAR_THREADS, x, pixels, view,
                  count, o, to, bytes);
    else
        SC_LAUNCH((make_views<CHANNELS, false, FAR_THREADS>), far_blocks(count), FAR_THREADS, x,
                  pixels, view, count, o, to, bytes);
}

void sc_cuda_views(sc_real *x, const uint8_t *pixels, const sc_device_view *view, size_t count,
                   const sc_device_views *options, const sc_device_views *host_options,
                   uint32_t max_height, uint32_t max_width, void *scratch)
{
    size_t bytes = view_bytes(host_options, max_height, max_width);

    if (count == 0)
        return;
    if (host_options->channels == 3)
        launch<3>(x, pixels, view, count, options, scratch, bytes);
    else
        launch<1>(x, pixels, view, count, options, scratch, bytes);
}
