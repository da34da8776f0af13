"""Times single operations in PyTorch: each line of JSON on stdin describes one, each answer is seconds a run (best of the slice)."""

import json
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(0)
last = torch.channels_last


def operation(o):
    kind = o["op"]
    if kind == "matmul":
        a, b = torch.randn(o["batch"], o["M"], o["K"]), torch.randn(o["batch"], o["K"], o["N"])
        if o["layout"][0] == "t":
            a = a.transpose(1, 2).contiguous().transpose(1, 2)
        if o["layout"][1] == "t":
            b = b.transpose(1, 2).contiguous().transpose(1, 2)
        if o["batch"] == 1:
            a, b = a[0], b[0]
        out = torch.matmul(a, b)
        return lambda: torch.matmul(a, b, out=out)
    if kind.startswith("conv2d"):
        x = torch.randn(o["batch"], o["channels"], o["size"], o["size"]).to(memory_format=last)
        w = torch.randn(o["outputs"], o["channels"] // o["groups"], o["kernel"], o["kernel"]).to(memory_format=last)
        args = dict(stride=o["stride"], padding=o["padding"], groups=o["groups"])
        if kind == "conv2d":
            return lambda: F.conv2d(x, w, **args)
        dy = torch.randn_like(F.conv2d(x, w, **args)).to(memory_format=last)
        mask = [kind == "conv2dInput", kind == "conv2dWeight", False]
        pair = lambda n: [n, n]
        back = torch.ops.aten.convolution_backward
        return lambda: back(dy, x, w, None, pair(o["stride"]), pair(o["padding"]), [1, 1], False, [0, 0], o["groups"], mask)
    if kind in ("pool", "poolBack"):
        x = torch.randn(o["batch"], o["channels"], o["size"], o["size"]).to(memory_format=last)
        forward = (lambda: F.max_pool2d(x, 3, 2, 1)) if o["kind"] == "max" else (lambda: F.avg_pool2d(x, 3, 2, 1))
        if kind == "pool":
            return forward
        x.requires_grad_()
        y = forward()
        dy = torch.randn_like(y)
        return lambda: torch.autograd.grad(y, x, dy, retain_graph=True)
    if kind == "elementwise":
        x, z, out = torch.rand(o["n"]) + 0.1, torch.rand(o["n"]) + 0.1, torch.empty(o["n"])
        f = {"recip": torch.reciprocal, "max": torch.maximum}.get(o["name"]) or getattr(torch, o["name"])
        if o["name"] in ("add", "mul", "div", "max"):
            return lambda: f(x, z, out=out)
        return lambda: f(x, out=out)
    x = torch.randn(o["rows"], o["columns"])
    axis = 0 if o["over"] == "rows" else 1
    return lambda: x.sum(axis)


known = {}
print(f"pytorch {torch.__version__}, {torch.get_num_threads()} threads", flush=True)
with torch.no_grad():
    for line in sys.stdin:
        request = json.loads(line)
        name, seconds = request["name"], request["seconds"]
        if name not in known:
            known.clear()
            with torch.enable_grad():
                known[name] = operation(request["torch"])
            known[name]()
        run, best, end = known[name], float("inf"), time.perf_counter() + seconds
        clock = time.process_time if request.get("cpuTime") else time.perf_counter
        while time.perf_counter() < end:
            start = clock()
            run()
            best = min(best, clock() - start)
        print(best, flush=True)
