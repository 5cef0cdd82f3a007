#!/usr/bin/env python3
"""Record what PyTorch and transformers make of rows of several labels, and of rows with a number.

    make_tasks_reference.py losses   --shared DIR                    reference/bert_{labels,number}_losses.json, for test_pytorch.c
    make_tasks_reference.py accuracy --shared DIR --minilm DIR       reference/tasks.json, for tasks.sh  (half an hour; --data stsb_en --seeds 5)

The models are BertForSequenceClassification with problem_type multi_label_classification and regression.  `losses` trains small
ones in double, on weights by formula, as make_reference.py does; `accuracy` fine-tunes MiniLM as peers/hf_finetune.py does, in
single precision.  Needs: pip install torch==2.13.0 transformers==5.23.0 scikit-learn scipy
"""
import argparse, json, os

from make_reference import BATCH, EPOCHS, HERE, LIMIT, MAX_LENGTH, config_of, fill, made_by, read, texts, write

# Weighed alike, MiniLM says "no" to every label until long after one epoch of so few rows, in PyTorch as here: a label's rows are 1 in
# 25.  So each row that has it counts as 8 that haven't.
GOEMOTIONS = dict(data="goemotions_multilabel", metric="micro_f1", limit=10000, epochs=1, batch=8, lr=1e-4, weight=8.0)
STSB = dict(data="stsb_en", metric="pearson", limit=None, epochs=2, batch=32, lr=1e-4)


def labels_of(a, task):
    return ["score"] if task is STSB else open(f"{a.shared}/data/{task['data']}/labels.txt").read().split()


def problem_type(task):
    return "regression" if task is STSB else "multi_label_classification"


def answers(task, rows, labels):
    import torch
    if task is STSB:
        return torch.tensor([[float(r["score"])] for r in rows])
    return torch.tensor([[float(y in r["labels"].split("|")) for y in labels] for r in rows])


def optimizer(model, lr, steps):
    """AdamW, no decay of biases and norms; the rate rises for a tenth of the steps, and falls to 0."""
    import torch
    from transformers import get_linear_schedule_with_warmup
    decay = [q for n, q in model.named_parameters() if not n.endswith("bias") and "LayerNorm" not in n]
    rest = [q for n, q in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    opt = torch.optim.AdamW([dict(params=decay, weight_decay=0.01), dict(params=rest, weight_decay=0.0)], lr=lr)
    return opt, get_linear_schedule_with_warmup(opt, int(0.1 * steps), steps)


def encode(tok, rows):
    columns = map(list, zip(*(texts(r) for r in rows)))
    return tok(*columns, truncation=True, max_length=MAX_LENGTH, padding=True, return_tensors="pt")


def step(model, opt, schedule, loss):
    import torch
    opt.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    schedule.step()


# ----- losses, step by step -----

def small_run(model, tok, task, rows, labels, balanced, smoothing):
    """Losses of all steps, rows in their order; transformers' own loss where nothing is weighed or smoothed."""
    import torch
    y = answers(task, rows, labels).double()
    with_label = y.sum(0)
    weights = torch.where(with_label > 0, (len(rows) - with_label) / with_label, 1.0) if balanced else None
    opt, schedule = optimizer(model, 1e-3, EPOCHS * -(-len(rows) // BATCH))
    losses = []
    model.train()
    for epoch in range(EPOCHS):
        for i in range(0, len(rows), BATCH):
            out = model(**encode(tok, rows[i:i + BATCH]), labels=y[i:i + BATCH])
            loss = out.loss
            if balanced or smoothing:
                soft = y[i:i + BATCH] * (1 - smoothing) + smoothing / 2
                loss = torch.nn.functional.binary_cross_entropy_with_logits(out.logits, soft, pos_weight=weights)
            step(model, opt, schedule, loss)
            losses.append(loss.item())
    return losses


def losses(a):
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast
    tok = BertTokenizerFast.from_pretrained(f"{a.shared}/vocabs/bert-base-uncased")
    label = ["data.label=labels", "data.label_separator=|"]
    cases = [("plain", {}, []),
             ("balanced_smoothed", dict(balanced=True, smoothing=0.1), ["loss.class_weights=balanced", "loss.label_smoothing=0.1"])]
    for name, task, ftc, runs_of in [("bert_labels", GOEMOTIONS, label, cases),
                                     ("bert_number", STSB, ["data.label=score", "data.text=[text_a,text_b]"], cases[:1])]:
        labels = labels_of(a, task)
        rows = read(f"{a.shared}/data/{task['data']}/train.csv")[:LIMIT]
        config = BertConfig(vocab_size=30522, max_position_embeddings=128, hidden_size=48, num_hidden_layers=2,
                            num_attention_heads=3, intermediate_size=80, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
                            problem_type=problem_type(task), id2label=dict(enumerate(labels)),
                            label2id={y: i for i, y in enumerate(labels)})
        runs = []
        for case, how, settings in runs_of:
            model = BertForSequenceClassification(config)
            model.config.architectures = ["BertForSequenceClassification"]
            with torch.no_grad():
                weights, bits = fill(model, [n for n, _ in model.named_parameters()], 0.25)
            values = small_run(model.double(), tok, task, rows, labels, how.get("balanced", False), how.get("smoothing", 0.0))
            print(name, case, values[0], "...", values[-1])
            runs.append(dict(name=case, ftc=ftc + settings, losses=[float(f"{v:.9g}") for v in values]))
        model.float()
        write(f"{name}_losses.json", dict(
            made_by=made_by("", max_length=MAX_LENGTH, dtype="float64 on float32 weights", shuffle=False)
            | dict(script="tests/models/make_tasks_reference.py losses"),
            base=None, config=config_of(model), weights=weights, weight_bits=bits, data=task["data"], limit=LIMIT, batch=BATCH,
            epochs=EPOCHS, lr=1e-3, runs=runs))


# ----- fine-tuning MiniLM -----

def run(a, task, seed):
    import torch
    from scipy.stats import pearsonr
    from sklearn.metrics import f1_score
    from transformers import AutoConfig, AutoTokenizer, BertForSequenceClassification

    torch.manual_seed(seed)
    folder = f"{a.shared}/data/{task['data']}"
    train, test = read(f"{folder}/train.csv")[:task["limit"]], read(f"{folder}/test.csv")
    labels = labels_of(a, task)
    tok = AutoTokenizer.from_pretrained(a.minilm)
    config = AutoConfig.from_pretrained(a.minilm, num_labels=len(labels), classifier_dropout=0.1, problem_type=problem_type(task))
    model = BertForSequenceClassification.from_pretrained(a.minilm, config=config)
    opt, schedule = optimizer(model, task["lr"], task["epochs"] * -(-len(train) // task["batch"]))
    model.train()
    for epoch in range(task["epochs"]):
        order = torch.randperm(len(train)).tolist()
        for i in range(0, len(order), task["batch"]):
            rows = [train[j] for j in order[i:i + task["batch"]]]
            y = answers(task, rows, labels)
            out = model(**encode(tok, rows), labels=y)
            if "weight" in task:
                pos_weight = torch.full([len(labels)], task["weight"])
                out.loss = torch.nn.functional.binary_cross_entropy_with_logits(out.logits, y, pos_weight=pos_weight)
            step(model, opt, schedule, out.loss)
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(**encode(tok, test[i:i + 64])).logits for i in range(0, len(test), 64)])
    truth = answers(task, test, labels)
    if task is STSB:
        return pearsonr(logits[:, 0].numpy(), truth[:, 0].numpy())[0]
    return f1_score(truth.numpy(), (logits.sigmoid() >= 0.5).int().numpy(), average="micro")


def recorded():
    file = os.path.join(HERE, "reference", "tasks.json")
    return json.load(open(file))["runs"] if os.path.exists(file) else []


def accuracy(a):
    """Adds what reference/tasks.json doesn't have yet, run by run; several may do so at once, each for another --data."""
    for seed in range(1, a.seeds + 1):
        for task in [STSB, GOEMOTIONS]:
            if task["data"] != (a.data or task["data"]) or any((r["data"], r["seed"]) == (task["data"], seed) for r in recorded()):
                continue
            value = round(float(run(a, task, seed)), 6)
            runs = recorded() + [task | dict(seed=seed, value=value)]
            print(runs[-1], flush=True)
            write("tasks.json", dict(made_by=made_by("", dtype="float32")
                                     | dict(script="tests/models/make_tasks_reference.py accuracy"), base="all-MiniLM-L6-v2",
                                     runs=sorted(runs, key=lambda r: (r["data"], r["seed"]))))


if __name__ == "__main__":
    import torch
    p = argparse.ArgumentParser()
    jobs = dict(losses=losses, accuracy=accuracy)
    p.add_argument("what", choices=jobs)
    p.add_argument("--shared", required=True)
    p.add_argument("--minilm")
    p.add_argument("--data")
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    jobs[a.what](a)
