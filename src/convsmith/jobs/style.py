"""Paint one photograph with the textures of another, as a trained network sees them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..endings import ending_of
from ..errors import BadInput
from ..notebooks import InNotebooks
from ..units import Bytes, show_bytes

if TYPE_CHECKING:
    import numpy as np

    from ..graph import Graph
    from ..insight.style_layers import Layers

SMALLEST = 16
"""Pixels of the shorter side; less is no picture."""
FOLDER = "explain/style"


@dataclass(frozen=True, repr=False)
class Styled(InNotebooks):
    """A painted picture.

    Args:
        path: the picture.
        result: size, layers, losses before and after, notes.
    """

    path: Path
    result: dict[str, Any]

    def render(self, wanted: str) -> str:
        """As text or as one JSON object."""
        if wanted == "json":
            return json.dumps({"path": str(self.path), **self.result})
        result = self.result
        lines = [
            f"content  {', '.join(result['content_layers'])}",
            f"style    {', '.join(result['style_layers'])}",
            f"layers   {result['why']}",
            f"losses   style {result['first']['style']:.4g} to {result['last']['style']:.4g}, "
            f"content {result['last']['content']:.4g}",
        ]
        return "\n".join([*lines, *result["notes"], f"picture  {self.path}"])


def style(
    network: str,
    content: str,
    style: str,
    *,
    output: str | None = None,
    weights: str | None = None,
    size: int = 256,
    steps: int = 200,
    optimizer: Literal["lbfgs", "adam"] = "lbfgs",
    content_layers: str | None = None,
    style_layers: str | None = None,
    content_weight: float = 1.0,
    style_weight: float = 1000.0,
    variation_weight: float = 1.0,
    start: Literal["content", "noise"] = "content",
    memory: Bytes = 2_000_000_000,
    seed: int = 0,
    quiet: bool = False,
) -> Styled:
    """Paint one photograph with the textures of another (Gatys, Ecker, Bethge 2016), by any trained network.

    The layers are chosen from the network, and named. A network of a few classes knows fewer textures than
    one trained on ImageNet, and paints accordingly.

    Args:
        network: a run folder, a .keras or .safetensors file, or a zoo network together with --weights.
        content: the photograph whose content stays.
        style: the picture whose textures it takes.
        output: the file to write, .png; in the run's explain/style, or beside you, without it.
        weights: of a zoo network: "imagenet", or a file of its weights (.safetensors, or Keras's).
        size: the longer side of the result, in pixels.
        steps: how often the losses are evaluated, which is what takes the time.
        optimizer: lbfgs as in the paper, or adam.
        content_layers: names, with commas; chosen from the network without it.
        style_layers: names, with commas; chosen from the network without it.
        content_weight: how much the content counts.
        style_weight: how much the textures count.
        variation_weight: how much smoothness counts (total variation).
        start: from the content picture or from noise.
        memory: bytes that a step may take; the picture is made smaller to fit.
        seed: of the noise.
        quiet: no progress on standard error.

    Returns:
        Where the picture is, and the figures.

    Raises:
        BadInput: for a network, a picture or options that cannot be used.
    """
    from ..engine.lower import lower
    from ..insight.pictures.tiles import png
    from ..insight.style import transfer
    from ..insight.style_layers import choose_layers, features_of
    from ..runs.files import place_in, write_whole
    from .running.progress import Display

    if not SMALLEST <= size <= 8192:
        raise BadInput("--size", f"got {size}", f"{SMALLEST} to 8192 pixels", "--size 256")
    if output is not None:
        ending_of(output, (".png",))
    graph, found = _network(network, weights)
    layers = choose_layers(graph, content=_names(content_layers), style=_names(style_layers))
    pictures, notes = _fitted(graph, layers, (content, style), size, memory)
    if output is None and (Path(network) / "run.json").exists():
        place_in(network, FOLDER)
    parts = [features_of(graph, layers, picture.shape[:2]) for picture in pictures]
    modules = [lower(part, {name: found[name] for name in part.weights}) for part in parts]
    display = Display(1, quiet=quiet)
    display.step("style transfer")
    display.say(f"content from {', '.join(layers.content)}; style from {', '.join(layers.style)}")
    with display.bar("painting") as bar:
        done = transfer(
            modules[0],
            modules[1],
            pictures[0],
            pictures[1],
            layers,
            steps=steps,
            optimizer=optimizer,
            content_weight=content_weight,
            style_weight=style_weight,
            variation_weight=variation_weight,
            start=start,
            seed=seed,
            on_step=lambda step, losses: bar.update(
                step / steps, f"step {step}, style {losses['style']:.3g}, content {losses['content']:.3g}"
            ),
        )
    result = {
        "network": graph.name,
        "content": Path(content).name,
        "style": Path(style).name,
        "height": pictures[0].shape[0],
        "width": pictures[0].shape[1],
        "content_layers": list(layers.content),
        "style_layers": list(layers.style),
        "why": layers.why,
        "optimizer": optimizer,
        "steps": len(done.curve),
        "weights": {"content": content_weight, "style": style_weight, "variation": variation_weight},
        "start": start,
        "seed": seed,
        "first": done.curve[0],
        "last": min(done.curve, key=lambda losses: losses["total"]),
        "notes": notes,
    }
    name = f"{Path(content).stem}-{Path(style).stem}"
    if output is None and (Path(network) / "run.json").exists():
        return _into_run(Path(network), name, [*pictures, done.image_HWC], result)
    path = Path(f"{name}.png" if output is None else output)
    write_whole(path, png(_picture(done.image_HWC)))
    return Styled(path, result)


def _network(network: str, weights: str | None) -> tuple[Graph, dict[str, np.ndarray]]:
    """A Graph and its weights, from a run, a .keras file, or the zoo and a file."""
    from ..zoo import NETWORKS
    from ..zoo import network as by_name
    from .inputs.published import published
    from .inputs.trained import is_known, opened

    network = str(getattr(network, "path", network))
    if is_known(network):
        if weights is not None:
            raise BadInput("--weights", f"given for {network}, which has its own", "a zoo network, or none")
        return opened(network)[:2]
    if Path(network).exists() or "/" in network or "." in network:
        raise BadInput(network, "is no trained network", "a run folder, a .keras file, or a zoo name")
    NETWORKS[network]
    if weights is None:
        raise BadInput(
            f"network '{network}'", "has no weights of its own", "--weights with a file, or a run folder"
        )
    if Path(weights).suffix == ".safetensors":
        from ..engine.weights import open_weights

        graph = by_name(network)
        return graph, open_weights(weights, graph)
    return published(network, weights, (224, 224, 3), 1000, seed=0, flag="--weights")[:2]


def _names(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    parts = given.split(",") if isinstance(given, str) else given
    return tuple(part.strip() for part in parts if part.strip())


def _fitted(
    graph: Graph, layers: Layers, files: tuple[str, str], size: int, limit: int
) -> tuple[list[np.ndarray], list[str]]:
    """Both pictures with the same longer side, as large as asked for and as memory allows."""
    from ..insight.style_layers import features_of, memory

    channels = int(graph.input_shape[-1] or 3)
    notes: list[str] = []
    side = size
    while True:
        pictures = [_read(file, side, channels) for file in files]
        need = max(memory(features_of(graph, layers, picture.shape[:2])) for picture in pictures)
        if need <= limit:
            break
        smaller = int(side * min(0.95, (limit / need) ** 0.5))
        if smaller < SMALLEST:
            raise BadInput("--memory", f"got {show_bytes(limit)}", f"{show_bytes(need)} for {side} pixels")
        side = smaller
    if side < size:
        notes.append(f"made {side} instead of {size} pixels long, to take {show_bytes(need)} of memory")
    return pictures, notes


def _read(file: str, side: int, channels: int) -> np.ndarray:
    """A picture at this longer side, uint8 (H, W, channels)."""
    from ..data import photo
    from ..data.pixels_in import resized

    pixels = photo(file)
    height, width = pixels.shape[:2]
    times = side / max(height, width)
    sides = (max(SMALLEST, round(height * times)), max(SMALLEST, round(width * times)))
    return resized(pixels, sides, channels)


def _picture(pixels_HWC: np.ndarray) -> Any:
    from ..insight.pictures.heatmap import photograph

    return photograph(pixels_HWC)


def _into_run(folder: Path, name: str, pictures: list[np.ndarray], result: dict[str, Any]) -> Styled:
    """Write content, style and result into the run, and its report again."""
    from ..insight.pictures.tiles import png
    from ..reports import report
    from ..runs import Run

    with Run.resume(folder) as run:
        known = f"{FOLDER}/style.json"
        rows = run.read_json(known) if run.has(known) else []
        files = {}
        for kind, pixels in zip(("content", "style", "painted"), pictures, strict=True):
            files[kind] = f"{name}.{kind}.png"
            run.write(f"{FOLDER}/{files[kind]}", png(_picture(pixels)))
        rows = [row for row in rows if row.get("files") != files]
        run.write_json(known, [*rows, {**result, "files": files}])
    report(folder)
    return Styled(folder / FOLDER / files["painted"], result)
