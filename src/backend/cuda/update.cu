/* SPDX-License-Identifier: MIT
 *
 * update.cu - w, m and v from g, as optim/optim.c: SGD, Adam, AdamW, LARS; nothing where the loss or
 * the gradient is not finite.
 *
 *   1. every piece: |g|^2, for LARS |w|^2 and the square of what its ratio divides by
 *   2. one block:   gradient_norm, updated; for LARS one more of each entry: its trust ratio
 *   3. every piece: the update
 *
 * The arithmetic of 3 is the CPU's, bit for bit.  Sums of squares are in double and in an order of
 * their own, so that a trust ratio may differ by 1e-14, and the rate made of it by an ulp of
 * float where it lies that close to a rounding boundary: about once in 1e6.
 */
#include "backend/cuda/kernels.h"

#include "backend/cuda/block_sum.cuh"
#include "backend/cuda/four.cuh"
#include "backend/cuda/rounded.cuh"

static const unsigned THREADS = 256;
static const size_t LANES = four::COUNT;

typedef rounded<float> real;

/* ---- 1: sums ---- */

template <bool LARS>
__global__ static void __launch_bounds__(THREADS) sum_squares(sc_device_update u)
{
    __shared__ double shared[THREADS];
    const sc_update_piece p = u.piece[blockIdx.x];
    double gg = 0, ww = 0, rr = 0;

    for (size_t i = p.begin + threadIdx.x; i < p.end; i += THREADS) {
        double g = (double)u.g[i];
        gg += g * g;
        if (LARS) {
            double w = (double)u.w[i];
            double r = g + (double)p.decay * w;
            ww += w * w;
            rr += r * r;
        }
    }
    gg = block_sum<THREADS>(shared, gg);
    ww = LARS ? block_sum<THREADS>(shared, ww) : 0;
    rr = LARS ? block_sum<THREADS>(shared, rr) : 0;
    if (threadIdx.x == 0) {
        double *sum = u.sum + 3 * (size_t)blockIdx.x;
        sum[0] = gg;
        sum[1] = ww;
        sum[2] = rr;
    }
}

/* ---- 2: decisions ---- */

__device__ static bool is_finite(double x)
{
    return x - x == 0;
}

/* A block of its own for each entry: one thread would wait for memory at every piece. */
__device__ static void trust_ratio(double *shared, const sc_device_update &u, size_t entry)
{
    double ww = 0, rr = 0;

    for (size_t i = threadIdx.x; i < u.pieces; i += THREADS) {
        if (u.piece[i].entry == entry && u.piece[i].adapts) {
            ww += u.sum[3 * i + 1];
            rr += u.sum[3 * i + 2];
        }
    }
    ww = block_sum<THREADS>(shared, ww);
    rr = block_sum<THREADS>(shared, rr);
    if (threadIdx.x == 0)
        u.ratio[entry] = ww > 0 && rr > 0 ? u.trust * sqrt(ww) / sqrt(rr) : 1;
}

/* The first block decides of the whole step. */
__global__ static void __launch_bounds__(THREADS) decide(sc_step_output *out, sc_device_update u)
{
    __shared__ double shared[THREADS];
    double gg = 0;

    if (blockIdx.x > 0) {
        trust_ratio(shared, u, blockIdx.x - 1);
        return;
    }
    for (size_t i = threadIdx.x; i < u.pieces; i += THREADS)
        gg += u.sum[3 * i];
    gg = block_sum<THREADS>(shared, gg);
    if (threadIdx.x == 0) {
        out->gradient_norm = sqrt(gg);
        out->updated = is_finite(out->loss) && is_finite(gg);
    }
}

/* ---- 3: updates; what they need of the options and of one piece ---- */

struct sgd {
    real mu, lr, decay;
    bool nesterov;

    __device__ sgd(const sc_device_update &u, const sc_step_input &in, const sc_update_piece &p)
        : mu((float)u.momentum), lr((float)in.lr), decay(p.decay), nesterov(u.nesterov)
    {
    }

    __device__ void apply(float &w, float &m, float &, float gradient) const
    {
        real g = gradient + decay * w;
        real velocity = mu * m + g;
        m = velocity.value;
        w = (w - lr * (nesterov ? g + mu * velocity : velocity)).value;
    }
};

struct adam {
    real b1, b2, a1, a2, eps, rate, correction, shrink, decay;

    __device__ adam(const sc_device_update &u, const sc_step_input &in, const sc_update_piece &p)
        : b1((float)u.beta1), b2((float)u.beta2), a1((float)(1 - u.beta1)),
          a2((float)(1 - u.beta2)), eps((float)u.eps), rate((float)in.adam_rate),
          correction((float)in.adam_root), shrink(1), decay(p.decay)
    {
        if (u.kind == SC_UPDATE_ADAMW) {
            shrink = (float)(1 - rounded<double>(in.lr) * (double)p.decay).value;
            decay = 0;
        }
    }

    __device__ void apply(float &weight, float &m, float &v, float gradient) const
    {
        real w = weight * shrink, g = gradient + decay * w;
        real first = b1 * m + a1 * g, second = b2 * v + a2 * g * g;
        m = first.value;
        v = second.value;
        weight = (w - rate * (first / (root(second) / correction + eps))).value;
    }
};

struct lars {
    real mu, decay, rate;
    bool nesterov;

    __device__ lars(const sc_device_update &u, const sc_step_input &in, const sc_update_piece &p)
        : mu((float)u.momentum), decay(p.decay), rate((float)(in.lr * u.ratio[p.entry])),
          nesterov(u.nesterov)
    {
    }

    __device__ void apply(float &w, float &m, float &, float gradient) const
    {
        real g = rate * (gradient + decay * w);
        real velocity = mu * m + g;
        m = velocity.value;
        w = (w - (nesterov ? mu * velocity + g : velocity)).value;
    }
};

/* Groups of four of a piece, whose begin is a multiple of four, and then the rest one by one. */
template <class Rule, bool SECOND>
__global__ static void __launch_bounds__(THREADS)
    update(const sc_step_output *out, const sc_step_input *in, sc_device_update u)
{
    const sc_update_piece p = u.piece[blockIdx.x];
    const size_t groups_end = p.begin + (p.end - p.begin) / LANES * LANES;
    float none = 0;

    if (!out->updated)
        return;
    const Rule rule(u, *in, p);
    for (size_t i = p.begin + LANES * threadIdx.x; i < groups_end; i += LANES * THREADS) {
        const four g = load_four(u.g + i);
        four w = load_four(u.w + i), m = load_four(u.m + i), v = {};
        if (SECOND)
            v = load_four(u.v + i);
        for (size_t k = 0; k < LANES; k++)
            rule.apply(w.of[k], m.of[k], v.of[k], g.of[k]);
        store_four(u.w + i, w);
        store_four(u.m + i, m);
        if (SECOND)
            store_four(u.v + i, v);
    }
    for (size_t i = groups_end + threadIdx.x; i < p.end; i += THREADS)
        rule.apply(u.w[i], u.m[i], SECOND ? u.v[i] : none, u.g[i]);
}

void sc_cuda_update(sc_step_output *out, const sc_step_input *in, const sc_device_update *u)
{
    const sc_device_update job = *u;

    if (job.kind == SC_UPDATE_LARS)
        SC_LAUNCH(sum_squares<true>, job.pieces, THREADS, job);
    else
        SC_LAUNCH(sum_squares<false>, job.pieces, THREADS, job);
    SC_LAUNCH(decide, job.kind == SC_UPDATE_LARS ? 1 + job.entries : 1, THREADS, out, job);
    switch (job.kind) {
    case SC_UPDATE_SGD:
        SC_LAUNCH((update<sgd, false>), job.pieces, THREADS, out, in, job);
        break;
    case SC_UPDATE_ADAM:
    case SC_UPDATE_ADAMW:
        SC_LAUNCH((update<adam, true>), job.pieces, THREADS, out, in, job);
        break;
    case SC_UPDATE_LARS:
        SC_LAUNCH((update<lars, false>), job.pieces, THREADS, out, in, job);
        break;
    }
}
