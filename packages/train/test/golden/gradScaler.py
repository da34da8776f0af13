"""Writes gradScaler.json: steps of PyTorch's optimizers under torch.amp.GradScaler, some of which overflow.

Run it with PyTorch 2.x: `python gradScaler.py`. It is deterministic. The parameter is `start`, the gradient of step t is `gradients[t]`,
and infinite in the steps `overflows`. Each row holds the parameter and the scale after every step.
"""

import json
from pathlib import Path

import torch

STEPS = 16
OVERFLOWS = [0, 1, 5, 9, 10]
generator = torch.Generator().manual_seed(3)
start = torch.randn(5, generator=generator)
gradients = torch.randn(STEPS, 5, generator=generator)
options = {"init_scale": 2.0**10, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 3}

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "adamW": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.05),
    "radam": lambda p: torch.optim.RAdam(p, lr=0.1),
    "rmsProp": lambda p: torch.optim.RMSprop(p, lr=0.1, momentum=0.5),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.2, initial_accumulator_value=0.1),
}


def run(make):
    w = start.clone().requires_grad_()
    optimizer = make([w])
    scaler = torch.amp.GradScaler("cpu", **options)
    values, scales = [], []
    for t in range(STEPS):
        optimizer.zero_grad()
        scaler.scale((w * gradients[t]).sum()).backward()
        if t in OVERFLOWS:
            w.grad[2] = float("inf")
        scaler.step(optimizer)
        scaler.update()
        values.append([float(f"{v:.8g}") for v in w.tolist()])
        scales.append(scaler.get_scale())
    return {"values": values, "scales": scales}


content = {
    "overflows": OVERFLOWS,
    "options": {"lossScale": options["init_scale"], "wait": options["growth_interval"]},
    "start": [float(f"{v:.9g}") for v in start.tolist()],
    "gradients": [[float(f"{v:.9g}") for v in row] for row in gradients.tolist()],
    "optimizers": {name: run(make) for name, make in OPTIMIZERS.items()},
}
Path(__file__).with_name("gradScaler.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
