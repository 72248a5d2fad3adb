"""What each unit of a run's network does: contact sheets, filters, made images, and who misses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BadInput
from ..notebooks import InNotebooks
from ..units import counted

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from ..data import Images
    from ..engine.lower import Lowered
    from ..insight.units import LayerUnits
    from .inputs.run_images import OwnImages
    from .inputs.trained import Trained
    from .running.progress import Display

MADE, OFF = 1.5e12, 4e11
"""Multiply-adds for the images that are made, and for switching units off, where no layer is named."""
STEPS, FEWEST = 64, 40
"""Steps of an image that is made; images on which it is worth while to switch units off."""


@dataclass(frozen=True, repr=False)
class Units(InNotebooks):
    """What was found of a network's units.

    Args:
        folder: explain/units of the run: a contact sheet for each layer, filters.png, units.json.
        layers: the figures of each layer, as units.json has them.
        filters: for each filter of the first layer the hand-made one most like it.
        notes: what else a person should know.
    """

    folder: Path
    layers: list[dict[str, Any]]
    filters: list[dict[str, Any]]
    notes: tuple[str, ...] = ()

    def render(self, wanted: str) -> str:
        """As text or as one JSON object."""
        if wanted == "json":
            said = {"folder": str(self.folder), "layers": self.layers, "filters": self.filters}
            return json.dumps(said | {"notes": list(self.notes)})
        width = max((len(one["layer"]) for one in self.layers), default=0)
        lines = []
        for one in self.layers:
            dead, twins = len(one["dead"]), len(one["twins"])
            more = f"; images made for {len(one['made'])}" if one["made"] else ""
            count = len(one["units"])
            lines.append(f"{one['layer']:{width}}  {count:4} units, {dead} dead, {twins} twins{more}")
        alike = [row for row in self.filters if abs(row["cosine"]) >= 0.8]
        if self.filters:
            named = ", ".join(f"{row['filter']} {row['nearest']} {row['cosine']:+.2f}" for row in alike[:6])
            lines.append(f"first filters like hand-made ones (0.8 or more): {named or 'none'}")
        return "\n".join([*lines, *self.notes, f"pictures in {self.folder}"])


def see_units(
    run: str,
    *,
    layer: str | None = None,
    data: str | Images | None = None,
    outside: bool = False,
    image: str | None = None,
    made: Literal["fourier", "yosinski", "none"] = "fourier",
    setting: int = 3,
    top: int = 9,
    most: int = 10_000,
    seed: int = 0,
    quiet: bool = False,
) -> Units:
    """Show what each unit of a network does: what excites it, an image made for it, which class misses it.

    Without a layer every convolution gets a contact sheet; images are made, and units switched off, in the
    first, the middle and the last, for as many units as half a minute or so allows.

    Args:
        run: a run folder; in Python also what forge and train return.
        layer: look at this layer alone, at all its units.
        data: other images to look for patches in; the run's own without it.
        outside: of --data, also read images outside its folder, where a table names them or links lead.
        image: also draw how each unit of the layers answers to this image file.
        made: images by optimisation: fourier (C. Olah et al., 2017), yosinski (J. Yosinski et al., 2015) or
            none.
        setting: which of the four settings of Yosinski's table, 1 to 4.
        top: how many patches for each unit.
        most: how many images, evenly spread, are looked at for patches, at most.
        seed: of the images that are made.
        quiet: no progress on standard error.

    Returns:
        The figures; the pictures lie in the run's folder explain/units, and its report shows them.

    Raises:
        BadInput: a run, a layer or images that cannot be used.
        Refused: the network has no convolution.

    Example:
        >>> found = see_units(run, layer="conv1", made="none", most=20, quiet=True)
        >>> [(one["layer"], len(one["units"])) for one in found.layers]
        [('conv1', 6)]
    """
    import numpy as np

    from ..engine.lower import lower
    from ..insight.pictures.units import contact_sheet
    from ..insight.units import feature_layers, top_images
    from ..reports import report
    from ..runs.files import place_in, to_json, write_whole
    from .inputs.run_images import own_images
    from .inputs.trained import trained
    from .running.progress import Display

    for flag, value, high in (("--setting", setting, 4), ("--top", top, 100), ("--most", most, 10**9)):
        if not 1 <= value <= high:
            raise BadInput(flag, f"got {value}", f"1 to {high:,}")
    if made != "yosinski" and setting != 3:
        raise BadInput("--setting", f"given with --made {made}", "--made yosinski", "--made yosinski")
    net = trained(run)
    folder = place_in(net.path, "explain/units")
    module = lower(net.graph, net.weights)
    names = [net.graph[layer].name] if layer is not None else feature_layers(net.graph)
    display = Display(2, quiet=quiet)
    display.step("patches that excite each unit")
    own = own_images(net, data, outside=outside)
    rows = np.arange(len(own.y)) if len(own.y) <= most else np.arange(most) * len(own.y) // most
    x_NHWC = own.pixels_NHWC if len(rows) == len(own.y) else own.pixels_NHWC[rows]
    with display.bar("patches") as bar:
        looked = lambda share: bar.update(share, f"of {counted(len(rows), 'image')}")  # noqa: E731
        found = top_images(module, x_NHWC, layers=names, top=min(top, len(rows)), on_share=looked)
    deep = names if layer is not None else list(dict.fromkeys([names[0], names[len(names) // 2], names[-1]]))
    share = None if layer is not None else len(deep)
    layers: list[dict[str, Any]] = []
    notes: list[str] = []
    display.step("what each unit does")
    with display.bar("units") as bar:
        for number, one in enumerate(found):
            row: dict[str, Any] = one.to_json() | {"made": [], "off": []}
            sheet: dict[str, Any] = {}
            tell = partial(_told, bar, number, len(found), one.layer)
            if one.layer in deep:
                tell("what it answers to", 0.0)
                sheet["deconvolved_UCHW"] = _deconvolved(module, one, x_NHWC, notes)
                sheet["made_UHWC"] = _made(
                    module, one, own, made, setting, seed, share, partial(tell, "images made")
                )
                row["made"] = sorted(sheet["made_UHWC"])
                row["off"] = _missed(
                    module, one.layer, own, len(net.classes), share, partial(tell, "units switched off")
                )
                notes += _left_out(one, row, made)
                sheet["said"] = _said(row["off"], net.classes)
            tell("contact sheet", 1.0)
            row["sheet"] = f"{one.layer.replace('/', '-')}.png"
            _save(folder / row["sheet"], contact_sheet(one, x_NHWC, **sheet))
            layers.append(row)
    if image is not None:
        _answers(net, module, names, image, folder)
    filters = _filters(net, folder)
    said = {"images": len(rows), "made": made, "layers": layers, "filters": filters, "notes": notes}
    write_whole(folder / "units.json", to_json(said) + "\n")
    report(net.path)
    return Units(folder, layers, filters, tuple(notes))


def _told(bar: Display, number: int, layers: int, layer: str, what: str, share: float) -> None:
    """Say how far it is: each layer counts alike."""
    bar.update((number + share) / layers, f"{layer}: {what} {share:.0%}")


def _left_out(one: LayerUnits, row: dict[str, Any], made: str) -> list[str]:
    """What there was no time for, and how to get it."""
    living, way = len(one.values_UK) - len(one.dead), f"--layer {one.layer} takes the time"
    said = []
    if made != "none" and len(row["made"]) < living:
        said.append(f"{one.layer}: images made for {len(row['made'])} of {living} units; {way}")
    if not row["off"]:
        said.append(f"{one.layer}: units not switched off; {way}")
    return said


def _deconvolved(module: Lowered, one: LayerUnits, x_NHWC: np.ndarray, notes: list[str]) -> np.ndarray | None:
    """What of its first image each unit of the sheet answers to; None, and a note, where there is no ReLU."""
    from ..insight.deconvolved import deconvolved
    from ..insight.pictures.units import MOST
    from ..insight.target import Refused

    try:
        return deconvolved(module, one.layer, x_NHWC[one.images_UK[:MOST, :1]])[:, 0]
    except Refused as refused:
        notes.append(str(refused))
        return None


def _made(
    module: Lowered,
    one: LayerUnits,
    own: OwnImages,
    by: str,
    setting: int,
    seed: int,
    share: int | None,
    on_share: Callable[[float], None],
) -> dict[int, np.ndarray]:
    """An image for each unit, as many as the time for one of `share` layers allows."""
    import numpy as np

    from ..insight.preferred import SETTINGS, fourier, yosinski
    from ..insight.preferred.fourier import colours_of

    living = [unit for unit in range(len(one.values_UK)) if unit not in one.dead]
    if share is not None:
        living = living[: max(4, int(MADE / share / (3 * STEPS * max(1, module.graph.macs or 1))))]
    if by == "none" or not living:
        return {}
    if by == "yosinski":
        ruled = SETTINGS[setting - 1]
        made = yosinski(
            module, one.layer, living, regularisers=ruled, steps=STEPS, seed=seed, on_share=on_share
        )
    else:
        colours = colours_of(np.asarray(own.pixels_NHWC[:200]))
        made = fourier(
            module, one.layer, living, steps=STEPS, colours_33=colours, seed=seed, on_share=on_share
        )
    return dict(zip(living, made, strict=True))


def _missed(
    module: Lowered,
    layer: str,
    own: OwnImages,
    classes: int,
    share: int | None,
    on_share: Callable[[float], None],
) -> list[dict[str, Any]]:
    """Which classes miss each unit, on images kept from training; empty where that would take too long."""
    from ..insight.one_layer import units_of
    from ..insight.switched_off import missed

    rows = own.rows("test")
    rows = rows[own.y[rows] >= 0]
    allowed = OFF / (share or 1) / (units_of(module, layer) * max(1, module.graph.macs or 1))
    count = min(len(rows), 1000, int(allowed) if share is not None else 1000)
    if count < FEWEST:
        return []
    rows = rows[[k * len(rows) // count for k in range(count)]]
    x_NHWC, y = own.pixels_NHWC[rows], own.y[rows]
    return missed(module, layer, x_NHWC, y, classes=classes, on_share=on_share)


def _said(off: list[dict[str, Any]], classes: tuple[str, ...]) -> list[str]:
    from ..insight.switched_off import most_missed

    found = [most_missed(row, classes) for row in off]
    return [f"without: {text}" if text else "" for text in found]


def _answers(net: Trained, module: Lowered, names: list[str], image: str, folder: Path) -> None:
    """maps-LAYER.png: how each unit of the layers answers to one photograph."""
    import torch

    from ..insight.one_layer import answers
    from ..insight.pictures.heatmap import photograph
    from ..insight.pictures.units import activation_maps
    from .inputs.photos import photos

    given = photos(net, [image], most=1)
    x_NCHW = torch.from_numpy(given.pixels_NHWC).permute(0, 3, 1, 2).float()
    for name in names:
        with torch.inference_mode():
            maps_Uhw = answers(module, name, x_NCHW, before=False)[0].numpy()
        sheet = activation_maps(maps_Uhw, photograph(given.originals[0]), layer=name)
        _save(folder / f"maps-{name.replace('/', '-')}.png", sheet)


def _filters(net: Trained, folder: Path) -> list[dict[str, Any]]:
    """filters.png, and for each filter of the first convolution the hand-made one most like it."""
    from ..insight.filters import nearest_filters
    from ..insight.pictures.units import filters

    first = next((node for node in net.graph.nodes if f"{node.name}/kernel" in net.weights), None)
    if first is None or first.kind_name != "Conv2D":
        return []
    kernel_HWIO = net.weights[f"{first.name}/kernel"]
    alike = nearest_filters(kernel_HWIO) if min(kernel_HWIO.shape[:2]) >= 3 else []
    _save(folder / "filters.png", filters(kernel_HWIO, alike))
    return alike


def _save(path: Path, picture: Image.Image) -> None:
    import io

    from ..runs.files import write_whole

    buffer = io.BytesIO()
    picture.quantize(256).save(buffer, format="PNG", optimize=True)  # a third of the bytes
    write_whole(path, buffer.getvalue())
