"""Records cases of operations by PyTorch for primitives.py: see there for the format of the file."""

import json
import math

import torch

F64, I32, U8, BOOL = torch.float64, torch.int32, torch.uint8, torch.bool
NAMES = {F64: "f32", I32: "i32", U8: "u8", BOOL: "bool"}
NAN, INF = math.nan, math.inf
generator = torch.Generator()
cases = {}


def uniform(*shape, low=-3.0, high=3.0, grid=16):
    """Random multiples of 1/grid."""
    x = torch.rand(shape, generator=generator, dtype=F64) * (high - low) + low
    return torch.round(x * grid) / grid


def coarse(*shape, low=-2, high=2):
    """Random quarters, whose products take few digits in the file."""
    return uniform(*shape, low=low, high=high, grid=4)


def whole(*shape, low=-9, high=9, dtype=I32):
    return torch.randint(low, high + 1, shape, generator=generator, dtype=torch.int64).to(dtype)


def ints(values, dtype=I32):
    return torch.tensor(values, dtype=dtype)


def real(values):
    return ints(values, F64)


def number(v):
    if isinstance(v, float):
        if math.isnan(v):
            return "nan"
        if math.isinf(v):
            return "inf" if v > 0 else "-inf"
        short = float(f"{v:.10g}")
        return int(short) if short == int(short) and (short != 0 or math.copysign(1, short) > 0) else short
    return int(v)


def array(t):
    flat = t.detach().contiguous().reshape(-1).tolist()
    return {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data": [number(v) for v in flat]}


def seed(t):
    i = torch.arange(t.numel(), dtype=torch.int64)
    return ((((7 * i) % 11).to(F64) - 5.5) / 4).reshape(t.shape)


def case(op, name, inputs, f, **params):
    """Adds a case: f of the inputs, and the gradients of its floating-point outputs."""
    leaves = [x.clone().requires_grad_() if x.dtype == F64 else x for x in inputs]
    outputs = f(*leaves)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    gradients = [None] * len(leaves)
    paths = [y for y in outputs if y.dtype == F64 and y.requires_grad]
    if paths:
        loss = sum((y * seed(y)).sum() for y in paths)
        wanted = [x for x in leaves if x.dtype == F64]
        found = iter(torch.autograd.grad(loss, wanted, allow_unused=True))
        gradients = [next(found) if x.dtype == F64 else None for x in leaves]
    row = {"name": name, "params": params, "inputs": [array(x) for x in leaves]}
    row["outputs"] = [array(y.to(I32) if y.dtype == torch.int64 else y) for y in outputs]
    row["gradients"] = [None if g is None else array(g) for g in gradients]
    cases.setdefault(op, []).append(row)


def write(sections, path):
    """Runs the sections, each with random numbers of its own, and writes their cases, one a line."""
    for section in sections:
        generator.manual_seed(sum(map(ord, section.__name__)))
        section()
    lines = []
    for op, rows in cases.items():
        body = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
        lines.append(f'"{op}":[\n{body}\n]')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
