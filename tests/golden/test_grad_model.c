/* SPDX-License-Identifier: MIT
 *
 * test_grad_model.c - test_model.c in double, where limits can be a thousand times tighter; the
 * name test_grad_* selects the double build of the library.
 */
#include "test_model.c"
