/* SPDX-License-Identifier: MIT
 *
 * suggest.c - "did you mean": the nearest word by edit distance.
 *
 * Distance is the least number of insertions, deletions, replacements and swaps of neighbours
 * (optimal string alignment).
 */
#include "config/config.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 48 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int distance(const char *a, const char *b)
{
    int row[3][LONGEST + 1];
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n > LONGEST || m > LONGEST) {
        return LONGEST;
    }
    for (int j = 0; j <= m; j++) {
        row[0][j] = j;
    }
    for (int i = 1; i <= n; i++) {
        int *now = row[i % 3];
        const int *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = least(now[j], before[j - 2] + 1);
            }
        }
    }
    return row[n % 3][m];
}

static int common_prefix(const char *a, const char *b)
{
    int n = 0;
    while (a[n] != '\0' && a[n] == b[n]) {
        n++;
    }
    return n;
}

/* Of equally near words, the one that begins alike. */
const char *sc_did_you_mean(const char *word, const char *const *words, size_t count)
{
    const char *best = NULL;
    int best_distance = LONGEST;
    for (size_t i = 0; i < count; i++) {
        int d = distance(word, words[i]);
        if (d < best_distance || (best != NULL && d == best_distance &&
                                  common_prefix(word, words[i]) > common_prefix(word, best))) {
            best_distance = d;
            best = words[i];
        }
    }
    int length = (int)strlen(word);
    int allowed = length < 3 ? 1 : 1 + length / 4;
    return best_distance <= allowed ? best : NULL;
}
