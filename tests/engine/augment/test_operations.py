"""Each operation beside Pillow's, pixel by pixel; what is drawn comes from the generator and the table."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from convsmith.engine.augment import OPERATIONS, POLICIES, Policy, policy
from convsmith.engine.augment.draw import drawn
from convsmith.engine.augment.geometry import cropped


def photo(seed: int = 0, rows: int = 24, columns: int = 32) -> np.ndarray:
    """Smooth shapes and some noise, uint8 (H, W, 3)."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 225, (5, 6, 3), np.uint8)).resize((columns, rows), 2)
    return np.clip(np.asarray(coarse).astype(int) + rng.integers(-9, 9, (rows, columns, 3)), 0, 255).astype(
        np.uint8
    )


def apply(name: str, image: np.ndarray, amount: float) -> np.ndarray:
    x = torch.from_numpy(np.stack([image, image[::-1].copy()])).permute(0, 3, 1, 2).float()
    both = OPERATIONS[name].apply(x, torch.tensor([amount, amount]))
    assert both.shape == x.shape
    assert float(both.min()) >= 0
    assert float(both.max()) <= 255.001  # bilinear weights are rounded
    return both[0].permute(1, 2, 0).numpy()


ENHANCE = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "saturation": ImageEnhance.Color,
    "sharpness": ImageEnhance.Sharpness,
}


@pytest.mark.parametrize("amount", [-0.9, -0.3, 0.0, 0.4, 0.9])
@pytest.mark.parametrize("name", ENHANCE)
def test_enhancements_are_pillows(name: str, amount: float) -> None:
    image = photo()
    theirs = np.asarray(ENHANCE[name](Image.fromarray(image)).enhance(1 + amount)).astype(float)
    assert np.abs(apply(name, image, amount) - theirs).max() <= 2  # Pillow rounds in between


@pytest.mark.parametrize(
    ("name", "amount", "theirs"),
    [
        ("posterize", 3, lambda image: ImageOps.posterize(image, 3)),
        ("posterize", 8, lambda image: image),
        ("solarize", 100, lambda image: ImageOps.solarize(image, 100)),
        ("solarize", 256, lambda image: image),
        ("autocontrast", 0, lambda image: ImageOps.autocontrast(image)),
        ("equalize", 0, lambda image: ImageOps.equalize(image)),
        ("identity", 0, lambda image: image),
    ],
)
def test_tables_of_values_are_pillows(name, amount, theirs) -> None:
    image = photo(3, 40, 40)  # enough pixels for Pillow's equalize to have a step
    expected = np.asarray(theirs(Image.fromarray(image))).astype(float)
    assert np.abs(np.floor(apply(name, image, amount) + 1e-3) - expected).max() <= 1


@pytest.mark.parametrize("name", ["autocontrast", "equalize"])
def test_a_flat_image_stays(name: str) -> None:
    flat = np.full((6, 6, 3), 77, np.uint8)
    assert (apply(name, flat, 0.0) == 77).all()


@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("shear_x", 0.2),
        ("shear_x", -0.3),
        ("shear_y", 0.2),
        ("translate_x", 0.25),
        ("translate_y", -0.125),
        ("rotate", 20),
        ("rotate", -10),
    ],
)
def test_moves_are_pillows(name: str, amount: float) -> None:
    image = photo(1)
    rows, columns = image.shape[:2]
    middle_x, middle_y = columns / 2, rows / 2
    cos, sin = np.cos(np.radians(amount)), np.sin(np.radians(amount))
    # Pillow's matrix names the input pixel of an output pixel, from the upper left corner.
    a, b, c, d, e, f = {
        "shear_x": (1, amount, -amount * middle_y, 0, 1, 0),
        "shear_y": (1, 0, 0, amount, 1, -amount * middle_x),
        "translate_x": (1, 0, amount * columns, 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, amount * rows),
        "rotate": (
            cos, -sin, middle_x - cos * middle_x + sin * middle_y,
            sin, cos, middle_y - sin * middle_x - cos * middle_y,
        ),
    }[name]  # fmt: skip
    theirs = Image.fromarray(image).transform(
        (columns, rows), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )
    ours = apply(name, image, amount)
    white = np.full_like(image, 255)
    whole = Image.fromarray(white).transform(
        (columns, rows), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )
    seen = (np.asarray(whole)[..., 0] == 255) & (apply(name, white, amount)[..., 0] > 254.9)
    assert seen.mean() > 0.5
    assert np.abs(ours - np.asarray(theirs))[seen].max() <= 2
    if name == "rotate":
        turned = np.asarray(Image.fromarray(image).rotate(amount, Image.Resampling.BILINEAR))
        assert np.abs(ours - turned)[seen].mean() <= 1, "counter-clockwise"


def test_a_crop_is_padding_and_cutting() -> None:
    x = torch.from_numpy(np.stack([photo(seed) for seed in range(60)])).permute(0, 3, 1, 2).float()
    out = cropped(x, torch.Generator().manual_seed(0), flip=0.5, crop=0.125)
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (3, 3), (4, 4)), mode="reflect")
    seen = set()
    for image, after in zip(padded, out.numpy(), strict=True):
        places = [
            (top, left, turn)
            for top in range(7)
            for left in range(9)
            for turn in (1, -1)
            if np.array_equal(image[:, top : top + 24, left : left + 32][:, :, ::turn], after)
        ]
        assert len(places) == 1
        seen.add(places[0])
    assert {turn for _, _, turn in seen} == {1, -1}
    assert {top for top, _, _ in seen} == set(range(7))
    assert {left for _, left, _ in seen} == set(range(9))


def test_random_erasing_is_a_rectangle_of_noise_in_some_images() -> None:
    x = torch.full((400, 3, 32, 32), -1.0)
    out, _ = Policy(erase=0.4)(
        x, torch.zeros(400, dtype=torch.int64), classes=2, generator=torch.Generator().manual_seed(0)
    )
    changed = (out != -1).all(1)
    areas = []
    for image in changed[changed.any(2).any(1)]:
        rows, columns = image.any(1).nonzero()[:, 0], image.any(0).nonzero()[:, 0]
        high, wide = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
        assert int(image.sum()) == high * wide, "one whole rectangle"
        assert 0.2 < high / wide < 5
        areas.append(high * wide / 1024)
    assert 120 <= len(areas) <= 200
    assert 0.01 < min(areas) < 0.05
    assert 0.25 < max(areas) <= 0.36


def test_cutmix_targets_are_the_shares_of_the_pixels() -> None:
    # Each image has the colour of its class alone, so that a mean says how much of which class is in it.
    target = torch.arange(30) % 3
    x = torch.zeros(30, 3, 16, 20)
    x[torch.arange(30), target] = 1.0
    whole = 0
    for seed in range(12):
        out, shares = Policy(cutmix=1.0)(x, target, classes=3, generator=torch.Generator().manual_seed(seed))
        assert torch.allclose(out.mean(dim=(2, 3)), shares, atol=1e-5)
        assert set(out.unique().tolist()) <= {0.0, 1.0}, "pasted, not blended"
        whole += bool((shares.amax(1) == 1).all())
    assert whole < 6


def test_rows_of_opinions_blend_as_the_images_do() -> None:
    opinions = torch.softmax(torch.randn(8, 6, generator=torch.Generator().manual_seed(1)), 1)
    x = opinions[:, :, None, None].expand(8, 6, 4, 4).contiguous()
    for blend in (Policy(mixup=1.0), Policy(cutmix=1.0)):
        out, rows = blend(x, opinions, classes=3, generator=torch.Generator().manual_seed(2))
        assert torch.allclose(out.mean(dim=(2, 3)), rows, atol=1e-5)


@pytest.mark.parametrize("name", ["trivial", "rand", "strong"])
@pytest.mark.parametrize("channels", [1, 3])
def test_drawn_policies_repeat_and_stay_in_range(name: str, channels: int) -> None:
    x = torch.from_numpy(np.stack([photo(s)[..., :channels] for s in range(40)])).permute(0, 3, 1, 2).float()
    target = torch.arange(40) % 4
    found = [
        POLICIES[name](x, target, classes=4, generator=torch.Generator().manual_seed(seed))[0]
        for seed in (5, 5, 6)
    ]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert float(found[0].min()) >= 0
    assert float(found[0].max()) <= 255.001


def test_trivial_augment_draws_one_operation_for_each_image() -> None:
    # The same draws by hand, one image at a time.
    x = torch.from_numpy(np.stack([photo(s) for s in range(30)])).permute(0, 3, 1, 2).float()
    ours = drawn(x, torch.Generator().manual_seed(3), operations=1, magnitude=0.0, space="wide")
    generator = torch.Generator().manual_seed(3)
    names = list(OPERATIONS)
    which = torch.randint(0, len(names), (30,), generator=generator)
    strength, sign = torch.rand(2, 30, generator=generator)
    for at in range(30):
        operation = OPERATIONS[names[int(which[at])]]
        side = torch.where(sign[at : at + 1] < 0.5, -1.0, 1.0)
        amount = operation.amounts(strength[at : at + 1], side, "wide")
        assert torch.allclose(ours[at], operation.apply(x[at : at + 1], amount)[0], atol=1e-3)
    assert len(set(which.tolist())) > 8
    assert len(names) == 14, "as many as in the papers"


def test_characters_are_not_mirrored_or_turned_over() -> None:
    digits = np.zeros((2, 28, 28, 1), np.uint8)
    for name in ("trivial", "rand", "strong"):
        chosen, why = policy(name, digits)
        assert chosen.flip == 0
        assert chosen.characters
        assert "characters" in why
    strength, sign = torch.ones(1), torch.ones(1)
    assert float(OPERATIONS["rotate"].amounts(strength, sign, "characters")) == 15
    assert float(OPERATIONS["rotate"].amounts(strength, -sign, "wide")) == -135
    assert policy("trivial", np.zeros((2, 64, 64, 3), np.uint8))[0].flip == 0.5
