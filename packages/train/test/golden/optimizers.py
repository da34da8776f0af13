"""Makes optimizers.json: 100 steps of PyTorch's optimizers on recorded gradients, and clip_grad_norm_.

    python optimizers.py            writes optimizers.json beside this file (the same bytes every time)

Needs PyTorch 2.13 (CPU). The file holds

    {"shapes", "start": [array], "gradients": [step][parameter] array,
     "cases": [{"optimizer", "options", "values": [parameter] after steps 1, 2, 10 and 100, "state": {name: [parameter]}}],
     "clip": [{"maxNorm", "norm", "gradients": [array]}]}

Arrays are flat lists of single-precision numbers. Starts and gradients are multiples of 1/64, so they are exact.
"""

import json
import pathlib

import torch

generator = torch.Generator().manual_seed(5)
SHAPES = [[3, 4], [5], []]
READ_AFTER = (1, 2, 10, 100)
CASES = [
    ("sgd", {"lr": 0.1}),
    ("sgd", {"lr": 0.05, "momentum": 0.9}),
    ("sgd", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3}),
    ("sgd", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("sgd", {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.01}),
    ("sgd", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    ("adam", {"lr": 0.01}),
    ("adam", {"lr": 0.01, "betas": [0.7, 0.99]}),
    ("adam", {"lr": 0.01, "betas": [0.3, 0.9], "eps": 0.001}),
    ("adam", {"lr": 0.1, "weight_decay": 0.05}),
    ("adamW", {"lr": 0.05}),
    ("adamW", {"lr": 0.05, "betas": [0.8, 0.95], "weight_decay": 0.2}),
    ("rmsProp", {"lr": 0.01}),
    ("rmsProp", {"lr": 0.01, "alpha": 0.9, "eps": 0.001, "momentum": 0.9}),
    ("rmsProp", {"lr": 0.02, "momentum": 0.5, "centered": True, "weight_decay": 0.05}),
    ("adagrad", {"lr": 0.1}),
    ("adagrad", {"lr": 0.2, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "weight_decay": 0.01, "eps": 1e-6}),
    ("radam", {"lr": 0.02}),
    ("radam", {"lr": 0.05, "betas": [0.8, 0.9], "weight_decay": 0.1}),
    ("radam", {"lr": 0.05, "betas": [0.9, 0.99], "weight_decay": 0.1, "decoupled_weight_decay": True}),
]
KINDS = {
    "sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamW": torch.optim.AdamW,
    "rmsProp": torch.optim.RMSprop, "adagrad": torch.optim.Adagrad, "radam": torch.optim.RAdam,
}
# Names that differ between PyTorch and this library.
OPTIONS = {
    "weight_decay": "weightDecay", "eps": "epsilon", "lr_decay": "lrDecay",
    "initial_accumulator_value": "initialSum", "decoupled_weight_decay": "decoupled",
}
STATES = {
    "momentum_buffer": "momentum", "exp_avg": "average", "exp_avg_sq": "square",
    "square_avg": "square", "grad_avg": "average", "sum": "sum",
}


def exact(shape, scale):
    return torch.round(torch.randn(shape, generator=generator) * scale * 64) / 64


def flat(tensor):
    return [float(f"{v:.9g}") for v in tensor.detach().flatten().tolist()]


START = [exact(shape, 1) for shape in SHAPES]
# Some are zero throughout a step, and their size changes, so that every correction shows.
GRADIENTS = [[exact(shape, 0 if step == 7 else 2.0 ** (step % 5 - 2)) for shape in SHAPES] for step in range(100)]


def run(name, options):
    parameters = [torch.nn.Parameter(p.clone()) for p in START]
    optimizer = KINDS[name](parameters, **options, foreach=False)
    values = []
    for step, gradients in enumerate(GRADIENTS, 1):
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient.clone()
        optimizer.step()
        if step in READ_AFTER:
            values.append([flat(p) for p in parameters])
    state = {}
    for key, ours in STATES.items():
        found = [optimizer.state[p][key] for p in parameters if optimizer.state[p].get(key) is not None]
        if found:
            state[ours] = [flat(t) for t in found]
    return {
        "optimizer": name,
        "options": {OPTIONS.get(k, k): v for k, v in options.items()},
        "values": values,
        "state": state,
    }


def clip(max_norm, step):
    parameters = [torch.nn.Parameter(p.clone()) for p in START]
    for parameter, gradient in zip(parameters, GRADIENTS[step]):
        parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm, foreach=False)
    return {"step": step, "maxNorm": max_norm, "norm": float(f"{norm.item():.9g}"), "gradients": [flat(p.grad) for p in parameters]}


golden = {
    "torch": torch.__version__.split("+")[0],
    "shapes": SHAPES,
    "readAfter": list(READ_AFTER),
    "start": [flat(p) for p in START],
    "gradients": [[flat(g) for g in step] for step in GRADIENTS],
    "cases": [run(name, options) for name, options in CASES],
    "clip": [clip(1.0, 0), clip(100.0, 0), clip(0.25, 7)],
}
path = pathlib.Path(__file__).with_name("optimizers.json")
path.write_text(json.dumps(golden, separators=(",", ":")).replace('{"optimizer"', '\n{"optimizer"') + "\n")
