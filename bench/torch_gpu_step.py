# SPDX-License-Identifier: MIT
#
# torch_gpu_step.py - SimCLR steps in PyTorch on a GPU, as a knowing user writes them: the images lie as
# bytes in the GPU's memory, both views are made there by batched operations, torchvision's ResNet
# channels-last under bf16 autocast, head, NT-Xent at 0.5, fused SGD.  --compiled: forward pass, views and
# loss as one compiled function with CUDA graphs.
#
# Reads numbers of steps from standard input, a line each; answers each with a line of JSON:
# {"ms_list", "loss", ...}, times by the GPU's events.  Compilation is before the first answer, in "setup_s".
import argparse
import json
import sys
import time

import torch
import torch.nn.functional as F

from torch_simclr import network, ntxent

parser = argparse.ArgumentParser()
parser.add_argument("--device", default="cuda")
parser.add_argument("--network", choices=["cifar", "resnet50"], default="cifar")
parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
parser.add_argument("--batch", type=int, default=512)
parser.add_argument("--images", type=int, default=50000)
parser.add_argument("--warmup", type=int, default=10)
parser.add_argument("--compiled", choices=["no", "reduce-overhead", "max-autotune"], default="no")
args = parser.parse_args()

begin = time.perf_counter()
device = torch.device(args.device)
on_gpu = device.type == "cuda"
if on_gpu:
    torch.cuda.set_device(device.index or 0)  # events and synchronize are of this one
torch.manual_seed(0)
torch.backends.cudnn.benchmark = True
torch.backends.cudnn.allow_tf32 = False
torch.backends.cuda.matmul.allow_tf32 = False
side = 32 if args.network == "cifar" else 224


def crop_and_flip(x):
    """RandomResizedCrop(scale 0.2 ... 1, ratio 3/4 ... 4/3) and a flip, as one bilinear sampling."""
    n = x.shape[0]
    area = torch.empty(n, device=device).uniform_(0.2, 1)
    ratio = torch.exp(torch.empty(n, device=device).uniform_(-0.2877, 0.2877))
    w, h = torch.sqrt(area * ratio).clamp(max=1), torch.sqrt(area / ratio).clamp(max=1)
    across = (2 * torch.rand(n, device=device) - 1) * (1 - w)
    down = (2 * torch.rand(n, device=device) - 1) * (1 - h)
    flip = torch.where(torch.rand(n, device=device) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0], theta[:, 0, 2], theta[:, 1, 1], theta[:, 1, 2] = w * flip, across, h, down
    grid = F.affine_grid(theta, [n, 3, side, side], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def gray(x):
    return 0.299 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]


def shift_hue(x, by):
    high, low = x.amax(1), x.amin(1)
    chroma = high - low
    safe = torch.where(chroma == 0, torch.ones_like(chroma), chroma)
    r, g, b = x.unbind(1)
    hue = torch.where(high == r, (g - b) / safe,
                      torch.where(high == g, 2 + (b - r) / safe, 4 + (r - g) / safe)) / 6
    hue = (hue + by) % 1
    corner = torch.tensor([5.0, 3.0, 1.0], device=device).view(1, 3, 1, 1)
    k = (corner + 6 * hue.unsqueeze(1)) % 6
    return high.unsqueeze(1) - chroma.unsqueeze(1) * torch.minimum(k, 4 - k).clamp(0, 1)


def jitter(x):
    """ColorJitter(0.4, 0.4, 0.4, 0.1) with probability 0.8, grey with 0.1; factors of each image."""
    n = x.shape[0]

    def factor(low, high):
        return torch.empty(n, 1, 1, 1, device=device).uniform_(low, high)

    y = (x * factor(0.6, 1.4)).clamp(0, 1)
    mean = gray(y).mean((2, 3), keepdim=True)
    y = (mean + (y - mean) * factor(0.6, 1.4)).clamp(0, 1)
    y = (gray(y) + (y - gray(y)) * factor(0.6, 1.4)).clamp(0, 1)
    y = shift_hue(y, factor(-0.1, 0.1).view(n, 1, 1))
    x = torch.where(torch.rand(n, 1, 1, 1, device=device) < 0.8, y, x)
    return torch.where(torch.rand(n, 1, 1, 1, device=device) < 0.1, gray(x).expand_as(x), x)


mean_ = torch.tensor([0.4914, 0.4822, 0.4465], device=device).view(1, 3, 1, 1)
std_ = torch.tensor([0.2470, 0.2435, 0.2616], device=device).view(1, 3, 1, 1)


def views(images):
    x = images.permute(0, 3, 1, 2).float() / 255
    x = jitter(crop_and_flip(torch.cat([x, x])))
    return ((x - mean_) / std_).contiguous(memory_format=torch.channels_last)


net = network(args.network).to(device, memory_format=torch.channels_last).train()
sgd = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, weight_decay=5e-4, fused=on_gpu)
data = torch.randint(0, 256, (args.images, side, side, 3), dtype=torch.uint8, device=device)


def loss_of(images):
    with torch.no_grad():
        x = views(images)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=args.precision == "bf16"):
        z = net(x)
    return ntxent(z)


counters = {}  # of the compiler
if args.compiled != "no":
    from torch._dynamo.utils import counters
    loss_of = torch.compile(loss_of, mode=args.compiled)


def step():
    if args.compiled != "no":
        torch.compiler.cudagraph_mark_step_begin()
    sgd.zero_grad(set_to_none=True)
    loss = loss_of(data[torch.randint(0, args.images, (args.batch,), device=device)])
    loss.backward()
    sgd.step()
    return loss.detach().clone()


def timed(steps):
    if not on_gpu:
        ms = []
        for _ in range(steps):
            start = time.perf_counter()
            loss = step()
            ms.append(1e3 * (time.perf_counter() - start))
        return ms, float(loss)
    events = [torch.cuda.Event(enable_timing=True) for _ in range(steps + 1)]
    events[0].record()
    for i in range(steps):
        loss = step()
        events[i + 1].record()
    torch.cuda.synchronize()
    return [events[i].elapsed_time(events[i + 1]) for i in range(steps)], float(loss)


for _ in range(args.warmup):
    step()
if on_gpu:
    torch.cuda.synchronize()
setup = time.perf_counter() - begin
for line in sys.stdin:
    ms, loss = timed(int(line))
    print(json.dumps({
        "ms_list": ms, "loss": loss, "images": args.batch, "precision": args.precision,
        "compiled": args.compiled,
        "cudagraph_skips": counters.get("inductor", {}).get("cudagraph_skips", 0),
        "setup_s": setup, "version": "torch " + torch.__version__,
        "peak_mb": torch.cuda.max_memory_allocated() / 2**20 if on_gpu else None}), flush=True)
