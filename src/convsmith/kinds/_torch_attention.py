"""Torch modules of transformers: attention and embeddings, with weights in Keras's layout."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import BadInput


class Attention(nn.Module):
    """Attention of several heads over sequences (N, places, channels).

    Args:
        sizes: of each weight, by its name.
        key_dim: by whose root the likeness of query and key is divided.
        dropout: rate, on the shares.
        causal: a place sees none behind it.
    """

    def __init__(
        self, sizes: Mapping[str, tuple[int, ...]], key_dim: int, dropout: float, causal: bool
    ) -> None:
        super().__init__()
        self.scale, self.dropout, self.causal = key_dim**-0.5, dropout, causal
        for name, size in sizes.items():
            weight = torch.zeros(size)
            if name.endswith("kernel"):
                nn.init.normal_(weight, std=1 / math.sqrt(size[0]))
            self.register_parameter(name, nn.Parameter(weight))

    def _part(self, name: str, x: Tensor) -> Tensor:
        """One projection, (N, heads, places, channels of a head)."""
        kernel = self.get_parameter(f"{name}_kernel")
        out = x @ kernel.flatten(1)
        if f"{name}_bias" in self._parameters:
            out = out + self.get_parameter(f"{name}_bias").flatten()
        return out.unflatten(-1, kernel.shape[1:]).transpose(1, 2)

    def forward(self, query: Tensor, value: Tensor, key: Tensor | None = None) -> Tensor:
        out = F.scaled_dot_product_attention(
            self._part("query", query),
            self._part("key", value if key is None else key),
            self._part("value", value),
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal,
            scale=self.scale,
        )
        kernel = self.get_parameter("attention_output_kernel")
        found = out.transpose(1, 2).flatten(2) @ kernel.flatten(0, 1)
        bias = self._parameters.get("attention_output_bias")
        return found if bias is None else found + bias


class Embedding(nn.Module):
    """A row of a table for each whole number."""

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, size).uniform_(-0.05, 0.05))

    def forward(self, x: Tensor) -> Tensor:
        places = x.long()
        if places.numel() and not 0 <= int(places.min()) <= int(places.max()) < len(self.weight):
            raise BadInput(
                "layer of kind Embedding", f"numbers from {int(places.min())} to {int(places.max())}",
                f"0 to {len(self.weight) - 1}",
            )  # fmt: skip
        return F.embedding(places, self.weight)
