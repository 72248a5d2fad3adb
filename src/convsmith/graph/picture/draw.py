"""A network as a picture: SVG with shapes, skip arrows and folded repeated blocks; or text."""

from __future__ import annotations

from dataclasses import dataclass

from ...notebooks import InNotebooks
from ...printable import shortened
from ..graph import Graph
from .blocks import Box, Fold, blocks, boxes, folds
from .label import labelled

_SHORT = {"BatchNormalization": "BN", "LayerNormalization": "LN", "ZeroPadding2D": "pad"}


@dataclass(frozen=True, repr=False)
class Drawing(InNotebooks):
    """A network's boxes, cut into blocks, repeated blocks folded.

    Args:
        graph: the network.
        boxes: its boxes in order.
        folds: its blocks in order, each with how often it comes.
    """

    graph: Graph
    boxes: tuple[Box, ...]
    folds: tuple[Fold, ...]

    @property
    def title(self) -> str:
        """The network's name and size."""
        graph = self.graph
        params = "parameters unknown" if graph.params is None else f"{graph.params:,} parameters"
        macs = "" if graph.macs is None else f", {graph.macs:,} MACs"
        return f"{shortened(graph.name)}: {params}{macs}"

    def label(self, box: Box) -> str:
        """What the box does, e.g. ``Conv2D(64, 3) · BN · relu``."""
        parts = []
        for node in box.nodes:
            short = _SHORT.get(node.kind_name)
            name = labelled(node)
            parts.append(short or (name[11:-1] if name.startswith("Activation(") else name))
        return " · ".join(parts)

    def shape(self, box: Box) -> str:
        """The box's output, e.g. ``112×112×64``."""
        return "×".join("?" if item is None else str(item) for item in self.graph.shapes[box.nodes[-1].name])

    def shapes(self, fold: Fold, box: Box, index: int) -> str:
        """The output of a box in a folded block: its first and, where they differ, its last copy's."""
        first = self.shape(box)
        if fold.times == 1:
            return first
        length = (fold.last - fold.blocks[0].boxes[0] + 1) // fold.times
        last = self.shape(self.boxes[index + length * (fold.times - 1)])
        return first if last == first else f"{first} … {last}"

    @property
    def in_short(self) -> str:
        """Name and size."""
        return self.title

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> None:  # type: ignore[override]
        """A notebook takes the picture."""

    @property
    def svg(self) -> str:
        """A standalone SVG picture."""
        from .svg import picture

        return picture(self)

    @property
    def text(self) -> str:
        """One line for each box; rails on the left show what skips."""
        lines: list[tuple[str, str, str]] = []
        place: dict[int, int] = {}
        skips: list[tuple[int, int]] = []
        before = -1  # the box on the line above, headings of folds aside
        for fold in self.folds:
            lines += [("", f"┌ {fold.times} times:", "")] if fold.times > 1 else []
            for index in (index for block in fold.blocks for index in block.boxes):
                box = self.boxes[index]
                skips += [
                    (place[source], len(lines)) for source in box.sources if source not in (before, index)
                ]
                edge = "│ " if fold.times > 1 else ""
                place[index], before = len(lines), index
                lines.append(
                    (shortened(box.main.name), edge + self.label(box), self.shapes(fold, box, index))
                )
            lines += [("", "└", "")] if fold.times > 1 else []
            place[fold.last], before = place[before], fold.last
        rails = _rails(skips, len(lines))
        widths = [max((len(line[part]) for line in lines), default=0) for part in range(2)]
        rail = max(map(len, rails), default=0)
        body = [
            f"{rails[at].ljust(rail)} {name.ljust(widths[0])}  {label.ljust(widths[1])}  {shape}".rstrip()
            for at, (name, label, shape) in enumerate(lines)
        ]
        return "\n".join([self.title, "", *body])

    def to_json(self) -> dict[str, object]:
        """The boxes and folds as a JSON-able dictionary."""
        return {
            "network": self.graph.name,
            "boxes": [
                {
                    "layers": [node.name for node in box.nodes],
                    "label": self.label(box),
                    "shape": self.shape(box),
                    "sources": list(box.sources),
                }
                for box in self.boxes
            ],
            "folds": [
                {"boxes": [index for block in fold.blocks for index in block.boxes], "times": fold.times}
                for fold in self.folds
            ],
        }

    def render(self, form: str) -> str:
        """The picture as "text", "svg" or "json"."""
        import json

        return json.dumps(self.to_json(), indent=1) if form == "json" else getattr(self, form)


def draw(graph: Graph, *, fold: bool = True) -> Drawing:
    """The picture of a network.

    Args:
        graph: the network.
        fold: draw blocks that repeat once, with how often they come.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((8, 8, 1), name="image")
        >>> for name in "ab":
        ...     x = keras.layers.Add(name=f"add_{name}")([x, keras.layers.Conv2D(1, 3, padding="same")(x)])
        >>> print(draw(keras.Model(inputs, x, name="tiny")).text)
        tiny: 20 parameters, 1,152 MACs
        <BLANKLINE>
        ╭─ image   InputLayer            8×8×1
        │          ┌ 2 times:
        │  conv2d  │ Conv2D(1, 3, same)  8×8×1
        ╰▶ add_a   │ Add                 8×8×1
                   └
    """
    made = boxes(graph)
    cut = blocks(made)
    folded = folds(graph, made, cut) if fold else [Fold((block,), 1, block.boxes[-1]) for block in cut]
    return Drawing(graph, tuple(made), tuple(folded))


def _rails(skips: list[tuple[int, int]], height: int) -> list[str]:
    """What stands left of each line: rails from the source of each skip to its target."""
    columns: list[list[tuple[int, int]]] = []
    for start, end in sorted(skips, key=lambda skip: skip[1] - skip[0]):
        for column in columns:
            if all(end <= other[0] or start >= other[1] for other in column):
                column.append((start, end))
                break
        else:
            columns.append([(start, end)])
    columns.reverse()  # the longest rails outside
    rails = []
    for at in range(height):
        text, arm = "", ""
        for column in columns:
            starts = any(start == at for start, _ in column)
            ends = any(end == at for _, end in column)
            passes = any(start < at < end for start, end in column)
            if starts or ends:
                text += "├" if starts and ends else "╭" if starts else "╰"
                arm = "▶" if ends or arm == "▶" else "─"
            else:
                text += ("┼" if arm else "│") if passes else ("─" if arm else " ")
        rails.append(text + arm)
    return rails
