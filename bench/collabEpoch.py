"""The loop of bench/collabEpoch.bench.ts in PyTorch: an epoch for each line on standard input, its seconds on standard output."""

import sys
import time

import torch
from torch import nn

users, items, factors, rows, batch = (int(arg) for arg in sys.argv[1:6])


class DotBias(nn.Module):
    def __init__(self):
        super().__init__()
        self.u, self.i = nn.Embedding(users, factors), nn.Embedding(items, factors)
        self.ub, self.ib = nn.Embedding(users, 1), nn.Embedding(items, 1)
        for table in (self.u, self.i, self.ub, self.ib):
            nn.init.uniform_(table.weight, -0.01, 0.01)

    def forward(self, user, item):
        score = (self.u(user) * self.i(item)).sum(1) + self.ub(user).squeeze(1) + self.ib(item).squeeze(1)
        return torch.sigmoid(score) * 4.5 + 0.5


torch.manual_seed(0)
user, item = torch.randint(users, (rows,)), torch.randint(items, (rows,))
rating = torch.rand(rows) * 4.5 + 0.5
model = DotBias()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=2e-4)
print(f"torch {torch.__version__}, {torch.get_num_threads()} threads", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    order = torch.randperm(rows)
    for at in range(0, rows, batch):
        index = order[at : at + batch]
        loss = nn.functional.mse_loss(model(user[index], item[index]), rating[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(time.perf_counter() - start, flush=True)
