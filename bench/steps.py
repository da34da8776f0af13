"""The workloads of bench/workloads.ts in PyTorch. For each line "NAME SECONDS" on standard input: steps for so long, their milliseconds as JSON."""

import json
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_num_threads(int(sys.argv[1]))


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.c2, self.b2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        same = stride == 1 and i == o
        self.d = nn.Identity() if same else nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        return F.relu(self.d(x) + self.b2(self.c2(F.relu(self.b1(self.c1(x))))))


def resnet34():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    i = 64
    for k, count in enumerate([3, 4, 6, 3]):
        for j in range(count):
            layers.append(Block(i, 64 << k, 2 if j == 0 and k > 0 else 1))
            i = 64 << k
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


class ConvBn(nn.Module):
    def __init__(self):
        super().__init__()
        channels = [3, 10, 20, 40, 80, 160]
        self.layers = nn.ModuleList()
        for k, (i, o) in enumerate(zip(channels, channels[1:])):
            conv = nn.Conv2d(i, o, 3, 2, 1, bias=False) if k else nn.Conv2d(i, o, 5, 1, 2, bias=False)
            self.layers.append(nn.Sequential(conv, nn.BatchNorm2d(o), nn.ReLU()))
        self.out = nn.Linear(160, 10)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.out(F.adaptive_max_pool2d(x, 1).flatten(1))


class DotBias(nn.Module):
    def __init__(self):
        super().__init__()
        self.u, self.i = nn.Embedding(671, 50), nn.Embedding(9066, 50)
        self.ub, self.ib = nn.Embedding(671, 1), nn.Embedding(9066, 1)

    def forward(self, user, item):
        score = (self.u(user) * self.i(item)).sum(1) + self.ub(user)[:, 0] + self.ib(item)[:, 0]
        return torch.sigmoid(score) * 4.5 + 0.5


cards = [1116, 8, 4, 3, 13, 32, 3, 26, 5, 4, 3, 4, 24, 9, 13, 53, 22, 7, 7, 4, 4, 9]


class Tabular(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.ModuleList([nn.Embedding(c, min(50, (c + 1) // 2)) for c in cards])
        inputs = sum(e.embedding_dim for e in self.e) + 16
        self.bn = nn.BatchNorm1d(16)
        self.m = nn.Sequential(
            *(nn.Dropout(0.04), nn.Linear(inputs, 1000), nn.ReLU(), nn.BatchNorm1d(1000)),
            *(nn.Dropout(0.001), nn.Linear(1000, 500), nn.ReLU(), nn.BatchNorm1d(500)),
            *(nn.Dropout(0.01), nn.Linear(500, 1)),
        )

    def forward(self, categories, numbers):
        vectors = [e(categories[:, i]) for i, e in enumerate(self.e)]
        return self.m(torch.cat([*vectors, self.bn(numbers)], 1))


class Char(nn.Module):
    def __init__(self, kind, layers, hidden):
        super().__init__()
        self.e, self.r, self.o = nn.Embedding(85, 42), kind(42, hidden, layers), nn.Linear(hidden, 85)

    def forward(self, x):
        return self.o(self.r(self.e(x))[0])


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(10000, 200)
        self.r = nn.ModuleList([nn.LSTM(200, 500), nn.LSTM(500, 500), nn.LSTM(500, 200)])
        self.o = nn.Linear(200, 10000)
        self.o.weight = self.e.weight

    def forward(self, x):
        x = F.dropout(self.e(x), 0.05)
        for layer in self.r:
            x = F.dropout(layer(x)[0], 0.05)
        return self.o(x)


def train(optimizer, loss, clip=None):
    def step():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        if clip:
            nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], clip)
        optimizer.step()
        return value.item()

    return step


def images(model, x, y):
    """Channels-last, which is the faster order for PyTorch on these."""
    model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 1e-2, momentum=0.9)
    return train(optimizer, lambda: F.cross_entropy(model(x), y))


def resnet34_train():
    return images(resnet34(), torch.randn(16, 3, 128, 128), torch.randint(0, 10, (16,)))


def resnet34_infer():
    model = resnet34().to(memory_format=torch.channels_last).eval()
    x = torch.randn(16, 3, 128, 128).to(memory_format=torch.channels_last)

    def step():
        with torch.no_grad():
            return model(x)[0, 0].item()

    return step


def convbn_train():
    model, x, y = ConvBn(), torch.randn(256, 3, 32, 32), torch.randint(0, 10, (256,))
    optimizer = torch.optim.SGD(model.parameters(), 1e-2, momentum=0.9)
    return train(optimizer, lambda: F.cross_entropy(model(x), y))


def collab_train():
    model = DotBias()
    user, item, rating = torch.randint(0, 671, (64,)), torch.randint(0, 9066, (64,)), torch.rand(64) * 4.5 + 0.5
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, weight_decay=2e-4)
    return train(optimizer, lambda: F.mse_loss(model(user, item), rating))


def tabular_train():
    model = Tabular()
    categories = torch.stack([torch.randint(0, k, (128,)) for k in cards], 1)
    numbers, y = torch.randn(128, 16), torch.randn(128, 1)
    return train(torch.optim.Adam(model.parameters(), 1e-3), lambda: F.mse_loss(model(categories, numbers), y))


def char_train(kind, layers, hidden):
    model = Char(kind, layers, hidden)
    x, y = torch.randint(0, 85, (8, 512)), torch.randint(0, 85, (8 * 512,))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    return train(optimizer, lambda: F.cross_entropy(model(x).view(-1, 85), y))


def lm_train():
    model = LanguageModel()
    x, y = torch.randint(0, 10000, (70, 32)), torch.randint(0, 10000, (70 * 32,))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, betas=(0.7, 0.99))
    return train(optimizer, lambda: F.cross_entropy(model(x).view(-1, 10000), y), clip=0.3)


workloads = {
    "resnet34-train": resnet34_train,
    "resnet34-infer": resnet34_infer,
    "convbn-train": convbn_train,
    "collab-train": collab_train,
    "tabular-train": tabular_train,
    "char-rnn-train": lambda: char_train(nn.RNN, 1, 256),
    "char-gru-train": lambda: char_train(nn.GRU, 1, 256),
    "char-lstm-train": lambda: char_train(nn.LSTM, 2, 512),
    "lm-train": lm_train,
}

print(f"pytorch {torch.__version__}", flush=True)
made = {}
for line in sys.stdin:
    name, seconds = line.split()
    if name not in made:
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        made = {name: workloads[name]()}
        for _ in range(3):
            made[name]()
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident) * 1024
    step, times = made[name], []
    step()
    end = time.perf_counter() + float(seconds)
    while time.perf_counter() < end or len(times) < 2:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"ms": times, "grown": grown}), flush=True)
