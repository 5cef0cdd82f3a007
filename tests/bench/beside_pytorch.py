#!/usr/bin/env python3
"""ftc and PyTorch at the same work, turn by turn on the same machine: the table of ratios.

    tests/bench/beside_pytorch.py FTC PYTHON PEERS [--rounds 5] [--threads 2] [--only WORD...] [--enough] [--list]

PYTHON has torch and transformers; PEERS is the folder of torch_step.py and hf_finetune.py, beside data/.  Not a test: times of a
busy machine say little, but turn by turn they are busy for both.  ftc's train_s counts from opening the table to the last step,
compiling included (the first round with an empty cache); PyTorch's counts its steps alone.  Where PyTorch has two forms, a round
runs ftc once and then both.

--enough is for processors on which PyTorch takes hours, as in bf16 without instructions for it: its run is stopped once its steps
took, in the mean, longer than the ratio wanted; that ratio then stands in the row as a bound, ">2.20".
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

p = argparse.ArgumentParser()
p.add_argument("ftc", type=os.path.abspath)
p.add_argument("python")
p.add_argument("peers", type=os.path.abspath)
p.add_argument("--rounds", type=int, default=5)
p.add_argument("--threads", type=int, default=os.cpu_count())
p.add_argument("--only", nargs="*", default=[], metavar="WORD", help="rows whose name has each of these words")
p.add_argument("--enough", action="store_true", help="stop PyTorch once the ratio is certain to exceed what is wanted")
p.add_argument("--list", action="store_true", help="print the rows' names")
a = p.parse_args()

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
data = os.path.join(os.path.dirname(a.peers), "data")
home = os.environ.get("XDG_DATA_HOME", os.path.expanduser("~/.local/share"))
minilm = os.environ.get("FTC_MINILM", os.path.join(home, "ftc/models/minilm-l6"))
specs = dict(minilm=f"{root}/models/minilm_cls.yaml", base=f"{root}/models/bert_base_cls.yaml", tiny="tiny.yaml")
TINY = """model:
  tokenizer: {vocab_size: 30522}
  encoder: {type: bert, layers: 2, hidden: 128, heads: 2, intermediate: 512}
"""
START_S = 15  # more than PyTorch takes to import, to load or make a model, and to read a table
STEPS = 10  # torch_step.py's: the first, one more and eight timed


def say(command, timeout=None):
    """What a command reports in its last line; None where it was stopped after `timeout` seconds."""
    try:
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return None
    if run.returncode:
        sys.exit(f"{' '.join(command)}\n{run.stderr}")
    return json.loads(run.stdout.strip().splitlines()[-1])


# A kind of work: the arguments of ftc and of PyTorch's script for one round, the fields of their reports that have the time, and
# the seconds that one unit of our time stands for in a whole run of PyTorch's.


def step(seed, model, batch, precision):
    """One step on full rows of 128 tokens: milliseconds."""
    size = ["--batch", str(batch), "--seq", "128"]
    ours = ["bench", specs[model], *size, "--precision", precision, "--quick"]
    peer = ["torch_step.py", "--model", model, *size, "--dtype", dict(f32="fp32", bf16="bf16")[precision]]
    return ours, "fused_ms", peer, "ms_per_step", STEPS / 1e3


def fine_tune(seed, *files):
    """The arguments of both for an epoch on those files, and a model that neither keeps."""
    ours = ["run", specs["minilm"], "--init", minilm, *files, "-D", "train.epochs=1", "--seed", str(seed), "-o", "model", "--force"]
    return ours, ["hf_finetune.py", "--model", minilm, *files, "--seed", str(seed)]


def tune(seed, table, limit, precision):
    """An epoch on the first rows of a table: seconds of training."""
    ours, peer = fine_tune(seed, "--train", f"{data}/{table}/train.csv", "--limit", str(limit))
    return [*ours, "-D", f"train.precision={precision}"], "train_s", [*peer, "--dropout", "0.1"], "train_s", 1


def evaluate(seed):
    """The 7,600 rows of ag_news's test table, f32, after a step: seconds."""
    ours, peer = fine_tune(seed, "--train", f"{data}/ag_news/train.csv", "--eval", f"{data}/ag_news/test.csv", "--limit", "32")
    return ours, "eval_s", peer, "eval_s", 1


bf16, tuned = ["--dtype", "bf16"], ["--dtype", "bf16", "--group-by-length"]
works = [  # a kind, what it works on, and PyTorch's forms: the row's name, the ratio that is wanted at least, flags
    (step, ("minilm", 32, "f32"), [("step minilm 32x128 f32", 2.0, [])]),
    (step, ("minilm", 32, "bf16"), [("step minilm 32x128 bf16", 2.2, [])]),
    (step, ("base", 8, "f32"), [("step base 8x128 f32", 1.6, [])]),
    (step, ("base", 8, "bf16"), [("step base 8x128 bf16", 1.45, [])]),
    (step, ("tiny", 32, "f32"), [("step tiny 32x128 f32", 3.0, [])]),
    (tune, ("ag_news", 1600, "f32"), [("tune ag_news 1600 f32", 4.0, [])]),
    (tune, ("sst2", 3200, "f32"), [("tune sst2 3200 f32", 3.5, [])]),
    (tune, ("ag_news", 1600, "bf16"), [("tune ag_news 1600 bf16", 4.0, bf16), ("tune ag_news 1600 bf16 by-length", 2.4, tuned)]),
    (tune, ("sst2", 3200, "bf16"), [("tune sst2 3200 bf16", 4.0, bf16), ("tune sst2 3200 bf16 by-length", 2.2, tuned)]),
    (evaluate, (), [("eval ag_news f32", 3.0, [])]),
]
works = [(kind, what, [f for f in forms if all(w in f[0].split() for w in a.only)]) for kind, what, forms in works]
works = [w for w in works if w[-1]]
if a.list:
    sys.exit("\n".join(name for _, _, forms in works for name, _, _ in forms))
threads = ["--threads", str(a.threads)]

with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    os.environ["XDG_CACHE_HOME"] = f"{work}/cache"
    with open("tiny.yaml", "w") as f:
        f.write(TINY)
    print(f"{'work':34} {'ours':>9} {'PyTorch':>9} {'ratio':>6} {'MiB':>6} {'MiB':>6} {'of':>5}", flush=True)
    for kind, what, forms in works:
        ratios = {name: [] for name, _, _ in forms}
        for seed in range(1, a.rounds + 1):
            command, field, peer, peer_field, unit_s = kind(seed, *what)
            ours = say([a.ftc, *command, *threads, "--json"])
            time, mib = ours[field], ours["peak_rss_mib"]
            share = f"share {ours['peak_share']:.3f}" if "peak_share" in ours else ""
            for name, least, flags in forms:
                script, *arguments = peer
                theirs = say([a.python, f"{a.peers}/{script}", *arguments, *flags, *threads],
                             START_S + least * time * unit_s if a.enough else None)
                if theirs:
                    their_time, their_mib = theirs[peer_field], theirs["peak_rss_mib"]
                    ratios[name].append((their_time / time, ""))
                    rest = f"{their_time:9.1f} {their_time / time:6.2f} {mib:6.0f} {their_mib:6.0f} {mib / their_mib:5.2f}"
                else:
                    ratios[name].append((least, ">"))
                    rest = f"{'stopped':>9} {f'>{least:.2f}':>6} {mib:6.0f} {'':6} {'':5}"
                print(f"{name:34} {time:9.1f} {rest}  {share}".rstrip(), flush=True)
        for name, least, _ in forms:
            median, bound = statistics.median_low(r for r, _ in ratios[name]), ">" if any(b for _, b in ratios[name]) else ""
            print(f"{name:34} median of {len(ratios[name])}: {bound}{median:.2f}, at least {least} wanted", flush=True)
