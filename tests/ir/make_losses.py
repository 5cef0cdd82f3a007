#!/usr/bin/env python3
"""Record what PyTorch says of losses and their gradients, in double: reference/losses.json, for test_loss.c.

Needs: pip install torch==2.13.0
"""
import json, os

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(7)
ROWS, CLASSES = 6, 4
WEIGHTS = torch.tensor([0.5, 2.0, 1.25, 3.0])
ROW_WEIGHTS = torch.tensor([1.0, 0.25, 3.0, 0.5, 2.0, 1.5])


def single(x, y, weights=None, smoothing=0.0, gamma=0.0, rows=None):
    if gamma == 0:      # PyTorch's own
        cost = F.cross_entropy(x, y, weight=weights, label_smoothing=smoothing, reduction="none")
    else:               # Lin et al. 2017; its sum over classes is the one of smoothed cross entropy
        log_p = F.log_softmax(x, dim=1)
        q = F.one_hot(y, CLASSES) * (1 - smoothing) + smoothing / CLASSES
        w = weights if weights is not None else torch.ones(CLASSES)
        cost = -(w * q * (1 - log_p.exp()) ** gamma * log_p).sum(1)
    count = weights[y] if weights is not None else torch.ones(ROWS)
    rows = rows if rows is not None else torch.ones(ROWS)
    return (rows * cost).sum() / (rows * count).sum()


def multi(x, y, weights=None, smoothing=0.0, rows=None):
    y = y * (1 - smoothing) + smoothing / 2
    if rows is None:
        return F.binary_cross_entropy_with_logits(x, y, pos_weight=weights)
    cost = F.binary_cross_entropy_with_logits(x, y, pos_weight=weights, reduction="none").mean(1)
    return (rows * cost).sum() / rows.sum()


def number(x, y, rows=None):
    if rows is None:
        return F.mse_loss(x, y)
    return (rows * ((x - y) ** 2).mean(1)).sum() / rows.sum()


def settings(kind, weights=None, smoothing=0.0, gamma=None, rows=None):
    out = ["loss.type=" + kind]
    if weights is not None:
        out.append("loss.class_weights=" + json.dumps(weights.tolist()))
    if smoothing:
        out.append(f"loss.label_smoothing={smoothing}")
    if gamma is not None:
        out.append(f"loss.gamma={gamma}")
    if rows is not None:
        out.append("data.weight=weight")
    return out


def case(name, kind, loss, x, y, **how):
    x = x.clone().requires_grad_()
    value = loss(x, y, **how)
    value.backward()
    return dict(name=name, settings=settings(kind, **how), logits=x.detach().flatten().tolist(), answers=y.flatten().tolist(),
                loss=value.item(), gradient=x.grad.flatten().tolist())


x = 2 * torch.randn(ROWS, CLASSES)
far = torch.tensor([0.0, 40.0, -40.0, 1e4, -1e4, 0.001] * CLASSES).reshape(ROWS, CLASSES)
label = torch.tensor([2, 0, 3, 1, 0, 2])
marks = torch.tensor([[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0]]).double()
score = 5 * torch.rand(ROWS, 1)
all_of = dict(weights=WEIGHTS, smoothing=0.1, rows=ROW_WEIGHTS)
CE, BCE = "cross_entropy", "binary_cross_entropy"
cases = [
    case("plain", CE, single, x, label),
    case("rows", CE, single, x, label, rows=ROW_WEIGHTS),
    case("all", CE, single, x, label, **all_of),
    case("focal", "focal", single, x, label, gamma=2.0),
    case("focal, fraction", "focal", single, x, label, gamma=0.5, **all_of),
    case("focal, none", "focal", single, x, label, gamma=0.0, weights=WEIGHTS),
    case("focal, far", "focal", single, far.clamp(-40, 40), label, gamma=2.0),
    case("labels", BCE, multi, x, marks),
    case("labels, weights", BCE, multi, x, marks, weights=WEIGHTS),
    case("labels, all", BCE, multi, x, marks, **all_of),
    case("labels, far", BCE, multi, far, marks),
    case("labels, far, weights", BCE, multi, far, marks, weights=WEIGHTS),
    case("number", "mse", number, x[:, :1].contiguous(), score),
    case("number, rows", "mse", number, x[:, :1].contiguous(), score, rows=ROW_WEIGHTS),
]
out = dict(versions=dict(torch=torch.__version__), rows=ROWS, class_weights=WEIGHTS.tolist(), row_weights=ROW_WEIGHTS.tolist(), cases=cases)
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference")
with open(os.path.join(folder, "losses.json"), "w") as f:
    lines = ",\n  ".join(json.dumps(c) for c in cases)
    head = json.dumps({k: v for k, v in out.items() if k != "cases"})
    f.write(head[:-1] + ',\n "cases": [\n  ' + lines + "\n ]}\n")
