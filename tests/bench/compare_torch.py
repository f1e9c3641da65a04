"""Times lathe against PyTorch eager on the same layers, in one interleaved run.

    python tests/bench/compare_torch.py build/tests/bench/worker

Needs torch and safetensors (from PyPI, in an environment of your own). For
every model, dtype, width and number of tokens both sides get the same weights
and the same input, take turns, and a line of the table shows the medians and
the largest difference of the results. The table is Markdown.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

MODELS = pathlib.Path(__file__).parent / "models"
MODEL_NAMES = [
    "linear", "swiglu", "layer", "group_norm", "mean_pooling", "whole_max", "whole_mean",
]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def align(value, unit):
    return (value + unit - 1) // unit * unit


def random_weights(model, width, dtype):
    inner = align(width * 8 // 3, 64)
    square = (width, width)
    shapes = {
        "linear": {"linear.weight": square, "linear.bias": (width,)},
        "swiglu": {
            "mlp.gate_proj.weight": (inner, width),
            "mlp.up_proj.weight": (inner, width),
            "mlp.down_proj.weight": (width, inner),
        },
        "layer": {
            "block.input_layernorm.weight": (width,),
            "block.post_attention_layernorm.weight": (width,),
            "block.self_attn.q_proj.weight": square,
            "block.self_attn.k_proj.weight": square,
            "block.self_attn.v_proj.weight": square,
            "block.self_attn.o_proj.weight": square,
            "block.mlp.gate_proj.weight": (inner, width),
            "block.mlp.up_proj.weight": (inner, width),
            "block.mlp.down_proj.weight": (width, inner),
        },
        "group_norm": {"norm.weight": (width,), "norm.bias": (width,)},
        "mean_pooling": {},
        "whole_max": {},
        "whole_mean": {},
    }[model]
    generator = torch.Generator().manual_seed(0)
    dtype = torch.float32 if model == "group_norm" else dtype
    return {
        name: (torch.randn(shape, generator=generator) * shape[-1] ** -0.5).to(dtype)
        for name, shape in shapes.items()
    }


def random_inputs(model, width, tokens, dtype):
    shapes = {
        "group_norm": {"x": (2, width, tokens)},
        "mean_pooling": {"x": (8, tokens, width)},
    }.get(model, {"x": (tokens, width)})
    generator = torch.Generator().manual_seed(1)
    inputs = {
        name: torch.randn(shape, generator=generator).to(dtype)
        for name, shape in shapes.items()
    }
    if model == "mean_pooling":  # rows of different lengths
        lengths = torch.linspace(1, tokens, 8).ceil()
        inputs["mask"] = (torch.arange(tokens) < lengths[:, None]).to(dtype)
    return inputs


def rms_norm(x, weight):
    wide = x.float()
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)
    return wide.to(x.dtype) * weight


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
    return x * cos + turned * sin


def swiglu(x, w, prefix):
    gate = F.silu(F.linear(x, w[prefix + "gate_proj.weight"]))
    up = F.linear(x, w[prefix + "up_proj.weight"])
    return F.linear(gate * up, w[prefix + "down_proj.weight"])


def torch_model(model, w, width):
    if model == "linear":
        return lambda x: F.linear(x, w["linear.weight"], w["linear.bias"])
    if model == "swiglu":
        return lambda x: swiglu(x, w, "mlp.")
    if model == "group_norm":
        # Scale and shift are float32 for every dtype of x.
        scale, shift = w["norm.weight"], w["norm.bias"]
        return lambda x: F.silu(F.group_norm(x, 32, scale, shift))
    if model == "whole_max":
        return lambda x: x.max()
    if model == "whole_mean":
        return lambda x: x.mean()
    if model == "mean_pooling":
        return lambda x, mask: (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)

    def layer(x):
        tokens, heads = x.shape[0], width // 64
        frequencies = 10000.0 ** (-torch.arange(0, 64, 2) / 64)
        angles = torch.outer(torch.arange(tokens).float(), frequencies)
        angles = torch.cat([angles, angles], dim=-1)
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        n = rms_norm(x, w["block.input_layernorm.weight"])
        q, k, v = (
            F.linear(n, w[f"block.self_attn.{p}_proj.weight"])
            .view(tokens, heads, 64)
            .transpose(0, 1)
            for p in "qkv"
        )
        o = F.scaled_dot_product_attention(
            rotate(q, cos, sin)[None], rotate(k, cos, sin)[None], v[None], is_causal=True
        )[0]
        o = o.transpose(0, 1).reshape(tokens, width)
        h = x + F.linear(o, w["block.self_attn.o_proj.weight"])
        n = rms_norm(h, w["block.post_attention_layernorm.weight"])
        return h + swiglu(n, w, "block.mlp.")

    return layer


class Worker:
    """A lathe process that holds a model and runs it when told."""

    def __init__(self, binary, spec, params, weights, threads):
        command = [binary, str(spec), str(weights), str(threads)]
        command += [f"{k}={v}" for k, v in params.items()]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ask("")

    def ask(self, line):
        if line:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer or answer[0] != "ok":
            raise SystemExit("worker failed: " + " ".join(answer))
        return answer[1:]

    def time(self, path, runs):
        return float(self.ask(f"time {path} {runs}")[0])

    def result(self, path, out):
        self.ask(f"run {path} {out}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def rest():
    """Lets the threads of the turn before stop waiting for more work: OpenMP's
    spin for some milliseconds, on a core that the other side needs."""
    time.sleep(0.03)


def time_torch(function, inputs, runs):
    start = time.perf_counter()
    for _ in range(runs):
        function(**inputs)
    return (time.perf_counter() - start) / runs


def compare(args, folder, model, dtype_name, width):
    dtype = DTYPES[dtype_name]
    weights = random_weights(model, width, dtype)
    weight_file = folder / "weights.safetensors"
    save_file(weights, weight_file)
    function = torch_model(model, weights, width)
    params = {"width": width, "precision": dtype_name}
    worker = Worker(args.worker, MODELS / f"{model}.yaml", params, weight_file, args.threads)
    for tokens in args.tokens:
        inputs = random_inputs(model, width, tokens, dtype)
        x_file = folder / "x.safetensors"
        save_file(inputs, x_file)
        worker.result(x_file, folder / "y.safetensors")
        ours = load_file(folder / "y.safetensors")["y"]
        with torch.inference_mode():
            theirs = function(**inputs)
            error = (ours.float() - theirs.float()).abs().max() / theirs.float().abs().max()
            once = max(time_torch(function, inputs, 1), worker.time(x_file, 1))
            runs = max(1, int(args.seconds / once))
            peer, own = [], []
            for _ in range(args.rounds):
                rest()
                peer.append(time_torch(function, inputs, runs))
                rest()
                own.append(worker.time(x_file, runs))
        p, o = statistics.median(peer), statistics.median(own)
        print(
            f"| {model} | {dtype_name} | {width} | {tokens} | {p * 1e3:.3f} | {o * 1e3:.3f} "
            f"| {p / o:.2f} | {error:.1e} |",
            flush=True,
        )
    worker.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("worker")
    parser.add_argument("--models", nargs="+", choices=MODEL_NAMES, default=MODEL_NAMES)
    parser.add_argument("--dtypes", nargs="+", default=list(DTYPES))
    parser.add_argument("--widths", nargs="+", type=int, default=[768, 2048, 4096])
    parser.add_argument("--tokens", nargs="+", type=int, default=[1, 32, 512])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.2, help="length of a turn")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"torch {torch.__version__}, {args.threads} threads; times in ms, medians of {args.rounds} turns each\n")
    print("| model | dtype | width | tokens | torch | lathe | torch/lathe | max rel. difference |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for model in args.models:
            for dtype in args.dtypes:
                for width in args.widths:
                    compare(args, pathlib.Path(folder), model, dtype, width)


if __name__ == "__main__":
    sys.exit(main())
