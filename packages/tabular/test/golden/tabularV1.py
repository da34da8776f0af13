"""Writes a fastai v1 tabular model's checkpoint (in the old format, with its optimizer) and what PyTorch predicts with it: python tabularV1.py."""

import json
import pathlib

import torch
from torch import nn

here = pathlib.Path(__file__).parent
torch.manual_seed(0)


class TabularV1(nn.Module):
    def __init__(self, cards, conts, layers, outputs):
        super().__init__()
        sizes = [min(600, round(1.6 * c**0.56)) for c in cards]
        self.embeds = nn.ModuleList(nn.Embedding(c, s) for c, s in zip(cards, sizes))
        self.bn_cont = nn.BatchNorm1d(conts)
        widths = [sum(sizes) + conts, *layers, outputs]
        parts = []
        for i in range(len(widths) - 1):
            if i > 0:
                parts.append(nn.BatchNorm1d(widths[i]))
            parts.append(nn.Linear(widths[i], widths[i + 1]))
            if i < len(widths) - 2:
                parts.append(nn.ReLU())
        self.layers = nn.Sequential(*parts)

    def forward(self, cats, conts):
        x = torch.cat([table(cats[:, i]) for i, table in enumerate(self.embeds)], 1)
        return self.layers(torch.cat([x, self.bn_cont(conts)], 1))


cards, conts, rows = [5, 9, 3], 2, 16
model = TabularV1(cards, conts, [12, 8], 2)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.9, 0.99))
for _ in range(5):
    cats = torch.stack([torch.randint(c, (32,)) for c in cards], 1)
    loss = nn.functional.cross_entropy(model(cats, torch.randn(32, conts) * 3), torch.randint(2, (32,)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
torch.save({"model": model.state_dict(), "opt": optimizer.state_dict()}, here / "tabularV1.pth", _use_new_zipfile_serialization=False)
model.eval()
cats = torch.stack([torch.randint(c, (rows,)) for c in cards], 1)
numbers = torch.randn(rows, conts) * 3
golden = {"cardinalities": cards, "cats": cats.tolist(), "conts": numbers.tolist(), "scores": model(cats, numbers).tolist()}
(here / "tabularV1.json").write_text(json.dumps(golden) + "\n")
