#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden values of PyTorch for tests/golden/test_model.c.

Writes NAME.bin: records of little-endian numbers, each
    "SCG4" or "SCG8", u32 length of the name, name, u32 ndim, u32 shape[ndim], data of 4 or 8 bytes
computed in double (inputs and weights are exact in float).  Run with any torch >= 1.13:  python make_golden.py
LARS is written here after the reference code (google-research/simclr, lars_optimizer.py).
"""
import os
import struct

import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_default_dtype(torch.float64)


class Block(nn.Module):
    """torchvision's BasicBlock and Bottleneck (v1.5), with the choices of our encoder."""

    def __init__(self, o, cin, planes, cout, stride, dilation):
        super().__init__()
        mode = "reflect" if o.get("reflect") else "zeros"

        def conv3(a, b, s):
            return nn.Conv2d(a, b, 3, s, dilation, dilation, bias=False, padding_mode=mode)

        if o["arch"] == 50:
            self.conv1, self.bn1 = nn.Conv2d(cin, planes, 1, bias=False), o["norm"](planes)
            self.conv2, self.bn2 = conv3(planes, planes, stride), o["norm"](planes)
            self.conv3, self.bn3 = nn.Conv2d(planes, cout, 1, bias=False), o["norm"](cout)
        else:
            self.conv1, self.bn1 = conv3(cin, planes, stride), o["norm"](planes)
            self.conv2, self.bn2 = conv3(planes, cout, 1), o["norm"](cout)
        self.act = o["act"]()
        self.downsample = None
        if stride != 1 or cin != cout:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False),
                                            o["norm"](cout))

    def forward(self, x):
        skip = x if self.downsample is None else self.downsample(x)
        y = self.bn2(self.conv2(self.act(self.bn1(self.conv1(x)))))
        if hasattr(self, "conv3"):
            y = self.bn3(self.conv3(self.act(y)))
        return self.act(y + skip)


class Encoder(nn.Module):
    def __init__(self, o):
        super().__init__()
        mode = "reflect" if o.get("reflect") else "zeros"
        k, s = o["stem_kernel"], o["strides"]
        planes = [max(8, int(64 * 2 ** i * o["width"] / 8 + 0.5) * 8) for i in range(4)]
        grow = 4 if o["arch"] == 50 else 1
        self.conv1 = nn.Conv2d(3, planes[0], k, s[0], (k - 1) // 2, bias=False, padding_mode=mode)
        self.bn1, self.act = o["norm"](planes[0]), o["act"]()
        self.maxpool = nn.Identity()
        if o["pool_kernel"]:
            self.maxpool = nn.MaxPool2d(o["pool_kernel"], s[1], (o["pool_kernel"] - 1) // 2)
        c = planes[0]
        depth = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]}[o["arch"]]
        for i in range(4):
            blocks = []
            for j in range(depth[i]):
                blocks.append(Block(o, c, planes[i], grow * planes[i], s[i + 2] if j == 0 else 1,
                                    o.get("dilations", [1] * 4)[i]))
                c = grow * planes[i]
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.has_last = o.get("out_channels", 0) > 0
        if self.has_last:
            self.conv_last = nn.Conv2d(c, o["out_channels"], 1, bias=False)
            self.bn_last = o["norm"](o["out_channels"])
        self.dim = o.get("out_channels", 0) or c

    def forward(self, x):
        stages = {}
        x = self.maxpool(self.act(self.bn1(self.conv1(x))))
        for i in range(1, 5):
            x = stages[f"layer{i}"] = getattr(self, f"layer{i}")(x)
        if self.has_last:
            x = self.bn_last(self.conv_last(x))
        return x.mean((2, 3)), stages


class Network(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.encoder = Encoder(o)
        d = self.encoder.dim
        self.projector = nn.Sequential(
            *([nn.Linear(d, 16), nn.BatchNorm1d(16), o["act"](), nn.Linear(16, 8)] if o["head_norm"]
              else [nn.Linear(d, 16), o["act"](), nn.Linear(16, 8)]))

    def forward(self, x):
        h, stages = self.encoder(x)
        return h, self.projector(h), stages


def ntxent(z, t):
    n = z.shape[0] // 2
    u = F.normalize(z, dim=1)
    s = u @ u.T / t
    s = s.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    return F.cross_entropy(s, (torch.arange(2 * n) + n) % (2 * n))


class Lars(torch.optim.Optimizer):
    """lars_optimizer.py: classic momentum, eeta .001; norms and biases neither decay nor adapt."""

    def __init__(self, params, lr, momentum=0.9, weight_decay=1e-4, eeta=1e-3):
        super().__init__(params, dict(lr=lr, momentum=momentum, wd=weight_decay, eeta=eeta))

    @torch.no_grad()
    def step(self):
        for g in self.param_groups:
            for p in g["params"]:
                grad, trust = p.grad, 1.0
                if p.ndim > 1:
                    grad = grad + g["wd"] * p
                    w_norm, g_norm = p.norm(), grad.norm()
                    trust = g["eeta"] * w_norm / g_norm if w_norm > 0 and g_norm > 0 else 1.0
                v = self.state[p].setdefault("v", torch.zeros_like(p))
                v.mul_(g["momentum"]).add_(g["lr"] * trust * grad)
                p.sub_(v)


def groups(net, wd):
    ps = list(net.parameters())
    return [{"params": [p for p in ps if p.ndim > 1], "weight_decay": wd},
            {"params": [p for p in ps if p.ndim <= 1], "weight_decay": 0.0}]


OPTIMIZERS = {
    "sgd": lambda n: torch.optim.SGD(groups(n, 1e-3), lr=0.01, momentum=0.9),
    "sgd_slow": lambda n: torch.optim.SGD(groups(n, 1e-3), lr=0.001, momentum=0.9),
    "nesterov": lambda n: torch.optim.SGD(groups(n, 1e-3), lr=0.005, momentum=0.9, nesterov=True),
    "adam": lambda n: torch.optim.Adam(groups(n, 1e-3), lr=1e-3),
    "adamw": lambda n: torch.optim.AdamW(groups(n, 1e-2), lr=1e-3),
    "lars": lambda n: Lars(n.parameters(), lr=0.05),  # 0.1 ends within an ulp of a kink
}


class Writer:
    def __init__(self, name):
        self.f = open(os.path.join(HERE, name + ".bin"), "wb")

    def put(self, name, t, single=False):
        """`single`: float32 on disk, for inputs and weights, which are rounded beforehand."""
        t = t.detach()
        code = name.encode()
        self.f.write(b"SCG4" if single else b"SCG8")
        self.f.write(struct.pack("<I", len(code)) + code + struct.pack("<I", t.ndim))
        self.f.write(struct.pack(f"<{t.ndim}I", *t.shape))
        t = t.contiguous()
        self.f.write((t.float() if single else t.double()).numpy().tobytes())


def short(name):
    return name.replace("encoder.", "")


def nhwc(t):
    return t.permute(0, 2, 3, 1) if t.ndim == 4 else t


def digest(t):
    """Large tensors by 16 fixed projections: sums with cos((j + 1) k), and the norm."""
    flat = t.detach().reshape(-1)
    k = torch.arange(1, flat.numel() + 1)
    return torch.stack([(flat * torch.cos((j + 1) * k)).sum() for j in range(15)] + [flat.norm()])


def make(name, o, rows, size, steps, seed):
    torch.manual_seed(seed)
    net = Network(o)
    with torch.no_grad():
        for m in net.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm, nn.BatchNorm1d)):
                m.weight.uniform_(0.7, 1.3)
                m.bias.uniform_(-0.3, 0.3)
        # A random deep network is chaotic (gradient norm 1000 with 53 layers of 8 channels): weak
        # branches keep ten steps comparable.
        for m in net.modules():
            if isinstance(m, Block):
                (m.bn3 if hasattr(m, "bn3") else m.bn2).weight.mul_(0.25)
        for p in net.parameters():
            p.copy_(p.float().double())
    x = torch.randn(rows, 3, size, size).float().double()
    start = {k: v.clone() for k, v in net.state_dict().items()}
    w = Writer(name)
    w.put("x", nhwc(x), single=True)
    for k, p in net.named_parameters():
        w.put("w/" + short(k), p, single=True)
    h, z, stages = net(x)
    z.retain_grad()
    h.retain_grad()
    loss = ntxent(z, 0.5)
    loss.backward()
    for k, s in stages.items():
        w.put("digest/" + k, digest(nhwc(s)))
    for k, t in {"h": h, "z": z, "loss": loss.reshape(1), "dz": z.grad, "dh": h.grad}.items():
        w.put(k, t)
    for k, p in net.named_parameters():
        w.put("g/" + short(k), p.grad, single=True)
    for k, b in net.named_buffers():
        w.put("b/" + short(k), b.double())
    net.eval()
    w.put("h_eval", net(x)[0])
    for opt in steps:
        net.load_state_dict(start)
        net.train()
        optimizer = OPTIMIZERS[opt](net)
        for i in range(10):
            optimizer.zero_grad()
            loss = ntxent(net(x)[1], 0.5)
            loss.backward()
            optimizer.step()
            if i in (0, 9):
                for k, p in net.named_parameters():
                    w.put(f"{opt}{i + 1}/" + short(k), digest(p))
        w.put(f"{opt}10/loss", loss.reshape(1))
        for k, b in net.named_buffers():
            w.put(f"{opt}10/" + short(k), digest(b.double()))
    w.f.close()
    print(name, os.path.getsize(os.path.join(HERE, name + ".bin")), "bytes, loss", loss.item())


def main():
    bn, relu = nn.BatchNorm2d, nn.ReLU
    cifar = dict(stem_kernel=3, strides=[1, 1, 1, 2, 2, 2], pool_kernel=0)
    make("resnet18_cifar", dict(arch=18, width=3 / 32, norm=bn, act=relu, head_norm=False, **cifar),
         8, 12, ["sgd", "nesterov", "adam", "adamw", "lars"], 1)
    make("resnet50_imagenet", dict(arch=50, width=0.0625, norm=bn, act=relu, head_norm=True,
                                   stem_kernel=7, strides=[2, 2, 1, 2, 2, 2], pool_kernel=3),
         6, 40, ["sgd_slow"], 2)
    make("tutorial", dict(arch=18, width=0.0625, norm=lambda c: nn.GroupNorm(2, c), act=nn.SiLU,
                          head_norm=False, stem_kernel=7, strides=[2, 2, 1, 2, 2, 2], pool_kernel=2,
                          dilations=[1, 2, 1, 1], reflect=True, out_channels=12),
         6, 40, ["adam"], 3)


if __name__ == "__main__":
    main()
