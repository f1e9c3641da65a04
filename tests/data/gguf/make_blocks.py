#!/usr/bin/env python3
"""Writes blocks.safetensors: for every block type random bytes and the values
that the `gguf` package reads from them. Needs numpy, safetensors and gguf
0.19; the file is stored, so that the tests need none of them."""

import pathlib

import numpy
from gguf import GGMLQuantizationType, quants
from safetensors.numpy import save_file

TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0",
         "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
ROWS, COLUMNS = 3, 512

random = numpy.random.default_rng(1)
tensors = {}
for name in TYPES:
    kind = GGMLQuantizationType[name]
    shape = quants.quant_shape_to_byte_shape((ROWS, COLUMNS), kind)
    # Any byte is a valid one; some scales are infinite or not numbers.
    rows = random.integers(0, 256, shape, dtype=numpy.uint8)
    with numpy.errstate(all="ignore"):
        values = quants.dequantize(rows, kind)
    tensors[name.lower() + ".bytes"] = rows
    tensors[name.lower() + ".values"] = values.astype(numpy.float32)
save_file(tensors, pathlib.Path(__file__).parent / "blocks.safetensors")
