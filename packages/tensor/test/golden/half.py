"""Writes half.json: what PyTorch (CPU) makes of halves: conversions, arithmetic, contractions, autocast.

Run it with PyTorch 2.x: `python half.py`. It is deterministic. Halves are written as their bits. Conversions are too many to list:
the file holds the SHA-256 of their bits, and half.test.ts makes the same inputs by the rules of `narrowing_inputs`.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

generator = torch.Generator().manual_seed(16)


def digest(bits):
    return hashlib.sha256(np.ascontiguousarray(bits).tobytes()).hexdigest()


def bits_of(t):
    return t.detach().contiguous().numpy().view(np.uint16)


def canonical(half):
    """All NaNs as 0x7e00."""
    return np.where((half & 0x7FFF) > 0x7C00, 0x7E00, half).astype(np.uint16)


def widened():
    """All 65,536 halves as f32, NaN as 0x7fc00000."""
    halves = torch.from_numpy(np.arange(65536, dtype=np.uint16).view(np.float16))
    floats = halves.float().numpy().view(np.uint32)
    return np.where((floats & 0x7FFFFFFF) > 0x7F800000, 0x7FC00000, floats).astype(np.uint32)


def narrowing_inputs():
    """The middle between each half and the next one, with the floats beside it, of both signs; then edges of f32."""
    sizes = np.arange(0x7C01, dtype=np.uint16).view(np.float16).astype(np.float64)
    sizes[-1] = 65536
    middle = ((sizes[:-1] + sizes[1:]) / 2).astype(np.float32).view(np.uint32)
    size = np.stack([middle - 1, middle, middle + 1], axis=1).reshape(-1)
    edges = [0, 1, 0x007FFFFF, 0x00800000, 0x33000000, 0x33000001, 0x477FE000, 0x477FEFFF, 0x477FF000, 0x7F7FFFFF, 0x7F800000]
    positive = np.concatenate([size, np.array(edges, dtype=np.uint32)]).astype(np.uint32)
    nan = np.array([0x7FC00000], dtype=np.uint32)
    return np.concatenate([positive, positive | np.uint32(0x80000000), nan])


def narrowed():
    floats = torch.from_numpy(narrowing_inputs().view(np.float32))
    return canonical(bits_of(floats.half()))


def halves(*shape, scale=1.0):
    return (torch.randn(shape, generator=generator) * scale).half()


def plain(t):
    return {"shape": list(t.shape), "bits": [int(b) for b in canonical(bits_of(t)).reshape(-1)]}


def floats(t):
    return {"shape": list(t.shape), "data": [float(f"{v:.8g}") for v in t.detach().float().reshape(-1).tolist()]}


def arithmetic():
    # Sizes from subnormal to beyond the largest half.
    exponents = torch.randint(-20, 16, (240,), generator=generator).float()
    a = (torch.randn(240, generator=generator) * 2**exponents).half()
    b = (torch.randn(240, generator=generator) * 2 ** exponents.flip(0)).half()
    return {
        "a": plain(a),
        "b": plain(b),
        "add": plain(a + b),
        "sub": plain(a - b),
        "mul": plain(a * b),
        "div": plain(a / b),
        "maximum": plain(torch.maximum(a, b)),
        "neg": plain(-a),
        "abs": plain(a.abs()),
        "relu": plain(F.relu(a)),
        "where": plain(torch.where(a < b, a, b)),
        # The number is not rounded first, as on CUDA; on the CPU PyTorch rounds it for sums, not for products.
        "addNumber": plain((a.float() + 0.1).half()),
        "mulNumber": plain((a.float() * 0.1).half()),
        "withFloat": floats(a + b.float()),
    }


def contraction(f, *inputs):
    """Values and gradients of halves; the gradient that arrives is (7 i mod 11 - 5) / 4."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    y = f(*leaves)
    seed = (((7 * torch.arange(y.numel())) % 11).float() - 5) / 4
    y.backward(seed.reshape(y.shape).to(y.dtype))
    return {"inputs": [plain(x) for x in inputs], "output": floats(y), "gradients": [floats(x.grad) for x in leaves]}


def contractions():
    conv = lambda **options: lambda x, w: F.conv2d(x, w, **options)
    return {
        "matmul": contraction(torch.matmul, halves(3, 6, 16), halves(16, 8)),
        "matmulOdd": contraction(torch.matmul, halves(5, 7), halves(7, 3)),
        "batched": contraction(torch.matmul, halves(2, 5, 12), halves(2, 12, 9)),
        "linear": contraction(F.linear, halves(4, 10), halves(6, 10), halves(6)),
        "conv2d": contraction(conv(padding=1), halves(2, 4, 6, 6), halves(8, 4, 3, 3)),
        "conv2dStride": contraction(conv(stride=2, padding=1), halves(2, 3, 7, 5), halves(5, 3, 3, 3)),
        "conv2dGroups": contraction(conv(padding=1, groups=4), halves(2, 4, 5, 5), halves(4, 1, 3, 3)),
        "maxPool2d": contraction(lambda x: F.max_pool2d(x, 2), halves(2, 3, 6, 6)),
        "avgPool2d": contraction(lambda x: F.avg_pool2d(x, 2), halves(2, 3, 6, 6)),
    }


def autocast():
    """A convolution, batch norm, ReLU, a linear layer and the cross-entropy, forward and back."""
    x = torch.randn(8, 3, 6, 6, generator=generator)
    y = torch.randint(0, 5, (8,), generator=generator)
    shapes = {"conv": (4, 3, 3, 3), "scale": (4,), "shift": (4,), "weight": (5, 4 * 3 * 3), "bias": (5,)}
    parameters = {
        name: (torch.randn(shape, generator=generator) * 0.3).requires_grad_() for name, shape in shapes.items()
    }
    p = parameters
    with torch.autocast("cpu", dtype=torch.float16):
        h = F.conv2d(x, p["conv"], stride=2, padding=1)
        normed = F.batch_norm(h, None, None, p["scale"], p["shift"], training=True)
        flat = F.relu(normed).flatten(1)
        logits = F.linear(flat, p["weight"], p["bias"])
        soft = F.softmax(logits, -1)
        loss = F.cross_entropy(logits, y)
    (loss * 1024).backward()
    dtypes = {"conv": h, "norm": normed, "logits": logits, "softmax": soft, "loss": loss, "sum": logits.float().sum()}
    return {
        "x": floats(x),
        "y": y.tolist(),
        "parameters": {name: floats(t) for name, t in parameters.items()},
        "dtypes": {name: {torch.float16: "f16", torch.float32: "f32"}[t.dtype] for name, t in dtypes.items()},
        "conv": floats(h),
        "logits": floats(logits),
        "loss": loss.item(),
        "scale": 1024,
        "gradients": {name: floats(t.grad) for name, t in parameters.items()},
    }


content = {
    "widened": digest(widened()),
    "narrowed": digest(narrowed()),
    "arithmetic": arithmetic(),
    "contractions": contractions(),
    "autocast": autocast(),
}
text = ",\n".join(f'"{name}":{json.dumps(part, separators=(",", ":"))}' for name, part in content.items())
Path(__file__).with_name("half.json").write_text("{\n" + text + "\n}\n")
