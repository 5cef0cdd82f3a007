#!/usr/bin/env python3
"""Record what scikit-learn's train_test_split makes of some tables: reference/splits.json, read by test_split.c.

    make_splits.py      needs: pip install scikit-learn==1.9.1 numpy==2.4.6

A table is a list of labels.  Sizes are truncated; test is taken first, then dev from the rest, both with the same seed and with the
labels as strings.  Large tables are a formula (`formula` below; the test has it in C), and of their rows a SHA-256 is kept, of the
numbers as text with a comma behind each.  Where scikit-learn refuses, its words are kept.
"""
import hashlib, json, os

import numpy, sklearn
from sklearn.model_selection import train_test_split

WORDS = ["ham", "Spam", "äh", "10", "9", "Ä", "x y"]
LARGE = 100_003


def formula(i, classes):
    return "class %d" % ((i * i + i // 3) % 11 * (i % 7) % classes)


def cycle(*counts):
    """So many labels of each word, spread over the table."""
    places = sorted((k / n + c * 1e-6, WORDS[c]) for c, n in enumerate(counts) for k in range(n))
    return [word for _, word in places]


TABLES = [
    # labels, classes of a formula's; dev, test, seed, stratify
    ("one class's share is a tie", cycle(10, 10, 10), 0.15, 0.15, 42, True),
    ("two classes, odd size", cycle(50, 51), 0.15, 0.15, 0, True),
    ("four unequal classes", cycle(57, 23, 9, 4), 0.2, 0.1, 1, True),
    ("classes of two rows", cycle(40, 2, 37, 2), 0.0, 0.2, 42, True),
    ("classes of two rows in both draws", cycle(61, 8, 2, 25), 0.1, 0.1, 4294967295, True),
    ("six classes, the least share that gives each a row", cycle(10, 10, 10, 10, 10, 10), 0.1, 0.1, 7, True),
    ("not stratified, nothing divides", cycle(33, 34), 0.13, 0.29, 42, False),
    ("not stratified, dev alone", cycle(7, 6), 0.4, 0.0, 4294967295, False),
    ("half and half", cycle(9, 9, 5), 0.5, 0.0, 3, True),
    ("seven words, in another order than their bytes", cycle(14, 13, 12, 11, 10, 9, 8), 0.17, 0.19, 2024, True),
    ("large, stratified", 5, 0.15, 0.15, 42, True),
    ("large, not stratified", 2, 0.15, 0.15, 1, False),
    ("a class of one row", cycle(20, 1, 20), 0.15, 0.15, 42, True),
    ("fewer test rows than classes", cycle(10, 10, 10), 0.2, 0.05, 42, True),
    ("fewer rows left than classes", cycle(4, 4, 4), 0.0, 0.9, 42, True),
    ("a class of two rows, one of them in test", cycle(30, 2), 0.3, 0.4, 42, True),
]


def split(labels, dev, test, seed, stratify):
    n = len(labels)
    labels = numpy.array(labels)
    rest, out = numpy.arange(n), {"test": [], "dev": []}
    for part, share in (("test", test), ("dev", dev)):
        if share:
            rest, out[part] = train_test_split(rest, test_size=int(share * n), random_state=seed,
                                               stratify=labels[rest] if stratify else None)
    return {"train": rest, **out}


def main():
    lines = []
    for name, labels, dev, test, seed, stratify in TABLES:
        table = dict(name=name, shares=dict(dev=dev, test=test), seed=seed, stratify=stratify)
        large = isinstance(labels, int)
        if large:
            table |= dict(rows=LARGE, classes=labels)
            labels = [formula(i, labels) for i in range(LARGE)]
        else:
            table["labels"] = labels
        try:
            table["parts"] = {}
            for part, rows in split(labels, dev, test, seed, stratify).items():
                text = "".join("%d," % r for r in rows)
                table["parts"][part] = hashlib.sha256(text.encode()).hexdigest() if large else [int(r) for r in rows]
        except ValueError as e:
            table["parts"] = None
            table["refused"] = str(e)
        lines.append(json.dumps(table, ensure_ascii=False))
    head = dict(script="tests/runtime/make_splits.py", versions=dict(sklearn=sklearn.__version__, numpy=numpy.__version__))
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "reference", "splits.json"), "w", encoding="utf-8") as f:
        f.write('{"made_by": %s,\n "tables": [\n%s\n]}\n' % (json.dumps(head), ",\n".join(lines)))


main()
