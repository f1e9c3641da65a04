"""Times lathe's kernels on a GPU beside PyTorch's and the card's own limits.

    python3 bench.py ./worker

Needs torch with CUDA. Prints Markdown: first what the card reaches on a plain
copy and on products of cuBLASLt in bfloat16 and float8, then for every layer
the time of PyTorch eager, of torch.compile and of lathe, each as the median
of repeated device times in one process tree, and what part of the floor
(weights read once, or multiply-adds at the measured peak) lathe reaches.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

MODELS = pathlib.Path(__file__).parent / "tests/bench/models"
BF16 = torch.bfloat16


def device_ms(function, rounds=20):
    """Median device time of one call, captured as a CUDA graph where possible."""
    for _ in range(3):
        function()
    torch.cuda.synchronize()
    call = function
    try:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            function()
        call = graph.replay
    except RuntimeError:
        torch.cuda.synchronize()
    times = []
    for _ in range(rounds):
        start = torch.cuda.Event(enable_timing=True)
        end = torch.cuda.Event(enable_timing=True)
        start.record()
        call()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def ceilings():
    """Bytes a second of a copy, operations a second in bfloat16 and float8."""
    source = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    copy = 2 * source.numel() / device_ms(lambda: target.copy_(source)) * 1e3
    del source, target
    n = 8192
    a = torch.randn(n, n, device="cuda", dtype=BF16)
    bf16 = 2 * n**3 / device_ms(lambda: a @ a) * 1e3
    codes = a.to(torch.float8_e4m3fn)
    one = torch.ones((), device="cuda")
    fp8 = 0.0
    if torch.cuda.get_device_capability() >= (8, 9):
        fp8 = 2 * n**3 * 1e3 / device_ms(
            lambda: torch._scaled_mm(codes, codes.t(), one, one, out_dtype=BF16)
        )
    return copy, bf16, fp8


def align(value, unit):
    return (value + unit - 1) // unit * unit


def layer_of(model, width):
    """Weights, PyTorch's function, and multiply-adds for each token."""
    inner = align(width * 8 // 3, 64)

    def weight(*shape):
        return (torch.randn(shape, device="cuda") * shape[-1] ** -0.5).to(BF16)

    if model == "linear":
        w = {"linear.weight": weight(width, width), "linear.bias": weight(width)}
        return w, lambda x: F.linear(x, w["linear.weight"], w["linear.bias"])
    w = {
        "mlp.gate_proj.weight": weight(inner, width),
        "mlp.up_proj.weight": weight(inner, width),
        "mlp.down_proj.weight": weight(width, inner),
    }

    def swiglu(x):
        gate = F.silu(F.linear(x, w["mlp.gate_proj.weight"]))
        up = F.linear(x, w["mlp.up_proj.weight"])
        return F.linear(gate * up, w["mlp.down_proj.weight"])

    return w, swiglu


class Worker:
    """A lathe process that holds a model on the GPU."""

    def __init__(self, binary, spec, params, weights):
        command = [binary, str(spec), str(weights), "0", "--device", "cuda"]
        self.process = subprocess.Popen(
            command + [f"{k}={v}" for k, v in params.items()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def answer(self):
        words = self.process.stdout.readline().split()
        if not words or words[0] != "ok":
            raise SystemExit("worker failed: " + " ".join(words))
        return words[1:]

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(args, folder, model, width, peaks):
    copy, bf16, _ = peaks
    weights, function = layer_of(model, width)
    weight_file = folder / "weights.safetensors"
    save_file({name: w.cpu() for name, w in weights.items()}, weight_file)
    params = {"width": width, "precision": "bfloat16"}
    worker = Worker(args.worker, MODELS / f"{model}.yaml", params, weight_file)
    values = sum(w.numel() for w in weights.values())
    compiled = torch.compile(function, dynamic=False)
    for tokens in args.tokens:
        x = torch.randn(tokens, width, device="cuda").to(BF16)
        x_file = folder / "x.safetensors"
        save_file({"x": x.cpu()}, x_file)
        worker.ask(f"run {x_file} {folder / 'y.safetensors'}")
        ours = load_file(folder / "y.safetensors")["y"].float()
        theirs = function(x).float().cpu()
        error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
        eager = device_ms(lambda: function(x))
        fused = device_ms(lambda: compiled(x)) if time.monotonic() < args.end else float("nan")
        own = statistics.median(
            float(worker.ask(f"steps {x_file} 5")[0]) for _ in range(7)) * 1e3
        floor = max(2 * values / copy, 2 * values * tokens / bf16) * 1e3
        print(f"| {model} | {width} | {tokens} | {eager:.4f} | {fused:.4f} | {own:.4f} "
              f"| {floor / own:.2f} | {error:.1e} |", flush=True)
    worker.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("worker")
    parser.add_argument("--models", nargs="+", default=["linear", "swiglu"])
    parser.add_argument("--widths", nargs="+", type=int, default=[4096, 8192])
    parser.add_argument("--tokens", nargs="+", type=int, default=[1, 8, 32, 128, 2048])
    parser.add_argument("--seconds", type=float, default=200, help="after which torch.compile is left out")
    args = parser.parse_args()
    args.end = time.monotonic() + args.seconds
    peaks = ceilings()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}: copy {peaks[0] / 1e12:.2f} TB/s, "
          f"bfloat16 {peaks[1] / 1e12:.0f} TFLOP/s, float8 {peaks[2] / 1e12:.0f} TFLOP/s\n")
    print("| bfloat16 layer | width | tokens | eager, ms | torch.compile | lathe | floor/lathe | max rel. difference |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        for model in args.models:
            for width in args.widths:
                compare(args, pathlib.Path(folder), model, width, peaks)


if __name__ == "__main__":
    sys.exit(main())
