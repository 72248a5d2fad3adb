"""Score-CAM: H. Wang et al., "Score-CAM: Score-Weighted Visual Explanations", 2020."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..explanation import Explanation
from ..method import METHODS
from ..place import field_of, stretched
from ..target import Target, outputs, untouched, watched
from ._cam import cam, spatial_layer
from ._pixels import aimed_at, baseline_image, scores_of

if TYPE_CHECKING:
    import torch

    from ...engine.lower import Lowered


@METHODS.register()
def score_cam(
    net: Lowered,
    images_NCHW: torch.Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    baseline: str = "mean",
    batch_size: int = 64,
) -> Explanation:
    """Each channel of the layer as a mask on the image: its weight is what the class says of what is left.

    No gradient. Each channel's map, scaled to 0..1, fades the image into its mean colour (in the paper into
    0, the mean colour of its normalised images); the weights are the softmax over the channels of the
    scores of what is left.

    Args:
        baseline: what masked pixels become: "black", "white" or "mean".
        batch_size: masked images at a time; there is one for each channel.
    """
    import torch

    layer = spatial_layer(net, layer, "score_cam")
    aimed = aimed_at(net, images_NCHW, target)
    with untouched(net), watched(net, [layer]) as seen, torch.inference_mode():
        scores_N = aimed.scores(outputs(net, images_NCHW))
        features_NChw = seen[layer].clone()
    size, field = (images_NCHW.shape[2], images_NCHW.shape[3]), field_of(net.graph, layer)
    cover, maps = baseline_image(images_NCHW, baseline), []
    for index in range(len(images_NCHW)):
        one, said = aimed.take(slice(index, index + 1)), []
        for some_Chw in features_NChw[index].split(batch_size):
            masks_CHW = torch.from_numpy(stretched(some_Chw.cpu().numpy(), size, field)).to(images_NCHW)
            flat = masks_CHW.flatten(1)
            low, high = flat.amin(1)[:, None, None], flat.amax(1)[:, None, None]
            masks_CHW = (masks_CHW - low) / (high - low).clamp(min=1e-12)
            masked = cover[index] + masks_CHW[:, None] * (images_NCHW[index] - cover[index])
            said.append(scores_of(net, masked, one.repeated(len(masked))))
        weights_C = torch.softmax(torch.cat(said), 0)
        maps.append((weights_C[:, None, None] * features_NChw[index]).sum(0).relu())
    return cam("score_cam", net, images_NCHW, layer, torch.stack(maps), aimed, scores_N)
