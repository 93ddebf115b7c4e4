import math
from dataclasses import replace

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flare_core.adapters.plan import Plan
from flare_core.adapters.planning import missing_choices, plan_body_inputs, plan_head, plan_transfer, plan_views
from flare_core.adapters.spec import HeadChoices, PlanChoices
from flare_core.embodiments.body import Action, Effect, Embodiment, Range
from flare_core.errors import AdapterError

VIEWS = {"navigation": (128, 72), "manipulation": (128, 72)}


def choices(text: str) -> PlanChoices:
    return PlanChoices.model_validate(yaml.safe_load(text) or {})


def turn(name: str, degrees: float) -> Action:
    return Action(name=name, effect=Effect(kind="turn_base", axis="right", amount=math.radians(degrees)))


def with_actions(body: Embodiment, *actions: Action) -> Embodiment:
    return replace(body, actions=actions)


def refusal(source: Embodiment, target: Embodiment, text: str = "") -> str:
    with pytest.raises(AdapterError) as caught:
        plan_head(source, target, choices(text))
    return str(caught.value)


def test_actions_are_paired_by_effect_and_not_by_name_or_index(tall: Embodiment, low: Embodiment) -> None:
    plan = plan_head(tall, low, choices("head: {look_left: {like: rotate_left, probability: 0.1}, look_up: {start: mean}}"))
    got = [(e.action, e.how, e.source, e.source_row, e.probability) for e in plan.entries]
    assert got == [
        ("forward", "rescale", "move_ahead", 0, None),
        ("left", "keep", "rotate_left", 2, None),
        ("right", "keep", "rotate_right", 1, None),
        ("look_left", "like", "rotate_left", 2, 0.1),
        ("look_up", "mean", None, None, 0.02),
        ("finish", "keep", "done", 5, None),
    ]
    assert plan.entries[0].ratio == pytest.approx(1.25)  # by hand: 0.25 m over 0.2 m
    assert plan.dropped == ("rotate_left_small", "arm_up")
    assert plan.new_rows == (3, 4)
    assert plan.shared_rows == ((0, 0), (1, 2), (2, 1), (5, 5))


def test_whatever_lacks_a_choice_is_refused_at_once_with_the_line_to_add(tall: Embodiment, low: Embodiment) -> None:
    with pytest.raises(AdapterError) as caught:
        plan_transfer(tall, low, VIEWS, PlanChoices(), lambda loc: f"transfers/tall_to_low.yaml:{len(loc)}")
    assert str(caught.value) == (
        "adapters: target action 'look_left' (turn_camera {camera: head, left_deg: 30}) has no source action: "
        "tallbot has no turn_camera action. Add `look_left: {like: rotate_left}` under `head:` in transfers/tall_to_low.yaml:1\n"
        "adapters: target action 'look_up' (turn_camera {camera: head, up_deg: 15}) has no source action: "
        "tallbot has no turn_camera action. Add `look_up: {start: mean}` under `head:` in transfers/tall_to_low.yaml:1\n"
        "adapters: view 'navigation' (tallbot's camera 'eyes', 90x59 deg, 27 deg down) is not fed: lowbot's camera 'head' differs: "
        "90x59 deg, 0 deg down. Add `navigation: {from: head, fit: reproject}` under `views:` in transfers/tall_to_low.yaml:1 "
        "(`reproject`, which keeps angles, would fill 53 % of the view)\n"
        "adapters: view 'manipulation' (tallbot's camera 'hand', 90x59 deg, 33 deg down) is not fed: lowbot has no such camera. "
        "Add `manipulation: absent` under `views:` in transfers/tall_to_low.yaml:1"
    )


def test_a_body_on_itself_keeps_everything(tall: Embodiment) -> None:
    plan = plan_transfer(tall, tall, VIEWS, PlanChoices())
    assert [e.how for e in plan.head.entries] == ["keep"] * 6
    assert [e.source_row for e in plan.head.entries] == [0, 1, 2, 3, 4, 5]
    assert [(e.view, e.camera, e.fit) for e in plan.views.entries] == [("navigation", "eyes", "resize"), ("manipulation", "hand", "resize")]
    assert [(e.source_column, e.scale, e.offset) for e in plan.inputs.entries] == [(at, 1.0, 0.0) for at in range(4)]
    assert plan.head.dropped == ()
    assert plan.inputs.dropped == ()


def test_a_new_action_of_the_same_direction_starts_as_the_nearest_size(tall: Embodiment) -> None:
    target = with_actions(tall, *tall.actions, turn("left_10", -10.0))
    entry = plan_head(tall, target, choices("new_actions: {start: nearest}")).entries[-1]
    # by hand: |log(10 / 6)| = 0.51 is less than |log(10 / 30)| = 1.10
    assert (entry.how, entry.source, entry.probability) == ("nearest", "rotate_left_small", 0.02)
    assert entry.ratio == pytest.approx(10 / 6)


def test_a_tie_between_two_sizes_is_refused(tall: Embodiment) -> None:
    source = with_actions(tall, turn("ten", 10.0), turn("forty", 40.0))
    target = with_actions(tall, turn("twenty", 20.0))
    assert refusal(source, target) == (
        "adapters: target action 'twenty' (turn_base {right_deg: 20}) pairs with 'ten' and 'forty' equally well. "
        "Add `twenty: {rescale: ten}` under `head:` in the transfer"
    )
    nearest = refusal(source, target, "head: {twenty: {start: nearest}}")
    assert nearest == (
        "adapters: target action 'twenty' (turn_base {right_deg: 20}) is as near to 'ten' and 'forty'. "
        "Add `twenty: {like: ten}` under `head:` in the transfer"
    )


def test_a_row_is_not_rescaled_beyond_two_unasked_even_with_a_group_default(tall: Embodiment) -> None:
    source, target = with_actions(tall, turn("turn", 30.0)), with_actions(tall, turn("turn", 70.0))
    assert refusal(source, target, "new_actions: {start: mean}") == (
        "adapters: target action 'turn' (turn_base {right_deg: 70}) is 2.33 times larger or smaller than source action 'turn' "
        "(turn_base {right_deg: 30}); beyond 2 a row is rescaled only by choice. Add `turn: {rescale: turn}` under `head:` in the transfer"
    )
    entry = plan_head(source, target, choices("head: {turn: {rescale: turn}}")).entries[0]
    assert (entry.how, entry.source) == ("rescale", "turn")
    assert plan_head(source, with_actions(tall, turn("turn", 60.0)), HeadChoices()).entries[0].how == "rescale"  # 2 itself is allowed


def test_the_closer_of_two_actions_gets_the_row_and_the_other_is_new(tall: Embodiment) -> None:
    source = with_actions(tall, turn("thirty", 30.0))
    target = with_actions(tall, turn("twenty", 20.0), turn("twenty_five", 25.0))
    assert [e.how for e in plan_head(source, target, choices("new_actions: {start: nearest}")).entries] == ["nearest", "rescale"]
    assert "'thirty' goes to another target action. Add `twenty: {start: nearest}`" in refusal(source, target)


def test_a_row_that_keeps_its_meaning_cannot_be_reused(tall: Embodiment, low: Embodiment) -> None:
    text = "head: {look_left: {reuse: rotate_left}, look_up: {reuse: arm_up}}"
    assert refusal(tall, low, text) == (
        "the transfer: head.look_left.reuse: 'left' keeps row 'rotate_left', which means the same on both bodies. "
        "Use `{like: rotate_left}`."
    )
    text = "head: {look_left: {reuse: arm_up}, look_up: {reuse: arm_up}}"
    assert refusal(tall, low, text) == (
        "the transfer: head.look_up.reuse: row 'arm_up' goes to 'look_left' already, and a row has one meaning. Use `{like: arm_up}`."
    )


def test_reused_rows_leave_the_list_of_dropped_ones(tall: Embodiment, low: Embodiment) -> None:
    plan = plan_head(tall, low, choices("head: {look_left: {like: rotate_left}, look_up: {reuse: arm_up}}"))
    assert (plan.entries[4].how, plan.entries[4].source_row, plan.entries[4].probability) == ("reuse", 4, None)
    assert plan.dropped == ("rotate_left_small",)


def test_misspelt_names_in_choices_are_named_with_a_hint(tall: Embodiment, low: Embodiment) -> None:
    text = "head: {look_lift: {start: mean}, look_left: {like: rotate_lefty}, look_up: {start: mean}}"
    assert refusal(tall, low, text) == (
        "the transfer: head.look_lift: lowbot has no action 'look_lift'. Did you mean 'look_left'?\n"
        "the transfer: head.look_left.like: tallbot has no action 'rotate_lefty'. Did you mean 'rotate_left'?"
    )


def test_masks_of_the_target_need_no_choice_and_keep_their_row(tall: Embodiment) -> None:
    actions = tuple(replace(a, masked="the lift is bolted down") if a.name == "arm_up" else a for a in tall.actions)
    entry = plan_head(tall, with_actions(tall, *actions), HeadChoices()).entries[4]
    assert (entry.how, entry.source_row, entry.reason) == ("masked", 4, "the lift is bolted down")


def test_a_row_that_the_source_never_used_is_not_taken_over(tall: Embodiment) -> None:
    actions = tuple(replace(a, masked="broken") if a.name == "arm_up" else a for a in tall.actions)
    source = with_actions(tall, *actions)
    assert "has no source action: tallbot never does 'arm_up': broken. Add `arm_up: {start: mean}`" in refusal(source, tall)
    assert plan_head(source, source, HeadChoices()).entries[4].how == "masked"


def test_views_refuse_unknown_names_and_angles_that_are_not_known(tall: Embodiment, low: Embodiment) -> None:
    text = "views: {navigatoin: absent, navigation: {from: haed, fit: resize}, manipulation: absent}"
    with pytest.raises(AdapterError) as caught:
        plan_views(tall, low, VIEWS, choices(text).views)
    assert str(caught.value) == (
        "the transfer: views.navigatoin: the policy has no view 'navigatoin'; it has navigation, manipulation. Did you mean 'navigation'?\n"
        "the transfer: views.navigation.from: lowbot has no camera 'haed'; it has head. Did you mean 'head'?"
    )
    with pytest.raises(AdapterError) as caught:
        plan_views(low, low, {"overview": (10, 10)}, choices("views: {overview: {from: head, fit: reproject}}").views)
    assert str(caught.value) == (
        "the transfer: views.overview.fit: lowbot has no camera for this view, so its angles are not known. "
        "Use `fit: resize` or `fit: crop`."
    )


def test_body_inputs_follow_joints_limits_and_home(tall: Embodiment, low: Embodiment) -> None:
    assert tall.arm is not None
    longer = replace(tall, arm=replace(tall.arm, lift=Range(low=0.0, high=2.0)))
    lift = plan_body_inputs(tall, longer).entries[0]
    # by hand: 1.5 m is 0.5 of the longer lift's scale and (1.5 - 0.5) / 0.5 = 2 of the source's; 2 = scale * 0.5 + offset
    assert (lift.scale, lift.offset) == (2.0, 1.0)
    gone = plan_body_inputs(tall, low)
    assert [(e.name, e.source_column) for e in gone.entries] == [("pan:head", None), ("tilt:head", None)]
    assert gone.dropped == ((0, 0.5), (1, 0.0), (2, 0.0), (3, 0.0))  # the lift's home, 0.75 m of 0..1 m, is 0.5 on the scale -1..1


def test_a_plan_survives_json(tall: Embodiment, low: Embodiment) -> None:
    text = "{new_actions: {start: mean}, views: {navigation: {from: head, fit: crop}, manipulation: absent}}"
    plan = plan_transfer(tall, low, VIEWS, choices(text))
    assert Plan.from_json(plan.to_json()) == plan
    with pytest.raises(AdapterError, match="this is no plan"):
        Plan.from_json('{"source": "tallbot"}')


EFFECTS = st.one_of(
    st.builds(lambda s, m: Effect(kind="move_base", axis="forward", amount=s * m), st.sampled_from((-1, 1)), st.floats(0.05, 1.0)),
    st.builds(lambda s, m: Effect(kind="turn_base", axis="right", amount=s * m), st.sampled_from((-1, 1)), st.floats(0.05, 1.5)),
    st.builds(
        lambda axis, s, m: Effect(kind="turn_camera", axis=axis, amount=s * m, camera="head"),
        st.sampled_from(("pan", "tilt")),
        st.sampled_from((-1, 1)),
        st.floats(0.05, 1.0),
    ),
    st.sampled_from((Effect(kind="say", axis="done"), Effect(kind="grasp"), Effect(kind="release"))),
)


def bodies(body: Embodiment, effects: list[Effect], prefix: str) -> Embodiment:
    return with_actions(body, *(Action(name=f"{prefix}{at}", effect=effect) for at, effect in enumerate(effects)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(a=st.lists(EFFECTS, min_size=1, max_size=8), b=st.lists(EFFECTS, min_size=1, max_size=8))
def test_following_the_proposed_lines_settles_every_pair_of_bodies(low: Embodiment, a: list[Effect], b: list[Effect]) -> None:
    source, target = bodies(low, a, "s"), bodies(low, b, "t")
    views = {"navigation": (32, 18)}
    lines = missing_choices(source, target, views, PlanChoices())
    found = {section: {key: yaml.safe_load(value) for key, value in values.items()} for section, values in lines.items()}
    chosen = PlanChoices.model_validate(found)
    assert missing_choices(source, target, views, chosen) == {}
    plan = plan_transfer(source, target, views, chosen)
    assert [entry.action for entry in plan.head.entries] == list(target.action_names)
    kept = [entry.source_row for entry in plan.head.entries if entry.how in ("keep", "rescale", "reuse")]
    assert len(kept) == len(set(kept))  # no row gets two meanings
    for entry in plan.head.entries:
        if entry.how in ("keep", "rescale", "nearest") and entry.source_row is not None:
            old, new = source.actions[entry.source_row].effect, target.actions[target.action_names.index(entry.action)].effect
            assert (old.kind, old.axis, old.amount > 0) == (new.kind, new.axis, new.amount > 0)
    assert Plan.from_json(plan.to_json()) == plan


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)))
def test_another_order_of_actions_changes_only_the_order(tall: Embodiment, order: list[int]) -> None:
    target = with_actions(tall, *(tall.actions[at] for at in order))
    plan = plan_head(tall, target, HeadChoices())
    assert [(entry.how, entry.source_row) for entry in plan.entries] == [("keep", at) for at in order]
