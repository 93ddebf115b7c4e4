"""Instructions to token ids. The tokenizer is in no checkpoint of the family.

A policy keeps it as the tensor `encoder.tokenizer`, the bytes of its `tokenizer.json`, once it is known; before, it is taken from the
Hub repository and revision that the spec names, or from the local cache of it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from flare_core.errors import PolicyError
from flare_core.policies.spoc.inputs import PADDING
from flare_core.policies.spoc.spec import SpocSpec

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE: Final = "tokenizer.json"
MAX_BYTES: Final = 32 << 20
PROBE: Final = "Find a mug, qwxzv \u00e9\u2603 7."
"""Has words that a small vocabulary lacks, and signs that a large one may lack."""
_NEITHER_WORD_NOR_SPACE: Final = re.compile(r"[^\w\s]")


def fetch(source: str, name: str) -> Path:
    """A file of a pinned Hub repository, from the local cache or the Hub.

    Args:
        source: REPO@REVISION.

    Raises:
        PolicyError: it can be had from neither.
    """
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repo, _, revision = source.partition("@")
    try:
        return Path(huggingface_hub.hf_hub_download(repo, name, revision=revision or None))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as fault:
        reason = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        raise PolicyError(
            f"policies: {name} of {source} is neither in the cache nor to be had from the Hub ({reason}). "
            f"With a network: `hf download {repo} {name} --revision {revision}`"
        ) from None


def held(content: bytes) -> Tensor:
    """A `tokenizer.json` as the tensor that a policy keeps: uint8 (bytes,)."""
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


class Words:
    """Turns instructions into rows of token ids."""

    def __init__(self, spec: SpocSpec, content: bytes) -> None:
        """Args: content: of a `tokenizer.json`.

        Raises:
            PolicyError: it is none, or does not get through a text.
        """
        self._source = spec.tokenizer
        if len(content) > MAX_BYTES:
            raise PolicyError(
                f"policies: the tokenizer of {self._source} has {len(content)} bytes, more than {MAX_BYTES}. "
                f"Give the {FILE} that belongs to it"
            )
        self._tokenizer = _read(content, self._source)
        self._length, self._cleans = spec.text_length, spec.text_encoder == "siglip"
        with _faults_of(self._source):
            self._tokenizer.no_padding()
            self._tokenizer.no_truncation()
            if self._length is not None:
                pad = next((at for at in map(self._tokenizer.token_to_id, ("<pad>", "[PAD]", "</s>")) if at is not None), 0)
                self._tokenizer.enable_truncation(self._length)
                self._tokenizer.enable_padding(length=self._length, pad_id=1 if self._cleans else pad)
        if self.encode([PROBE]).shape[1] == 0:
            raise PolicyError(f"policies: the tokenizer of {self._source} finds no token in {PROBE!r}. Give the {FILE} that belongs to it")

    def encode(self, texts: list[str]) -> Tensor:
        """Token ids (N, L) of the instructions, PADDING behind their ends; up to a fixed length the encoder's own padding.

        Raises:
            PolicyError: the tokenizer fails at one of them.
        """
        with _faults_of(self._source):
            rows = [self._tokenizer.encode(_cleaned(text) if self._cleans else text).ids for text in texts]
        longest = max(len(row) for row in rows)
        return torch.tensor([row + [PADDING] * (longest - len(row)) for row in rows], dtype=torch.int64)


def _read(content: bytes, source: str) -> "Tokenizer":
    try:
        import tokenizers
    except ImportError:
        raise PolicyError("policies: a 'spoc' policy needs the package tokenizers. Run `pip install flare-core[spoc]`") from None
    with _faults_of(source):
        return tokenizers.Tokenizer.from_buffer(content)


@contextmanager
def _faults_of(source: str) -> Iterator[None]:
    """Whatever the package raises becomes one line; a panic of its Rust code is a BaseException and no Exception.

    Raises:
        PolicyError: the tokenizer of this source cannot be read or used.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as fault:  # noqa: BLE001  # the package raises nothing narrower
        reason = (str(fault).splitlines() or [""])[0][:200] or type(fault).__name__
        raise PolicyError(f"policies: the tokenizer of {source} cannot be read: {reason}. Its {FILE} is damaged; get it again") from None


def _cleaned(text: str) -> str:
    """Without punctuation and capitals, as SigLIP's texts were."""
    return " ".join(_NEITHER_WORD_NOR_SPACE.sub("", text.replace("_", " ")).lower().split())


def tokenizer_of(spec: SpocSpec, kept: Any) -> Words:
    """The policy's tokenizer: the one that it keeps, else from the Hub or its cache.

    Args:
        kept: the tensor `encoder.tokenizer`, or None.

    Raises:
        PolicyError: there is none, or it cannot be used.
    """
    if kept is not None and (kept.dtype != torch.uint8 or kept.dim() != 1):
        raise PolicyError(f"policies: the tensor encoder.tokenizer holds no bytes of a {FILE}. Get the bundle again from where it is from")
    return Words(spec, bytes(kept.numpy()) if kept is not None else fetch(spec.tokenizer, FILE).read_bytes())
