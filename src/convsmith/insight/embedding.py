"""What the last hidden layer makes of images, flattened to a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ..errors import BadInput
from ..installed import need
from .one_layer import answers
from .target import Refused

if TYPE_CHECKING:
    import numpy as np

    from ..engine.lower import Lowered

Way = Literal["pca", "tsne", "umap"]


def hidden_layer(net: Lowered) -> str:
    """The layer whose numbers the last layer with weights makes the classes' outputs of.

    Raises:
        Refused: the network has no layer before its outputs.

    Example:
        >>> from convsmith.engine.lower import lower
        >>> from convsmith.zoo import network
        >>> hidden_layer(lower(network("lenet5")))
        'fc4'
    """
    graph = net.graph
    node = graph[graph.outputs[0]]
    owners = {weight.rpartition("/")[0] for weight in graph.weights}
    while node.owner not in owners and len(node.inputs) == 1:
        node = graph[node.inputs[0]]
    name = node.inputs[0] if len(node.inputs) == 1 else None
    while name is not None and graph[name].kind.train_only and graph[name].inputs:
        name = graph[name].inputs[0]
    if name is None or not graph[name].inputs:
        raise Refused(f"embedding of network '{graph.name}'", "it has no hidden layer", "a classifier")
    return name


def features(net: Lowered, images_NHWC: np.ndarray, *, batch_size: int = 256) -> np.ndarray:
    """The last hidden layer's numbers for each image, (N, F), float32."""
    import numpy as np
    import torch

    layer, parts = hidden_layer(net), []
    with torch.inference_mode():
        for start in range(0, len(images_NHWC), batch_size):
            batch = np.ascontiguousarray(images_NHWC[start : start + batch_size], dtype=np.float32)
            out = answers(net, layer, torch.from_numpy(batch).permute(0, 3, 1, 2), before=False)
            parts.append(out.flatten(1).numpy())
    return np.concatenate(parts)


def flattened(features_NF: np.ndarray, way: Way = "pca", *, seed: int = 0) -> np.ndarray:
    """Two numbers for each image: alike ones lie together.

    Args:
        features_NF: what `features` gives.
        way: pca (the two directions of largest spread; distances mean something), tsne (neighbours stay
            neighbours; distances between groups mean nothing) or umap (likewise; needs umap-learn).
        seed: of what is random.

    Returns:
        (N, 2), each scaled to 0..1.

    Raises:
        BadInput: fewer than three images, or umap without umap-learn.
    """
    import numpy as np

    if len(features_NF) < 3:
        raise BadInput("embedding", f"{len(features_NF)} images", "at least 3")
    places = _flat(features_NF, way, seed)
    low = places.min(0)
    wide = np.where(places.max(0) > low, places.max(0) - low, 1)
    found: np.ndarray = (places - low) / wide
    return found


def _flat(features_NF: np.ndarray, way: Way, seed: int) -> Any:
    if way == "umap":
        need("--embedding umap", "umap")
        from umap import UMAP

        near = min(15, len(features_NF) - 1)
        return UMAP(n_neighbors=near, random_state=seed, n_jobs=1).fit_transform(features_NF)
    from sklearn.decomposition import PCA

    few = min(2 if way == "pca" else 30, *features_NF.shape)
    flat = PCA(few, random_state=seed).fit_transform(features_NF)
    if way == "tsne":
        from sklearn.manifold import TSNE

        return TSNE(
            2, perplexity=min(30.0, (len(flat) - 1) / 3), init="pca", random_state=seed
        ).fit_transform(flat)
    import numpy as np

    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
