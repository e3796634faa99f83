"""``chars``: a small character transformer on the manual that comes with Python itself.

The text is ``pydoc_data.topics`` of the running interpreter (about 465,000 characters); the last
tenth of it validates.
"""

from __future__ import annotations

import importlib
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from core.errors import NotFound
from core.workloads.base import Workload
from core.workloads.params import CharsParams
from core.workloads.registry import info

VAL_SHARE = 0.1
HEADS = 4
_INFO = info("chars")


@lru_cache(maxsize=1)
def read_text() -> tuple[str, str]:
    """(text, its alphabet in order).

    Raises:
        NotFound: this Python was built without its manual.
    """
    try:
        topics = importlib.import_module("pydoc_data.topics").topics
    except ImportError:
        raise NotFound(
            "This Python has no pydoc_data.topics. Install its standard library in full."
        ) from None
    text = "\n".join(topics[name] for name in sorted(topics))
    return text, "".join(sorted(set(text)))


class Windows(Dataset):
    """Windows of text side by side; the target is the window moved on by one character.

    Items: (inputs int64 (context,), targets int64 (context,)).
    """

    def __init__(self, codes: Tensor, context: int) -> None:
        self.codes, self.context = codes, context

    def __len__(self) -> int:
        return (len(self.codes) - 1) // self.context

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        start = index * self.context
        window = self.codes[start : start + self.context + 1]
        return window[:-1], window[1:]


class CharsNet(nn.Module):
    """A decoder-only transformer with learned positions and pre-normalisation."""

    mask: Tensor

    def __init__(self, alphabet: int, context: int, width: int, layers: int, dropout: float):
        super().__init__()
        self.embed = nn.Embedding(alphabet, width)
        self.place = nn.Parameter(torch.randn(context, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, HEADS, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, alphabet)
        mask = nn.Transformer.generate_square_subsequent_mask(context)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        """(batch, length) character numbers -> logits (batch, length, alphabet)."""
        length = codes.shape[1]
        hidden = self.embed(codes) + self.place[:length]
        hidden = self.blocks(hidden, mask=self.mask[:length, :length], is_causal=True)
        return self.head(self.norm(hidden))


class Chars(Workload):
    """See the module."""

    name, title, description = _INFO.name, _INFO.title, _INFO.description
    augmentation = False
    Params = CharsParams

    def datasets(self, params: CharsParams) -> tuple[Dataset, Dataset]:
        """The first nine tenths of the text (or its first windows), and the last tenth."""
        text, alphabet = read_text()
        number = {character: code for code, character in enumerate(alphabet)}
        codes = torch.tensor([number[character] for character in text])
        cut = int(len(codes) * (1 - VAL_SHARE))
        train = codes[:cut]
        if params.train_samples:
            train = train[: params.train_samples * params.context + 1]
        return Windows(train, params.context), Windows(codes[cut:], params.context)

    def model(self, params: CharsParams) -> nn.Module:
        """A fresh CharsNet."""
        alphabet = len(read_text()[1])
        return CharsNet(alphabet, params.context, params.width, params.layers, params.dropout)

    def text(self, inputs: Tensor, outputs: Tensor, targets: Tensor) -> str:
        """What the model read, what came next and what it expected, one line each."""
        alphabet = read_text()[1]
        rows = {"read": inputs, "next": targets, "said": outputs.argmax(-1)}
        return "\n".join(
            f"    {name}  " + "".join(alphabet[i] for i in row.tolist()).replace("\n", "⏎")
            for name, row in rows.items()
        )


workload = Chars()
