"""Lists that a robot's YAML names instead of writing out: action vocabularies and lenses."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import yaml

from flare_core.yaml_tree import Value

ActionPreset = Literal["spoc", "spoc_navigation"]
LensPreset = Literal["spoc", "realsense_d435", "oak_d_pro"]

# The 20 actions of SPOC and FLaRe in the order of their action head, with the magnitudes of both releases
# (0.2 m and 30 or 6 degrees for the base, 0.1 or 0.02 m for the arm, 10 degrees for the wrist).
# wrist_open turns the wrist by -10 degrees of the simulator's clockwise yaw, which is to the left.
_SPOC: Final = """
- move_ahead: {move_base: {forward_m: 0.2}}
- rotate_right: {turn_base: {right_deg: 30}}
- rotate_left: {turn_base: {left_deg: 30}}
- move_back: {move_base: {back_m: 0.2}}
- done: {say: done}
- sub_done: {say: sub_done}
- rotate_left_small: {turn_base: {left_deg: 6}}
- rotate_right_small: {turn_base: {right_deg: 6}}
- pickup: grasp
- move_arm_in: {move_arm: {retract_m: 0.1}}
- move_arm_out: {move_arm: {extend_m: 0.1}}
- move_arm_up: {move_arm: {lift_m: 0.1}}
- move_arm_down: {move_arm: {lower_m: 0.1}}
- wrist_open: {turn_wrist: {left_deg: 10}}
- wrist_close: {turn_wrist: {right_deg: 10}}
- move_arm_down_small: {move_arm: {lower_m: 0.02}}
- move_arm_in_small: {move_arm: {retract_m: 0.02}}
- move_arm_out_small: {move_arm: {extend_m: 0.02}}
- move_arm_up_small: {move_arm: {lift_m: 0.02}}
- dropoff: release
"""
_SPOC_ROWS: Final[list[dict[str, Value]]] = yaml.safe_load(_SPOC)
_BASE_EFFECTS: Final = frozenset({"move_base", "turn_base", "say"})

ACTIONS: Final[Mapping[str, tuple[Mapping[str, Value], ...]]] = MappingProxyType(
    {
        "spoc": tuple(_SPOC_ROWS),
        "spoc_navigation": tuple(
            row for row in _SPOC_ROWS for effect in row.values() if isinstance(effect, dict) and _BASE_EFFECTS & effect.keys()
        ),
    }
)

# Field of view and image size of known cameras. spoc: the simulated D455 of SPOC and FLaRe. realsense_d435: colour
# stream, 69 x 42 degrees by Intel's data sheet. oak_d_pro: auto-focus colour camera, 66 degrees wide at 4:3 by Luxonis.
LENSES: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "spoc": MappingProxyType({"vertical_fov_deg": 59.0, "width_px": 396, "height_px": 224}),
        "realsense_d435": MappingProxyType({"horizontal_fov_deg": 69.0, "width_px": 1280, "height_px": 720}),
        "oak_d_pro": MappingProxyType({"horizontal_fov_deg": 66.0, "width_px": 640, "height_px": 480}),
    }
)
