/* SPDX-License-Identifier: MIT
 *
 * real.h - the number type of tensors.
 *
 * float everywhere, except in the test build with SC_REAL_DOUBLE, in which the reference backend
 * and every layer above it compute in double so that gradients can be checked to 1e-7.
 */
#ifndef SC_CORE_REAL_H
#define SC_CORE_REAL_H

#ifdef SC_REAL_DOUBLE
typedef double sc_real;
#else
typedef float sc_real;
#endif

#endif
