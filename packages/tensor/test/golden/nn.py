"""Writes nn.json, losses.json, models.json and *.safetensors: what PyTorch's layers, losses and models give.

    python nn.py        (needs torch and safetensors)

Every input is a multiple of 1/64 and exact in f32; PyTorch computes in f64. `args` and `options` are those of our own
constructors. Gradients are those of sum(output * seed).
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

here = pathlib.Path(__file__).parent
torch.manual_seed(7)


def draw(*shape, scale=1.0):
    return (torch.randn(shape) * 24 * scale).round().clamp(-128, 128).div(64).double()


def positive(*shape):
    return torch.randint(8, 120, shape).div(128).double()


def pack(t):
    t = t.detach()
    if t.dtype in (torch.int64, torch.int32):
        return {"shape": list(t.shape), "dtype": "i32", "data": t.flatten().tolist()}
    return {"shape": list(t.shape), "data": [float(f"{v:.8g}") for v in t.double().flatten().tolist()]}


def packed(tensors):
    return {name: pack(t) for name, t in tensors.items()}


def quantize(module):
    """Parameters and statistics become multiples of 1/64."""
    module.double()
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(draw(*p.shape, scale=0.7))
        for name, b in module.named_buffers():
            if name.endswith("running_mean"):
                b.copy_(draw(*b.shape))
            elif name.endswith("running_var"):
                b.copy_(positive(*b.shape) + 0.5)
    return module


layers = []


def layer(name, args, module, x, train=True, note=""):
    """One layer: state before, output, gradients, state after the pass in training, and the output in inference."""
    module = quantize(module)
    before = packed(module.state_dict())
    module.train(train)
    x = x.clone()
    if x.is_floating_point():
        x.requires_grad_()
    y = module(x)
    seed = draw(*y.shape)
    gradients = {}
    (y * seed).sum().backward()
    for key, p in module.named_parameters():
        gradients[key] = p.grad
    if x.is_floating_point():
        gradients["input"] = x.grad
    after = packed({k: v for k, v in module.state_dict().items() if "running" in k or "tracked" in k})
    module.eval()
    layers.append({
        "name": name, "args": args, "note": note, "training": train, "state": before, "input": pack(x), "output": pack(y),
        "seed": pack(seed), "gradients": packed(gradients), "after": after, "inference": pack(module(x)),
    })


layer("Linear", [5, 3], nn.Linear(5, 3), draw(4, 5))
layer("Linear", [5, 3, {"bias": False}], nn.Linear(5, 3, bias=False), draw(2, 4, 5), note="three axes, no bias")
layer("Conv1d", [4, 6, {"kernelSize": 3, "stride": 2, "padding": 1, "groups": 2}], nn.Conv1d(4, 6, 3, 2, 1, groups=2), draw(2, 4, 9))
layer("Conv1d", [3, 2, {"kernelSize": 2, "dilation": 2, "bias": False}], nn.Conv1d(3, 2, 2, dilation=2, bias=False), draw(2, 3, 7))
layer("Conv2d", [3, 4, {"kernelSize": 3, "padding": 1}], nn.Conv2d(3, 4, 3, padding=1), draw(2, 3, 5, 6))
layer("Conv2d", [4, 6, {"kernelSize": [3, 2], "stride": [2, 1], "padding": [1, 0], "dilation": [1, 2], "groups": 2, "bias": False}],
      nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), groups=2, bias=False), draw(2, 4, 7, 6))
layer("ConvTranspose2d", [3, 4, {"kernelSize": 3, "stride": 2, "padding": 1, "outputPadding": 1}],
      nn.ConvTranspose2d(3, 4, 3, 2, 1, output_padding=1), draw(2, 3, 4, 3))
layer("ConvTranspose2d", [4, 4, {"kernelSize": [2, 3], "groups": 2, "dilation": [1, 2], "bias": False}],
      nn.ConvTranspose2d(4, 4, (2, 3), groups=2, dilation=(1, 2), bias=False), draw(2, 4, 3, 4))
layer("BatchNorm1d", [4], nn.BatchNorm1d(4), draw(6, 4))
layer("BatchNorm1d", [3, {"momentum": 0.3, "epsilon": 0.01}], nn.BatchNorm1d(3, eps=0.01, momentum=0.3), draw(2, 3, 5), note="sequences")
layer("BatchNorm1d", [3, {"momentum": None}], nn.BatchNorm1d(3, momentum=None), draw(5, 3), note="plain average")
layer("BatchNorm1d", [3, {"affine": False, "trackRunningStats": False}], nn.BatchNorm1d(3, affine=False, track_running_stats=False), draw(5, 3))
layer("BatchNorm2d", [3], nn.BatchNorm2d(3), draw(2, 3, 3, 4))
layer("BatchNorm2d", [3], nn.BatchNorm2d(3), draw(2, 3, 3, 4), train=False, note="inference")
layer("LayerNorm", [6], nn.LayerNorm(6), draw(3, 2, 6))
layer("LayerNorm", [[2, 5], {"bias": False, "epsilon": 0.001}], nn.LayerNorm([2, 5], eps=0.001, bias=False), draw(3, 2, 5))
layer("GroupNorm", [2, 4], nn.GroupNorm(2, 4), draw(2, 4, 3, 2))
layer("GroupNorm", [3, 6, {"affine": False}], nn.GroupNorm(3, 6, affine=False), draw(4, 6))
layer("InstanceNorm", [3], nn.InstanceNorm2d(3), draw(2, 3, 3, 4))
layer("InstanceNorm", [3, {"affine": True}], nn.InstanceNorm1d(3, affine=True), draw(2, 3, 5))
layer("Embedding", [7, 3], nn.Embedding(7, 3), torch.tensor([[0, 3, 3], [6, 1, 0]]))
layer("Embedding", [5, 2, {"paddingIndex": 1}], nn.Embedding(5, 2, padding_idx=1), torch.tensor([1, 4, 1, 0]), note="padding")
image = draw(2, 3, 6, 7)
layer("MaxPool2d", [2], nn.MaxPool2d(2), image)
layer("MaxPool2d", [3, {"stride": 2, "padding": 1}], nn.MaxPool2d(3, 2, 1), image)
layer("AvgPool2d", [[2, 3], {"stride": [1, 2]}], nn.AvgPool2d((2, 3), (1, 2)), image)
layer("AvgPool2d", [3, {"padding": 1, "countIncludePad": False}], nn.AvgPool2d(3, padding=1, count_include_pad=False), image)
layer("MaxPool1d", [2], nn.MaxPool1d(2), draw(2, 3, 7))
layer("AvgPool1d", [3, {"stride": 1}], nn.AvgPool1d(3, 1), draw(2, 3, 7))
layer("AdaptiveAvgPool2d", [], nn.AdaptiveAvgPool2d(1), image)
layer("AdaptiveAvgPool2d", [[3, 2]], nn.AdaptiveAvgPool2d((3, 2)), image)
layer("AdaptiveMaxPool2d", [[2, 3]], nn.AdaptiveMaxPool2d((2, 3)), image)


class ConcatPool(nn.Module):
    def forward(self, x):
        return torch.cat([F.adaptive_max_pool2d(x, 1), F.adaptive_avg_pool2d(x, 1)], 1)


layer("AdaptiveConcatPool2d", [], ConcatPool(), image)
layer("Flatten", [], nn.Flatten(), image)
wide = draw(3, 8, scale=4)
for name, args, module in [
    ("ReLU", [], nn.ReLU()), ("LeakyReLU", [0.2], nn.LeakyReLU(0.2)), ("PReLU", [8], nn.PReLU(8)), ("PReLU", [], nn.PReLU()),
    ("ELU", [0.7], nn.ELU(0.7)), ("SELU", [], nn.SELU()), ("GELU", [], nn.GELU()),
    ("GELU", [{"approximate": "tanh"}], nn.GELU(approximate="tanh")), ("SiLU", [], nn.SiLU()), ("Mish", [], nn.Mish()),
    ("Hardswish", [], nn.Hardswish()), ("Softplus", [], nn.Softplus()), ("Sigmoid", [], nn.Sigmoid()), ("Tanh", [], nn.Tanh()),
    ("Softmax", [], nn.Softmax(-1)), ("Softmax", [0], nn.Softmax(0)), ("LogSoftmax", [], nn.LogSoftmax(-1)),
]:
    layer(name, args, module, wide)

recurrent = []


def rnn(name, args, module, x, state):
    """A recurrent net from a given state (or zeros): outputs, end state, gradients of sum(output * seed) + sum(end * 0.5)."""
    module = quantize(module)
    before = packed(module.state_dict())
    x = x.clone().requires_grad_()
    given = None if state is None else [s.clone().requires_grad_() for s in state]
    handed = None if given is None else (tuple(given) if len(given) == 2 else given[0])
    result = module(x, handed)
    if isinstance(result, tuple) and not name.endswith("Cell"):
        output, end = result
    else:
        output, end = None, result
    ends = list(end) if isinstance(end, tuple) else [end]
    seed = draw(*(output if output is not None else ends[0]).shape)
    total = sum((e * 0.5).sum() for e in ends)
    total = total + ((output if output is not None else ends[0]) * seed).sum()
    total.backward()
    gradients = {k: p.grad for k, p in module.named_parameters()}
    gradients["input"] = x.grad
    for i, s in enumerate(given or []):
        gradients[f"state{i}"] = s.grad
    recurrent.append({
        "name": name, "args": args, "weights": before, "input": pack(x), "state": None if given is None else [pack(s) for s in given],
        "output": None if output is None else pack(output), "end": [pack(e) for e in ends], "seed": pack(seed), "gradients": packed(gradients),
    })


sequence = draw(4, 3, 5)  # [T, B, in]
rnn("RNN", [5, 3], nn.RNN(5, 3), sequence, None)
rnn("RNN", [5, 3, {"layers": 2, "nonlinearity": "relu", "bidirectional": True}],
    nn.RNN(5, 3, 2, nonlinearity="relu", bidirectional=True), sequence, [draw(4, 3, 3)])
rnn("GRU", [5, 4, {"layers": 2, "bidirectional": True}], nn.GRU(5, 4, 2, bidirectional=True), sequence, [draw(4, 3, 4)])
rnn("GRU", [5, 4, {"bias": False, "batchFirst": True}], nn.GRU(5, 4, bias=False, batch_first=True), draw(3, 4, 5), None)
rnn("LSTM", [5, 4], nn.LSTM(5, 4), sequence, None)
rnn("LSTM", [5, 4, {"layers": 2, "bidirectional": True}], nn.LSTM(5, 4, 2, bidirectional=True), sequence, [draw(4, 3, 4), draw(4, 3, 4)])
rnn("LSTM", [5, 4, {"layers": 3, "batchFirst": True}], nn.LSTM(5, 4, 3, batch_first=True), draw(3, 4, 5), [draw(3, 3, 4), draw(3, 3, 4)])
rnn("RNNCell", [5, 3], nn.RNNCell(5, 3), draw(2, 5), [draw(2, 3)])
rnn("RNNCell", [5, 3, {"nonlinearity": "relu", "bias": False}], nn.RNNCell(5, 3, bias=False, nonlinearity="relu"), draw(2, 5), None)
rnn("GRUCell", [5, 3], nn.GRUCell(5, 3), draw(2, 5), [draw(2, 3)])
rnn("LSTMCell", [5, 3], nn.LSTMCell(5, 3), draw(2, 5), [draw(2, 3), draw(2, 3)])
(here / "nn.json").write_text(json.dumps({"layers": layers, "recurrent": recurrent}, separators=(",", ":")) + "\n")

losses = []


def loss(name, prediction, target, options, call, tensors=None):
    """One loss with each reduction; gradients of the mean (or what `options` asks for) and of sum(none * seed)."""
    for reduction in options.pop("reductions", ["mean", "sum", "none"]):
        x = prediction.clone().requires_grad_()
        y = call(x, target, "batchmean" if reduction == "batchMean" else reduction)
        seed = draw(*y.shape)
        (y * seed).sum().backward()
        losses.append({
            "name": name, "prediction": pack(x), "target": pack(target), "options": {**options, "reduction": reduction},
            "tensors": packed(tensors or {}), "value": pack(y), "seed": pack(seed), "gradient": pack(x.grad),
        })


scores, classes = draw(5, 4, scale=3), torch.tensor([0, 3, 1, 1, 2])
weight = positive(4) + 0.25
ignoring = torch.tensor([0, -100, 1, -100, 2])
loss("crossEntropy", scores, classes, {}, lambda x, t, r: F.cross_entropy(x, t, reduction=r))
loss("crossEntropy", scores, classes, {}, lambda x, t, r: F.cross_entropy(x, t, weight=weight, reduction=r), {"weight": weight})
loss("crossEntropy", scores, ignoring, {}, lambda x, t, r: F.cross_entropy(x, t, reduction=r))
loss("crossEntropy", scores, classes, {"ignoreIndex": 1, "labelSmoothing": 0.1},
     lambda x, t, r: F.cross_entropy(x, t, weight=weight, ignore_index=1, label_smoothing=0.1, reduction=r), {"weight": weight})
loss("crossEntropy", scores, ignoring, {"labelSmoothing": 0.3}, lambda x, t, r: F.cross_entropy(x, t, label_smoothing=0.3, reduction=r))
soft = torch.softmax(draw(5, 4).float(), 1).mul(64).round().div(64).double()
loss("crossEntropy", scores, soft, {}, lambda x, t, r: F.cross_entropy(x, t, reduction=r))
loss("crossEntropy", scores, soft, {"labelSmoothing": 0.2},
     lambda x, t, r: F.cross_entropy(x, t, weight=weight, label_smoothing=0.2, reduction=r), {"weight": weight})
loss("crossEntropy", draw(4), torch.tensor(2), {}, lambda x, t, r: F.cross_entropy(x, t, reduction=r))
# [T, B, C] with [T, B], which PyTorch takes flattened.
text, words = draw(3, 2, 5), torch.tensor([[0, 4], [2, 2], [3, 1]])
loss("crossEntropy", text, words, {}, lambda x, t, r: F.cross_entropy(x.reshape(-1, 5), t.reshape(-1), reduction=r).reshape((3, 2) if r == "none" else ()))
# [N, C, H, W] with [N, H, W].
pixels, labels = draw(2, 3, 2, 4), torch.randint(0, 3, (2, 2, 4))
loss("crossEntropy", pixels, labels, {"labelSmoothing": 0.1}, lambda x, t, r: F.cross_entropy(x, t, weight=weight[:3], label_smoothing=0.1, reduction=r),
     {"weight": weight[:3]})
logs = torch.log_softmax(scores, 1).mul(64).round().div(64)
loss("nll", logs, classes, {}, lambda x, t, r: F.nll_loss(x, t, weight=weight, reduction=r), {"weight": weight})
loss("nll", logs, ignoring, {}, lambda x, t, r: F.nll_loss(x, t, reduction=r))
p, y = positive(4, 3), torch.randint(0, 2, (4, 3)).double()
p[0, 0], p[0, 1], p[0, 2] = 0.0, 1.0, 1.0
y[0, 0], y[0, 1], y[0, 2] = 1.0, 0.0, 1.0
element = positive(4, 3)
loss("bce", p, y, {}, lambda x, t, r: F.binary_cross_entropy(x, t, reduction=r))
loss("bce", p, y, {}, lambda x, t, r: F.binary_cross_entropy(x, t, weight=element, reduction=r), {"weight": element})
# The course's own arithmetic: 0.164252033486018.
loss("bce", torch.tensor([0.9, 0.1, 0.2, 0.8], dtype=torch.float64), torch.tensor([1.0, 0, 0, 1], dtype=torch.float64), {},
     lambda x, t, r: F.binary_cross_entropy(x, t, reduction=r))
logits = draw(4, 3, scale=3)
logits[0, 0], logits[0, 1] = 90.0, -90.0
each = positive(3) + 1
loss("bceWithLogits", logits, y, {}, lambda x, t, r: F.binary_cross_entropy_with_logits(x, t, reduction=r))
loss("bceWithLogits", logits, y, {}, lambda x, t, r: F.binary_cross_entropy_with_logits(x, t, weight=element, pos_weight=each, reduction=r),
     {"weight": element, "posWeight": each})
a, b = draw(4, 3, scale=2), draw(4, 3, scale=2)
loss("mse", a, b, {}, lambda x, t, r: F.mse_loss(x, t, reduction=r))
loss("l1", a, b, {}, lambda x, t, r: F.l1_loss(x, t, reduction=r))
loss("huber", a, b, {"delta": 0.75}, lambda x, t, r: F.huber_loss(x, t, delta=0.75, reduction=r))
loss("smoothL1", a, b, {"beta": 0.5}, lambda x, t, r: F.smooth_l1_loss(x, t, beta=0.5, reduction=r))
loss("smoothL1", a, b, {"beta": 0}, lambda x, t, r: F.smooth_l1_loss(x, t, beta=0.0, reduction=r))
q = soft.clone()
q[1, 2] = 0.0
loss("klDiv", logs, q, {"reductions": ["mean", "sum", "none", "batchMean"]}, lambda x, t, r: F.kl_div(x, t, reduction=r))
loss("klDiv", logs, logs.flip(0), {"logTarget": True, "reductions": ["mean", "sum", "none", "batchMean"]},
     lambda x, t, r: F.kl_div(x, t, log_target=True, reduction=r))
other = draw(5, 4)
marks = torch.tensor([1.0, -1, -1, 1, -1], dtype=torch.float64)
loss("cosineEmbedding", scores, marks, {"margin": 0.1}, lambda x, t, r: F.cosine_embedding_loss(x, other, t, margin=0.1, reduction=r), {"b": other})
(here / "losses.json").write_text(json.dumps(losses, separators=(",", ":")) + "\n")


class BasicBlock(nn.Module):
    """As torchvision's resnet.py names its layers."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self, width=64, classes=1000):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)

        def stage(inputs, outputs, stride):
            return nn.Sequential(BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1))

        self.layer1 = stage(width, width, 1)
        self.layer2 = stage(width, width * 2, 2)
        self.layer3 = stage(width * 2, width * 4, 2)
        self.layer4 = stage(width * 4, width * 8, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width * 8, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def spec(module):
    return [[name, list(t.shape), str(t.dtype)] for name, t in module.state_dict().items()]


narrow = ResNet18(4, 5)
for name, b in narrow.named_buffers():
    if b.is_floating_point():
        b.add_(torch.rand_like(b) * 0.1)
    else:
        b.fill_(12)
save_file({k: v.contiguous() for k, v in narrow.state_dict().items()}, here / "resnet18.safetensors")
narrow.double().eval()
picture = draw(1, 3, 32, 32)
lstm = nn.LSTM(6, 5, 2)
save_file(lstm.state_dict(), here / "lstm.safetensors")
lstm.double()
steps = draw(3, 2, 6)
models = {
    "resnet18": {"spec": spec(ResNet18()), "parameters": sum(p.numel() for p in ResNet18().parameters())},
    "narrow": {"spec": spec(ResNet18(4, 5)), "input": pack(picture), "output": pack(narrow(picture))},
    "lstm": {"spec": spec(nn.LSTM(6, 5, 2)), "input": pack(steps), "output": pack(lstm(steps)[0])},
}
(here / "models.json").write_text(json.dumps(models, separators=(",", ":")) + "\n")
