"""A Graph as a torch module: the same function as in Keras, on NCHW tensors in channels-last memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import BadInput
from ..graph import Graph, Node
from ..kinds import GIVE_SIZES, of_layer
from ..kinds._torch import BatchNorm, Softmax
from ..kinds.activation import activation_module
from .train.penalties import activity_factors


class Step(nn.Module):
    """One node: its layer, then its activation. Its output is the node's output, so hooks belong here."""

    def __init__(self, name: str, layer: nn.Module, activation: nn.Module | None) -> None:
        super().__init__()
        self.name, self.layer, self.activation = name, layer, activation

    def forward(self, *inputs: Tensor) -> Tensor:
        out = self.layer(*inputs)
        return out if self.activation is None else self.activation(out)

    def before_the_end(self, *inputs: Tensor) -> Tensor:
        """The output without the final softmax or sigmoid: the activation, or the softmax layer."""
        if isinstance(self.activation, Softmax | nn.Sigmoid):
            return self.layer(*inputs)
        return inputs[0]


class PenalisedStep(Step):
    """A node whose output adds to what is trained by: l1 × Σ|x| + l2 × Σx², of each image on average.

    What the last call added is in `spent` until somebody takes it.
    """

    def __init__(
        self, name: str, layer: nn.Module, activation: nn.Module | None, factors: tuple[float, float]
    ) -> None:
        super().__init__(name, layer, activation)
        self.factors = factors
        self.spent: Tensor | None = None

    def forward(self, *inputs: Tensor) -> Tensor:
        return self._counted(super().forward(*inputs))

    def before_the_end(self, *inputs: Tensor) -> Tensor:
        out = super().before_the_end(*inputs)
        self._counted(self.layer(out) if self.activation is None else self.activation(out))
        return out

    def _counted(self, out: Tensor) -> Tensor:
        l1, l2 = self.factors
        penalty = l1 * out.abs().sum() + l2 * out.square().sum()
        self.spent = penalty / max(len(out), 1)
        return out


class Lowered(nn.Module):
    """The torch form of a Graph.

    It takes raw pixels as float32 NCHW and gives what Keras gives (images stay NCHW). Values are dropped
    after their last use. ``steps_by_name["conv1"]`` is the module whose output is that layer's output.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.layers_by_name: dict[str, nn.Module] = {}
        self.steps_by_name: dict[str, Step] = {}
        built: dict[tuple[Any, ...], nn.Module] = {}
        for node in graph.nodes:
            self.steps_by_name[node.name] = self._step(node, built)
        self.steps = nn.ModuleList(self.steps_by_name.values())
        self.plan()
        weights = list(self.parameters())
        if any(weight.dim() == 5 for weight in weights):  # torch knows channels_last of images alone
            for weight in weights:
                if weight.dim() == 4:
                    weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        else:
            nn.Module.to(self, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for node in graph.nodes:
            if not node.trainable:
                for part in self.layers_by_name[node.name].modules():
                    if isinstance(part, BatchNorm):
                        part.frozen = True
                for parameter in self.layers_by_name[node.name].parameters():
                    parameter.requires_grad_(False)

    def _step(self, node: Node, built: dict[tuple[Any, ...], nn.Module]) -> Step:
        shapes = self.graph.input_shapes(node)
        for shape in shapes:
            if node.kind.weights(*shapes) and any(size is None for size in shape):
                raise BadInput(
                    f"layer {node.name}",
                    f"an input of unknown size {shape}",
                    "known sizes",
                    GIVE_SIZES,
                )
        if node.dtype not in ("float32", "uint8", "int32") and node.kind_name != "InputLayer":
            raise BadInput(
                f"layer {node.name}", f"numbers of type {node.dtype}", "float32", 'dtype="float32"'
            )
        layer = built.get((node.owner, node.kind, shapes))  # outputs of one operation differ in kind
        if layer is None:
            is_input = node.kind_name == "InputLayer"
            try:
                layer = nn.Identity() if is_input else node.kind.module(*shapes)
            except BadInput as error:
                raise of_layer(error, node.name, node.kind) from None
            built[node.owner, node.kind, shapes] = layer
            if node.owner != node.name:
                _share(self.layers_by_name[node.owner], layer)
        self.layers_by_name[node.name] = layer
        name = getattr(node.kind, "activation", None)
        try:
            activation = None if name in (None, "linear") else activation_module(name)
        except BadInput as error:
            raise of_layer(error, node.name, node.kind) from None
        try:
            factors = activity_factors(node.kind, f"layer {node.name}")
        except BadInput:  # of the program's own; who trains refuses it, and nobody else asks for it
            factors = None
        if factors is None:
            return Step(node.name, layer, activation)
        return PenalisedStep(node.name, layer, activation, factors)

    def _apply(self, fn: Any, recurse: bool = True) -> Lowered:
        """What changes device or type; torch would part the statistics that several calls share."""
        super()._apply(fn, recurse)
        for node in self.graph.nodes:
            if node.owner != node.name:
                _share(self.layers_by_name[node.owner], self.layers_by_name[node.name])
        return self

    def plan(self) -> None:
        """Work out the order of calls and when each value is last used; again after a rewrite."""
        place = {node.name: index for index, node in enumerate(self.graph.nodes)}
        last: dict[str, int] = {}
        for node in self.graph.nodes:
            for source in node.inputs:
                last[source] = place[node.name]
        keep = set(self.graph.outputs)
        self._calls: list[tuple[str, Step, tuple[str, ...], tuple[str, ...]]] = []
        for node in self.graph.nodes:
            done = tuple(
                source
                for source in dict.fromkeys(node.inputs)
                if last[source] == place[node.name] and source not in keep
            )
            self._calls.append((node.name, self.steps_by_name[node.name], node.inputs, done))
        end = self.graph.outputs[0]
        step = self.steps_by_name[end]
        self.ends_in_softmax = len(self.graph.outputs) == 1 and end not in last and (
            isinstance(step.activation, Softmax) and not step.activation.log
            if step.activation is not None
            else isinstance(step.layer, Softmax)
        )  # fmt: skip
        one_unit = len(self.graph.outputs) == 1 and self.graph.output_shape == (1,)
        self.ends_in_one_sigmoid = one_unit and end not in last and isinstance(step.activation, nn.Sigmoid)

    def forward(self, *inputs: Tensor) -> Any:
        return self._run(inputs, to_logits=False)

    def logits(self, *inputs: Tensor) -> Tensor:
        """The output before the final softmax, or before the sigmoid of a single unit.

        Raises:
            BadInput: where the network ends in neither.
        """
        if not (self.ends_in_softmax or self.ends_in_one_sigmoid):
            raise BadInput(
                f"network '{self.graph.name}'", "does not end in a softmax", "a final softmax", "module(x)"
            )
        return self._run(inputs, to_logits=True)

    def _run(self, inputs: Sequence[Tensor], *, to_logits: bool) -> Any:
        graph = self.graph
        if len(inputs) != len(graph.inputs):
            raise BadInput(
                f"network '{graph.name}'", f"{len(inputs)} inputs", f"{len(graph.inputs)}: {graph.inputs}"
            )
        values: dict[str, Tensor] = {}
        for name, x in zip(graph.inputs, inputs, strict=True):
            values[name] = x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x
        last = graph.outputs[0] if to_logits else None
        name = ""
        try:
            for name, step, sources, done in self._calls:
                if name in values:
                    continue
                call: Callable[..., Tensor] = step.before_the_end if name == last else step
                values[name] = call(*[values[source] for source in sources])
                for source in done:
                    del values[source]
        except BadInput as error:  # what a layer cannot do may only show when it is asked to
            raise of_layer(error, name, graph[name].kind) from None
        found = tuple(values[name] for name in graph.outputs)
        return found[0] if len(found) == 1 else found


def _share(owner: nn.Module, other: nn.Module) -> None:
    """Make `other` use the owner's own weights and statistics."""
    for name, parameter in list(owner.named_parameters()):
        path, _, last = name.rpartition(".")
        setattr(other.get_submodule(path), last, parameter)
    for name, buffer in list(owner.named_buffers()):
        path, _, last = name.rpartition(".")
        setattr(other.get_submodule(path), last, buffer)


def lower(graph: Graph, weights: Any = None, *, passes: Sequence[Callable[[Lowered], None]] = ()) -> Lowered:
    """The torch module of a network.

    Args:
        graph: the network.
        weights: full name -> array, loaded when given; without them the values are torch's own.
        passes: rewrites from `engine.lowered.passes` that change no result but only the speed; with some of
            them a step's output is no longer exactly the layer's, so explanations take none.

    Returns:
        A module in evaluation mode; it takes float32 NCHW raw pixels.

    Raises:
        BadInput: for a kind that has no torch form, unknown sizes, or weights that do not fit.

    Example:
        >>> import torch
        >>> from convsmith.zoo import network
        >>> lower(network("lenet5"))(torch.zeros(2, 1, 32, 32)).shape
        torch.Size([2, 10])
    """
    with torch.random.fork_rng(devices=[]):  # torch fills new modules at random; nobody's numbers shall move
        module = Lowered(graph)
    # A rewritten step's output need not be the layer's any more, and some are looked at here.
    penalised = any(isinstance(step, PenalisedStep) for step in module.steps_by_name.values())
    for rewrite in () if penalised else passes:
        rewrite(module)
    if weights is not None:
        from .weights import load

        load(module, weights)
    return module.eval()
