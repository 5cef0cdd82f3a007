#!/usr/bin/env python3
"""Does `transformers` load a folder that ftc wrote, and compute the same?

    ftc run ... -o DIR --predict TABLE.csv --logits --predictions PREDICTIONS.csv
    loads_in_transformers.py DIR PREDICTIONS.csv [ROWS]

No weight may be missing or left over; of the first ROWS (200) records all labels must be the same, and logits within 1e-4.
Not a test, since it needs torch and transformers.
"""
import csv, sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder, predictions = sys.argv[1:3]
count = int(sys.argv[3]) if len(sys.argv) > 3 else 200
model, info = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
model.eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
names = model.config.id2label
wrong = {k: v for k, v in info.items() if v}
worst, other, rows = 0.0, 0, 0
with torch.no_grad():
    for r in list(csv.DictReader(open(predictions, newline="", encoding="utf-8")))[:count]:
        text = (r["text_a"], r["text_b"]) if "text_a" in r else (r["text"],)
        logits = model(**tokenizer(*text, truncation=True, return_tensors="pt")).logits[0]
        worst = max([worst] + [abs(float(r["logit_" + names[i]]) - v) for i, v in enumerate(logits.tolist())])
        other += names[int(logits.argmax())] != r["predicted"]
        rows += 1
print(f"{type(model).__name__}: {rows} rows, largest difference {worst:.2g}, other labels {other}, "
      f"weights amiss: {wrong or 'none'}")
sys.exit(bool(wrong or other or not rows or not worst < 1e-4))
