#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes pil_decode.tsv: what Pillow's convert("RGB") gives for every file of odd-images.

Run with Debian 12's own Pillow 9.4: /usr/bin/python3 make_pil_decode.py ODD_IMAGES > pil_decode.tsv
"""
import hashlib
import os
import sys
import warnings

import PIL
from PIL import Image

warnings.simplefilter("ignore")
root = sys.argv[1]
print("# Pillow", PIL.__version__, 'Image.open(f).convert("RGB"): file, width, height, sha256 of pixels')
with open(os.path.join(root, "MANIFEST.tsv"), encoding="utf-8") as manifest:
    for line in list(manifest)[1:]:
        name = line.split("\t")[0]
        try:
            image = Image.open(os.path.join(root, name)).convert("RGB")
            digest = hashlib.sha256(image.tobytes()).hexdigest()
            print(name, image.width, image.height, digest, sep="\t")
        except Exception:  # whatever Pillow raises: it does not read the file
            print(name, 0, 0, "error", sep="\t")
