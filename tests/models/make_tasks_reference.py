#!/usr/bin/env python3
"""Fine-tune MiniLM in PyTorch on rows of several labels and on rows with a number: reference/tasks.json, for tasks.sh.

    make_tasks_reference.py --shared DIR --minilm DIR [--threads 2]        (half an hour)

The model is transformers' BertForSequenceClassification with problem_type multi_label_classification and regression; the training is
that of peers/hf_finetune.py.  Needs: pip install torch==2.13.0 transformers==5.23.0 scikit-learn scipy
"""
import argparse

from make_reference import MAX_LENGTH, made_by, read, texts, write

GOEMOTIONS = dict(data="goemotions_multilabel", metric="micro_f1", limit=10000, epochs=1, batch=32, lr=2e-4)
STSB = dict(data="stsb_en", metric="pearson", limit=None, epochs=2, batch=32, lr=1e-4)


def answers(task, rows, labels):
    import torch
    if task["metric"] == "pearson":
        return torch.tensor([[float(r["score"])] for r in rows])
    return torch.tensor([[float(y in r["labels"].split("|")) for y in labels] for r in rows])


def run(a, task, seed):
    import torch
    from scipy.stats import pearsonr
    from sklearn.metrics import f1_score
    from transformers import AutoConfig, AutoTokenizer, BertForSequenceClassification, get_linear_schedule_with_warmup

    torch.manual_seed(seed)
    folder = f"{a.shared}/data/{task['data']}"
    train, test = read(f"{folder}/train.csv")[:task["limit"]], read(f"{folder}/test.csv")
    number = task["metric"] == "pearson"
    labels = ["score"] if number else open(f"{folder}/labels.txt").read().split()
    tok = AutoTokenizer.from_pretrained(a.minilm)
    config = AutoConfig.from_pretrained(a.minilm, num_labels=len(labels), classifier_dropout=0.1,
                                        problem_type="regression" if number else "multi_label_classification")
    model = BertForSequenceClassification.from_pretrained(a.minilm, config=config)
    decay = [q for n, q in model.named_parameters() if not n.endswith("bias") and "LayerNorm" not in n]
    rest = [q for n, q in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    opt = torch.optim.AdamW([dict(params=decay, weight_decay=0.01), dict(params=rest, weight_decay=0.0)], lr=task["lr"])
    steps = task["epochs"] * -(-len(train) // task["batch"])
    schedule = get_linear_schedule_with_warmup(opt, int(0.1 * steps), steps)

    def encode(rows):
        return tok(*map(list, zip(*(texts(r) for r in rows))), truncation=True, max_length=MAX_LENGTH, padding=True,
                   return_tensors="pt")

    model.train()
    for epoch in range(task["epochs"]):
        order = torch.randperm(len(train)).tolist()
        for i in range(0, len(order), task["batch"]):
            rows = [train[j] for j in order[i:i + task["batch"]]]
            loss = model(**encode(rows), labels=answers(task, rows, labels)).loss
            opt.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(**encode(test[i:i + 64])).logits for i in range(0, len(test), 64)])
    truth = answers(task, test, labels)
    if number:
        return pearsonr(logits[:, 0].numpy(), truth[:, 0].numpy())[0]
    return f1_score(truth.numpy(), (logits.sigmoid() >= 0.5).int().numpy(), average="micro")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--shared", required=True)
    p.add_argument("--minilm", required=True)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    import torch
    torch.set_num_threads(a.threads)
    runs = []
    for seed in [1, 2, 3]:
        for task in [STSB, GOEMOTIONS]:
            value = float(run(a, task, seed))
            runs.append(task | dict(seed=seed, value=round(value, 6)))
            print(runs[-1], flush=True)
            write("tasks.json", dict(made_by=made_by("", dtype="float32") | dict(script="tests/models/make_tasks_reference.py"),
                                     base="all-MiniLM-L6-v2", runs=sorted(runs, key=lambda r: r["data"])))
