"""Writes composites.json: values and gradients of PyTorch (CPU, float64) for every composite operation.

Run it with PyTorch 2.x: `python composites.py`. It is deterministic. Each case holds its inputs, the options that the row of
composites.test.ts passes on, the outputs, and the gradients of sum(output * weight) with the weights of `weight_of`.
"""

import json
import math
import random
from pathlib import Path

import torch
import torch.nn.functional as F

NAN, INF = math.nan, math.inf
DTYPES = {"f32": torch.float64, "i32": torch.int64, "bool": torch.bool, "u8": torch.uint8}
NAMES = {torch.float64: "f32", torch.int64: "i32", torch.int32: "i32", torch.bool: "bool", torch.uint8: "u8"}
cases = {}


def weight_of(count):
    return [((i * 37 + 5) % 23 - 10.5) / 8 for i in range(count)]


class Input:
    def __init__(self, data, shape=None, dtype=None):
        t = torch.tensor(data)
        self.dtype = dtype or ("bool" if t.dtype == torch.bool else "f32")
        self.shape = list(t.shape) if shape is None else list(shape)
        self.data = t.flatten().tolist()

    def tensor(self):
        # Rounded to f32, as every device sees it.
        t = torch.tensor(self.data, dtype=torch.float32 if self.dtype == "f32" else DTYPES[self.dtype])
        t = t.to(DTYPES[self.dtype]).reshape(self.shape)
        return t.requires_grad_() if self.dtype == "f32" else t


def V(*data):
    return Input(list(data))


def I(data, shape=None):
    return Input(data, shape, "i32")


def B(data):
    return Input(data, None, "bool")


def R(*shape, low=-2.0, high=2.0, seed=0):
    draw = random.Random(f"{shape}{low}{high}{seed}")
    count = math.prod(shape)
    data = [round(draw.uniform(low, high), 3) or 0.125 for _ in range(count)]
    return Input(data, shape)


def encode(values):
    def one(v):
        if isinstance(v, (bool, int)):
            return int(v)
        if math.isnan(v):
            return "nan"
        if math.isinf(v):
            return "inf" if v > 0 else "-inf"
        text = float(f"{v:.9g}")
        return int(text) if text == int(text) and abs(text) < 1e9 else text

    return [one(v) for v in values]


def case(op, fn, inputs, options=None, differentiable=True):
    """fn(*tensors) -> tensor or list of tensors. `differentiable` may list the inputs whose gradients are compared."""
    tensors = [i.tensor() for i in inputs]
    result = fn(*tensors)
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    wanted = [k for k, i in enumerate(inputs) if i.dtype == "f32" and (differentiable is True or (differentiable and k in differentiable))]
    real = [o for o in outputs if o.is_floating_point() and o.requires_grad]
    gradients = {}
    if wanted and any(o.is_floating_point() for o in outputs):
        if real:
            seeds = [torch.tensor(weight_of(o.numel()), dtype=torch.float64).reshape(o.shape) for o in real]
            found = torch.autograd.grad(real, [tensors[k] for k in wanted], seeds, allow_unused=True)
        else:
            found = [None] * len(wanted)
        for k, g in zip(wanted, found):
            gradients[k] = encode((torch.zeros_like(tensors[k]) if g is None else g).flatten().tolist())
    cases.setdefault(op, []).append(
        {
            "inputs": [{"shape": i.shape, "dtype": i.dtype, "data": encode(i.data)} for i in inputs],
            "options": options or {},
            "outputs": [{"shape": list(o.shape), "dtype": NAMES[o.dtype], "data": encode(o.flatten().tolist())} for o in outputs],
            "gradients": gradients,
        }
    )


def unary(op, fn, *data):
    case(op, fn, [V(*data)])
    case(op, fn, [Input([], [0, 3])])


# math
unary("tan", torch.tan, -1.4, -0.3, 0.0, 0.5, 1.5, 3.0, NAN)
unary("asin", torch.asin, -1.0, -0.999, -0.3, 0.0, 1e-4, 0.5, 0.999, 1.0, 1.5)
unary("acos", torch.acos, -1.0, -0.9, -0.3, 0.0, 0.5, 0.9, 1.0, 1.5)
unary("sinh", torch.sinh, -20.0, -1.5, -1e-5, 0.0, 1e-5, 0.2, 3.0, 80.0)
unary("cosh", torch.cosh, -20.0, -1.5, 0.0, 0.2, 3.0, 80.0)
unary("asinh", torch.asinh, -100.0, -1.5, -1e-5, 1e-5, 0.2, 3.0, 1e6)
unary("acosh", torch.acosh, 0.5, 1.0, 1.001, 1.5, 3.0, 1e6)
unary("atanh", torch.atanh, -0.99, -0.5, -1e-5, 0.0, 1e-5, 0.7, 1.0, 1.5)
unary("log2", torch.log2, 0.0, 0.125, 1.0, 3.0, 1000.0, -1.0)
unary("log10", torch.log10, 0.0, 0.1, 1.0, 3.0, 1000.0, -1.0)
unary("log1p", torch.log1p, -1.0, -0.5, -0.2, -1e-6, 0.0, 1e-7, 0.1, 0.24, 0.26, 1.0, 1e6, -2.0)
unary("expm1", torch.expm1, -100.0, -1.0, -0.26, -0.24, -1e-6, 0.0, 1e-7, 0.1, 0.24, 0.26, 1.0, 20.0, 80.0)
unary("exp2", torch.exp2, -20.0, -1.0, 0.0, 0.5, 10.0)
unary("rsqrt", torch.rsqrt, 0.0, 0.25, 1.0, 3.0, 1e6, -1.0)
unary("square", torch.square, -3.0, 0.0, 0.5, 1e3)
case("square", torch.square, [I([-3, 0, 7])])
# Alone, so that the error is relative to them.
for op in ["log1p", "expm1", "sinh", "asinh", "atanh", "asin", "tan"]:
    for x in [1e-7, -3e-4, 0.02, -0.24]:
        case(op, getattr(torch, op), [V(x)])
for x in [-15.0, -5.0, -0.5]:
    case("softplus", F.softplus, [V(x)])
    case("logSigmoid", F.logsigmoid, [V(-x)])
    case("mish", F.mish, [V(x)])
    case("elu", F.elu, [V(x)])
quadrants = [1.0, 1.0, -1.0, -1.0, 0.0, 0.0, 2.0, -2.0, 0.001, 3.0]
case("atan2", torch.atan2, [V(*quadrants), V(2.0, -2.0, 2.0, -2.0, 1.0, -1.0, 0.0, 0.0, -5.0, 1e-4)])
case("atan2", torch.atan2, [R(2, 1), R(3)])
case("atan2", torch.atan2, [V(0.0), V(0.0)], differentiable=False)

# pow
for p in [0, 1, 2, 3, 7, -1, -2, -3, 0.5, -0.5]:
    base = [-2.5, -1.0, 0.5, 1.0, 3.0] if p == int(p) else [0.25, 1.0, 3.0]
    case("pow", lambda x, p=p: x**p, [V(*base)], {"exponent": p})
for p in [2, 3, 1, 0, 0.5, 1.5, 0.3]:
    case("pow", lambda x, p=p: x**p, [V(0.0, 2.0)], {"exponent": p})
case("pow", lambda x: x**1.7, [V(0.0, 0.01, 1.0, 2.5, 9.0)], {"exponent": 1.7})
case("pow", lambda x: x**-1.3, [V(0.01, 1.0, 2.5, 9.0)], {"exponent": -1.3})
case("pow", lambda x: x**-0.7, [V(0.0)], {"exponent": -0.7})
case("pow", lambda x: x**0.3, [V(-1.0)], {"exponent": 0.3}, differentiable=False)
case("pow", lambda x: x**65, [V(-1.01, 0.0, 0.99)], {"exponent": 65})
case("pow", lambda x: x**66, [V(-1.01, 0.0, 0.99)], {"exponent": 66})
case("pow", lambda x: x**3, [I([-3, 0, 2, 5])], {"exponent": 3})
case("pow", torch.pow, [V(0.5, 1.0, 2.0, 3.0, 2.0), V(2.0, -1.5, 0.0, 0.7, 10.0)])
case("pow", torch.pow, [V(0.0, 0.0, 0.0, 0.0), V(2.0, 1.0, 0.0, 0.5)])
case("pow", torch.pow, [V(-2.0, -2.0, -2.0, -1.5), V(2.0, 3.0, 0.0, -3.0)], differentiable=[0])
case("pow", torch.pow, [V(-2.0, 0.0), V(0.5, -1.0)], differentiable=False)
case("pow", torch.pow, [R(2, 1, low=0.1), R(3)])

# rounding
halves = [-2.5, -1.5, -0.5, -0.2, 0.0, 0.5, 0.7, 1.5, 2.5, 1e6, NAN, INF, -INF]
for op in ["ceil", "round", "trunc"]:
    unary(op, getattr(torch, op), *halves)
case("clamp", lambda x: torch.clamp(x, -1, 1), [V(-2.0, -1.0, 0.0, 1.0, 2.0, INF)], {"min": -1, "max": 1})
case("clamp", lambda x: torch.clamp(x, -1, 1), [V(NAN, -INF)], {"min": -1, "max": 1}, differentiable=False)
case("clamp", lambda x: torch.clamp(x, min=0.5), [V(-2.0, 0.5, 0.7)], {"min": 0.5})
case("clamp", lambda x: torch.clamp(x, max=0.5), [V(-2.0, 0.5, 0.7)], {"max": 0.5})
case("clamp", lambda x: torch.clamp(x, 2, 1), [V(0.0, 1.5, 3.0)], {"min": 2, "max": 1})
case("clamp", lambda x, a, b: torch.clamp(x, a, b), [R(2, 3), R(3, low=-1.5, high=-0.5), R(2, 1, low=0.5, high=1.5)], {"tensors": True})
case("clamp", lambda x: torch.clamp(x, -2, 3), [I([-7, -2, 0, 3, 9])], {"min": -2, "max": 3})
case("lerp", torch.lerp, [R(2, 3), R(2, 3, seed=1), R(2, 3, low=0, high=1)])
case("lerp", lambda a, b: torch.lerp(a, b, 0.3), [R(3), R(3, seed=1)], {"weight": 0.3})
case("floorDiv", torch.floor_divide, [V(7.0, -7.0, 7.0, -7.0, 6.0), V(2.0, 2.0, -2.0, -2.0, 3.0)], differentiable=False)
case("floorDiv", torch.floor_divide, [I([7, -7, 7, -7, 2147483647, -2147483647, 16777217, 2147483646, 2000000011]), I([2, 2, -2, -2, 3, 7, 1, 46341, -46337])])
case("remainder", torch.remainder, [V(7.0, -7.0, 7.0, -7.0, 5.5), V(2.0, 2.0, -2.0, -2.0, 3.0)])
case("remainder", torch.remainder, [I([7, -7, 7, -7, 2147483647, 16777217]), I([2, 2, -2, -2, 3, 2])])
case("remainder", lambda x: torch.remainder(x, 0.75), [R(4)], {"divisor": 0.75})
special = V(1.0, NAN, INF, -INF, 0.0)
case("isNaN", torch.isnan, [special])
case("isFinite", torch.isfinite, [special])
case("isInf", torch.isinf, [special])
case("isNaN", torch.isnan, [I([1, 2])])
case("nanToNum", lambda x: torch.nan_to_num(x, 0.0, 3.4028234663852886e38, -3.4028234663852886e38), [special])
case("nanToNum", lambda x: torch.nan_to_num(x, 1.5, 9.0, -8.0), [special], {"nan": 1.5, "posInf": 9, "negInf": -8})


# statistics
def reductions(op, fn, x, axes=(None, [0], [-1], [1, 2])):
    for a in axes:
        case(op, lambda t, a=a: fn(t, tuple(range(t.dim())) if a is None else a, False), [x], {"axes": a} if a is not None else {})
    case(op, lambda t: fn(t, [0, -1], True), [x], {"axes": [0, -1], "keepDims": True})


box = R(2, 3, 4)
reductions("mean", lambda t, a, k: t.mean(a, keepdim=k), box)
case("mean", lambda t: t.mean(0), [Input([], [0, 2])], {"axes": 0})
reductions("variance", lambda t, a, k: t.var(a, keepdim=k), box)
reductions("std", lambda t, a, k: t.std(a, keepdim=k), box)
case("variance", lambda t: t.var(1, correction=0), [R(2, 5)], {"axes": 1, "correction": 0})
case("variance", lambda t: t.var(correction=0) * NAN, [V(3.0)])
case("std", lambda t: t.std(1), [Input([[2.0, 2.0, 2.0], [1.0, 2.0, 4.0]])], {"axes": 1})
case("std", lambda t: t.std(0, correction=0), [R(4, 2)], {"axes": 0, "correction": 0})
case("varMean", lambda t: torch.var_mean(t, 1), [R(3, 4)], {"axes": 1})
for p in [None, 1, 2, 3, 1.5, 0, INF, -INF]:
    case("norm", lambda t, p=p: torch.linalg.vector_norm(t, 2 if p is None else p, 1), [R(3, 4)], {"axes": 1} | ({} if p is None else {"p": encode([p])[0]}))
case("norm", lambda t: torch.linalg.vector_norm(t), [Input([0.0, 0.0])])
case("norm", lambda t: torch.linalg.vector_norm(t, 2, [0, 2], True), [box], {"axes": [0, 2], "keepDims": True})
case("norm", lambda t: torch.linalg.vector_norm(t, INF), [V(2.0, -2.0, 1.0)], {"p": "inf"})
case("norm", lambda t: torch.linalg.vector_norm(t, 1), [V(2.0, -2.0, 0.0)], {"p": 1})
case("norm", lambda t: torch.linalg.vector_norm(t, 3), [V(2.0, -2.0, 0.0)], {"p": 3})
reductions("logsumexp", lambda t, a, k: torch.logsumexp(t, a, k), box)
case("logsumexp", lambda t: torch.logsumexp(t, 1), [Input([[1000.0, 1000.0, 999.0], [-1000.0, -INF, -1001.0]])], {"axes": 1})
case("logsumexp", lambda t: torch.logsumexp(t, 1), [Input([[-INF, -INF], [INF, 1.0]])], {"axes": 1}, differentiable=False)


def prods(t, axes, keep):
    for a in sorted((a % t.dim() for a in axes), reverse=True):
        t = t.prod(a, keepdim=keep)
    return t


reductions("prod", prods, box)
case("prod", lambda t: t.prod(1), [Input([[0.0, 2.0, 3.0, -1.0, 2.0], [0.0, 2.0, 0.0, 4.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0]])], {"axes": 1})
case("prod", lambda t: t.prod(0), [Input([], [0, 3])], {"axes": 0})
case("prod", lambda t: t.prod(1), [I([[2, 3, -4], [1, 0, 9]])], {"axes": 1})
case("prod", lambda t: t.prod(), [V(5.0)])
flags = B([[True, False, True], [False, False, False], [True, True, True]])
for a in [None, 0, 1]:
    o = {} if a is None else {"axes": a}
    case("any", lambda t, a=a: t.any() if a is None else t.any(a), [flags], o)
    case("all", lambda t, a=a: t.all() if a is None else t.all(a), [flags], o)
case("any", lambda t: t.any(), [V(0.0, NAN, 0.0)])
case("all", lambda t: t.all(1, keepdim=True), [Input([[1.0, 0.5], [0.0, 2.0]])], {"axes": 1, "keepDims": True})
case("any", lambda t: t.any(0), [Input([], [0, 2])], {"axes": 0})
case("all", lambda t: t.all(0), [Input([], [0, 2])], {"axes": 0})
case("countNonzero", lambda t: torch.count_nonzero(t, 1), [Input([[0.0, 1.0, -2.0], [0.0, 0.0, NAN]])], {"axes": 1})
case("countNonzero", lambda t: torch.count_nonzero(t), [flags])

# ordering
ties = Input([[1.0, 3.0, 3.0, -2.0], [0.0, 0.0, 0.0, 0.0], [2.0, NAN, 5.0, NAN]])
for a in [0, 1, -1]:
    case("max", lambda t, a=a: t.max(a), [ties], {"axis": a})
    case("min", lambda t, a=a: t.min(a), [ties], {"axis": a})
case("max", lambda t: t.max(1, keepdim=True), [box], {"axis": 1, "keepDims": True})
case("min", lambda t: t.min(0, keepdim=True), [box], {"axis": 0, "keepDims": True})
case("max", lambda t: t.max(0), [I([[3, 1], [3, 2]])], {"axis": 0})
case("amin", lambda t: t.amin((0, 2)), [box], {"axes": [0, 2]})
case("amin", lambda t: t.amin(), [V(1.0, -2.0, -2.0, 3.0)])
case("amin", lambda t: t.amin(1, keepdim=True), [ties], {"axes": 1, "keepDims": True}, differentiable=False)
case("argmin", lambda t: t.argmin(1), [ties], {"axis": 1})
case("argmin", lambda t: t.argmin(), [box])
case("argmin", lambda t: t.argmin(0, keepdim=True), [box], {"axis": 0, "keepDims": True})
case("argsort", lambda t: torch.argsort(t, dim=-1, stable=True), [ties])
case("argsort", lambda t: torch.argsort(t, dim=0, descending=True, stable=True), [box], {"axis": 0, "descending": True})
case("topK", lambda t: torch.topk(t, 2), [box], {"k": 2})
case("topK", lambda t: torch.topk(t, 2, 1, False), [box], {"k": 2, "axis": 1, "largest": False})
case("topK", lambda t: torch.topk(t, 0), [R(3)], {"k": 0})
for n in [1, 4, 5]:
    case("median", lambda t: t.median(1), [R(3, n)], {"axis": 1})
case("median", lambda t: t.median(0), [Input([[1.0, 2.0], [NAN, 0.0], [3.0, 1.0]])], {"axis": 0})
case("median", lambda t: t.median(-1, keepdim=True), [box], {"axis": -1, "keepDims": True})

# scans
for op in ["cumsum", "cumprod"]:
    fn = getattr(torch, op)
    for n in [1, 2, 5, 8, 17]:
        case(op, lambda t: fn(t, 1), [R(2, n)], {"axis": 1})
    case(op, lambda t: fn(t, 0), [R(71, 2, low=0.8, high=1.2)], {"axis": 0})
    case(op, lambda t: fn(t, 0), [box], {"axis": 0})
    case(op, lambda t: fn(t, -2), [box], {"axis": -2})
    case(op, lambda t: fn(t, 0), [V(1.0, 0.0, 3.0, 0.0, 2.0)], {"axis": 0})
    case(op, lambda t: fn(t, 0), [V(1.0, INF, 2.0, NAN, 2.0)], {"axis": 0}, differentiable=False)
    case(op, lambda t: fn(t, 0), [I([1, 2, 3, 4])], {"axis": 0})
    case(op, lambda t: fn(t, 0), [Input([], [0, 2])], {"axis": 0})
case("cumsum", lambda t: torch.cumsum(t, 1), [R(1, 1100, low=0, high=1)], {"axis": 1}, differentiable=False)
case("cumsum", lambda t: torch.cumsum(t, 0), [B([True, False, True])], {"axis": 0})

# activations
edges = [-100.0, -20.5, -10.0, -6.0, -2.0, -0.5, -1e-3, 0.0, 1e-3, 0.5, 2.0, 6.5, 10.0, 20.5, 100.0]
for op, fn in {
    "relu": F.relu, "relu6": F.relu6, "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish, "hardtanh": F.hardtanh,
    "leakyRelu": F.leaky_relu, "elu": F.elu, "celu": F.celu, "selu": F.selu, "gelu": F.gelu, "silu": F.silu, "mish": F.mish,
    "softplus": F.softplus, "softsign": F.softsign, "logSigmoid": F.logsigmoid,
}.items():
    unary(op, fn, *edges)
unary("relu", F.relu, -INF, INF, NAN, -0.0)
unary("relu6", F.relu6, 6.0, 0.0, NAN, INF)
unary("hardtanh", F.hardtanh, -1.0, 1.0, NAN)
unary("hardsigmoid", F.hardsigmoid, -3.0, 3.0, 1.0)
unary("hardswish", F.hardswish, -3.1, 3.1, 1.0, -1.0)
unary("leakyRelu", F.leaky_relu, NAN, -INF, INF)
case("leakyRelu", lambda x: F.leaky_relu(x, 0.3), [R(4)], {"slope": 0.3})
case("hardtanh", lambda x: F.hardtanh(x, -0.5, 2), [R(6, low=-3, high=3)], {"min": -0.5, "max": 2})
case("elu", lambda x: F.elu(x, 0.7), [R(5)], {"alpha": 0.7})
case("celu", lambda x: F.celu(x, 0.7), [R(5)], {"alpha": 0.7})
case("gelu", lambda x: F.gelu(x, approximate="tanh"), [V(*edges[2:13])], {"approximate": "tanh"})
case("softplus", lambda x: F.softplus(x, 2.0, 3.0), [V(-3.0, 0.0, 1.0, 1.5, 1.6, 4.0)], {"beta": 2, "threshold": 3})
case("glu", F.glu, [R(2, 6)])
case("glu", lambda x: F.glu(x, 1), [R(2, 4, 3)], {"axis": 1})
case("prelu", F.prelu, [R(2, 3, 4), V(0.25)])
case("prelu", F.prelu, [R(2, 3, 2, 2), V(0.25, -0.5, 0.0)])
case("prelu", F.prelu, [V(-1.0, 0.0, 2.0), V(0.25)])
for op, fn in {"softmax": torch.softmax, "logSoftmax": torch.log_softmax}.items():
    case(op, lambda x: fn(x, -1), [R(3, 5)])
    case(op, lambda x: fn(x, 0), [R(3, 5)], {"axis": 0})
    case(op, lambda x: fn(x, 1), [box], {"axis": 1})
    case(op, lambda x: fn(x, -1), [Input([[1000.0, 999.0, -1000.0], [-1000.0, -1000.0, -1000.0], [5.0, 5.0, 5.0]])])
    case(op, lambda x: fn(x, -1), [Input([[1.0, -INF, 2.0]])], differentiable=op == "softmax")
    case(op, lambda x: fn(x, -1), [Input([[-INF, -INF], [1.0, NAN]])], differentiable=False)
    case(op, lambda x: fn(x, -1), [Input([], [2, 0])])
    case(op, lambda x: fn(x, -1), [Input([[3.0], [4.0]])])

# joining
for a in [0, 1, -1]:
    case("stack", lambda x, y, a=a: torch.stack([x, y], a), [R(2, 3), R(2, 3, seed=1)], {"axis": a})
case("stack", lambda x, y: torch.stack([x, y]), [V(1.0), I([2])])
case("stack", lambda x, y: torch.stack([x, y]), [Input(1.0), Input(2.0)])
case("split", lambda x: torch.split(x, 2), [R(5, 2)], {"size": 2})
case("split", lambda x: torch.split(x, [1, 0, 3], -1), [R(2, 4)], {"size": [1, 0, 3], "axis": -1})
case("chunk", lambda x: torch.chunk(x, 3), [R(7, 2)], {"count": 3})
case("chunk", lambda x: torch.chunk(x, 4, 1), [R(2, 5)], {"count": 4, "axis": 1})
case("chunk", lambda x: torch.chunk(x, 2, -1), [R(2, 4)], {"count": 2, "axis": -1})
case("unbind", lambda x: torch.unbind(x), [R(3, 2)])
case("unbind", lambda x: torch.unbind(x, -1), [R(3, 2)], {"axis": -1})
for counts in [[2], [2, 3], [2, 1, 3], [0, 2]]:
    case("repeat", lambda x, c=counts: x.tile(c), [R(2, 3)], {"counts": counts})
case("repeatInterleave", lambda x: x.repeat_interleave(3, 0), [R(2, 2)], {"count": 3, "axis": 0})
case("repeatInterleave", lambda x: x.repeat_interleave(2, -1), [R(2, 3)], {"count": 2, "axis": -1})
case("repeatInterleave", lambda x: x.repeat_interleave(torch.tensor([2, 0, 1]), 1), [R(2, 3)], {"count": [2, 0, 1], "axis": 1})
for s, a in [(1, 0), (-1, 1), (5, -1), ([1, 2], [0, 1]), (0, 0)]:
    case("roll", lambda x, s=s, a=a: torch.roll(x, s, a), [R(3, 4)], {"shifts": s, "axes": a})
case("roll", lambda x: torch.roll(x, 5), [R(3, 4)], {"shifts": 5})
for indexing in ["ij", "xy"]:
    case("meshgrid", lambda *v: torch.meshgrid(*v, indexing=indexing), [R(2), R(3), R(2, seed=1)], {"indexing": indexing})
case("meshgrid", lambda *v: torch.meshgrid(*v, indexing="ij"), [R(3), Input(4.0)])

# matrices
for k in [-5, -2, -1, 0, 1, 3]:
    case("tril", lambda x, k=k: torch.tril(x, k), [R(2, 3, 4)], {"offset": k})
    case("triu", lambda x, k=k: torch.triu(x, k), [R(2, 3, 4)], {"offset": k})
    case("diagonal", lambda x, k=k: torch.diagonal(x, k), [R(3, 4)], {"offset": k})
    case("diag", lambda x, k=k: torch.diag(x, k), [R(3)], {"offset": k})
    case("diag", lambda x, k=k: torch.diag(x, k), [R(4, 3)], {"offset": k})
case("tril", torch.tril, [I([[1, 2], [3, 4]])])
case("diagonal", lambda x: torch.diagonal(x, 1, 0, -1), [R(3, 2, 4)], {"offset": 1, "axes": [0, -1]})
case("diagonal", lambda x: torch.diagonal(x, -1, 2, 1), [R(3, 2, 4)], {"offset": -1, "axes": [2, 1]})

# indexing
case("oneHot", lambda x: F.one_hot(x, 4), [I([[0, 3], [1, 1]])], {"classes": 4})
case("oneHot", lambda x: F.one_hot(x, 2).double(), [I([0, 1])], {"classes": 2, "dtype": "f32"})
case("indexSelect", lambda x, i: torch.index_select(x, 1, i), [R(2, 4), I([3, 0, 3])], {"axis": 1})
case("indexSelect", lambda x, i: torch.index_select(x, -2, i), [R(3, 2), I([1])], {"axis": -2})
case("maskedFill", lambda x, m: x.masked_fill(m, 9.5), [R(2, 3), B([[True, False, True], [False, True, False]])], {"value": 9.5})
case("maskedFill", lambda x, m: x.masked_fill(m, -INF), [R(2, 3), B([True, False, True])], {"value": "-inf"})
case("takeAlongAxis", lambda x, i: torch.take_along_dim(x, i, 1), [R(2, 4), I([[0, 3, 3], [1, 0, 2]])], {"axis": 1})
case("takeAlongAxis", lambda x, i: torch.take_along_dim(x, i, 0), [R(3, 4), I([[2, 0, 1, 1]])], {"axis": 0})
case("takeAlongAxis", lambda x, i: torch.take_along_dim(x, i, -1), [R(1, 4), I([[2], [0], [2]])], {"axis": -1})
case("embedding", lambda i, w: F.embedding(i, w), [I([[0, 2], [2, 4]]), R(5, 3)])
case("embedding", lambda i, w: F.embedding(i, w, 2), [I([[0, 2], [2, 4]]), R(5, 3)], {"paddingIndex": 2})
case("embedding", lambda i, w: F.embedding(i, w, -1), [I([4, 1]), R(5, 3)], {"paddingIndex": -1})

# padding
image = R(1, 2, 4, 5)
case("pad", lambda x: F.pad(x, [1, 2, 3, 0]), [image], {"padding": [1, 2, 3, 0]})
case("pad", lambda x: F.pad(x, [-1, 2, 0, -2], value=7.5), [image], {"padding": [-1, 2, 0, -2], "value": 7.5})
case("pad", lambda x: F.pad(x, [2, 1]), [R(3)], {"padding": [2, 1]})
case("pad", lambda x: F.pad(x, [0, 0, 0, 0, 1, 1]), [R(2, 1, 2)], {"padding": [0, 0, 0, 0, 1, 1]})
for mode in ["reflect", "replicate", "circular"]:
    case("pad", lambda x: F.pad(x, [1, 2, 3, 0], mode=mode), [image], {"padding": [1, 2, 3, 0], "mode": mode})
    case("pad", lambda x: F.pad(x, [2, 3], mode=mode), [R(2, 2, 4)], {"padding": [2, 3], "mode": mode})
case("pad", lambda x: F.pad(x, [4, 5, 0, 4], mode="circular"), [image], {"padding": [4, 5, 0, 4], "mode": "circular"})
case("pad", lambda x: F.pad(x, [7, 0], mode="replicate"), [R(1, 1, 1)], {"padding": [7, 0], "mode": "replicate"})

# convolutions
case("conv1d", lambda x, w: F.conv1d(x, w), [R(2, 3, 7), R(4, 3, 3)])
o = {"stride": 2, "padding": 2, "dilation": 2, "groups": 2}
case("conv1d", lambda x, w: F.conv1d(x, w, **o), [R(1, 4, 9), R(2, 2, 3)], o)
case("convTranspose2d", lambda x, w: F.conv_transpose2d(x, w), [R(1, 2, 3, 3), R(2, 3, 2, 3)])
case("convTranspose2d", lambda x, w: F.conv_transpose2d(x, w, None, [2, 1], [1, 0], [1, 0], 2, [1, 2]), [R(2, 4, 3, 2), R(4, 1, 3, 2)],
     {"stride": [2, 1], "padding": [1, 0], "outputPadding": [1, 0], "groups": 2, "dilation": [1, 2]})
case("convTranspose1d", lambda x, w: F.conv_transpose1d(x, w, None, 3, 1, 2), [R(2, 2, 4), R(2, 3, 4)], {"stride": 3, "padding": 1, "outputPadding": 2})
case("unfold", lambda x: F.unfold(x, 2), [R(2, 2, 3, 4)], {"kernel": 2})
case("unfold", lambda x: F.unfold(x, (2, 3), (2, 1), (1, 2), (1, 2)), [R(1, 2, 5, 4)], {"kernel": [2, 3], "dilation": [2, 1], "padding": [1, 2], "stride": [1, 2]})

# pooling
case("maxPool1d", lambda x: F.max_pool1d(x, 2), [R(2, 2, 7)], {"kernel": 2})
case("maxPool1d", lambda x: F.max_pool1d(x, 3, 2, 1), [Input([[[1.0, 1.0, 0.0, 2.0, 2.0, 2.0, -1.0]]])], {"kernel": 3, "stride": 2, "padding": 1})
case("avgPool1d", lambda x: F.avg_pool1d(x, 2), [R(2, 2, 7)], {"kernel": 2})
case("avgPool1d", lambda x: F.avg_pool1d(x, 3, 2, 1, False, False), [R(1, 2, 6)], {"kernel": 3, "stride": 2, "padding": 1, "countIncludePad": False})
levels = Input([[[[float((i * 7 + j * 3) % 4) for j in range(5)] for i in range(7)]]])
for op, fn in {"adaptiveAvgPool2d": F.adaptive_avg_pool2d, "adaptiveMaxPool2d": F.adaptive_max_pool2d}.items():
    for size in [1, 2, [2, 3], [3, 2], [7, 5], [9, 6]]:
        case(op, lambda x: fn(x, size), [R(1, 2, 7, 5)], {"size": size})
    case(op, lambda x: fn(x, [2, 3]), [R(2, 1, 4, 6)], {"size": [2, 3]})
    case(op, lambda x: fn(x, [3, 2]), [levels], {"size": [3, 2]})

# images
for size in [1, 2, [7, 5], [8, 3], [4, 6]]:
    case("interpolate", lambda x: F.interpolate(x, size), [R(1, 2, 4, 3)], {"size": size})
    for corners in [False, True]:
        case("interpolate", lambda x: F.interpolate(x, size, mode="bilinear", align_corners=corners), [R(1, 2, 4, 3)], {"size": size, "mode": "bilinear", "alignCorners": corners})
for scale in [2, [1.5, 0.6], 1]:
    factors = scale if isinstance(scale, list) else [scale, scale]
    case("interpolate", lambda x: F.interpolate(x, scale_factor=factors), [R(1, 2, 4, 5)], {"scale": scale})
    case("interpolate", lambda x: F.interpolate(x, scale_factor=factors, mode="bilinear"), [R(1, 2, 4, 5)], {"scale": scale, "mode": "bilinear"})
case("interpolate", lambda x: F.interpolate(x, 7, mode="linear"), [R(2, 2, 4)], {"size": 7, "mode": "linear"})
case("interpolate", lambda x: F.interpolate(x, [9]), [R(2, 2, 4)], {"size": [9]})
for mode in ["bilinear", "nearest"]:
    for padding in ["zeros", "border"]:
        for corners in [False, True]:
            o = {"mode": mode, "paddingMode": padding, "alignCorners": corners}
            fn = lambda x, g: F.grid_sample(x, g, mode, padding, corners)
            case("gridSample", fn, [R(2, 2, 3, 4), R(2, 3, 2, 2, low=-1.4, high=1.4)], o)
case("gridSample", lambda x, g: F.grid_sample(x, g, "bilinear", "border", True), [R(1, 1, 2, 2), Input([[[[-1.0, 0.3], [1.0, -1.0]]]])], {"paddingMode": "border", "alignCorners": True})
for corners in [False, True]:
    case("affineGrid", lambda t: F.affine_grid(t, [2, 1, 3, 4], corners), [R(2, 2, 3)], {"shape": [2, 1, 3, 4], "alignCorners": corners})
case("affineGrid", lambda t: F.affine_grid(t, [1, 1, 2, 1], False), [R(1, 2, 3)], {"shape": [1, 1, 2, 1]})

# normalization
stats = [R(2, 3, 2, 2), R(3), R(3, low=0.2)]
case("batchNorm", lambda x, m, v: F.batch_norm(x, m.detach(), v.detach()), stats, differentiable=[0])
case("batchNorm", lambda x, m, v, w, b: (x - m) / (v + 1e-3).sqrt() * w + b, [R(4, 3), R(3), R(3, low=0.2), R(3, seed=1), R(3, seed=2)], {"epsilon": 1e-3, "affine": True})
case("layerNorm", lambda x: F.layer_norm(x, [4]), [box], {"shape": 4})
case("layerNorm", lambda x, w, b: F.layer_norm(x, [3, 4], w, b, 1e-3), [box, R(3, 4), R(3, 4, seed=1)], {"shape": [3, 4], "epsilon": 1e-3, "affine": True})
case("groupNorm", lambda x: F.group_norm(x, 2), [R(2, 4, 3)], {"groups": 2})
case("groupNorm", lambda x, w, b: F.group_norm(x, 3, w, b), [R(2, 6, 2, 2), R(6), R(6, seed=1)], {"groups": 3, "affine": True})
case("instanceNorm", lambda x: F.instance_norm(x), [R(2, 3, 4)])
case("instanceNorm", lambda x, w, b: F.instance_norm(x, None, None, w, b), [R(2, 3, 2, 2), R(3), R(3, seed=1)], {"affine": True})

# products and distances
case("linear", F.linear, [R(2, 3, 4), R(5, 4)])
case("linear", F.linear, [R(3, 4), R(5, 4), R(5)])
case("linear", F.linear, [R(4), R(2, 4), R(2)])
case("cosineSimilarity", F.cosine_similarity, [R(3, 4), R(3, 4, seed=1)])
case("cosineSimilarity", lambda a, b: F.cosine_similarity(a, b, -2), [R(2, 3, 4), R(3, 4)], {"axis": -2})
case("cosineSimilarity", lambda a, b: F.cosine_similarity(a, b, 1), [Input([[0.0, 0.0]]), Input([[1.0, 2.0]])], {"axis": 1}, differentiable=False)
for p in [1, 2, 3]:
    case("cdist", lambda a, b: torch.cdist(a, b, p), [R(2, 3, 4), R(2, 2, 4)], {"p": p})
case("cdist", torch.cdist, [Input([[1.0, 2.0], [0.0, 1.0]]), Input([[1.0, 2.0], [4.0, 6.0]])])
for equation, *shapes in [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)), ("ij->ji", (2, 3)), ("ij->", (2, 3)),
    ("ii->i", (3, 3)), ("ii", (3, 3)), ("i,j->ij", (2,), (3,)), ("i,i->", (4,), (4,)), ("...ij,...jk->...ik", (2, 1, 2, 3), (3, 3, 2)),
    ("bn,anm,bm->ba", (2, 3), (4, 3, 2), (2, 2)), ("ijk,k->ji", (2, 3, 4), (4,)), ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 2, 4)),
    ("ij,ij->ij", (2, 3), (2, 3)), ("ij,kl->jl", (2, 3), (2, 4)), ("iij,j->i", (3, 3, 2), (2,)),
]:
    case("einsum", lambda *t: torch.einsum(equation, *t), [R(*s, seed=i) for i, s in enumerate(shapes)], {"equation": equation})

# dropout without randomness
case("dropout", lambda x: F.dropout(x, 0.5, False), [R(4)], {"p": 0.5, "training": False})
case("dropout", lambda x: F.dropout(x, 1.0, True), [R(4)], {"p": 1, "training": True})
case("dropout", lambda x: F.dropout(x, 0.0, True), [R(4)], {"p": 0, "training": True})

path = Path(__file__).with_name("composites.json")
rows = []
for op, found in cases.items():
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in found)
    rows.append(f"{json.dumps(op)}: [\n{lines}\n]")
path.write_text("{\n" + ",\n".join(rows) + "\n}\n")
print(f"{path.name}: {len(cases)} operations, {sum(map(len, cases.values()))} cases, {path.stat().st_size // 1024} KB")
