# SPDX-License-Identifier: MIT
#
# peer_views.py - SimCLR's augmentation in torchvision on PIL, one thread.
#   views --images N    two 32x32 views of each of N images of 32x32 in memory (no blur, as for CIFAR)
#   photos DIR          two 224x224 views (blur 23, p 0.5) of every JPEG file in DIR/train, or in DIR
#                       where it has no such folder, decoding included
#   make DIR            writes 32 JPEG files of 500x375 to DIR, for photos
# Prints {"ms_list": [one timed pass after one warm-up pass]}.
import argparse
import json
import os
import sys
import time

import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("what", choices=["views", "photos", "make"])
parser.add_argument("folder", nargs="?")
parser.add_argument("--images", type=int, default=256)
args = parser.parse_args()
rng = np.random.default_rng(0)


def smooth(height, width):
    """A picture with large and small structure: noise at four scales."""
    total = np.zeros((height, width, 3))
    for size in (4, 16, 64, 256):
        noise = Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype=np.uint8))
        total += np.asarray(noise.resize((width, height), Image.BICUBIC), float) / size ** 0.5
    total -= total.min()
    return Image.fromarray((255 * total / total.max()).astype(np.uint8))


if args.what == "make":
    os.makedirs(args.folder, exist_ok=True)
    for i in range(32):
        smooth(375, 500).save(os.path.join(args.folder, f"{i:03}.jpg"), quality=90)
    sys.exit(0)

import torch
import torchvision.transforms as T

torch.set_num_threads(1)
torch.manual_seed(0)


def augmentation(size, blur):
    jitter = T.ColorJitter(0.4, 0.4, 0.4, 0.1)
    ops = [T.RandomResizedCrop(size, scale=(0.2, 1.0)), T.RandomHorizontalFlip(),
           T.RandomApply([jitter], p=0.8), T.RandomGrayscale(p=0.2)]
    if blur:
        ops.append(T.RandomApply([T.GaussianBlur(blur, (0.1, 2.0))], p=0.5))
    return T.Compose(ops + [T.ToTensor(), T.Normalize((0.4914, 0.4822, 0.4465),
                                                      (0.2470, 0.2435, 0.2616))])


if args.what == "views":
    images = [smooth(32, 32) for _ in range(args.images)]
    load, view = (lambda image: image), augmentation(32, 0)
else:
    train = os.path.join(args.folder, "train")  # simclr bench takes this split where it exists
    folder = train if os.path.isdir(train) else args.folder
    images = sorted(os.path.join(root, f) for root, _, files in os.walk(folder)
                    for f in files if f.lower().endswith((".jpg", ".jpeg")))
    load, view = (lambda path: Image.open(path).convert("RGB")), augmentation(224, 23)
if not images:
    sys.exit(f"peer_views.py: no JPEG files in {args.folder}")


def one_pass():
    for item in images:
        image = load(item)
        torch.stack([view(image), view(image)])


one_pass()
begin = time.perf_counter()
one_pass()
ms = 1e3 * (time.perf_counter() - begin)
import torchvision
print(json.dumps({"ms_list": [ms], "images": len(images), "views": 2 * len(images),
                  "version": "torchvision " + torchvision.__version__}))
