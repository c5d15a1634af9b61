# SPDX-License-Identifier: MIT
#
# torch_simclr.py - SimCLR's network and loss in PyTorch, for the peers of bench/gpu.
import torch
import torch.nn.functional as F
import torchvision


def network(kind):
    """cifar: torchvision's ResNet-18 with a 3x3 stem and no pool; resnet50: as it is.  The head is that of
    simclr's defaults."""
    if kind == "cifar":
        net = torchvision.models.resnet18()
        net.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        net.maxpool = torch.nn.Identity()
    else:
        net = torchvision.models.resnet50()
    width = net.fc.in_features
    net.fc = torch.nn.Sequential(torch.nn.Linear(width, 1024), torch.nn.ReLU(inplace=True),
                                 torch.nn.Linear(1024, 128))
    return net


def ntxent(z, temperature=0.5):
    rows = z.shape[0]
    z = F.normalize(z.float(), dim=1)
    scores = z @ z.t() / temperature
    scores = scores.masked_fill(torch.eye(rows, dtype=torch.bool, device=z.device), float("-inf"))
    return F.cross_entropy(scores, (torch.arange(rows, device=z.device) + rows // 2) % rows)
