"""Where a run's network is wrong: what is taken for what, how sure it is, which images, which labels."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BadInput
from ..notebooks import InNotebooks, framed, picture, pre
from ..units import counted

if TYPE_CHECKING:
    import numpy as np

    from ..data import Images
    from .inputs.run_images import OwnImages
    from .inputs.trained import Trained
    from .running.progress import Display

STEPS = ("images", "predictions", "pictures")
"""What the display counts."""
SUREST, PAIRS, EACH, THUMBNAILS, SUSPECTS = 24, 4, 3, 1500, 50
"""How many are shown: surest mistakes, confused pairs, images of a pair, thumbnails, suspected labels."""


@dataclass(frozen=True, repr=False)
class Mistakes(InNotebooks):
    """What was found.

    Args:
        folder: explain/mistakes of the run: pictures and mistakes.json.
        found: the figures, as mistakes.json has them.
    """

    folder: Path
    found: dict[str, Any]

    def _repr_html_(self) -> str:
        drawn = [(name, self.folder / f"{name}.svg") for name in ("confusion", "reliability", "attributes")]
        charts = [picture(path.read_text(encoding="utf-8"), name) for name, path in drawn if path.is_file()]
        return framed(pre(self.render("text")), *charts)

    def render(self, wanted: str) -> str:
        """As text or as one JSON object."""
        found = self.found
        if wanted == "json":
            return json.dumps({"folder": str(self.folder)} | found)
        low, high = found["interval"]
        lines = [
            f"{found['wrong']:,} of {counted(found['images'], 'image')} wrong: {found['accuracy']:.2%} right "
            f"(95% interval {low:.2%} to {high:.2%})"
        ]
        for row in found["confused"][:PAIRS]:
            lines.append(f"    {row['count']} {row['true']} taken for {row['predicted']}")
        lines.append(f"confidence is off by {found['calibration']['ece']:.1%} on average")
        if found["temperature"]:
            lines[-1] += f"; {found['tempered']['ece']:.1%} at temperature {found['temperature']:.2f}"
        for name, rows in found["attributes"].items():
            worst = min(rows, key=lambda row: row["accuracy"])
            span = f"{worst['low']:.3g} to {worst['high']:.3g}"
            lines.append(f"{name}: least right from {span}: {worst['accuracy']:.1%} of {worst['n']}")
        for row in found["suspected"][:PAIRS]:
            lines.append(f"label? {row['name']}: {row['given']}, rather {row['suggested']}")
        if found["copies"]:
            exact = sum(row["identical"] for row in found["copies"])
            near = len(found["copies"]) - exact
            said = [f"{counted(exact, 'image')} identical to"] if exact else []
            said += [f"{counted(near, 'image')} that {'looks' if near == 1 else 'look'} like"] if near else []
            lines.append(f"{' and '.join(said)} training images of the run")
        return "\n".join([*lines, *found["notes"], f"pictures in {self.folder}"])


def mistakes(
    run: str,
    *,
    data: str | Images | None = None,
    outside: bool = False,
    method: str = "grad_cam",
    embedding: Literal["pca", "tsne", "umap"] = "pca",
    seed: int = 0,
    quiet: bool = False,
) -> Mistakes:
    """Show where a network is wrong: which classes and images, how sure it was, which labels may be wrong.

    The figures are those of the run's test images. The temperature is that of its rule of answering. Labels
    are questioned in its test images, and in its validation images where it has not learned from them.

    Args:
        run: a run folder; in Python also what forge and train return.
        data: other images, all of which are looked at; the run's own without it.
        outside: of --data, also read images outside its folder, where a table names them or links lead.
        method: how confused pairs are explained; "convsmith list explanations" shows the methods.
        embedding: how the last hidden layer is drawn: pca, tsne or umap (needs umap-learn).
        seed: of what is random in the drawing.
        quiet: no progress on standard error.

    Returns:
        The figures; the pictures lie in the run's folder explain/mistakes, and its report shows them.

    Raises:
        BadInput: a run or images that cannot be used.

    Example:
        >>> found = mistakes(run, quiet=True).found
        >>> sum(map(sum, found["confusion"])) == found["images"]
        True
    """
    import numpy as np

    from ..data.refusal import check_there
    from ..engine.predict import predict
    from ..insight import mistakes as figures
    from ..insight.calibration import reliability, tempered
    from ..insight.labels import suspected_labels
    from ..insight.method import method as by_name
    from ..reports import report
    from ..runs.files import place_in, to_json, write_whole
    from .inputs.run_images import own_images
    from .inputs.trained import trained
    from .running.progress import Display

    by_name(method)
    net = trained(run)
    if isinstance(data, str):
        check_there(data)
    folder = place_in(net.path, "explain/mistakes")
    display = Display(len(STEPS), quiet=quiet)
    display.step(STEPS[0])
    own = own_images(net, data, outside=outside)
    rows = _known(own, "test")
    y, x_NHWC, names = own.y[rows], own.pixels_NHWC[rows], list(net.classes)
    display.step(STEPS[1])
    p = predict(net.graph, x_NHWC, weights=net.weights)
    found = figures.figures(y, p, names)
    by = net.rule.temperature if net.rule.fitted_on else None
    after, both, p_both = None if by is None else reliability(y, tempered(p, by)), rows, p
    if own.parts and "validation" not in own.learned:
        held = _known(own, "validation")
        p_held = predict(net.graph, own.pixels_NHWC[held], weights=net.weights)
        both, p_both = np.concatenate([rows, held]), np.concatenate([p, p_held])
    wrong = figures.surest_wrong(y, p)
    said: dict[str, Any] = {
        "images": len(y),
        "part": "test" if own.parts else "all",
        "accuracy": found["test_accuracy"],
        "interval": found["interval"],
        "wrong": len(wrong),
        "per_class": found["per_class"],
        "confusion": found["confusion"],
        "confused": figures.most_confused(np.array(found["confusion"]), names),
        "calibration": reliability(y, p),
        "temperature": by,
        "tempered": after,
        "attributes": _attributes(own, rows, x_NHWC, p.argmax(1) == y),
        "surest": [_told(own, rows[n], names, y[n], p[n]) for n in wrong[:SUREST]],
        "suspected": [
            row | {"name": own.images.names[both[row["index"]]]}
            for row in suspected_labels(own.y[both], p_both, names, most=SUSPECTS)
        ],
        "copies": _copies(own),
        "notes": [],
    }
    display.step(STEPS[2])
    with display.bar("drawing") as bar:
        _draw(folder, net, own, rows, x_NHWC, p, said, method, embedding, seed, bar)
    write_whole(folder / "mistakes.json", to_json(said) + "\n")
    report(net.path)
    return Mistakes(folder, said)


def suspected(run: str, data: str | Images | None = None, *, outside: bool = False) -> list[dict[str, Any]]:
    """Labels that a run's network disputes, among images that it was not trained on, the surest first."""
    import numpy as np

    from ..engine.predict import predict
    from ..insight.labels import suspected_labels
    from .inputs.run_images import own_images
    from .inputs.trained import trained

    net = trained(run)
    own = own_images(net, data, outside=outside)
    rows = _known(own, "test")
    if own.parts and "validation" not in own.learned:
        rows = np.concatenate([rows, _known(own, "validation")])
    p = predict(net.graph, own.pixels_NHWC[rows], weights=net.weights)
    names = own.images.names
    return [
        row | {"name": names[rows[row["index"]]]} for row in suspected_labels(own.y[rows], p, net.classes)
    ]


def _known(own: OwnImages, part: str) -> np.ndarray:
    """Positions of the images of a part whose class the network has."""
    rows = own.rows(part)
    known = rows[own.y[rows] >= 0]
    if not len(known):
        raise BadInput(own.images.source, "has no labelled image of the network's classes", "some of each")
    return known


def _attributes(own: OwnImages, rows: np.ndarray, x_NHWC: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    import numpy as np

    from ..insight.attributes import accuracy_by, attributes

    seen = own.images.seen[rows]
    values = {"size": np.sqrt(seen["height"].astype(float) * seen["width"])} | attributes(x_NHWC)
    found = {name: accuracy_by(each, right) for name, each in values.items()}
    return {name: parts for name, parts in found.items() if len(parts) > 1}


def _told(own: OwnImages, row: int, names: list[str], true: int, p: np.ndarray) -> dict[str, Any]:
    said = int(p.argmax())
    return {
        "name": own.images.names[row],
        "true": names[true],
        "predicted": names[said],
        "confidence": float(p[said]),
        "confidence_true": float(p[true]),
    }


def _copies(own: OwnImages) -> list[dict[str, Any]]:
    """Held-out images that are identical to a training image, or look like one, with the similarity."""
    if not own.parts:
        return []
    images, names = own.images, own.images.names
    first: dict[int, int] = {}
    for n in own.parts["train"]:
        first.setdefault(int(images.exact[n]), int(n))
    like: dict[int, tuple[float, int]] = {}
    for a, b, similarity in images.near.tolist():
        for one, other in ((a, b), (b, a)):
            if other in first and similarity > like.get(one, (0.0, 0))[0]:
                like[one] = similarity, first[other]
    like |= {content: (1.0, n) for content, n in first.items()}
    return [
        {
            "name": names[n],
            "part": part,
            "like": names[like[content][1]],
            "identical": content in first,
            "similarity": round(like[content][0], 3),
        }
        for part in ("validation", "test")
        for n in own.parts[part]
        if (content := int(images.exact[n])) in like
    ]


def _draw(
    folder: Path, net: Trained, own: OwnImages, rows: np.ndarray, x_NHWC: np.ndarray, p: np.ndarray,
    said: dict[str, Any], method: str, embedding: Any, seed: int, bar: Display,
) -> None:  # fmt: skip
    """The pictures; what cannot be drawn is a note."""
    from ..engine.lower import lower
    from ..insight.embedding import features, flattened
    from ..insight.pictures import mistakes as picture
    from ..insight.target import Refused
    from ..reports import charts
    from ..runs.files import write_whole

    y, guessed = own.y[rows], p.argmax(1)
    drawn = {"confusion": charts.confusion(said["confusion"], net.classes)}
    drawn["reliability"] = charts.reliability(said["calibration"], said["tempered"], said["temperature"])
    if said["attributes"]:
        drawn["attributes"] = charts.attributes(said["attributes"], said["accuracy"])
    for name, chart in drawn.items():
        write_whole(folder / f"{name}.svg", charts.alone(chart))
    place = {name: k for k, name in enumerate(own.images.names)}
    if said["surest"]:
        shown = [own.images.image(place[row["name"]]) for row in said["surest"]]
        words = [
            [f"is {row['true']}", f"said {row['predicted']} {row['confidence']:.0%}"]
            for row in said["surest"]
        ]
        _save(folder / "surest.png", picture.gallery(shown, words))
    net_module = lower(net.graph, net.weights)
    try:
        _pairs(folder, net, net_module, own, rows, x_NHWC, p, said, method, bar)
    except Refused as refused:
        said["notes"].append(str(refused))
    if len(rows) < 3:
        said["notes"].append("fewer than 3 images: no embedding")
        return
    bar.update(PAIRS / (PAIRS + 1), f"where {len(rows):,} images lie, by {embedding}")
    some = [k * len(rows) // min(len(rows), THUMBNAILS) for k in range(min(len(rows), THUMBNAILS))]
    try:
        places = flattened(features(net_module, x_NHWC[some]), embedding, seed=seed)
    except Refused as refused:
        said["notes"].append(str(refused))
        return
    right = (guessed[some] == y[some]).tolist()
    title = f"{len(some)} images as the last hidden layer sees them ({embedding}); red frame: wrong"
    _save(folder / "embedding.png", picture.thumbnails_on_a_map(places, list(x_NHWC[some]), right, title))
    said["embedding"] = {"way": embedding, "images": len(some)}


def _pairs(
    folder: Path, net: Trained, module: Any, own: OwnImages, rows: np.ndarray, x_NHWC: np.ndarray,
    p: np.ndarray, said: dict[str, Any], method: str, bar: Display,
) -> None:  # fmt: skip
    """pair-N.png: for each of the most confused pairs, maps for what was said and for what is."""
    import numpy as np
    from PIL import Image

    from ..insight.explain import explain

    y, guessed, numbers = own.y[rows], p.argmax(1), {name: k for k, name in enumerate(net.classes)}
    for number, pair in enumerate(said["confused"][:PAIRS]):
        true, other = numbers[pair["true"]], numbers[pair["predicted"]]
        bar.update(number / (PAIRS + 1), f"{method}: {pair['true']} taken for {pair['predicted']}")
        places = np.flatnonzero((y == true) & (guessed == other))
        places = places[np.argsort(-p[places, other], kind="stable")][:EACH]
        sheets = []
        for label in (other, true):
            found = explain(module, x_NHWC[places], method=method, target=label)
            photos = [own.images.image(int(rows[n])) for n in places]
            sheets.append([found.picture(k, photos[k], net.classes) for k in range(len(places))])
        wide = max(one.width for one in sheets[0] + sheets[1])
        heights = [max(a.height, b.height) for a, b in zip(*sheets, strict=True)]
        page = Image.new("RGB", (2 * wide, sum(heights)), (255, 255, 255))
        top = 0
        for a, b, tall in zip(*sheets, heights, strict=True):
            page.paste(a, (0, top))
            page.paste(b, (wide, top))
            top += tall
        pair["file"] = f"pair-{number}.png"
        _save(folder / pair["file"], page)


def _save(path: Path, picture: Any) -> None:
    from ..runs.files import write_whole

    buffer = io.BytesIO()
    picture.quantize(256).save(buffer, format="PNG", optimize=True)  # a third of the bytes
    write_whole(path, buffer.getvalue())
