"""Small houses and bodies made by hand, for tests whose numbers can be worked out on paper."""

import math
from collections.abc import Sequence

import numpy as np

from flare_core.embodiments.body import Action, Arm, Camera, Effect, Embodiment, Footprint, Jitter, Noise, Range
from flare_core.houses.house import House, HouseObject, Opening, Point, Room, Wall
from flare_core.simulators.embedded.simulator import EmbeddedSimulator
from flare_core.world import Start

FORWARD, RIGHT, TURN_RIGHT, PAN_RIGHT, TILT_DOWN, LIFT, EXTEND, WRIST, DONE, GRASP, RELEASE, HAND_FORWARD, HAND_RIGHT, HAND_UP = range(14)
ACTIONS = (
    Action(name="forward", effect=Effect(kind="move_base", axis="forward", amount=0.25)),
    Action(name="right", effect=Effect(kind="move_base", axis="right", amount=0.2)),
    Action(name="turn_right", effect=Effect(kind="turn_base", axis="right", amount=math.pi / 2)),
    Action(name="pan_right", effect=Effect(kind="turn_camera", axis="pan", amount=0.2, camera="eye")),
    Action(name="tilt_down", effect=Effect(kind="turn_camera", axis="tilt", amount=0.2, camera="eye")),
    Action(name="lift", effect=Effect(kind="move_arm", axis="lift", amount=0.1)),
    Action(name="extend", effect=Effect(kind="move_arm", axis="extend", amount=0.1)),
    Action(name="wrist", effect=Effect(kind="turn_wrist", axis="right", amount=0.5)),
    Action(name="done", effect=Effect(kind="say", axis="done")),
    Action(name="grasp", effect=Effect(kind="grasp")),
    Action(name="release", effect=Effect(kind="release")),
    Action(name="hand_forward", effect=Effect(kind="move_hand", axis="forward", amount=0.05)),
    Action(name="hand_right", effect=Effect(kind="move_hand", axis="right", amount=0.05)),
    Action(name="hand_up", effect=Effect(kind="move_hand", axis="up", amount=0.05)),
)
ARM = Arm(
    lift=Range(low=0.0, high=0.25),
    extend=Range(low=0.1, high=0.5),
    wrist=Range(low=-1.0, high=1.0),
    home_lift=0.0,
    home_extend=0.1,
    home_wrist=0.0,
    reach_yaw=math.pi / 2,
    shoulder_right_m=0.1,
    shoulder_up_m=0.6,
    shoulder_forward_m=0.0,
    hand_radius_m=0.06,
)


def eye(*, up_m: float = 1.0, pitch: float = 0.0, width: int = 64, height: int = 48, focal: float = 50.0, **more: object) -> Camera:
    """A head camera with its principal point in the middle."""
    values = {"cx": width / 2, "cy": height / 2, "fx": focal, "fy": focal, "width_px": width, "height_px": height, **more}
    limits = Range(low=-1.0, high=1.0)
    return Camera(name="eye", on="head", up_m=up_m, pitch=pitch, pan=limits, tilt=limits, **values)  # type: ignore[arg-type]


def body(
    *cameras: Camera,
    footprint: Footprint | None = None,
    arm: Arm | None = ARM,
    gripper: str = "none",
    contact: str = "cancel",
    noise: Noise | None = None,
    jitter: Jitter | None = None,
) -> Embodiment:
    """A robot with every kind of action."""
    return Embodiment(
        name="toy",
        footprint=footprint or Footprint(radius_m=0.2, height_m=1.4),
        cameras=cameras or (eye(),),
        arm=arm,
        gripper=gripper,  # type: ignore[arg-type]
        actions=ACTIONS,
        on_contact=contact,  # type: ignore[arg-type]
        noise=noise or Noise(),
        jitter=jitter or Jitter(),
    )


def room(name: str, x0: float, z0: float, x1: float, z1: float) -> Room:
    return Room(id=name, type="Kitchen", polygon=((x0, z0), (x1, z0), (x1, z1), (x0, z1)))


def walls(one: Room, height_m: float = 2.5, *, without: Sequence[int] = ()) -> tuple[Wall, ...]:
    """Walls along a room's edges, but for those numbered in `without`."""
    ends = zip(one.polygon, (*one.polygon[1:], one.polygon[0]), strict=True)
    return tuple(
        Wall(id=f"{one.id}/{at}", room=one.id, start=a, end=b, height_m=height_m) for at, (a, b) in enumerate(ends) if at not in without
    )


def thing(
    kind: str, centre: tuple[float, float, float], size: tuple[float, float, float], *, yaw_deg: float = 0.0, ident: str = ""
) -> HouseObject:
    """An object; a type that the catalogue does not know is a plain box."""
    return HouseObject(id=ident or f"{kind}{centre}", asset_id=kind, type=kind, position=centre, rotation=(0.0, yaw_deg, 0.0), size=size)


def house(*objects: HouseObject, rooms: tuple[Room, ...] | None = None, openings: tuple[Opening, ...] = (), closed: bool = True) -> House:
    """One room from (-5, -5) to (5, 5), walled in, unless rooms are given."""
    rooms = rooms if rooms is not None else (room("room", -5, -5, 5, 5),)
    around = tuple(wall for one in rooms for wall in walls(one)) if closed else ()
    return House(id="toy", rooms=rooms, walls=around, openings=openings, objects=objects)


def two_rooms(kind: str = "frame", openness: float = 1.0, low_m: float = 0.0, high_m: float = 2.1) -> House:
    """Rooms from z = 0 to 4 and from 4 to 8, joined by an opening from x = -0.5 to 0.5."""
    start, end = (-0.5, 4.0), (0.5, 4.0)
    hole = Opening(id="hole", kind=kind, rooms=("near", "far"), start=start, end=end, low_m=low_m, high_m=high_m, openness=openness)
    return house(rooms=(room("near", -3, 0, 3, 4), room("far", -3, 4, 3, 8)), openings=(hole,))


def at(
    simulator: EmbeddedSimulator, x: float, z: float, yaw: float = 0.0, *, episode: int = 0, house: int = 0, randomise: bool = False
) -> None:
    """Put every row at the same pose; row b plays episode `episode` + b."""
    rows = np.arange(simulator.batch)
    starts = [Start(house=house, x=x, z=z, yaw=yaw, episode=episode + int(row), randomise_materials=randomise) for row in rows]
    simulator.reset(rows, starts)


def act(simulator: EmbeddedSimulator, *actions: int) -> None:
    """Carry out actions one after the other in every row."""
    for action in actions:
        simulator.apply(np.full(simulator.batch, action))


L_SHAPE: tuple[Point, ...] = ((0.0, 0.0), (6.0, 0.0), (6.0, 3.0), (3.0, 3.0), (3.0, 6.0), (0.0, 6.0))
