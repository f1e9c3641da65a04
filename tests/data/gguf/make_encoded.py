#!/usr/bin/env python3
"""Writes encoded.safetensors: rows of values, and the bytes that the `gguf`
package makes of them in each type that it can encode. Needs numpy,
safetensors and gguf 0.19; the file is stored, so that the tests need none."""

import pathlib

import numpy
from gguf import GGMLQuantizationType, quants
from safetensors.numpy import save_file

random = numpy.random.default_rng(2)
rows = random.standard_normal((24, 64)).astype(numpy.float32)
rows[1] = 0
rows[2] = 0.25
rows[3] = -3
rows[4] = numpy.round(rows[4] * 4)  # many ties
rows[5] = numpy.arange(64) - 32
rows[6] *= 1e-6
rows[7] *= 1e4
rows[8, :] = 0
rows[8, 5] = -1e-7
rows[9] = numpy.abs(rows[9])
rows[10] = -numpy.abs(rows[10])
rows[11, ::2] = rows[11, 1::2]  # equal values, and equal extremes
rows[12] = numpy.arange(64) / 2
rows[13] = (-1.0) ** numpy.arange(64) * 8
tensors = {"values": rows}
for name in ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]:
    tensors[name.lower()] = quants.quantize(rows, GGMLQuantizationType[name])
save_file(tensors, pathlib.Path(__file__).parent / "encoded.safetensors")
