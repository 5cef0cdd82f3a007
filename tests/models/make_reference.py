#!/usr/bin/env python3
"""Record what PyTorch and `transformers` say of whole models, so that ftc's tests need neither.

    make_reference.py logits   --shared DIR --minilm DIR     reference/{minilm,bert_base,distilbert}_logits.json
    make_reference.py losses   --shared DIR                  reference/{bert,bert_pairs,distilbert}_losses.json
    make_reference.py minilm   --shared DIR --minilm DIR     reference/minilm_losses.json
    make_reference.py accuracy --shared DIR --minilm DIR     reference/accuracy.json  (an hour)

shared: the folder with data/, vocabs/bert-base-uncased/ and peers/hf_finetune.py; minilm: the Hugging Face folder of
all-MiniLM-L6-v2.  Needs: pip install torch==2.13.0 transformers==5.23.0

Nothing large is stored and no random number of PyTorch's is used.  Weights are a formula (`formula` below; the test has it
in C), texts are named by the rows of public data sets they stand in.  `logits` and `losses` compute in double, on the
weights in single precision: what differs from them is ftc's own rounding.  `minilm` and `accuracy` run the peer script as
it is, in single precision.
"""
import argparse, csv, json, os, subprocess, sys, tempfile, textwrap

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
LABELS = ["yes", "no", "0"]     # not in the order of their bytes: a folder's own order counts
# rows of test.csv: [first, count]; mrpc makes pairs; gnad10k_de's articles are cut at max_length
ROWS = [["trec6", 0, 40], ["sst2", 0, 30], ["ag_news", 0, 30], ["banking77", 0, 30], ["gnad10k_de", 0, 30],
        ["mrpc", 0, 40]]
MAX_LENGTH = 128


def formula(tensor, shape, centre, scale):
    """Element i of tensor number `tensor`: centre + scale * u, u uniform in [-1, 1): splitmix64's output function on
    tensor * 2^32 + i, the upper 24 bits.  Exact, but for the last rounding to single precision."""
    with np.errstate(over="ignore"):
        z = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64((tensor << 32) + 1)
        z *= np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    u = ((z >> np.uint64(40)).astype(np.int64) - (1 << 23)) * 2.0**-23
    return (centre + scale * u).astype(np.float32).reshape(shape)


def fill(model, names, scale):
    """Gives the named parameters values by formula, each tensor's number being its place in the list; returns the list
    [name, shape, centre, scale] that the test needs to make the same folder, and a check on all bits."""
    import torch
    table, bits = [], 0
    state = model.state_dict()
    for number, name in enumerate(names):
        norm = "norm" in name.lower() and name.endswith("weight")   # gains lie around 1
        row = [name, list(state[name].shape), 1.0 if norm else 0.0, 0.25 if norm else scale]
        value = formula(number, *row[1:])
        bits = (bits + int(value.view(np.uint32).sum(dtype=np.uint64))) % (1 << 53)
        state[name].copy_(torch.from_numpy(value))
        table.append(row)
    return table, bits


def read(path):
    return list(csv.DictReader(open(path, newline="", encoding="utf-8")))


def texts(r):
    return (r["text_a"], r["text_b"]) if "text_a" in r else (r["text"],)


def made_by(what, **settings):
    import tokenizers, torch, transformers
    return dict(script="tests/models/make_reference.py " + what, settings=settings,
                versions=dict(torch=torch.__version__, transformers=transformers.__version__,
                              tokenizers=tokenizers.__version__))


def layout(x, margin=""):
    """JSON in lines of up to about 120 columns."""
    flat = json.dumps(x)
    if len(margin) + len(flat) < 118 or not isinstance(x, (dict, list)):
        return flat
    inner = margin + " "
    if isinstance(x, dict):
        items, ends = [f"{json.dumps(k)}: {layout(v, inner)}" for k, v in x.items()], "{}"
    else:
        items, ends = [layout(v, inner) for v in x], "[]"
        if not any(isinstance(v, (dict, list)) for v in x):
            return "[" + textwrap.fill(", ".join(items), 118, initial_indent="", subsequent_indent=inner) + "]"
    return ends[0] + "\n" + ",\n".join(inner + v for v in items) + "\n" + margin + ends[1]


def write(name, record):
    with open(os.path.join(HERE, "reference", name), "w") as f:
        f.write(layout(record) + "\n")
    print("wrote", name)


def config_of(model):
    """config.json as transformers writes it."""
    with tempfile.TemporaryDirectory() as d:
        model.config.save_pretrained(d)
        return json.load(open(os.path.join(d, "config.json")))


# ----- logits of whole models -----

def model_logits(model, tok, shared):
    import torch
    out = []
    model.eval()
    with torch.no_grad():
        for data, first, count in ROWS:
            for r in read(f"{shared}/data/{data}/test.csv")[first:first + count]:
                x = tok(*texts(r), truncation=True, max_length=MAX_LENGTH, return_tensors="pt")
                out.append(model(**x).logits[0].tolist())
    return out


def record_logits(name, model, tok, base, names, scale, shared):
    import torch
    model.config.architectures = [type(model).__name__]     # as save_pretrained does
    with torch.no_grad():
        weights, bits = fill(model, names, scale)
    single = np.array(model_logits(model, tok, shared))
    double = np.array(model_logits(model.double(), tok, shared))
    model.float()
    record = dict(made_by=made_by("logits", max_length=MAX_LENGTH, dtype="float64 on float32 weights"),
                  float32_differs_by=float(f"{abs(single - double).max():.3g}"),  # transformers' own rounding
                  base=base, config=config_of(model), weights=weights, weight_bits=bits,
                  rows=ROWS, logits=[[float(f"{v:.9g}") for v in row] for row in double])
    print(name, "float32 differs by", record["float32_differs_by"], "spread", double.std(0))
    write(f"{name}_logits.json", record)


def logits(a):
    import torch
    from transformers import (AutoModelForSequenceClassification, AutoTokenizer, BertConfig,
                              BertForSequenceClassification, BertTokenizerFast, DistilBertConfig,
                              DistilBertForSequenceClassification)
    torch.set_num_threads(a.threads)
    ids = dict(id2label=dict(enumerate(LABELS)), label2id={y: i for i, y in enumerate(LABELS)})
    tok = AutoTokenizer.from_pretrained(a.minilm)
    model = AutoModelForSequenceClassification.from_pretrained(a.minilm, **ids)
    record_logits("minilm", model, tok, "all-MiniLM-L6-v2", ["classifier.weight", "classifier.bias"], 1.0, a.shared)
    tok = BertTokenizerFast.from_pretrained(f"{a.shared}/vocabs/bert-base-uncased")
    for name, make, config in [("distilbert", DistilBertForSequenceClassification, DistilBertConfig(**ids)),
                               ("bert_base", BertForSequenceClassification, BertConfig(**ids))]:
        model = make(config)
        record_logits(name, model, tok, None, [n for n, _ in model.named_parameters()], 0.0625, a.shared)


# ----- losses of small models under each optimizer, schedule and loss -----

BASE = dict(optimizer="adamw", lr=1e-3, decay=0.01, clip=1.0, schedule="linear", warmup=0.1, smoothing=0.0, weights=None)
# what PyTorch does | what to tell ftc
CASES = [
    ("adamw", dict(), []),
    ("adamw_weighted_smoothed", dict(weights=[3, 1, 0.5, 1, 2, 0.25], smoothing=0.1, schedule="cosine"),
     ["loss.class_weights=[3,1,0.5,1,2,0.25]", "loss.label_smoothing=0.1", "optimizer.schedule.type=cosine"]),
    ("adamw_balanced", dict(weights="balanced", schedule="constant", warmup=5, decay=0.5),
     ["loss.class_weights=balanced", "optimizer.schedule.type=constant", "optimizer.schedule.warmup=5",
      "optimizer.weight_decay=0.5"]),
    ("sgd", dict(optimizer="sgd", momentum=0.0, nesterov=False, lr=0.05, clip=None),
     ["optimizer.type=sgd", "optimizer.lr=0.05", "optimizer.clip_norm=none"]),
    ("sgd_momentum", dict(optimizer="sgd", momentum=0.9, nesterov=False, lr=0.02, decay=0.1, clip=0.5),
     ["optimizer.type=sgd", "optimizer.lr=0.02", "optimizer.momentum=0.9", "optimizer.weight_decay=0.1",
      "optimizer.clip_norm=0.5"]),
    ("sgd_nesterov", dict(optimizer="sgd", momentum=0.9, nesterov=True, lr=0.02, schedule="cosine", warmup=3),
     ["optimizer.type=sgd", "optimizer.lr=0.02", "optimizer.momentum=0.9", "optimizer.nesterov=true",
      "optimizer.schedule.type=cosine", "optimizer.schedule.warmup=3"]),
]
LIMIT, BATCH, EPOCHS = 330, 32, 2      # the last batch has 10 rows; 22 steps


def train(model, tok, rows, labels, c):
    """Losses of all steps, in double, rows in their order; dropout is 0 in the config."""
    import torch
    from transformers import (get_constant_schedule_with_warmup, get_cosine_schedule_with_warmup,
                              get_linear_schedule_with_warmup)
    y = torch.tensor([labels.index(r["label"]) for r in rows])
    weights = c["weights"]
    if weights == "balanced":
        weights = len(rows) / (len(labels) * torch.bincount(y, minlength=len(labels)).double())
    elif weights:
        weights = torch.tensor(weights, dtype=torch.float64)
    loss_of = torch.nn.CrossEntropyLoss(weight=weights, label_smoothing=c["smoothing"])
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "norm" in n.lower()]
    decayed = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "norm" in n.lower())]
    groups = [dict(params=decayed, weight_decay=c["decay"]), dict(params=plain, weight_decay=0.0)]
    if c["optimizer"] == "adamw":
        opt = torch.optim.AdamW(groups, lr=c["lr"], betas=(0.9, 0.999), eps=1e-8)
    else:
        opt = torch.optim.SGD(groups, lr=c["lr"], momentum=c["momentum"], nesterov=c["nesterov"])
    steps = EPOCHS * -(-len(rows) // BATCH)
    warmup = int(c["warmup"] * steps) if c["warmup"] < 1 else c["warmup"]
    schedule = dict(linear=lambda: get_linear_schedule_with_warmup(opt, warmup, steps),
                    cosine=lambda: get_cosine_schedule_with_warmup(opt, warmup, steps),
                    constant=lambda: get_constant_schedule_with_warmup(opt, warmup))[c["schedule"]]()
    losses = []
    model.train()
    for epoch in range(EPOCHS):
        for i in range(0, len(rows), BATCH):
            x = tok(*zip(*(texts(r) for r in rows[i:i + BATCH])), truncation=True, max_length=MAX_LENGTH, padding=True,
                    return_tensors="pt")
            loss = loss_of(model(**x).logits, y[i:i + BATCH])
            opt.zero_grad()
            loss.backward()
            if c["clip"]:
                torch.nn.utils.clip_grad_norm_(model.parameters(), c["clip"])
            opt.step()
            schedule.step()
            losses.append(loss.item())
    return losses


def losses(a):
    import torch
    from transformers import (BertConfig, BertForSequenceClassification, BertTokenizerFast, DistilBertConfig,
                              DistilBertForSequenceClassification)
    torch.set_num_threads(a.threads)
    tok = BertTokenizerFast.from_pretrained(f"{a.shared}/vocabs/bert-base-uncased")
    small = dict(vocab_size=30522, max_position_embeddings=128)
    bert = dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=3, intermediate_size=80, hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0)
    distilbert = dict(dim=48, n_layers=2, n_heads=3, hidden_dim=80, dropout=0.0, attention_dropout=0.0,
                      seq_classif_dropout=0.0)
    for name, make, config, changes, data, cases in [
            ("bert", BertForSequenceClassification, BertConfig, bert, "trec6", CASES),
            ("bert_pairs", BertForSequenceClassification, BertConfig, bert | dict(hidden_act="gelu_new"), "mrpc",
             CASES[:1]),
            ("distilbert", DistilBertForSequenceClassification, DistilBertConfig, distilbert, "trec6", CASES[:1])]:
        rows = read(f"{a.shared}/data/{data}/train.csv")[:LIMIT]
        labels = sorted({r["label"] for r in rows})
        ids = dict(id2label=dict(enumerate(labels)), label2id={y: i for i, y in enumerate(labels)})
        runs = []
        for case, different, args in cases:
            model = make(config(**small, **changes, **ids))
            model.config.architectures = [make.__name__]
            with torch.no_grad():
                weights, bits = fill(model, [n for n, _ in model.named_parameters()], 0.25)
            c = BASE | different
            values = train(model.double(), tok, rows, labels, c)
            print(name, case, values[0], "...", values[-1])
            runs.append(dict(name=case, pytorch=c, ftc=args, losses=[float(f"{v:.9g}") for v in values]))
        model.float()
        write(f"{name}_losses.json", dict(
            made_by=made_by("losses", max_length=MAX_LENGTH, dtype="float64 on float32 weights", shuffle=False,
                            betas=[0.9, 0.999], eps=1e-8, no_decay="biases and norms"),
            base=None, config=config_of(model), weights=weights, weight_bits=bits, data=data, limit=LIMIT,
            batch=BATCH, epochs=EPOCHS, lr=BASE["lr"], runs=runs))


# ----- the peer script, as it is -----

def peer(a, *args):
    command = [sys.executable, f"{a.shared}/peers/hf_finetune.py", "--model", a.minilm, "--threads", str(a.threads),
               *args]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out.strip().splitlines()[-1])


def minilm(a):
    runs = []
    # At 5e-5 a head that starts from zeros has hardly begun after 50 steps; the second run has been somewhere.
    for lr in ["5e-5", "5e-4"]:
        args = f"--epochs 1 --batch 32 --lr {lr} --limit 1600 --dropout 0 --no-shuffle --zero-head".split()
        with tempfile.TemporaryDirectory() as d:
            peer(a, "--train", f"{a.shared}/data/trec6/train.csv", *args, "--losses", f"{d}/losses")
            values = [float(v) for v in open(f"{d}/losses")]
        runs.append(dict(name=f"lr {lr}", lr=float(lr), arguments=" ".join(args), losses=values))
    write("minilm_losses.json", dict(made_by=made_by("minilm", peer="hf_finetune.py", dtype="float32"),
                                     base="all-MiniLM-L6-v2", data="trec6", limit=1600, batch=32, epochs=1, runs=runs))


def accuracy(a):
    runs = []
    for data, args in [("trec6", "--epochs 3 --batch 32 --lr 1e-4"), ("sst2", "--epochs 2 --batch 32 --lr 5e-5")]:
        for seed in [1, 2, 3]:
            args_ = [*args.split(), "--dropout", "0.1", "--seed", str(seed)]
            folder = f"{a.shared}/data/{data}"
            r = peer(a, "--train", f"{folder}/train.csv", "--eval", f"{folder}/test.csv", *args_)
            runs.append(dict(data=data, arguments=" ".join(args_), accuracy=r["accuracy"]))
            print(runs[-1], r["train_s"], flush=True)
            write("accuracy.json", dict(made_by=made_by("accuracy", peer="hf_finetune.py", dtype="float32"),
                                        base="all-MiniLM-L6-v2", runs=runs))


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    jobs = dict(logits=logits, losses=losses, minilm=minilm, accuracy=accuracy)
    p.add_argument("what", choices=jobs)
    p.add_argument("--shared", required=True)
    p.add_argument("--minilm")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    jobs[a.what](a)
