# SPDX-License-Identifier: MIT
#
# torch_naive_epoch.py - an epoch of SimCLR as most write it: torchvision's transforms on PIL images in the
# workers of a DataLoader, ResNet-18 with the CIFAR stem in fp32, SGD.  Images of 32x32 lie in memory.
#
# Prints {"epoch_s", "s_per_50k", "images", "workers", "loss", ...}; starting the workers is in the epoch.
import argparse
import json
import os
import time

import numpy as np
import torch
import torchvision
import torchvision.transforms as T
from PIL import Image

from torch_simclr import network, ntxent


class TwoViews(torch.utils.data.Dataset):
    def __init__(self, images):
        pixels = np.random.default_rng(0).integers(0, 256, (images, 32, 32, 3), dtype=np.uint8)
        self.images = [Image.fromarray(p) for p in pixels]
        self.view = T.Compose([
            T.RandomResizedCrop(32, scale=(0.2, 1.0)), T.RandomHorizontalFlip(),
            T.RandomApply([T.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8), T.RandomGrayscale(p=0.1),
            T.ToTensor(), T.Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))])

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.view(self.images[i]), self.view(self.images[i])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--images", type=int, default=50000)
    parser.add_argument("--workers", type=int, default=min(16, os.cpu_count()))
    args = parser.parse_args()
    torch.manual_seed(0)
    on_gpu = args.device != "cpu"
    loader = torch.utils.data.DataLoader(TwoViews(args.images), args.batch, shuffle=True, drop_last=True,
                                         num_workers=args.workers, pin_memory=on_gpu)
    net = network("cifar").to(args.device).train()
    sgd = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, weight_decay=5e-4)
    seen, begin = 0, time.perf_counter()
    for views in loader:
        x = torch.cat(views).to(args.device, non_blocking=True)
        sgd.zero_grad()
        loss = ntxent(net(x))
        loss.backward()
        sgd.step()
        seen += len(views[0])
    last = float(loss)  # waits
    seconds = time.perf_counter() - begin
    print(json.dumps({"epoch_s": seconds, "s_per_50k": seconds * 50000 / seen, "images": seen,
                      "workers": args.workers, "loss": last, "version":
                      f"torch {torch.__version__}, torchvision {torchvision.__version__}"}))


if __name__ == "__main__":
    main()
