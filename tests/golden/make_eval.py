#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Writes eval.h: what scikit-learn (1.2.1 when it was made) says about a small set of features, for
# tests/unit/test_knn.c and test_linear_probe.c.   Run:  python3 make_eval.py > eval.h
import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

N, M, D, C, K, T, L2 = 60, 24, 5, 3, 7, 0.1, 0.02
rng = np.random.default_rng(7)
centre = rng.normal(size=(C, D)) * 1.2 + 0.6


def draw(n):
    y = rng.integers(0, C, n)
    x = np.round((centre[y] + rng.normal(size=(n, D))) * 64) / 64
    return x, y


def array(kind, name, values, form):
    lines, line = [], "   "
    for v in np.asarray(values).ravel():
        text = " " + form % v + ","
        if len(line) + len(text) > 98:
            lines.append(line)
            line = "   "
        line += text
    lines.append(line)
    print(f"static const {kind} {name}[] = {{")
    print("\n".join(lines))
    print("};")


x, y = draw(N)
u, v = draw(M)
unit = lambda a: a / np.linalg.norm(a, axis=1, keepdims=True)
distance, index = NearestNeighbors(n_neighbors=K, metric="cosine").fit(x).kneighbors(u)
weigh = lambda d: np.exp((1 - d) / T)
weighted = KNeighborsClassifier(K, weights=weigh, metric="cosine").fit(x, y).predict(u)
majority = []
for row in index:  # sklearn gives a tie to the smaller class, we to the nearest neighbour's
    votes = np.bincount(y[row], minlength=C)
    majority.append(next(y[i] for i in row if votes[y[i]] == votes.max()))
mean, std = x.mean(0), x.std(0)
model = LogisticRegression(C=1 / (L2 * N), tol=1e-10, max_iter=10000)
model.fit((x - mean) / std, y)
w, b = model.coef_, model.intercept_ - model.intercept_.mean()
p = model.predict_log_proba((x - mean) / std)
loss = -p[np.arange(N), y].mean() + L2 / 2 * (w ** 2).sum()
accuracy = 100 * model.score((u - mean) / std, v)

print("/* SPDX-License-Identifier: MIT")
print(" *")
print(f" * eval.h - written by make_eval.py with scikit-learn {sklearn.__version__}; do not edit.")
print(" */")
print("#ifndef SC_GOLDEN_EVAL_H\n#define SC_GOLDEN_EVAL_H\n\n#include <stdint.h>\n")
print(f"enum {{ GOLDEN_N = {N}, GOLDEN_M = {M}, GOLDEN_DIM = {D}, GOLDEN_CLASSES = {C}, "
      f"GOLDEN_K = {K} }};")
print(f"#define GOLDEN_TEMPERATURE {T}\n#define GOLDEN_L2 {L2}")
print(f"#define GOLDEN_LOSS {loss:.12g}\n#define GOLDEN_TOP1 {accuracy:.12g}\n")
array("double", "golden_x", x, "%.9g")
array("int32_t", "golden_y", y, "%d")
array("double", "golden_u", u, "%.9g")
array("int32_t", "golden_v", v, "%d")
array("uint32_t", "golden_index", index, "%d")
array("double", "golden_similarity", 1 - distance, "%.9g")
array("int32_t", "golden_majority", majority, "%d")
array("int32_t", "golden_weighted", weighted, "%d")
print("/* (classes, dim) and (classes), of standardised features; the biases add to 0 */")
array("double", "golden_w", w, "%.9g")
array("double", "golden_b", b, "%.9g")
print("\n#endif")
