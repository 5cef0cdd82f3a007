#!/usr/bin/env python3
"""ftc and PyTorch at the same work, turn by turn on the same machine: the table of ratios.

    tests/bench/beside_pytorch.py FTC PYTHON PEERS [--rounds 5] [--threads 2] [--only WORD...] [--enough] [--list]

PYTHON has torch and transformers; PEERS is the folder of torch_step.py and hf_finetune.py, beside data/.  Not a test: times of a
busy machine say little, but turn by turn they are busy for both.  ftc's train_s counts from opening the table to the last step,
compiling included (the first round with an empty cache); PyTorch's counts its steps alone.

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
START_S = 20  # more than PyTorch takes to import, to load or make a model, and to read a table
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


def beside(command, field, ours, ours_mib, allowed_s):
    """A round's ours, peer, ours_mib, peer_mib: runs PyTorch's command, whose report has its time in `field`; the peer's are None
    where it was stopped for taking more than allowed_s."""
    peer = say(command, START_S + allowed_s if a.enough else None)
    return (ours, peer[field], ours_mib, peer["peak_rss_mib"]) if peer else (ours, None, ours_mib, None)


def step(least, seed, model, batch, precision):
    """One step on full rows of 128 tokens: milliseconds and peak MiB of both."""
    ours = say([a.ftc, "bench", specs[model], "--batch", str(batch), "--seq", "128", "--precision", precision, "--quick",
                "--json", "--threads", str(a.threads)])
    peer = [a.python, f"{a.peers}/torch_step.py", "--model", model, "--batch", str(batch), "--seq", "128", "--dtype",
            dict(f32="fp32", bf16="bf16")[precision], "--threads", str(a.threads)]
    allowed_s = least * STEPS * ours["fused_ms"] / 1e3
    return *beside(peer, "ms_per_step", ours["fused_ms"], ours["peak_rss_mib"], allowed_s), f"share {ours['peak_share']:.3f}"


def tune(least, seed, table, limit, precision, peer_flags):
    """An epoch on the first rows of a table: seconds of training."""
    ours = say([a.ftc, "run", specs["minilm"], "--init", minilm, "--train", f"{data}/{table}/train.csv", "--limit", str(limit),
                "-D", "train.epochs=1", "-D", f"train.precision={precision}", "--seed", str(seed), "--threads", str(a.threads),
                "-o", "model", "--force", "--json"])
    peer = [a.python, f"{a.peers}/hf_finetune.py", "--model", minilm, "--train", f"{data}/{table}/train.csv", "--limit",
            str(limit), "--dropout", "0.1", "--seed", str(seed), "--threads", str(a.threads), *peer_flags]
    return *beside(peer, "train_s", ours["train_s"], ours["peak_rss_mib"], least * ours["train_s"]), ""


def evaluate(least, seed):
    """The 7,600 rows of ag_news's test table, f32, after a few steps."""
    files = ["--train", f"{data}/ag_news/train.csv", "--eval", f"{data}/ag_news/test.csv", "--limit", "32"]
    ours = say([a.ftc, "run", specs["minilm"], "--init", minilm, *files, "-D", "train.epochs=1", "--seed", str(seed),
                "--threads", str(a.threads), "-o", "model", "--force", "--json"])
    peer = [a.python, f"{a.peers}/hf_finetune.py", "--model", minilm, *files, "--seed", str(seed), "--threads", str(a.threads)]
    return *beside(peer, "eval_s", ours["eval_s"], ours["peak_rss_mib"], least * ours["eval_s"]), ""


tuned = ["--dtype", "bf16", "--group-by-length"]
rows = [  # name, at least, a round and what it works on
    ("step minilm 32x128 f32", 2.0, step, "minilm", 32, "f32"),
    ("step minilm 32x128 bf16", 2.2, step, "minilm", 32, "bf16"),
    ("step base 8x128 f32", 1.6, step, "base", 8, "f32"),
    ("step base 8x128 bf16", 1.45, step, "base", 8, "bf16"),
    ("step tiny 32x128 f32", 3.0, step, "tiny", 32, "f32"),
    ("tune ag_news 1600 f32", 4.0, tune, "ag_news", 1600, "f32", []),
    ("tune sst2 3200 f32", 3.5, tune, "sst2", 3200, "f32", []),
    ("tune ag_news 1600 bf16", 4.0, tune, "ag_news", 1600, "bf16", ["--dtype", "bf16"]),
    ("tune sst2 3200 bf16", 4.0, tune, "sst2", 3200, "bf16", ["--dtype", "bf16"]),
    ("tune ag_news 1600 bf16 by-length", 2.4, tune, "ag_news", 1600, "bf16", tuned),
    ("tune sst2 3200 bf16 by-length", 2.2, tune, "sst2", 3200, "bf16", tuned),
    ("eval ag_news f32", 3.0, evaluate),
]
rows = [r for r in rows if all(w in r[0].split() for w in a.only)]
if a.list:
    sys.exit("\n".join(r[0] for r in rows))

with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    os.environ["XDG_CACHE_HOME"] = f"{work}/cache"
    with open("tiny.yaml", "w") as f:
        f.write(TINY)
    print(f"{'work':34} {'ours':>9} {'PyTorch':>9} {'ratio':>6} {'MiB':>6} {'MiB':>6} {'of':>5}", flush=True)
    for name, least, once, *what in rows:
        ratios = []
        for seed in range(1, a.rounds + 1):
            ours, peer, ours_mib, peer_mib, more = once(least, seed, *what)
            if peer:
                ratios.append((peer / ours, ""))
                theirs = f"{peer:9.1f} {peer / ours:6.2f} {ours_mib:6.0f} {peer_mib:6.0f} {ours_mib / peer_mib:5.2f}"
            else:
                ratios.append((least, ">"))
                theirs = f"{'stopped':>9} {f'>{least:.2f}':>6} {ours_mib:6.0f} {'':6} {'':5}"
            print(f"{name:34} {ours:9.1f} {theirs}  {more}".rstrip(), flush=True)
        median, bound = statistics.median_low(r for r, _ in ratios), ">" if any(b for _, b in ratios) else ""
        print(f"{name:34} median of {len(ratios)}: {bound}{median:.2f}, at least {least} wanted", flush=True)
