"""Which source row each target action takes, and whether it keeps, rescales or begins anew."""

import math
from collections.abc import Iterable, Mapping

from flare_core.adapters import pairing
from flare_core.adapters.pairing import describe
from flare_core.adapters.plan import HeadEntry, HeadPlan, How
from flare_core.adapters.refusals import Fault, Where, did_you_mean
from flare_core.adapters.spec import HeadChoices, RowChoice, Start
from flare_core.embodiments.body import Action, Embodiment


class _Draft:
    """Pairs one target's actions; collects entries and faults."""

    def __init__(self, source: Embodiment, target: Embodiment, choices: HeadChoices, where: Where) -> None:
        self.source, self.target, self.choices, self.where = source, target, choices, where
        self.faults: list[Fault] = []
        self.proposed: set[int] = set()  # rows that a proposal gives away; the next one proposes another
        self.named = {name: at for at, name in enumerate(source.action_names)}
        self.claims = self._claims()
        self.wanted = [at for at, action in enumerate(target.actions) if action.masked is None and action.name not in choices.head]
        trained = [at for at, action in enumerate(source.actions) if action.masked is None]
        everything = pairing.pair_actions(source, target, trained, self.wanted)
        self.claims = {row: owner for row, owner in self.claims.items() if not self._is_kept(row, owner, everything.rows)}
        self.pairs = pairing.pair_actions(source, target, [row for row in trained if row not in self.claims], self.wanted)
        self.trained = tuple(trained)

    def _claims(self) -> dict[int, str]:
        """Source rows that choices take over: row to target action."""
        claims: dict[int, str] = {}
        for name, choice in self.choices.head.items():
            if name not in self.target.action_names:
                hint = did_you_mean(name, self.target.action_names)
                self._bad(name, "", f"{self.target.name} has no action '{name}'.{hint}")
                continue
            for field in ("rescale", "reuse", "like"):
                old = getattr(choice, field)
                if old is None:
                    continue
                if old not in self.named:
                    self._bad(name, field, f"{self.source.name} has no action '{old}'.{did_you_mean(old, self.named)}")
                elif field != "like" and self.named[old] in claims:
                    taken = claims[self.named[old]]
                    self._bad(name, field, f"row '{old}' goes to '{taken}' already, and a row has one meaning. Use `{{like: {old}}}`.")
                elif field != "like":
                    claims[self.named[old]] = name
        return claims

    def _is_kept(self, row: int, owner: str, rows: Mapping[int, int]) -> bool:
        """Whether a row that a choice gives away is kept by a target action of the same effect; a fault if so."""
        for at in (at for at, kept in rows.items() if kept == row):
            keeper, old = self.target.actions[at], self.source.actions[row]
            if abs(pairing.log_ratio(old.effect, keeper.effect)) <= pairing.SAME_SIZE:
                field = "reuse" if self.choices.head[owner].reuse else "rescale"
                what = f"'{keeper.name}' keeps row '{old.name}', which means the same on both bodies"
                self._bad(owner, field, f"{what}. Use `{{like: {old.name}}}`.")
                return True
        return False

    def _bad(self, action: str, field: str, what: str) -> None:
        path = ("head", action, field) if field else ("head", action)
        self.faults.append(Fault(section="head", key=action, value="", message=f"{self.where(path)}: {'.'.join(path)}: {what}"))

    def _missing(self, action: Action, why: str, value: str) -> None:
        what = f"adapters: target action '{action.name}' ({describe(action.effect)}) {why}"
        mend = f"Add `{action.name}: {value}` under `head:` in {self.where(('head',))}"
        self.faults.append(Fault(section="head", key=action.name, value=value, message=f"{what}. {mend}"))

    def entry(self, at: int) -> HeadEntry | None:
        """The plan for one target action, or None after a fault."""
        action = self.target.actions[at]
        choice = self.choices.head.get(action.name)
        if action.masked is not None:
            if choice is not None and choice.masked is None:
                self._bad(action.name, "", f"{self.target.name} never does it: {action.masked}. Take this line out.")
            return self._masked(action, action.masked)
        if choice is not None:
            return self._chosen(action, choice)
        if at in self.pairs.rows:
            return self._old(action, self.pairs.rows[at])
        return self._unpaired(at, action)

    def _masked(self, action: Action, reason: str) -> HeadEntry:
        """A masked row keeps its source row where there is one, so that lifting the mask later finds what was learned."""
        same = [
            at
            for at, old in enumerate(self.source.actions)
            if pairing.same_direction(self.source, old.effect, self.target, action.effect)
            and abs(pairing.log_ratio(old.effect, action.effect)) <= pairing.SAME_SIZE
            and at not in self.claims
        ]
        by_name = [at for at in same if self.source.actions[at].name == action.name]
        row = next(iter(by_name or same), None)
        return self._entry(action, "masked", row, reason=reason)

    def _old(self, action: Action, row: int) -> HeadEntry:
        gap = abs(pairing.log_ratio(self.source.actions[row].effect, action.effect))
        if gap <= pairing.SAME_SIZE:
            return self._entry(action, "keep", row, reason="same effect")
        return self._entry(action, "rescale", row, reason=f"was {describe(self.source.actions[row].effect)}")

    def _chosen(self, action: Action, choice: RowChoice) -> HeadEntry | None:
        probability = choice.probability if choice.probability is not None else self.choices.new_actions.probability
        if choice.masked is not None:
            return self._masked(action, choice.masked)
        if choice.start is not None:
            return self._started(action, choice.start, probability)
        old = choice.rescale or choice.reuse or choice.like
        row = self.named.get(old or "")
        if row is None:
            return None  # reported with the claims
        was = describe(self.source.actions[row].effect)
        if choice.like is not None:
            return self._entry(action, "like", row, probability, f"starts as {was}")
        if choice.reuse is not None:
            return self._entry(action, "reuse", row, reason=f"new meaning; was {was}")
        if not pairing.same_direction(self.source, self.source.actions[row].effect, self.target, action.effect):
            self._bad(action.name, "rescale", f"'{old}' is {was}, which is another direction. Use `{{like: {old}}}` or `{{reuse: {old}}}`.")
            return None
        return self._old(action, row)

    def _started(self, action: Action, start: Start, probability: float) -> HeadEntry | None:
        if start != "nearest":
            what = "mean of the trained rows" if start == "mean" else "zero row"
            return self._entry(action, start, None, probability, what)
        near = pairing.nearest_rows(self.source, self.target, action.effect)
        if len(near) == 1:
            return self._entry(action, "nearest", near[0], probability, f"starts as {describe(self.source.actions[near[0]].effect)}")
        if near:
            names = " and ".join(f"'{self.source.actions[at].name}'" for at in near)
            self._missing(action, f"is as near to {names}", self._like(near[0]))
        else:
            self._missing(action, f"has no nearest source action: {self._why_none(action)}", self._proposal(action))
        return None

    def _unpaired(self, at: int, action: Action) -> HeadEntry | None:
        tied = self.pairs.ties.get(at, ())
        if tied:
            names = " and ".join(f"'{self.source.actions[row].name}'" for row in tied)
            why = f"{names} equally well" if len(tied) > 1 else f"{names} as well as another target action does"
            self._missing(action, f"pairs with {why}", self._give(tied) if len(tied) > 1 else self._like(tied[0]))
            return None
        near = [row for row in pairing.nearest_rows(self.source, self.target, action.effect) if self._is_free(row)]
        if near:
            old = self.source.actions[near[0]]
            times = math.exp(abs(pairing.log_ratio(old.effect, action.effect)))
            apart = f"is {times:.3g} times larger or smaller than source action '{old.name}' ({describe(old.effect)})"
            self._missing(action, f"{apart}; beyond 2 a row is rescaled only by choice", self._give(near))
            return None
        group = self.choices.new_actions
        if group.start is not None:
            return self._started(action, group.start, group.probability)
        self._missing(action, f"has no source action: {self._why_none(action)}", self._proposal(action))
        return None

    def _like(self, row: int) -> str:
        return f"{{like: {self.source.actions[row].name}}}"

    def _give(self, rows: Iterable[int]) -> str:
        """Proposal to rescale one of these rows, if one is left that no other proposal gives away."""
        rows = list(rows)
        for row in rows:
            if row not in self.proposed:
                self.proposed.add(row)
                return f"{{rescale: {self.source.actions[row].name}}}"
        return self._like(rows[0])

    def _is_free(self, row: int) -> bool:
        return row not in self.claims and row not in self.pairs.rows.values()

    def _why_none(self, action: Action) -> str:
        kind = action.effect.kind
        alike = [
            (at, old)
            for at, old in enumerate(self.source.actions)
            if pairing.same_direction(self.source, old.effect, self.target, action.effect)
        ]
        if not any(old.effect.kind == kind for old in self.source.actions):
            return f"{self.source.name} has no {kind} action"
        if not alike:
            return f"{self.source.name} has no {pairing.direction(action.effect)} action"
        if all(old.masked is not None for _, old in alike):
            return f"{self.source.name} never does '{alike[0][1].name}': {alike[0][1].masked}"
        return f"'{alike[0][1].name}' goes to another target action"

    def _proposal(self, action: Action) -> str:
        """A choice that can be followed, as YAML."""
        if len(pairing.nearest_rows(self.source, self.target, action.effect)) == 1:
            return "{start: nearest}"
        if action.effect.kind == "turn_camera" and action.effect.axis == "pan":
            for old in self.source.actions:
                if old.masked is None and old.effect.kind == "turn_base" and (old.effect.amount > 0) == (action.effect.amount > 0):
                    return f"{{like: {old.name}}}"
        return "{start: mean}"

    def _entry(
        self,
        action: Action,
        how: How,
        row: int | None,
        probability: float | None = None,
        reason: str = "",
    ) -> HeadEntry:
        old = None if row is None else self.source.actions[row]
        ratio = None
        if old is not None and old.effect.unit and pairing.same_direction(self.source, old.effect, self.target, action.effect):
            ratio = math.exp(pairing.log_ratio(old.effect, action.effect))
        return HeadEntry(
            action=action.name,
            effect=describe(action.effect),
            how=how,
            source=None if old is None else old.name,
            source_row=row,
            ratio=ratio,
            probability=probability,
            reason=reason,
        )


def pair_head(source: Embodiment, target: Embodiment, choices: HeadChoices, where: Where) -> tuple[HeadPlan, list[Fault]]:
    """Head plan and whatever it refuses; with faults the plan is not whole."""
    draft = _Draft(source, target, choices, where)
    entries = tuple(entry for at in range(len(target.actions)) if (entry := draft.entry(at)) is not None)
    used = {entry.source_row for entry in entries if entry.how in ("keep", "rescale", "reuse", "masked")}
    dropped = tuple(action.name for at, action in enumerate(source.actions) if at not in used)
    plan = HeadPlan(source_actions=source.action_names, trained=draft.trained, entries=entries, dropped=dropped)
    return plan, draft.faults
