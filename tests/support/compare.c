/* SPDX-License-Identifier: MIT
 *
 * compare.c - comparison of tensors, of errors, and of gradients with central differences.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double sct_relative_l2(const sc_real *got, const sc_real *want, size_t n)
{
    double difference = 0, norm = 0;

    for (size_t i = 0; i < n; i++) {
        double d = (double)got[i] - (double)want[i];
        difference += d * d;
        norm += (double)want[i] * (double)want[i];
    }
    return norm > 0 ? sqrt(difference / norm) : sqrt(difference);
}

void sct_assert_close(const char *what, const sc_real *got, const sc_real *want, size_t n,
                      double rtol, double atol)
{
    double worst = 0;
    size_t at = 0, bad = 0;

    for (size_t i = 0; i < n; i++) {
        double error = fabs((double)got[i] - (double)want[i]);
        double allowed = atol + rtol * fabs((double)want[i]);
        bool good = (error <= allowed && isfinite(want[i])) || got[i] == want[i] ||
                    (isnan(got[i]) && isnan(want[i]));
        double ratio = good               ? 0
                       : !isfinite(error) ? INFINITY
                                          : error / (allowed > 0 ? allowed : 1e-300);
        bad += !good;
        if (ratio > worst) {
            worst = ratio;
            at = i;
        }
    }
    if (bad)
        fail_msg("%s: %zu of %zu differ; worst at %zu: got %.9g, want %.9g (rtol %g, atol %g); "
                 "relative L2 %.3g",
                 what, bad, n, at, (double)got[at], (double)want[at], rtol, atol,
                 sct_relative_l2(got, want, n));
}

void sct_assert_equal_bits(const char *what, const sc_real *got, const sc_real *want, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(got + i, want + i, sizeof *got) != 0)
            fail_msg("%s: bits differ first at %zu of %zu: got %.17g, want %.17g; relative L2 %.3g",
                     what, i, n, (double)got[i], (double)want[i], sct_relative_l2(got, want, n));
    }
}

void sct_assert_ok(int result, const simclr_error *err)
{
    if (result < 0)
        fail_msg("failed with %d: %s", result, err ? err->text : "(no text)");
}

void sct_assert_error(int result, const simclr_error *err, int code, const char *part)
{
    if (result != code)
        fail_msg("result is %d, not %d: %s", result, code, result < 0 ? err->text : "no failure");
    if (err->code != code)
        fail_msg("err->code is %d, not %d: %s", err->code, code, err->text);
    if (part && !strstr(err->text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, err->text);
}

double sct_grad_error(sct_scalar_fn f, void *context, sc_real *x, const sc_real *grad, size_t n,
                      double h, size_t samples)
{
    double difference = 0, norm_grad = 0, norm_numeric = 0;
    bool all = samples == 0 || samples >= n;

    for (size_t s = 0; s < (all ? n : samples); s++) {
        size_t i = all ? s : sct_below(n);
        sc_real keep = x[i];
        double step = h * fmax(1, fabs((double)keep));
        x[i] = (sc_real)((double)keep + step);
        double high = (double)x[i], f_high = f(context);
        x[i] = (sc_real)((double)keep - step);
        double low = (double)x[i], f_low = f(context);
        x[i] = keep;
        double numeric = (f_high - f_low) / (high - low);
        double d = (double)grad[i] - numeric;
        difference += d * d;
        norm_grad += (double)grad[i] * (double)grad[i];
        norm_numeric += numeric * numeric;
    }
    double scale = sqrt(norm_grad) + sqrt(norm_numeric);
    return scale == 0 ? 0 : sqrt(difference) / scale; /* NaN stays NaN */
}

void sct_assert_grad(const char *what, sct_scalar_fn f, void *context, sc_real *x,
                     const sc_real *grad, size_t n, double h, size_t samples, double limit)
{
    double error = sct_grad_error(f, context, x, grad, n, h, samples);

    if (!(error <= limit))
        fail_msg("%s: gradient error %.3g over the limit %.3g (%zu values, h %g)", what, error,
                 limit, n, h);
}
