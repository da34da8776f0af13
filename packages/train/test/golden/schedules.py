"""Makes schedules.json: learning rates and momenta of every iteration, by the formulas of the libraries that the course used.

    python schedules.py            writes schedules.json beside this file (the same bytes every time)

Needs only Python. Rates are counted up iteration by iteration, as those libraries do, not by closed formulas.
"""

import json
import math
import pathlib


def cosine_annealing(lr, nb, mult, total):
    """SGDR: half a cosine a cycle; the first twentieth of the first cycle at lr / 100, which counts into the cycle."""
    rates, cycle_iter = [], 0
    for iteration in range(total):
        if iteration < nb / 20:
            cycle_iter += 1
            rates.append(lr / 100)
            continue
        rates.append(lr / 2 * (math.cos(math.pi * cycle_iter / nb) + 1))
        cycle_iter += 1
        if cycle_iter == nb:
            cycle_iter, nb = 0, nb * mult
    return rates


def circular(lr, nb, div, cut_div, momenta, total):
    cut, rates, moms = nb // cut_div, [], []
    for iteration in range(total):
        i = iteration % nb
        pct = 1 - (i - cut) / (nb - cut) if i > cut else i / cut
        rates.append(lr * (1 + pct * (div - 1)) / div)
        moms.append(momenta[0] + pct * (momenta[1] - momenta[0]))
    return rates, moms


def circular_beta(lr, nb, div, percent, momenta, total):
    leg, rates, moms = int(nb * (1 - percent / 100) / 2), [], []
    for iteration in range(total):
        i = iteration % nb
        if i > 2 * leg:
            pct = (i - 2 * leg) / (nb - 2 * leg)
            rates.append(lr * (1 + pct * (1 - 100) / 100) / div)
            moms.append(momenta[0])
        else:
            pct = 1 - (i - leg) / leg if i > leg else i / leg
            rates.append(lr * (1 + pct * (div - 1)) / div)
            moms.append(momenta[0] + pct * (momenta[1] - momenta[0]))
    return rates, moms


def cos(start, end, p):
    return start + (1 + math.cos(math.pi * (1 - p))) * (end - start) / 2


def one_cycle(lr, total, pct, div, div_final, moms):
    rates, momenta = [], []
    for i in range(total):
        p = i / total
        if p < pct:
            rates.append(cos(lr / div, lr, p / pct))
            momenta.append(cos(moms[0], moms[1], p / pct))
        else:
            q = (p - pct) / (1 - pct)
            rates.append(cos(lr, lr / div_final, q))
            momenta.append(cos(moms[1], moms[2], q))
    return rates, momenta


N = 40
curves = {
    "linear": [1e-3 + (0.1 - 1e-3) * i / N for i in range(N)],
    "exponential": [1e-5 * (10 / 1e-5) ** (i / N) for i in range(N)],
    "cosine": [1e-4 + (0.2 - 1e-4) / 2 * (math.cos(math.pi * i / N) + 1) for i in range(N)],
    "polynomial": [1e-3 + (0.1 - 1e-3) * (1 - i / N) ** 0.5 for i in range(N)],
    "warmUp": [0.1 * (i / 4) if i < 4 else cos(0.1, 0, (i - 4) / (N - 4)) for i in range(N)],
    "flatCosine": [0.1 if i < 30 else cos(0.1, 1e-6, (i - 30) / 10) for i in range(N)],
}
schedules = {
    "sgdr": {"lr": cosine_annealing(0.01, 30, 2, 7 * 30)},
    "sgdrLong": {"lr": cosine_annealing(0.3, 46, 1, 3 * 46)},
    **{
        name: dict(zip(("lr", "momentum"), pair))
        for name, pair in {
            "circular": circular(0.02, 60, 4, 8, (0.95, 0.85), 120),
            "circularSteep": circular(0.02, 60, 20, 10, (0.95, 0.8), 60),
            "circularBeta": circular_beta(0.1, 60, 10, 10, (0.95, 0.85), 120),
            "oneCycle": one_cycle(0.004, 100, 0.25, 25, 1e5, (0.95, 0.85, 0.95)),
            "oneCycleV1": one_cycle(0.004, 100, 0.3, 25, 25 * 1e4, (0.95, 0.85, 0.95)),
        }.items()
    },
}
golden = {"iterations": N, "curves": curves, "schedules": schedules}
pathlib.Path(__file__).with_name("schedules.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
