"""Writes linearCrossEntropy.json: PyTorch's cross-entropy of a linear layer, and the gradients of its input, weight and bias.

    python linearCrossEntropy.py        (needs torch)

Every input is a multiple of 1/64 and exact in f32; PyTorch computes in f64. Gradients are those of sum(value * seed).
"""

import json
import pathlib

import torch
from torch.nn import functional as F

torch.manual_seed(11)


def draw(*shape):
    return (torch.randn(shape) * 24).round().clamp(-128, 128).div(64).double()


def pack(t):
    if t.dtype == torch.int64:
        return {"shape": list(t.shape), "dtype": "i32", "data": t.flatten().tolist()}
    return {"shape": list(t.shape), "data": [float(f"{v:.8g}") for v in t.detach().flatten().tolist()]}


cases = []
for rows, features, classes, ignored in [((7,), 5, 13, []), ((3, 4), 6, 70, [2, 5]), ((1,), 3, 1, [])]:
    for reduction in ["mean", "sum", "none"]:
        for biased in [True, False]:
            x, weight = draw(*rows, features).requires_grad_(), draw(classes, features).requires_grad_()
            bias = draw(classes).requires_grad_() if biased else None
            target = torch.randint(0, classes, rows)
            for at in ignored:
                target.view(-1)[at] = -100
            logits = F.linear(x, weight, bias).reshape(-1, classes)
            value = F.cross_entropy(logits, target.reshape(-1), reduction=reduction)
            value = value.reshape(rows) if reduction == "none" else value
            seed = draw(*value.shape)
            (value * seed).sum().backward()
            inputs = {"input": x, "weight": weight, **({"bias": bias} if biased else {})}
            cases.append({
                "reduction": reduction, "target": pack(target), "value": pack(value), "seed": pack(seed),
                "inputs": {name: pack(t) for name, t in inputs.items()},
                "gradients": {name: pack(t.grad) for name, t in inputs.items()},
            })
path = pathlib.Path(__file__).parent / "linearCrossEntropy.json"
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
