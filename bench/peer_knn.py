# SPDX-License-Identifier: MIT
#
# peer_knn.py sklearn|torch - weighted k-NN of 10,000 queries in a bank of 50,000 x 512 fp32 features,
# k 200, votes exp(similarity / 0.1).
#   sklearn: KNeighborsClassifier, brute force, Euclidean on normalised rows: the same neighbours as
#            by cosine, and the faster of its two ways; similarity = 1 - distance^2 / 2.
#   torch:   matrix product and topk in chunks, as lightly and VISSL do.
import argparse
import json
import resource
import sys
import time

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("peer", choices=["sklearn", "torch"])
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--device", default="cpu", help="of torch; the features are sent there within the time")
parser.add_argument("--bank", type=int, default=50000)
parser.add_argument("--queries", type=int, default=10000)
parser.add_argument("--dim", type=int, default=512)
parser.add_argument("-k", type=int, default=200)
args = parser.parse_args()
CLASSES, TEMPERATURE, CHUNK = 10, 0.1, 512

rng = np.random.default_rng(0)
centre = rng.normal(size=(CLASSES, args.dim)).astype(np.float32)


def draw(n):
    y = rng.integers(0, CLASSES, n)
    x = 0.15 * centre[y] + rng.standard_normal((n, args.dim), dtype=np.float32)
    return np.maximum(x, 0), y


def with_sklearn(x, y, q):
    from sklearn.neighbors import KNeighborsClassifier
    unit = lambda a: a / np.linalg.norm(a, axis=1, keepdims=True)
    weights = lambda d: np.exp((1 - d * d / 2) / TEMPERATURE)
    model = KNeighborsClassifier(args.k, weights=weights, algorithm="brute", n_jobs=args.threads)
    return model.fit(unit(x), y).predict(unit(q))


def with_torch(x, y, q):
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(args.threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    bank = F.normalize(torch.from_numpy(x).to(args.device), dim=1).t().contiguous()
    labels, guesses = torch.from_numpy(y).to(args.device), []
    for chunk in F.normalize(torch.from_numpy(q).to(args.device), dim=1).split(CHUNK):
        similarity, index = (chunk @ bank).topk(args.k, dim=1)
        votes = torch.zeros(len(chunk), CLASSES, device=args.device)
        votes.scatter_add_(1, labels[index], (similarity / TEMPERATURE).exp())
        guesses.append(votes.argmax(1))
    return torch.cat(guesses).cpu().numpy()


x, y = draw(args.bank)
q, v = draw(args.queries)
try:
    run = {"sklearn": with_sklearn, "torch": with_torch}[args.peer]
    run(x[:1000], y[:1000], q[:10])  # imports and threads
except ImportError as error:
    print(f"peer_knn.py: {error}", file=sys.stderr)
    sys.exit(77)
begin = time.perf_counter()
guess = run(x, y, q)
ms = 1e3 * (time.perf_counter() - begin)
print(json.dumps({
    "ms_list": [ms], "k": args.k, "top1": 100 * float((guess == v).mean()),
    "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "version": f"{args.peer} {sys.modules[args.peer].__version__}"}))
