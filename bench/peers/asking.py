"""What a learner's side is asked to do on its command line, and how it answers: one JSON file, written when enough was timed."""

import argparse
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.peers.task import Tally


@dataclass(frozen=True, kw_only=True)
class Order:
    """How many updates to time (one more goes before), in which setting, and where the answer goes."""

    updates: int
    frozen: bool
    bfloat16: bool
    own_gru: bool
    gamma: float
    step_us: float
    seed: int
    out: Path


def asked(what: str | None) -> Order:
    """The order on the command line."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--updates", type=int, default=2)
    parser.add_argument("--frozen", action="store_true", help="the encoder does not learn")
    parser.add_argument("--bfloat16", action="store_true")
    parser.add_argument("--own-gru", action="store_true", help="bench/peers/gru.py in place of torch's GRU")
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--step-us", type=float, default=100.0, help="processor time of a step of the environment")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    return Order(**vars(parser.parse_args()))


def declare(order: Order, parameters: int, versions: dict[str, str]) -> None:
    """What only the learner knows; it goes into the answer."""
    order.out.with_suffix(".side").write_text(json.dumps({"parameters": parameters, "versions": versions}), encoding="utf-8")


class Closing(Tally):
    """A tally that writes the answer once enough was timed, and ends the run there, whatever the learner would do next."""

    def __init__(self, order: Order, parent: int | None = None) -> None:
        super().__init__(parent)
        self.order = order

    def on_mark(self) -> None:
        """Answer and end, after the updates that were asked for and the one before them."""
        if len(self.marks) < self.order.updates + 2:
            return
        said: dict[str, Any] = json.loads(self.order.out.with_suffix(".side").read_text(encoding="utf-8"))
        whole = self.order.out.with_suffix(".tmp")
        whole.write_text(json.dumps(self.account() | said) + "\n", encoding="utf-8")
        os.replace(whole, self.order.out)
        if self.parent is not None:
            os.kill(self.parent, signal.SIGKILL)  # the learner, which began this process and has nothing to save
        os._exit(0)
