#!/usr/bin/env python3
"""Record what scikit-learn and SciPy say of 200 random prediction tables: reference/metrics.json.

Scores are whole numbers, divided by `scale`, so that there are ties; some classes are never true, some never predicted, some
tables have one row or one class.  The calibration error, which scikit-learn doesn't have, is NumPy's digitize and bincount.
A null stands for what is undefined.  Needs: pip install scikit-learn==1.9.1 scipy==1.17.1
"""
import json, math, os, warnings

import numpy as np
from scipy import stats
from sklearn import metrics as sk

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(20250101)


def softmax(row):   # by the C library's exp, in order: ties are then the same on both sides
    e = [math.exp(v - max(row)) for v in row]
    total = 0.0
    for v in e:
        total += v
    return [v / total for v in e]


def averages(true, said, labels, out, multi):
    kw = dict(zero_division=0)
    for kind in ["macro", "weighted"]:
        out[kind + "_precision"] = sk.precision_score(true, said, average=kind, **kw)
        out[kind + "_recall"] = sk.recall_score(true, said, average=kind, **kw)
        out[kind + "_f1"] = sk.f1_score(true, said, average=kind, **kw)
    out["micro_f1"] = sk.f1_score(true, said, average="micro", **kw)
    labels = None if multi else labels
    p, r, f, n = sk.precision_recall_fscore_support(true, said, labels=labels, average=None, **kw)
    return dict(precision=list(p), recall=list(r), f1=list(f), support=[int(v) for v in n])


def single(n, classes, scale, true_classes, never_said):
    scores = rng.integers(-3 * scale, 3 * scale + 1, (n, classes))
    if never_said is not None:
        scores[:, never_said] = -8 * scale
    true = rng.choice(true_classes, n)
    better = rng.random(n) < 0.5            # better than chance
    scores[np.arange(n)[better], true[better]] += scale
    logits = scores / scale
    p = np.array([softmax(list(row)) for row in logits])
    said = p.argmax(1)
    assert (said == logits.argmax(1)).all()
    labels = list(range(classes))
    positive = int(rng.integers(classes)) if classes > 2 or rng.random() < 0.3 else 1
    out = dict(loss=sk.log_loss(true, p, labels=labels), accuracy=sk.accuracy_score(true, said),
               balanced_accuracy=sk.balanced_accuracy_score(true, said), mcc=sk.matthews_corrcoef(true, said),
               f1=sk.f1_score(true == positive, said == positive, zero_division=0))
    by_class = averages(true, said, labels, out, False)
    onehot = np.eye(classes, dtype=int)[true]
    if classes == 2:
        # scikit-learn answers an error or nan, by version, where only one class is true
        out["roc_auc"] = sk.roc_auc_score(true == positive, p[:, positive]) if len(set(true)) == 2 else math.nan
        out["average_precision"] = sk.average_precision_score(true == positive, p[:, positive])
    else:
        whole = len(set(true)) == classes
        out["roc_auc"] = sk.roc_auc_score(true, p, multi_class="ovr", labels=labels) if whole else math.nan
        out["average_precision"] = sk.average_precision_score(onehot, p, average="macro")
    top = p.max(1)
    bins = np.digitize(top, np.arange(1, 15) / 15)
    right = np.bincount(bins, said == true, 15)
    out["ece"] = np.abs(right - np.bincount(bins, top, 15)).sum() / n
    return dict(task=0, classes=classes, scale=scale, positive=positive, scores=scores.ravel().tolist(), truth=true.tolist(),
                value=out, by_class=by_class)


def multi(n, classes, scale, density):
    scores = rng.integers(-3 * scale, 3 * scale + 1, (n, classes))
    true = (rng.random((n, classes)) < density).astype(int)
    if rng.random() < 0.3:
        true[:, rng.integers(classes)] = 0
    if rng.random() < 0.2:
        scores[:, rng.integers(classes)] = -8 * scale
    thresholds = rng.choice([0.5, 0.3, 0.7, 0.125], classes) if rng.random() < 0.5 else np.full(classes, 0.5)
    logits = scores / scale
    p = 1 / (1 + np.exp(-logits))
    said = (p >= thresholds).astype(int)
    out = dict(loss=float(np.mean(np.where(true == 1, np.log1p(np.exp(-logits)), np.log1p(np.exp(logits))))),
               subset_accuracy=sk.accuracy_score(true, said), hamming_loss=sk.hamming_loss(true, said))
    by_class = averages(true, said, None, out, True)
    both = all(0 < c < n for c in true.sum(0))
    out["roc_auc"] = sk.roc_auc_score(true, logits, average="macro") if both else math.nan
    out["average_precision"] = sk.average_precision_score(true, logits, average="macro")
    return dict(task=1, classes=classes, scale=scale, scores=scores.ravel().tolist(), truth=true.ravel().tolist(),
                thresholds=thresholds.tolist(), value=out, by_class=by_class)


def regression(n, scale, kind):
    scores = rng.integers(-3 * scale, 3 * scale + 1, n)
    true = scores + rng.integers(-2 * scale, 2 * scale + 1, n)
    if kind == "constant truth":
        true[:] = 2
    if kind == "constant scores":
        scores[:] = 1
    if kind == "both constant":
        scores[:] = true[:] = 3
    s, y = scores / scale, true / scale
    varies = n > 1 and len(set(s)) > 1 and len(set(y)) > 1
    out = dict(loss=sk.mean_squared_error(y, s), rmse=sk.root_mean_squared_error(y, s), mae=sk.mean_absolute_error(y, s),
               r2=sk.r2_score(y, s), pearson=stats.pearsonr(s, y)[0] if varies else math.nan,
               spearman=stats.spearmanr(s, y)[0] if varies else math.nan)
    return dict(task=2, classes=1, scale=scale, scores=scores.tolist(), truth=true.tolist(), value=out)


def clean(v):
    if isinstance(v, dict):
        return {k: clean(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)):
        return [clean(x) for x in v]
    if isinstance(v, (float, np.floating)):
        return None if math.isnan(v) else float(v)
    return v


tables = []
for i in range(110):
    classes = [2, 2, 3, 4, 6][i % 5]
    true_classes = list(range(classes))
    if i % 4 == 3:
        true_classes = true_classes[1:]
    if i % 11 == 10:
        true_classes = true_classes[:1]
    never_said = int(rng.integers(classes)) if i % 6 == 5 else None
    tables.append(single([1, 2, 7, 15, 30][int(rng.integers(5))] if i < 60 else 24, classes, [1, 2, 4][i % 3], true_classes, never_said))
for i in range(55):
    tables.append(multi([1, 3, 9, 20][i % 4], [2, 3, 4, 5][int(rng.integers(4))] if i % 5 else 2, [1, 2, 4][i % 3], [0.1, 0.3, 0.6][i % 3]))
kinds = ["", "", "", "constant truth", "constant scores", "both constant"]
for i in range(35):
    tables.append(regression([1, 2, 5, 20, 40][i % 5], [1, 4, 8][i % 3], kinds[i % 6]))
assert len(tables) == 200
with open(os.path.join(HERE, "reference", "metrics.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(clean(t), separators=(",", ":")) for t in tables) + "\n]\n")
