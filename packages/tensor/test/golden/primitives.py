"""Makes primitives.json: values and gradients of every primitive operation by PyTorch, in double precision.

    python primitives.py            writes primitives.json beside this file (the same bytes every time)

Needs PyTorch 2.13 (CPU). The file maps an operation to its cases:

    {"name", "params", "inputs": [array], "outputs": [array], "gradients": [array or null]}
    array = {"dtype", "shape", "data"}; data holds numbers, "nan", "inf" or "-inf"

Inputs are exact in single precision (most are multiples of 1/16 or 1/4). Gradients are those of
sum_k sum_i outputs[k][i] * seed(i), seed(i) = ((7 i) mod 11 - 5.5) / 4; null where an input has none.
"""

import itertools
import math
import pathlib

import torch
import torch.nn.functional as F
from recorder import BOOL, F64, I32, INF, NAMES, NAN, U8, case, coarse, ints, real, uniform, whole, write

SPECIAL = [NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0]


def leaves():
    held = dict(f32=real([[1.5, -0.0, NAN], [INF, -INF, 2.0**-10]]), i32=ints([2**31 - 1, -(2**31), 0]))
    held.update(u8=ints([0, 1, 255], U8), bool=ints([[True, False]], BOOL), scalar=real(2.5), empty=uniform(2, 0, 3))
    for name, x in held.items():
        case("leaf", name, [x], lambda x: x)
    case("constant", "f32", [], lambda: real(-1.25), value=-1.25, dtype="f32")
    case("constant", "i32", [], lambda: ints(-7), value=-7, dtype="i32")
    for length in (0, 1, 37):
        case("iota", f"{length}", [], lambda: torch.arange(length, dtype=I32), length=length)
    case("detach", "has no gradient", [uniform(2, 3)], lambda x: x.detach() * 1)
    case("checkFinite", "is the identity", [uniform(2, 3)], lambda x: x * 1)


def unary():
    plain = dict(neg=torch.neg, exp=torch.exp, sin=torch.sin, cos=torch.cos, tanh=torch.tanh, sigmoid=torch.sigmoid)
    plain.update(erf=torch.erf, atan=torch.atan, floor=torch.floor, abs=torch.abs, sign=torch.sign)
    for op, f in plain.items():
        case(op, "plain", [uniform(4, 5)], f)
        case(op, "special", [real(SPECIAL)], f)
    for op, f in dict(recip=torch.reciprocal, log=torch.log, sqrt=torch.sqrt).items():
        case(op, "plain", [uniform(4, 5, low=0.25, high=9)], f)
        case(op, "special", [real(SPECIAL)], f)
        case(op, "wide", [real([2.0**e * 1.25 for e in range(-30, 31, 5)])], f)
    small = real([s * 2.0**-e * 1.25 for e in (5, 7, 10, 14) for s in (1, -1)])
    for op in ("sin", "tanh", "erf", "atan", "floor"):
        case(op, "small", [small], plain[op])
    case("log", "near one", [1 + small], torch.log)
    large = real([0.5, 7.5, 10.25, 30, 88, 100, 104, 200, 1000.5])
    for op in ("exp", "tanh", "sigmoid", "erf", "sin", "cos", "atan", "floor"):
        case(op, "large", [torch.cat([large, -large])], plain[op])
    limits = ints([2**31 - 1, -(2**31 - 1), 0, 5, -5])
    for op in ("neg", "abs", "sign"):
        case(op, "i32", [limits], plain[op])
    case("neg", "empty", [real([]).reshape(0, 3)], torch.neg)
    case("exp", "odd sizes", [uniform(3, 1, 67)], torch.exp)


def casts():
    values = {
        F64: real([0, 1, -1, 2.5, -2.5, 0.99, -0.99, 200, 16777216]),
        I32: ints([0, 1, -1, 255, 256, -257, 65537]),
        U8: ints([0, 1, 127, 128, 255], U8),
        BOOL: ints([True, False], BOOL),
    }
    for source, x in values.items():
        for target in (F64, I32, U8, BOOL):
            if source is target:
                continue
            if source == F64 and target == U8:
                x = real([0, 1, 2.5, 0.99, 200.75, 255])
            case("cast", f"{NAMES[source]} to {NAMES[target]}", [x], lambda t: t.to(target), to=NAMES[target])
    case("cast", "special to bool", [real(SPECIAL)], lambda t: t.to(BOOL), to="bool")


def binary():
    fs = dict(add=torch.add, mul=torch.mul, div=torch.div, max=torch.maximum, lt=torch.lt, eq=torch.eq)
    pairs = list(itertools.product(SPECIAL, SPECIAL))
    for op, f in fs.items():
        case(op, "plain", [uniform(4, 5), uniform(4, 5)], f)
        case(op, "broadcast", [uniform(3, 1, 2), uniform(4, 1)], f)
        case(op, "scalar", [uniform(2, 3), real(0.75)], f)
        case(op, "row over a matrix", [uniform(17), uniform(5, 17)], f)
        case(op, "empty", [uniform(0, 3), uniform(1, 3)], f)
        case(op, "special", [real([a for a, _ in pairs]), real([b for _, b in pairs])], f)
        if op != "div":
            case(op, "i32", [whole(3, 4, low=-2, high=2), whole(3, 4, low=-2, high=2)], f)
        else:
            case(op, "i32", [whole(3, 4), whole(3, 4, low=1)], lambda a, b: torch.div(a.to(F64), b.to(F64)))
    wrap = ints([2**31 - 1, -(2**31), 65537, -123456789])
    case("add", "i32 wraps", [wrap, ints([1, -1, 2, 3])], torch.add)
    case("mul", "i32 wraps", [wrap, ints([2, 3, 65537, 1000])], torch.mul)
    case("max", "ties", [real([1, 2, 3]), real([1, 2, 2])], torch.maximum)
    case("eq", "bool", [ints([1, 1, 0, 0], BOOL), ints([1, 0, 1, 0], BOOL)], torch.eq)
    case("lt", "u8", [ints([1, 200, 255], U8), ints([2, 100, 255], U8)], torch.lt)
    condition = ints([[True], [False]], BOOL)
    case("where", "plain", [whole(4, 5, low=0, high=1, dtype=BOOL), uniform(4, 5), uniform(4, 5)], torch.where)
    case("where", "broadcast", [condition, uniform(3), real(2.5)], torch.where)
    case("where", "i32", [condition, whole(2, 3), whole(2, 3)], torch.where)
    case("where", "NaN not chosen", [condition, real([[1.0], [NAN]]), real([[NAN], [2.0]])], torch.where)


def reductions():
    subsets = [s for n in (1, 2, 3) for s in itertools.combinations(range(3), n)]
    for op, f in dict(sum=torch.sum, maxReduce=torch.amax).items():
        for axes in subsets:
            for keep in (False, True):
                g = lambda x: f(x, dim=axes, keepdim=keep)
                case(op, f"axes {axes}, keepDims {keep}", [uniform(2, 3, 4)], g, axes=list(axes), keepDims=keep)
        special = real([[1, 2, NAN], [INF, 1, 2], [-INF, -INF, -INF], [INF, -INF, 0]])
        for axis in (0, 1):
            case(op, f"special, axis {axis}", [special], lambda x: f(x, dim=[axis]), axes=[axis], keepDims=False)
            rows = whole(3, 5, low=-100, high=100)
            exact = lambda x: f(x, dim=[axis]).to(I32)
            case(op, f"i32, axis {axis}", [rows], exact, axes=[axis], keepDims=False)
        for shape, axes in (((3, 300), [1]), ((300, 3), [0]), ((2, 37, 5, 3), [0, 2]), ((1, 1), [0]), ((5, 1), [1])):
            case(op, f"{shape} over {axes}", [uniform(*shape)], lambda x: f(x, dim=axes), axes=axes, keepDims=False)
        case(op, "nothing left", [uniform(0, 3)], lambda x: f(x, dim=[1]), axes=[1], keepDims=False)
    case("sum", "of nothing", [uniform(2, 0, 3)], lambda x: x.sum(dim=[1]), axes=[1], keepDims=False)
    case("sum", "of bool", [whole(3, 4, low=0, high=1, dtype=BOOL)], lambda x: x.sum(dim=[1]), axes=[1], keepDims=False)
    case("sum", "i32 wraps", [ints([2**31 - 1, 1])], lambda x: x.sum(dim=[0], dtype=I32), axes=[0], keepDims=False)
    ties = real([[1, 3, 3], [2, 2, 2]])
    case("maxReduce", "ties", [ties], lambda x: torch.amax(x, dim=[1]), axes=[1], keepDims=False)
    case("maxReduce", "ties over both", [ties], lambda x: torch.amax(x, dim=[0, 1]), axes=[0, 1], keepDims=False)
    for axis in (0, 1, 2):
        g = lambda x: torch.argmax(x, dim=axis)
        case("argmax", f"axis {axis}", [uniform(3, 4, 5)], g, axis=axis)
        case("argmax", f"i32 ties, axis {axis}", [whole(3, 4, 5, low=0, high=2)], g, axis=axis)
    special = real([[1, NAN, NAN], [-INF, -INF, -INF], [INF, INF, 1], [2, 5, 5], [NAN, INF, NAN]])
    case("argmax", "special", [special], lambda x: torch.argmax(x, dim=1), axis=1)
    case("argmax", "special, down", [special], lambda x: torch.argmax(x, dim=0), axis=0)
    case("argmax", "one", [uniform(3, 1)], lambda x: torch.argmax(x, dim=1), axis=1)
    case("argmax", "long", [uniform(2, 300)], lambda x: torch.argmax(x, dim=1), axis=1)


def views():
    kinds = {"f32": lambda *s: uniform(*s), "i32": lambda *s: whole(*s), "u8": lambda *s: whole(*s, low=0, high=255, dtype=U8)}
    kinds["bool"] = lambda *s: whole(*s, low=0, high=1, dtype=BOOL)
    for name, draw in kinds.items():
        case("reshape", name, [draw(4, 6)], lambda x: x.reshape(3, 8), shape=[3, 8])
        case("permute", name, [draw(3, 5)], lambda x: x.permute(1, 0), order=[1, 0])
        case("expand", name, [draw(3, 1)], lambda x: x.expand(2, 3, 4), shape=[2, 3, 4])
        case("slice", name, [draw(7, 5)], lambda x: x[1:6:2, 2:4], ranges=[[1, 6, 2], [2, 4, 1]])
        case("flip", name, [draw(3, 5)], lambda x: x.flip(1), axes=[1])
        case("concat", name, [draw(2, 3), draw(1, 3)], lambda *t: torch.cat(t, 0), axis=0)
        case("pad", name, [draw(2, 3)], lambda x: padded(x, [1, 0], [0, 2], [0, 0], 1), **pad_params([1, 0], [0, 2], [0, 0], 1))
    case("reshape", "to a scalar", [uniform(1, 1)], lambda x: x.reshape(()), shape=[])
    case("reshape", "empty", [uniform(0, 3)], lambda x: x.reshape(2, 0), shape=[2, 0])
    for order in itertools.permutations(range(3)):
        if order != (0, 1, 2):
            case("permute", f"{order}", [uniform(2, 3, 4)], lambda x: x.permute(order), order=list(order))
    case("permute", "to channels last", [uniform(2, 3, 4, 5)], lambda x: x.permute(0, 2, 3, 1), order=[0, 2, 3, 1])
    case("expand", "a scalar", [real(1.5)], lambda x: x.expand(2, 3), shape=[2, 3])
    case("expand", "inside", [uniform(2, 1, 3, 1)], lambda x: x.expand(2, 4, 3, 2), shape=[2, 4, 3, 2])
    case("expand", "to nothing", [uniform(1, 3)], lambda x: x.expand(0, 3), shape=[0, 3])
    case("slice", "nothing", [uniform(4, 3)], lambda x: x[2:2], ranges=[[2, 2, 1]])
    case("slice", "a step beyond the end", [uniform(4, 3)], lambda x: x[1:4:5], ranges=[[1, 4, 5]])
    case("slice", "steps on three axes", [uniform(5, 6, 7)], lambda x: x[::2, 1::3, :5:4], ranges=[[0, 5, 2], [1, 6, 3], [0, 5, 4]])
    for axes in ([0], [0, 2], [0, 1, 2]):
        case("flip", f"axes {axes}", [uniform(2, 3, 4)], lambda x: x.flip(axes), axes=axes)
    case("concat", "three, the middle one empty", [uniform(2, 3), uniform(2, 0), uniform(2, 2)], lambda *t: torch.cat(t, 1), axis=1)
    case("concat", "inner of three axes", [uniform(2, 3, 2), uniform(2, 1, 2)], lambda *t: torch.cat(t, 1), axis=1)
    for before, after, interior, value in (
        ([1, 2], [2, 1], [0, 0], 0.5), ([0, 1], [1, 0], [2, 1], 0),
        ([0, 0], [0, 0], [1, 3], -1.25), ([1, 0], [0, 0], [0, 0], NAN),
    ):  # fmt: skip
        params = pad_params(before, after, interior, "nan" if math.isnan(value) else value)
        g = lambda x: padded(x, before, after, interior, value)
        case("pad", f"{before} {after} {interior} {value}", [uniform(3, 2)], g, **params)
    params = pad_params([1, 1], [1, 0], [0, 0], 2)
    case("pad", "of nothing", [uniform(0, 2)], lambda x: padded(x, [1, 1], [1, 0], [0, 0], 2), **params)


def pad_params(before, after, interior, value):
    return dict(before=before, after=after, interior=interior, value=value)


def padded(x, before, after, interior, value):
    size = [b + a + d + max(0, d - 1) * i for d, b, a, i in zip(x.shape, before, after, interior)]
    out = torch.full(size, value, dtype=x.dtype)
    out[tuple(slice(b, b + max(0, d - 1) * (i + 1) + min(d, 1), i + 1) for d, b, i in zip(x.shape, before, interior))] = x
    return out


def products():
    shapes = (
        ((2, 3), (3, 4)), ((17, 33), (33, 19)), ((1, 5), (5, 1)), ((1, 1), (1, 1)), ((40, 9), (9, 24)),
        ((3, 5, 4), (3, 4, 6)), ((3, 5, 4), (4, 6)), ((5, 4), (3, 4, 6)), ((2, 1, 3, 4), (1, 3, 4, 2)), ((2, 3, 2, 2), (2, 2)),
        ((4,), (4,)), ((4,), (4, 3)), ((3, 4), (4,)), ((2, 3, 4), (4,)), ((4,), (2, 4, 3)),
        ((2, 0), (0, 3)), ((0, 2), (2, 3)), ((2, 3), (3, 0)), ((0, 2, 3), (3, 2)), ((0, 2, 3), (0, 3, 2)),
    )  # fmt: skip
    for a, b in shapes:
        case("matmul", f"{a} x {b}", [coarse(*a), coarse(*b)], torch.matmul, transpose=[False, False])
    for left, right in ((True, False), (False, True), (True, True)):
        for batch in ((), (2,)):
            a = coarse(*batch, *((7, 5) if left else (5, 7)))
            b = coarse(*batch, *((6, 7) if right else (7, 6)))
            turn = lambda t, flag: t.transpose(-1, -2) if flag else t
            f = lambda x, y: turn(x, left) @ turn(y, right)
            case("matmul", f"transposed {left} {right} {batch}", [a, b], f, transpose=[left, right])
    case("matmul", "NaN and infinity", [real([[NAN, 1], [INF, 1], [0, 1]]), real([[1, 0], [0, 2]])], torch.matmul, transpose=[False, False])


def geometry(stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    return dict(stride=list(stride), padding=list(padding), dilation=list(dilation), groups=groups)


CONVOLUTIONS = (
    ("3x3", (2, 3, 5, 6), (4, 3, 3, 3), geometry()),
    ("3x3 padded", (1, 2, 5, 4), (3, 2, 3, 3), geometry(padding=(1, 1))),
    ("stride 2, last row unused", (2, 2, 6, 6), (3, 2, 3, 3), geometry(stride=(2, 2))),
    ("1x1", (2, 5, 3, 4), (7, 5, 1, 1), geometry()),
    ("1x1 stride 2", (1, 3, 5, 5), (2, 3, 1, 1), geometry(stride=(2, 2))),
    ("7x7 stride 2 padding 3", (1, 2, 9, 10), (3, 2, 7, 7), geometry(stride=(2, 2), padding=(3, 3))),
    ("uneven kernel, stride, padding", (1, 2, 6, 7), (2, 2, 2, 3), geometry(stride=(1, 2), padding=(0, 2))),
    ("dilated", (1, 2, 8, 7), (2, 2, 3, 2), geometry(dilation=(2, 3), padding=(2, 1))),
    ("two groups", (2, 4, 4, 4), (6, 2, 3, 3), geometry(groups=2, padding=(1, 1))),
    ("depthwise", (1, 6, 5, 5), (6, 1, 3, 3), geometry(groups=6, padding=(1, 1))),
    ("depthwise multiplied, stride 2", (1, 3, 5, 6), (6, 1, 3, 3), geometry(groups=3, stride=(2, 2), padding=(1, 1))),
    ("16 to 17 channels", (1, 16, 3, 3), (17, 16, 3, 3), geometry(padding=(1, 1))),
    ("one row, as conv1d", (2, 3, 1, 9), (4, 3, 1, 3), geometry(padding=(0, 1))),
    ("the whole image", (3, 2, 4, 4), (5, 2, 4, 4), geometry()),
    ("padding larger than the kernel", (1, 1, 2, 2), (1, 1, 2, 2), geometry(padding=(3, 3))),
)


def convolutions():
    for name, image, weight, options in CONVOLUTIONS:
        conv = lambda x, w: F.conv2d(x, w, None, options["stride"], options["padding"], options["dilation"], options["groups"])
        x, w = coarse(*image), coarse(*weight, low=-1, high=1)
        case("conv2d", name, [x, w], conv, **options)
        if name in ("16 to 17 channels", "7x7 stride 2 padding 3"):
            continue  # their gradients are in conv2d's case; the second ones would fill the file
        dy = coarse(*conv(x, w).shape)

        def back(which):
            def f(a, b):
                x0 = (x if which == 0 else a).clone().requires_grad_()
                w0 = (w if which == 1 else b).clone().requires_grad_()
                upstream, other = (a, b) if which == 0 else (b, a)
                y = conv(x0, other) if which == 0 else conv(other, w0)
                return torch.autograd.grad(y, x0 if which == 0 else w0, upstream, create_graph=True)[0]

            return f

        case("conv2dInput", name, [dy, w], back(0), shape=list(image), **options)
        case("conv2dWeight", name, [x, dy], back(1), shape=list(weight), **options)


def pools():
    def options(kind, kernel, stride, padding=(0, 0), count=True):
        return dict(kind=kind, kernel=list(kernel), stride=list(stride), padding=list(padding), countIncludePad=count)

    rows = (
        ("2x2", (2, 3, 4, 6), options("max", (2, 2), (2, 2))),
        ("3x3 stride 2 padding 1", (1, 2, 7, 6), options("max", (3, 3), (2, 2), (1, 1))),
        ("3x3 stride 1 padding 1", (1, 2, 4, 5), options("max", (3, 3), (1, 1), (1, 1))),
        ("uneven", (1, 2, 6, 5), options("max", (3, 2), (1, 2), (1, 0))),
        ("17 channels", (1, 17, 4, 4), options("max", (2, 2), (2, 2))),
        ("2x2", (2, 3, 4, 6), options("avg", (2, 2), (2, 2))),
        ("3x3 stride 2 padding 1", (1, 2, 7, 6), options("avg", (3, 3), (2, 2), (1, 1))),
        ("padding not counted", (1, 2, 7, 6), options("avg", (3, 3), (2, 2), (1, 1), False)),
        ("the whole image", (2, 5, 3, 3), options("avg", (3, 3), (3, 3))),
        ("last row unused", (1, 1, 5, 5), options("avg", (2, 2), (2, 2))),
    )
    for name, shape, params in rows:
        kernel, stride, padding = params["kernel"], params["stride"], params["padding"]
        if params["kind"] == "max":
            f = lambda x: F.max_pool2d(x, kernel, stride, padding)
        else:
            f = lambda x: F.avg_pool2d(x, kernel, stride, padding, count_include_pad=params["countIncludePad"])
        label = f"{params['kind']} {name}"
        x = uniform(*shape)
        case("pool", label, [x], f, **params)
        dy = uniform(*f(x).shape)
        back = lambda a, b: torch.autograd.grad(f(a), a, b, create_graph=True)[0]
        case("poolBack", label, [x, dy], back, **params)
    ties = whole(1, 2, 6, 6, low=0, high=1).to(F64)
    for params in (options("max", (2, 2), (2, 2)), options("max", (3, 3), (2, 2), (1, 1))):
        f = lambda x: F.max_pool2d(x, params["kernel"], params["stride"], params["padding"])
        case("pool", f"max of ties {params['kernel']}", [ties], f, **params)
    low = real([[[[-INF, -INF, 1, NAN], [-INF, -INF, 2, 3], [-5, -6, INF, 1], [-7, -8, -INF, 2]]]])
    f = lambda x: F.max_pool2d(x, 2, 2)
    case("pool", "max of NaN and infinity", [low], f, **options("max", (2, 2), (2, 2)))
    f = lambda x: F.max_pool2d(x, 3, 2, 1)
    case("pool", "max of negatives, padded", [-uniform(1, 1, 5, 5, low=1, high=4)], f, **options("max", (3, 3), (2, 2), (1, 1)))


def indexed():
    for axis in (0, 1, 2):
        shape = [3, 4, 2]
        x, size = uniform(*shape), shape[axis]
        index = whole(*[5 if i == axis else d for i, d in enumerate(shape)], low=0, high=size - 1)
        g = lambda t, i: torch.gather(t, axis, i.long())
        case("gather", f"axis {axis}", [x, index], g, axis=axis)
        source = uniform(*index.shape)
        h = lambda i, s: torch.zeros(shape, dtype=s.dtype).scatter_add(axis, i.long(), s)
        case("scatterAdd", f"axis {axis}", [index, source], h, axis=axis, size=size)
    bytes = whole(3, 4, low=0, high=255, dtype=U8)
    for name, x, index, axis in (
        ("an index smaller off the axis", uniform(4, 5), ints([[3, 3], [0, 1]]), 1),
        ("rows repeated", uniform(3, 4), ints([[1] * 4, [1] * 4, [0] * 4]), 0),
        ("nothing", uniform(3, 4), torch.zeros((0, 4), dtype=I32), 0),
        ("i32", whole(3, 4), ints([[2, 0, 1, 1]]), 0),
        ("u8", bytes, ints([[2, 0, 1, 1]]), 0),
    ):
        case("gather", name, [x, index], lambda t, i: torch.gather(t, axis, i.long()), axis=axis)
    for name, index, source, size in (
        ("all at one place", ints([1] * 40), uniform(40), 3),
        ("nothing", torch.zeros((0, 2), dtype=I32), uniform(0, 2), 3),
        ("i32", ints([[0, 1], [0, 1]]), whole(2, 2), 2),
    ):
        shape = [size, *source.shape[1:]]
        h = lambda i, s: torch.zeros(shape, dtype=s.dtype).scatter_add(0, i.long(), s)
        case("scatterAdd", name, [index, source], h, axis=0, size=size)
    for descending in (False, True):
        g = lambda x: torch.sort(x, dim=-1, descending=descending, stable=True)
        order = "descending" if descending else "ascending"
        case("sort", f"{order}", [uniform(3, 7)], g, descending=descending)
        case("sort", f"{order}, ties", [whole(3, 9, low=0, high=3).to(F64)], g, descending=descending)
        case("sort", f"{order}, special", [real([SPECIAL, SPECIAL[::-1]])], g, descending=descending)
        case("sort", f"{order}, long", [uniform(2, 200)], g, descending=descending)
        case("sort", f"{order}, one", [uniform(4, 1)], g, descending=descending)
        case("sort", f"{order}, none", [uniform(2, 0)], g, descending=descending)


def shortcuts():
    """Batch norm in training, whose derivative is written out."""
    f = lambda x, w, b: torch.nn.functional.batch_norm(x, None, None, w, b, training=True)
    for shape in ([5, 3], [2, 3, 4], [2, 3, 3, 2]):
        case("customGradient", f"batch norm of {len(shape)} axes", [uniform(*shape), uniform(3), uniform(3)], f)


if __name__ == "__main__":
    sections = (leaves, unary, casts, binary, reductions, views, products, convolutions, pools, indexed, shortcuts)
    write(sections, pathlib.Path(__file__).with_suffix(".json"))
