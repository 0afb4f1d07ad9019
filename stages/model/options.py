"""The knobs of training, and what follows from them and from how many processes there are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from stages.core.config import Count, Seed, Share
from stages.model.common import Precision

Method = Literal["lora", "dora", "qlora", "full"]


@dataclass(frozen=True)
class Train:
    """Section `train`."""

    method: Method
    seed: Seed
    epochs: Annotated[float, Field(gt=0)]
    batch_size: Count
    micro_batch: Count | None
    learning_rate: Annotated[float, Field(gt=0)]
    warmup_share: Share
    lora_r: Count
    lora_alpha: Count
    lora_dropout: Share
    max_tokens: Count
    over_length: Literal["error", "drop"]
    precision: Precision
    activation_checkpointing: bool
    validation_share: Share
    dev_points: Annotated[int, Field(ge=0)]
    dev_examples: Count
    keep: Literal["last", "best"]
    early_stop: Count | None
    save_every: Count
    head: Literal["full", "seen"]
    processes: Count | Literal["auto"]
    accelerate: str | None

    def at_once(self, processes: int) -> int:
        """Examples that one process holds in one forward pass."""
        return min(self.micro_batch or self.batch_size, math.ceil(self.batch_size / processes))

    def accumulation(self, processes: int) -> int:
        """Forward passes of one process in a step, so that all processes together see `batch_size` examples."""
        return math.ceil(math.ceil(self.batch_size / processes) / self.at_once(processes))
