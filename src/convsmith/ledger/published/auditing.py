"""`audit`: a published table against the network, or networks, that it describes, cell by cell."""

from __future__ import annotations

from pathlib import Path

from ...errors import BadInput
from ...graph import Graph
from ...units import Size
from ..files import check_ending, save
from ..source import Network, graph_of
from ..table import shown
from ..what_if import changed
from . import cells
from .findings import Audit
from .layer_tables import audit_layers
from .model_tables import audit_networks, is_of_networks
from .table_in import Published, read_table


def audit(
    table: str,
    *,
    network: Network,
    input_shape: Size | None = None,
    classes: int | None = None,
    what_if: str | None = None,
    output: Path | None = None,
) -> Audit:
    """Find the wrong cells of a published table, the right values with their formulas, and the likely causes.

    A row is a layer of the network, or, in a table of several networks, a network: each such row is held
    against the network of the zoo that it names, at the width and the size of image that it gives. A cell is
    wrong only where no published way of counting explains it; which one does is said.

    Args:
        table: a CSV or Markdown file (or, in Python, its text).
        network: the network that the table describes: a name in the zoo, a .keras, .h5, .json or .onnx file.
        input_shape: rows, columns and channels; without it what the table's own input row or column says.
        classes: how many classes, for a name in the zoo.
        what_if: changes to the network first, e.g. "conv1.filters=8" for a table of another version.
        output: also write it to this .txt, .csv, .md, .tex, .html or .json file.

    Returns:
        The audit: ``.wrong .unreadable .unmatched .explained``, and the forms of a table.

    Raises:
        BadInput: where there is no table, or nothing in it can be checked.

    Example:
        >>> found = audit("layer,params\\nfc3,48001\\n", network="lenet5")
        >>> found.wrong[0].right, found.wrong[0].causes[0]
        (48120, 'one bias instead of 120 (one for each of the 120 neurons)')
        >>> print(audit("model,params\\nResNet-50,25557032\\n", network="resnet50"))
        no wrong cell, in 1 checked against the networks that the rows name
        right by another convention (batch-norm statistics not counted, as torchvision and most papers do): \
params of ResNet-50 25557032
    """
    if output is not None:
        check_ending(output, Audit)
    published = read_table(table)
    remarks = []
    graph = graph_of(network, input_shape=input_shape, classes=classes)
    if is_of_networks(published, graph):
        if published.ignored:
            remarks.append(f"columns not checked: {', '.join(published.ignored)}")

        def at(shape: tuple[int, ...] | None) -> Graph:
            """The asked network at another size of image, where it can be had so."""
            own = graph
            if shape is not None and shape != graph.input_shape:
                try:
                    own = graph_of(network, input_shape=shape, classes=classes)
                except BadInput:
                    own = graph  # built for one size: its MACs are then not compared
            return changed(own, what_if) if what_if else own

        found = audit_networks(published, at, remarks, classes)
    else:
        if published.ignored:
            remarks.append(f"columns not checked: {', '.join(published.ignored)}")
        found = audit_layers(changed(graph, what_if) if what_if else graph, published, list(remarks))
        own = None if input_shape is not None else _own_input(published)
        if own and own != graph.input_shape and len(own) == len(graph.input_shape):
            other = graph_of(network, input_shape=own, classes=classes)
            remarks.insert(0, f"the input is the table's own, {shown(own)}")
            there = audit_layers(changed(other, what_if) if what_if else other, published, remarks)
            # An input cell may be what is wrong: then every other cell speaks for the network's own size.
            found = there if len(there.wrong) <= len(found.wrong) else found
    if output is not None:
        save(found, output)
    return found


def _own_input(table: Published) -> tuple[int, ...] | None:
    """The shape in the table's input row, or in the first row of its input column."""
    if not table.labels:
        return None
    first = table.labels[0].lower().startswith(("input", "image", "x"))
    for figure in ("output_shape", "input_shape"):
        head = next((head for head in table.heads if head.figure == figure), None)
        if head is None or (figure == "output_shape" and not first):
            continue
        found = cells.shape(table.cell(0, head))
        if found and len(found) == 3:
            return found
    return None
