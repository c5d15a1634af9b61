# SPDX-License-Identifier: MIT
#
# peer_step.py - one SimCLR step in PyTorch, as a knowing user writes it: torchvision's ResNet-18,
# channels_last, head 512-1024-128, NT-Xent at 0.5, SGD; synthetic views in memory.  --network: cifar, the
# CIFAR stem at 32 px; stem128, torchvision's own at 128 px; tutorial, the same with layer1 of stride 2.
# Prints {"ms_list", "peak_rss_mb", ...}.  --startup: one step of 16 images and the end, for
# timing the whole process.  run sets the malloc environment of the "best" case.
import argparse
import json
import resource
import time

import torch
import torch.nn.functional as F
import torchvision

parser = argparse.ArgumentParser()
parser.add_argument("--network", choices=["cifar", "stem128", "tutorial"], default="cifar")
parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeat", type=int, default=1)
parser.add_argument("--warmup", type=int, default=2)
parser.add_argument("--startup", action="store_true")
args = parser.parse_args()
if args.startup:
    args.batch, args.repeat, args.warmup = 16, 1, 0

torch.set_num_threads(args.threads)
torch.manual_seed(0)


def network():
    net = torchvision.models.resnet18()
    if args.network == "cifar":
        net.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        net.maxpool = torch.nn.Identity()
    if args.network == "tutorial":
        net.layer1[0].conv1.stride = (2, 2)
        net.layer1[0].downsample = torch.nn.Sequential(
            torch.nn.Conv2d(64, 64, 1, 2, bias=False), torch.nn.BatchNorm2d(64))
    net.fc = torch.nn.Sequential(
        torch.nn.Linear(512, 1024), torch.nn.ReLU(inplace=True), torch.nn.Linear(1024, 128))
    return net.to(memory_format=torch.channels_last).train()


def ntxent(z, temperature=0.5):
    rows = z.shape[0]
    z = F.normalize(z.float(), dim=1)
    scores = z @ z.t() / temperature
    scores.fill_diagonal_(float("-inf"))
    return F.cross_entropy(scores, (torch.arange(rows) + rows // 2) % rows)


net = network()
sgd = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, weight_decay=5e-4)
side = 32 if args.network == "cifar" else 128
views = torch.randn(2 * args.batch, 3, side, side).contiguous(memory_format=torch.channels_last)


def step():
    sgd.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.precision == "bf16"):
        z = net(views)
    loss = ntxent(z)
    loss.backward()
    sgd.step()
    return loss.item()


for _ in range(args.warmup):
    step()
ms = []
for _ in range(args.repeat):
    begin = time.perf_counter()
    loss = step()
    ms.append(1e3 * (time.perf_counter() - begin))
print(json.dumps({
    "ms_list": ms, "images": args.batch, "precision": args.precision, "threads": args.threads,
    "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "loss": loss,
    "version": "torch " + torch.__version__}))
