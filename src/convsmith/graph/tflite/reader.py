"""The walk through a .tflite file's operators: each as a layer, or as an operator that is sized.

Source: LiteRT's schema, version 3 (schema.fbs in the LiteRT repository): the slots of its tables and the
numbers of its operators are repeated here.
"""

from __future__ import annotations

import math
import mmap
from pathlib import Path

from ...errors import BadInput, ConvsmithError
from ...kinds import Kind, Shape, ShapeError
from ...kinds.input_layer import InputLayer
from ...kinds.onnx_operator import OnnxOperator
from ..graph import Graph, Node
from ..names import Names
from .flat import Damaged, Table
from .numbers import NAMES, WITHOUT_PRODUCTS
from .operators import OPERATORS
from .step import Refused, Step, Tensor

MOST_BYTES = 2**31
MOST_OPERATORS = 100_000
MOST_LETTERS = 60
NUMBERS = (0, 1, 3, 9)
"""Types of weights: float32, float16, uint8, int8; whole numbers of 32 bits are sizes and axes."""


def from_tflite(path: str | Path) -> Graph:
    """The Graph of a .tflite file. Nothing is run, and no number of its weights is read.

    Args:
        path: the file.

    Raises:
        BadInput: where it is no LiteRT file, or points out of itself.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise BadInput(str(path), "is larger than 2 GB", "a .tflite file")
    if size < 8:
        raise BadInput(str(path), f"has {size} bytes", "a .tflite file")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        if mapped[4:8] != b"TFL3":
            raise BadInput(str(path), "does not begin as a LiteRT file does ('TFL3')", "a .tflite file")
        view = memoryview(mapped)
        try:
            return _Reader(view).read(path.stem)
        except ConvsmithError as error:
            raise BadInput(str(path), str(error)) from None
        except (Damaged, ShapeError, IndexError, ValueError, TypeError, OverflowError) as error:
            came = f"is damaged or is no network ({error})"[:300]
            raise BadInput(str(path), came, "a whole .tflite file") from None
        finally:
            view.release()


class _Reader:
    def __init__(self, data: memoryview) -> None:
        self.model = Table.root(data)
        self.nodes: list[Node] = []
        self.names = Names()
        self.made: dict[int, str] = {}
        self._shapes: dict[str, Shape] = {}

    def read(self, name: str) -> Graph:
        graphs = self.model.tables(2)
        if not graphs:
            raise BadInput("the file", "holds no network", "a network")
        main = graphs[0]
        if main.count(3) > MOST_OPERATORS:
            raise BadInput("the file", f"says that it has {main.count(3):,} operators", f"{MOST_OPERATORS:,}")
        codes = [self._code(table) for table in self.model.tables(1)]
        buffers = self.model.tables(4)
        self.tensors = [self._tensor(table, buffers) for table in main.tables(0)]
        for place in main.numbers(1, "i") or ():
            shape = self._at(place).shape[1:]
            node = Node(self._name(self._at(place).name or "input"), InputLayer(shape))
            self.nodes.append(node)
            self.made[place], self._shapes[node.name] = node.name, shape
        for table in main.tables(3):
            self._operator(table, codes)
        ends = [self.made[place] for place in main.numbers(2, "i") or () if place in self.made]
        if not ends or not self.nodes:
            raise BadInput("the file", "has no inputs, or no outputs that follow from them", "a network")
        return Graph(name, self.nodes, list(dict.fromkeys(ends)))

    @staticmethod
    def _code(table: Table) -> str:
        number = max(table.number(0, "b"), table.number(3, "i"))
        custom = table.text(1)[:MOST_LETTERS]
        return custom or NAMES.get(number, f"operator {number}")

    @staticmethod
    def _tensor(table: Table, buffers: list[Table]) -> Tensor:
        sizes = table.numbers(0, "i") or ()
        if any(not 0 < size < 2**31 for size in sizes) or math.prod(sizes) > 2**40:
            raise Damaged(f"a tensor of shape {sizes[:8]}")
        place = table.number(2, "I")
        data = None
        if place:
            if place >= len(buffers):
                raise Damaged(f"a tensor's numbers in part {place:,} of {len(buffers):,}")
            if buffers[place].count(0):
                few = math.prod(sizes) <= 64
                data = bytes(buffers[place].numbers(0, "B") or ()) if few else b""
        return Tensor(tuple(sizes), table.text(3), data, table.number(1, "b"))

    def _at(self, place: int) -> Tensor:
        if not 0 <= place < len(self.tensors):
            raise Damaged(f"tensor {place:,} of {len(self.tensors):,}")
        return self.tensors[place]

    def _name(self, wanted: str) -> str:
        plain = wanted.split(";")[0].replace("/", "_")[:MOST_LETTERS] or "layer"
        return self.names.free(plain)

    def _operator(self, table: Table, codes: list[str]) -> None:
        code = codes[table.number(0, "I")]
        taken = table.numbers(1, "i") or ()
        tensors = [None if place == -1 else self._at(place) for place in taken]
        flowing = [place for place in taken if place in self.made]
        inputs = tuple(self.made[place] for place in flowing)
        outputs = [place for place in table.numbers(2, "i") or () if place != -1]
        if not inputs:  # of constants alone: a constant, too
            return
        if code in ("QUANTIZE", "DEQUANTIZE"):  # another type of the same numbers
            self.made.update(dict.fromkeys(outputs, inputs[0]))
            return
        for place in outputs:
            output = self._at(place)
            shapes: list[Shape] = [self.tensors[one].shape[1:] for one in flowing]
            step = Step(code, table.table(4), tensors, shapes, output)
            try:
                if len(outputs) > 1:
                    raise Refused
                kinds = OPERATORS[code](step)
            except (KeyError, Refused, ShapeError):
                kinds = [_sized(step)]
            self._layers(kinds, inputs, place)

    def _layers(self, kinds: list[Kind], inputs: tuple[str, ...], place: int) -> None:
        output = self._at(place)
        shapes: list[Shape] = [self._shapes[name] for name in inputs]
        for kind in kinds:
            node = Node(self._name(output.name or type(kind).__name__.lower()), kind, inputs)
            shapes = [kind.shape(*shapes)]
            self._shapes[node.name] = shapes[0]
            self.nodes.append(node)
            inputs = (node.name,)
        if tuple(shapes[0]) != output.shape[1:]:
            raise Damaged(f"'{output.name[:MOST_LETTERS]}' has shape {output.shape}, which does not follow")
        self.made[place] = inputs[0]


def _sized(step: Step) -> Kind:
    """An operator as the file says it: its output's shape, its constants, no products where it has none."""
    arrays = tuple(
        (f"constant_{place}", *tensor.shape)
        for place, tensor in enumerate(step.tensors)
        if tensor is not None and tensor.data is not None and tensor.type in NUMBERS and tensor.count > 1
    )
    macs = 0 if step.code in WITHOUT_PRODUCTS else None
    return OnnxOperator(step.code, step.output.shape[1:], arrays, macs, tuple(step.shapes), "LiteRT")
