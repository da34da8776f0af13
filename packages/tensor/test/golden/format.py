"""Writes format.json: tensors as PyTorch prints them. Run it with PyTorch 2.x: `python format.py`. It is deterministic.

Int64 stands for i32: both are the integer type whose name is not printed.
"""

import json
import math
import random
from pathlib import Path

import torch

NAN, INF = math.nan, math.inf
TORCH = {"f32": torch.float32, "i32": torch.int64, "u8": torch.uint8, "bool": torch.bool}
cases = []


def encode(v):
    if isinstance(v, (bool, int)):
        return int(v)
    if math.isnan(v):
        return "nan"
    if math.isinf(v):
        return "inf" if v > 0 else "-inf"
    if v == 0 and math.copysign(1, v) < 0:
        return "-0"
    return v


def case(data, shape=None, dtype="f32"):
    t = torch.tensor(data, dtype=TORCH[dtype])
    t = t if shape is None else t.reshape(shape)
    text = str(t).replace("torch.int64", "i32").replace("torch.uint8", "u8").replace("torch.bool", "bool")
    cases.append({"shape": list(t.shape), "dtype": dtype, "data": [encode(v) for v in t.flatten().tolist()], "text": text})


def ramp(count, shape, dtype="f32", scale=0.37):
    """`count` numbers by a formula that the test repeats, so that the file stays small."""
    values = [(i % 251) * scale if dtype == "f32" else i % 251 for i in range(count)]
    t = torch.tensor(values, dtype=torch.float64).to(TORCH[dtype]).reshape(shape)
    cases.append({"shape": list(t.shape), "dtype": dtype, "ramp": scale, "text": str(t).replace("torch.uint8", "u8")})


case(1.5)
case(-3.0)
case(0.0)
case(NAN)
case(7, dtype="i32")
case(True, dtype="bool")
case([1.0, 2.0, 3.0])
case([1.5, 2.25, -3.0])
case([[1.0, 2.0], [3.0, 4.0]])
case([0.0, -0.0])
case([-0.0, 0.5])
case([1e-5, 1.0])
case([1e-4, 1.0])
case([0.001, 1.0])
case([0.5, 1000.0])
case([0.5, 1001.0])
case([1e8, 1e8])
case([1.1e8, 2e8])
case([1e9])
case([123456.0, 1.0])
case([1e-10, 2.5e-10])
case([1e20, -1e-20, 1e38])
case([1e-45, 1.0])
case([NAN, INF, -INF])
case([NAN, 1.0, 2.0])
case([INF, 1.0, -2.0])
case([-INF, 0.25, NAN])
case([-INF, 1e-6, NAN, 0.0])
case([100000.0, 1.0, NAN, -INF])
case([0.03125, 0.09375, 0.15625, -0.03125])
case([0.5, 1.5, 2.5, 1e-6, 3.00005])
case([1.00005, 2.00015, 0.99995, 9.99995])
case([1.03125e10, 1.09375e10])
case([9.99999e10, 1.0])
case([1 / 3, 2 / 3, 100 / 3])
case([16777216.0, 3.0])
case([99999.9, 0.1, 123.456])
case([[1, -22], [333, 4444]], dtype="i32")
case([2147483647, -2147483648], dtype="i32")
case([0, 200, 255], dtype="u8")
case([[True, False], [False, True]], dtype="bool")
for dtype in TORCH:
    case([], dtype=dtype)
    case([], (0, 3), dtype=dtype)
    case([], (2, 0, 3), dtype=dtype)
draw = random.Random(7)
case([round(draw.uniform(-3, 3), 3) for _ in range(24)], (2, 3, 4))
case([round(draw.uniform(-300, 300), 3) for _ in range(40)])
case([draw.uniform(-1, 1) * 10 ** draw.randint(-8, 8) for _ in range(40)], (4, 10))
case([draw.randint(0, 9) for _ in range(60)], dtype="i32")
case([draw.randint(0, 255) for _ in range(60)], (2, 30), dtype="u8")
case([draw.random() < 0.5 for _ in range(36)], (3, 12), dtype="bool")
case([[[[1.0]]]])
case([float(i) for i in range(24)], (2, 1, 3, 2, 2))
case([200] * 18, dtype="u8")
case([200] * 19, dtype="u8")
ramp(1000, (10, 100))
ramp(1001, (1001,))
ramp(1001, (1001,), "i32")
ramp(2000, (20, 100))
ramp(1200, (4, 300))
ramp(1200, (300, 4), "u8")
ramp(4000, (10, 20, 20))
ramp(1250, (2, 5, 5, 5, 5))
ramp(1500, (1500, 1), "f32", 1000.0)
ramp(1500, (1, 1500), "f32", 1e-7)

path = Path(__file__).with_name("format.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{path.name}: {len(cases)} cases, {path.stat().st_size // 1024} KB")
