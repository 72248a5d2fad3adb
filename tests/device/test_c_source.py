"""The C of a network, compiled and run: int8 equal to the reference to the bit, float to rounding."""

from __future__ import annotations

import random
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from convsmith.device.c_source import to_c
from convsmith.device.floats import run_floats
from convsmith.device.integers import run_integers
from convsmith.device.lower import to_program
from convsmith.device.quantize import quantized
from convsmith.device.ranges import measured_ranges
from convsmith.errors import BadInput
from convsmith.graph import notation as keras
from convsmith.insight.answer_rule import AnswerRule
from convsmith.testing.random_networks import random_network, random_weights
from convsmith.zoo import network

from .conftest import some_weights
from .test_programs import LAYERS, images, one

COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)] or ["cc"]
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wno-unused-function")
pytestmark = pytest.mark.skipif(not shutil.which(COMPILERS[0]), reason="no C compiler")

ALL = """
#include <stdio.h>
#include "{name}.h"
int main(void)
{{
    size_t in = sizeof({number}) * {upper}_ROWS * {upper}_COLUMNS * {upper}_CHANNELS;
    while (fread({name}_input(), 1, in, stdin) == in)
        fwrite({name}_run(), sizeof({number}), {upper}_OUTPUTS, stdout);
    return 0;
}}
"""


def answers(program, x, folder, *, compiler="gcc", sanitize=False):
    """What the compiled program says to these images."""
    whole = program.tensors[program.inputs[0]].type == "int8"
    made = to_c(program, "net", classes=["a", 'b"\n*/'])
    number = "int8_t" if whole else "float"
    (folder / "net.c").write_text(made.source)
    (folder / "net.h").write_text(made.header)
    (folder / "all.c").write_text(ALL.format(name="net", upper="NET", number=number))
    checks = ("-fsanitize=undefined,address", "-fno-sanitize-recover=all") if sanitize else ()
    subprocess.run(
        [compiler, *WARNINGS, "-O2", *checks, "all.c", "net.c", "-lm", "-o", "run"], cwd=folder, check=True
    )
    kind = np.int8 if whole else np.float32
    said = subprocess.run(
        [str(folder / "run")], input=x.astype(kind).tobytes(), stdout=subprocess.PIPE, check=True
    )
    return np.frombuffer(said.stdout, kind).reshape(len(x), *program.tensors[program.outputs[0]].shape[1:])


def compared(graph, weights, x, folder, **options):
    program = to_program(graph, weights)
    said, truth = answers(program, x, folder, **options), run_floats(program, x)
    assert np.abs(said - truth).max() <= 1e-4 * np.abs(truth).max() + 1e-6
    small = quantized(program, measured_ranges(program, x))
    signed = (x - 128).astype(np.int8)
    ours = np.concatenate([run_integers(small, signed[i : i + 1]) for i in range(len(x))])
    assert np.array_equal(answers(small, signed, folder, **options), ours)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name, tmp_path):
    rng = np.random.default_rng(11)
    graph = one(name)
    compared(graph, some_weights(graph, rng), images(graph, 3, rng), tmp_path)


@pytest.mark.parametrize("activation", ["hard_silu", "elu"])
def test_functions_that_are_tables(activation, tmp_path):
    rng = np.random.default_rng(12)
    inputs = keras.Input((5, 5, 2))
    out = keras.layers.Activation(activation)(keras.layers.Rescaling(1 / 40, -3)(inputs))
    graph = keras.Model(inputs, keras.layers.Conv2D(2, 1)(out), name="net")
    compared(graph, some_weights(graph, rng), images(graph, 2, rng), tmp_path)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_whole_networks_are_clean_under_the_sanitizers(compiler, tmp_path):
    rng = np.random.default_rng(13)
    graph = network("mobilenet_v3_small", input_shape=(32, 32, 3))
    compared(
        graph, some_weights(graph, rng), images(graph, 1, rng), tmp_path, compiler=compiler, sanitize=True
    )


@pytest.mark.parametrize("seed", range(4))
def test_random_networks(seed, tmp_path):
    rng = np.random.default_rng(seed)
    graph = random_network(random.Random(100 + seed).choice, depth=4)
    try:
        compared(graph, random_weights(graph, rng), images(graph, 2, rng), tmp_path)
    except BadInput as error:
        if not error.where.startswith("layer "):
            raise


def test_the_main_program_classifies_a_raw_image(tmp_path):
    rng = np.random.default_rng(14)
    graph = network("lenet5", input_shape=(32, 32, 1))
    weights, x = some_weights(graph, rng), images(graph, 6, rng)
    program = to_program(graph, weights)
    small = quantized(program, measured_ranges(program, x))
    made = to_c(small, "digits", classes=[f"number {i}" for i in range(10)])
    for name, text in (("digits.c", made.source), ("digits.h", made.header), ("main.c", made.main)):
        (tmp_path / name).write_text(text)
    subprocess.run(["gcc", *WARNINGS, "main.c", "digits.c", "-o", "run"], cwd=tmp_path, check=True)
    for image in x:
        (tmp_path / "image.raw").write_bytes(image.astype(np.uint8).tobytes())
        said = subprocess.run(
            [str(tmp_path / "run"), str(tmp_path / "image.raw")], capture_output=True, text=True, check=True
        )
        best = run_integers(small, (image[None] - 128).astype(np.int8))[0].argmax()
        assert said.stdout.strip() == f"number {best}"
    short = subprocess.run([str(tmp_path / "run"), "absent"], capture_output=True, text=True)
    assert short.returncode == 2
    assert "no image of 32 x 32 x 1 bytes" in short.stderr
    assert made.arena == 5888
    assert "#define DIGITS_ARENA 5888" in made.header


ANSWERS = """
#include <stdio.h>
#include "net.h"
int main(void)
{{
    float p[NET_OUTPUTS], away;
    while (fread(net_input(), sizeof({number}), NET_ROWS * NET_COLUMNS, stdin) == NET_ROWS * NET_COLUMNS) {{
        net_run();
        away = (float)net_answer(p);
        fwrite(p, sizeof(float), NET_OUTPUTS, stdout);
        fwrite(&away, sizeof(float), 1, stdout);
    }}
    return 0;
}}
"""


@pytest.mark.parametrize("score", ["max_logit", "energy", None])
@pytest.mark.parametrize("whole", [False, True])
def test_the_rule_of_answering_is_applied_as_elsewhere(score, whole, tmp_path):
    """Beside `AnswerRule.apply` on the logits that the reference computes."""
    rng = np.random.default_rng(3)
    graph = network("lenet5", input_shape=(32, 32, 1))
    weights, x = some_weights(graph, rng), images(graph, 6, rng)
    program = to_program(graph, weights)
    if whole:
        program = quantized(program, measured_ranges(program, x))
        x = (x - 128).astype(np.int8)
    short = replace(program, ops=program.ops[:-1], outputs=program.ops[-1].inputs[:1])
    if whole:
        scale = program.tensors[short.outputs[0]].scale
        found = np.concatenate([run_integers(short, x[i : i + 1]) for i in range(len(x))])
        logits = (found.astype(float) - scale.zero_point) * scale.scales[0]
    else:
        logits = run_floats(short, x)
    values = logits.max(1) if score == "max_logit" else np.log(np.exp(logits.astype(float)).sum(1))
    middle = np.sort(values)[2:4].mean()
    rule = AnswerRule(1.8, score, *((float(middle), 0.1) if score else (None, None)), fitted_on="some")
    made = to_c(program, "net", rule=rule.to_json())
    number = "int8_t" if whole else "float"
    for name, text in (
        ("net.c", made.source),
        ("net.h", made.header),
        ("all.c", ANSWERS.format(number=number)),
    ):
        (tmp_path / name).write_text(text)
    subprocess.run(["gcc", *WARNINGS, "all.c", "net.c", "-lm", "-o", "run"], cwd=tmp_path, check=True)
    sent = x.astype(np.int8 if whole else np.float32).tobytes()
    said = subprocess.run([str(tmp_path / "run")], input=sent, stdout=subprocess.PIPE, check=True).stdout
    table = np.frombuffer(said, np.float32).reshape(len(x), -1)
    p, away = rule.apply(logits)
    np.testing.assert_allclose(table[:, :-1], p, atol=1e-5)
    assert table[:, -1].tolist() == away.tolist()
    assert 0 < away.sum() < len(x) or score is None
    assert ("NET_THRESHOLD" in made.header) == (score is not None)
    (tmp_path / "main.c").write_text(made.main)
    subprocess.run(["gcc", *WARNINGS, "main.c", "net.c", "-lm", "-o", "main"], cwd=tmp_path, check=True)


def test_a_name_that_is_none_in_c_is_refused():
    graph = network("lenet5", input_shape=(32, 32, 1))
    program = to_program(graph, {name: np.zeros(w.shape, "f4") for name, w in graph.weights.items()})
    with pytest.raises(BadInput, match="no name in C"):
        to_c(program, "2net-")
