#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes views.bin: pictures, explicit parameters of views, and the bytes torchvision makes (PIL).

Usage: make_views.py [OUT]     (default: views.bin beside this file)
       make_views.py --check   compares with the existing file instead

The file is made with Debian 12's torchvision 0.14.1 and Pillow 9.4 (/usr/bin/python3).  Pillow 13
(pull request 9549) resizes columns before rows when the height shrinks much more than the width;
every earlier release, and so every published SimCLR number, resizes rows first, as simclr does.
All cases without such a resize come out alike in both.

Layout, little-endian: "SCVIEW01", u32 pictures, u32 cases; per picture u32 height, width, channels,
bytes; per case the fields of CASE, then the expected bytes.
"""
import os
import struct
import sys

import numpy as np
import torchvision.transforms.functional as F
from PIL import Image
from torchvision.transforms import InterpolationMode

B, C, S, H = range(4)
# picture, out h, w, bicubic, evaluation (eval_resize in thousandths, 0: a view), box t l h w,
# hflip, vflip, jitter, order, grayscale, kernel, solarize, threshold, tolerance; factors, sigma
CASE = struct.Struct("<IIIII4I3I4BIIIII5d")


def pictures():
    rng = np.random.default_rng(20240601)
    y, x = np.mgrid[0:48, 0:64]
    gradient = np.stack([x * 4, y * 5, 255 - (x + y) * 2], -1)
    blocks = np.kron(rng.integers(0, 256, (9, 7, 3)), np.ones((11, 9, 1)))[:95, :61]
    blocks = blocks + rng.normal(0, 8, blocks.shape)
    primary = rng.choice([0, 1, 127, 128, 254, 255], (32, 32, 3))
    out = [rng.integers(0, 256, (32, 32, 3)), gradient, blocks, primary,
           rng.integers(0, 256, (1, 1, 3)), rng.integers(0, 256, (1, 37, 3)),
           rng.integers(0, 256, (5, 3, 3)), rng.integers(0, 256, (33, 29)),
           np.full((16, 16, 3), 77)]
    return [np.clip(a, 0, 255).astype(np.uint8) for a in out]


def jitter(im, order, factor):
    fns = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
    for op in order:
        im = fns[op](im, factor[op])
    return im


def view(im, p):
    mode = InterpolationMode.BICUBIC if p["bicubic"] else InterpolationMode.BILINEAR
    size = [p["h"], p["w"]]
    if p["eval"]:
        if (im.height, im.width) != (p["h"], p["w"]):
            im = F.resize(im, int(round(max(size) * p["eval"] / 1000)), mode)
            im = F.center_crop(im, size)
        return im
    im = F.resized_crop(im, *p["box"], size, mode)
    if p["hflip"]:
        im = F.hflip(im)
    if p["vflip"]:
        im = F.vflip(im)
    if p["jitter"]:
        im = jitter(im, p["order"], p["factor"])
    if p["gray"]:
        im = F.rgb_to_grayscale(im, len(im.getbands()))
    if p["sigma"]:
        im = F.gaussian_blur(im, [p["kernel"]] * 2, [p["sigma"]] * 2)
    if p["solarize"]:
        im = F.solarize(im, p["threshold"])
    return im


def case(picture, h, w, **more):
    p = dict(picture=picture, h=h, w=w, bicubic=0, eval=0, box=None, hflip=0, vflip=0, jitter=0,
             order=(0, 1, 2, 3), factor=(1.0, 1.0, 1.0, 0.0), gray=0, kernel=3, sigma=0.0,
             solarize=0, threshold=128)
    p.update(more)
    return p


def one(op, factor):
    f = [1.0, 1.0, 1.0, 0.0]
    f[op] = factor
    return dict(jitter=1, factor=tuple(f))


def cases(pics):
    out = []
    for i in range(len(pics)):  # up, down, odd shapes, both filters
        for size in ((32, 32), (7, 50), (1, 1), (24, 24)):
            out += [case(i, *size, bicubic=k) for k in (0, 1)]
    out += [case(2, 32, 32, box=b, bicubic=k) for k in (0, 1)
            for b in ((10, 3, 17, 20), (0, 0, 32, 32), (94, 60, 1, 1), (0, 30, 95, 2),
                      (40, 0, 3, 61))]
    out += [case(0, 32, 32, box=(3, 5, 20, 9), hflip=a, vflip=b) for a in (0, 1) for b in (0, 1)]
    for i in (0, 1, 3, 8):
        size = pics[i].shape[:2]
        for op in (B, C, S):
            out += [case(i, *size, **one(op, f)) for f in (0.0, 0.2, 0.5, 0.99999, 1.0, 1.37, 1.8)]
        out += [case(i, *size, **one(H, f)) for f in (-0.5, -0.2, -0.0039, 0.0, 0.1, 0.2, 0.5)]
        out += [case(i, *size, gray=1)]
        out += [case(i, *size, solarize=1, threshold=t) for t in (0, 128, 255)]
        out += [case(i, *size, sigma=s, kernel=k) for s, k in ((0.1, 3), (0.7, 5), (2.0, 9))]
    out += [case(7, 32, 32, gray=1, jitter=1, factor=(1.3, 0.6, 1.7, 0.2), hflip=1),
            case(7, 30, 31, sigma=1.1, kernel=5), case(7, 32, 32, solarize=1)]
    out += [case(i, 24, 24, eval=e, bicubic=k) for i in (1, 2, 6, 7) for e in (1000, 1143, 2000)
            for k in (0, 1)]
    out += [case(0, 32, 32, eval=1143), case(1, 20, 28, eval=1000)]
    rng = np.random.default_rng(7)
    for n in range(60):  # composites
        i = (0, 1, 2, 3)[n % 4]
        ph, pw = pics[i].shape[:2]
        bh, bw = int(rng.integers(3, ph + 1)), int(rng.integers(3, pw + 1))
        box = (int(rng.integers(0, ph - bh + 1)), int(rng.integers(0, pw - bw + 1)), bh, bw)
        factor = (*rng.uniform(0.2, 1.8, 3).tolist(), float(rng.uniform(-0.2, 0.2)))
        out.append(case(i, 24, 28, box=box, hflip=int(rng.integers(2)), jitter=1, factor=factor,
                        order=tuple(int(v) for v in rng.permutation(4)), bicubic=n // 4 % 2,
                        gray=int(n % 5 == 0), solarize=int(n % 7 == 0),
                        sigma=float(rng.uniform(0.1, 2)) if n % 3 == 0 and n % 7 else 0.0))
    return out


def build():
    pics = pictures()
    todo = cases(pics)
    blob = bytearray(b"SCVIEW01" + struct.pack("<II", len(pics), len(todo)))
    for a in pics:
        blob += struct.pack("<III", *a.shape[:2], 3 if a.ndim == 3 else 1) + a.tobytes()
    for p in todo:
        a = pics[p["picture"]]
        p["box"] = p["box"] or (0, 0, *a.shape[:2])
        tolerance = 1 if p["sigma"] else 0
        blob += CASE.pack(p["picture"], p["h"], p["w"], p["bicubic"], p["eval"], *p["box"],
                          p["hflip"], p["vflip"], p["jitter"], *p["order"], p["gray"], p["kernel"],
                          p["solarize"], p["threshold"], tolerance, *p["factor"], p["sigma"])
        result = np.asarray(view(Image.fromarray(a), p))
        assert result.shape[:2] == (p["h"], p["w"]), p
        blob += result.tobytes()
    return bytes(blob), len(todo)


def pillow_is_usable():
    """False for Pillow >= 13, whose order of passes depends on the shape."""
    rng = np.random.default_rng(1)
    im = Image.fromarray(rng.integers(0, 256, (64, 8), dtype=np.uint8))
    both = im.resize((9, 7), Image.BICUBIC)
    rows_first = im.resize((9, 64), Image.BICUBIC).resize((9, 7), Image.BICUBIC)
    return both.tobytes() == rows_first.tobytes()


def main():
    if not pillow_is_usable():
        print("note: this Pillow may resize columns first; resized cases will differ")
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "views.bin")
    blob, count = build()
    if sys.argv[1:] == ["--check"]:
        with open(here, "rb") as f:
            old = np.frombuffer(f.read(), np.uint8)
        new = np.frombuffer(blob, np.uint8)
        assert old.size == new.size, "sizes differ"
        d = np.abs(old.astype(int) - new)
        print(f"{count} cases, {(d != 0).sum()} bytes differ, largest difference {d.max()}")
        return
    with open(sys.argv[1] if len(sys.argv) > 1 else here, "wb") as f:
        f.write(blob)
    print(f"{count} cases, {len(blob)} bytes")


if __name__ == "__main__":
    main()
