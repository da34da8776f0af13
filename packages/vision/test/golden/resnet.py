"""Writes resnet.json: what PyTorch gives for residual networks of torchvision's form, narrow ones with made-up weights.

    python resnet.py        (needs torch)

Weights are not in the file: element i of the cell with ordinal n is made from a hash of both, the same in the tests. PyTorch
computes in f64. The file holds the names and sizes of resnet18's and resnet34's state dicts as one checksum each, and for each
narrow network its input, logits in inference, loss, and of one training step the gradients' and statistics' sums and norms.
"""

import json
import pathlib
import zlib

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


class BasicBlock(nn.Module):
    """As torchvision's resnet.py names its layers."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, blocks, channels=(64, 128, 256, 512), classes=1000, kernel=7, stride=2, pool=True):
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels[0], kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        self.pool = pool
        for i, (count, outputs) in enumerate(zip(blocks, channels)):
            first = BasicBlock(channels[max(0, i - 1)], outputs, 1 if i == 0 else 2)
            rest = [BasicBlock(outputs, outputs, 1) for _ in range(count - 1)]
            setattr(self, f"layer{i + 1}", nn.Sequential(first, *rest))
        self.stages = len(blocks)
        self.fc = nn.Linear(channels[-1], classes)

    def features(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.max_pool2d(x, 3, 2, 1) if self.pool else x
        for i in range(self.stages):
            x = getattr(self, f"layer{i + 1}")(x)
        return x

    def forward(self, x):
        return self.fc(F.adaptive_avg_pool2d(self.features(x), 1).flatten(1))


class Headed(nn.Module):
    """A body with fastai's head; dropout is off, because its masks are nobody's but PyTorch's."""

    def __init__(self, body, features, classes, hidden):
        super().__init__()
        self.body = body
        del self.body.fc
        concat = nn.Identity()
        self.head = nn.Sequential(concat, nn.Flatten(), nn.BatchNorm1d(2 * features), nn.Dropout(0), nn.Linear(2 * features, hidden),
                                  nn.ReLU(), nn.BatchNorm1d(hidden), nn.Dropout(0), nn.Linear(hidden, classes))

    def forward(self, x):
        maps = self.body.features(x)
        return self.head(torch.cat([F.adaptive_max_pool2d(maps, 1), F.adaptive_avg_pool2d(maps, 1)], 1))


def made_up(count, ordinal):
    """Numbers in [-0.5, 0.5), multiples of 2^-16: those of a hash of their place."""
    numbers = torch.arange(count, dtype=torch.int64) * 2654435761 + ordinal * 40503 + 12345
    numbers = (numbers ^ (numbers >> 13)) & 0xFFFFFFFF
    return ((numbers * 2246822519 & 0xFFFFFFFF) >> 16).double() / 65536 - 0.5


def fill(model):
    for ordinal, (name, cell) in enumerate(model.state_dict().items()):
        values = made_up(cell.numel(), ordinal).reshape(cell.shape)
        if name.endswith("num_batches_tracked"):
            values = torch.zeros(())
        elif name.endswith("running_var") or (cell.dim() == 1 and name.endswith("weight")):
            values = values + 1
        elif cell.dim() > 1:
            values = values * (12 / cell[0].numel()) ** 0.5
        cell.copy_(values)
    return model


def spec(model):
    text = "\n".join(f"{name} {list(cell.shape)}" for name, cell in model.state_dict().items())
    return {"checksum": zlib.crc32(text.replace(" ", "").encode()), "cells": len(model.state_dict()),
            "parameters": sum(p.numel() for p in model.parameters())}


def sums(named):
    return {name: [round_(t.sum()), round_(t.norm())] for name, t in named}


def round_(t):
    return float(f"{float(t):.9g}")


def case(name, options, model, size):
    fill(model)
    x = made_up(3 * 3 * size * size, 999).reshape(3, 3, size, size) * 2
    y = torch.tensor([0, 2, 1])
    with torch.no_grad():
        output = model.eval()(x)
    model.train()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    statistics = [(n, b) for n, b in model.named_buffers() if n.endswith(("running_mean", "running_var"))]
    return {"name": name, "options": options, "size": size, "output": [round_(v) for v in output.flatten()], "loss": round_(loss.detach()),
            "gradients": sums((n, p.grad) for n, p in model.named_parameters()), "statistics": sums(statistics)}


def narrow(blocks, channels, kernel=7, stride=2, pool=True):
    options = {"blocks": blocks, "channels": channels, "classes": 3, "stem": {"kernelSize": kernel, "stride": stride, "pool": pool}}
    return options, ResNet(blocks, channels, 3, kernel, stride, pool)


wide, small = narrow([2, 2, 2, 2], [4, 8, 16, 32]), narrow([1, 2, 1], [4, 8, 12], 3, 1, False)
headed = narrow([1, 1], [4, 8])
result = {
    "resnet18": spec(ResNet([2, 2, 2, 2])),
    "resnet34": spec(ResNet([3, 4, 6, 3])),
    "cases": [
        case("resnet18, narrow", wide[0], wide[1], 64),
        case("small stem", small[0], small[1], 12),
        case("fastai's head", headed[0] | {"hidden": 6}, Headed(headed[1], 8, 3, 6), 32),
    ],
}
(pathlib.Path(__file__).parent / "resnet.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
