"""Writes the .pth files beside it, with PyTorch: python makeFixtures.py. They are committed, so tests need no Python."""

import collections
import pathlib

import torch

here = pathlib.Path(__file__).parent


def save(name, value, **options):
    torch.save(value, here / f"{name}.pth", **options)


torch.manual_seed(0)
base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
shared = torch.tensor([1.5, -2.0])
value = collections.OrderedDict(
    transposed=base.t(),
    part=base[1:, ::2],
    repeated=torch.tensor([7.0]).expand(3),
    empty=torch.zeros(0, 3),
    scalar=torch.tensor(3.25),
    parameter=torch.nn.Parameter(torch.tensor([0.5, 0.25])),
    half=torch.tensor([1.5, 65504.0, -0.0]).half(),
    bfloat=torch.tensor([1.5, -3.0]).bfloat16(),
    double=torch.tensor([0.1], dtype=torch.float64),
    long=torch.tensor([-5, 2**31 - 1]),
    int8=torch.tensor([-128, 127], dtype=torch.int8),
    uint8=torch.tensor([0, 255], dtype=torch.uint8),
    bool=torch.tensor([True, False]),
)
checkpoint = {
    "model": value,
    "twice": [shared, shared],
    "epoch": 7,
    "big": 2**70,
    "name": "naïve",
    "rate": 1e-3,
    "flags": (True, None, {"a", "b"}),
}
for name, options in [("zip", {}), ("legacy", {"_use_new_zipfile_serialization": False})]:
    save(name, checkpoint, **options)
net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
save("stateDict", net.state_dict())
save("wholeModel", torch.nn.Linear(1, 1))


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/executed",)


save("evil", {"weights": torch.ones(1), "payload": Evil()})
save("evilLegacy", {"payload": Evil()}, _use_new_zipfile_serialization=False)
