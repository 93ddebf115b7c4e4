"""Which links of a URDF are cameras, and which way they look.

A camera comes as a family of links: a body (`camera_link`), frames of its sensors (`camera_color_frame`) and optical
frames (`camera_color_optical_frame`), all rigid. One link of each family is the eye. Frames are those of ROS (REP 103):
optical ones have z forward, x right and y down; all others x forward, y left and z up.
"""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from flare_core.runs.making.urdf_robot import Array, Robot
from flare_core.runs.making.urdf_sensors import Sensor

_LONG: Final = ("camera", "realsense", "kinect", "webcam", "oakd", "optical")
_WORDS: Final = frozenset({"cam", "oak", "zed", "zed2", "zedm", "rgb", "rgbd", "d405", "d415", "d435", "d435i", "d455", "fisheye"})
_NO_EYE: Final = frozenset(
    {"bracket", "mount", "mast", "tower", "stand", "holder", "plate", "post", "riser", "screw", "imu", "gyro", "accel"}
)
_COLOUR: Final = frozenset({"color", "colour", "rgb", "rgbd"})
_NO_COLOUR: Final = frozenset({"depth", "infra", "infra1", "infra2", "ir", "ir1", "ir2", "aligned"})
_ONE_OF_TWO: Final = frozenset({"left", "right", "stereo"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Eye:
    """One camera.

    Attributes:
        name: for the spec.
        link: the frame that it is.
        pose: of that frame, with the sensor's own pose, in the base link's frame, (4, 4).
        optical: whether the frame has z forward.
        others: further frames of the same family that could have been meant.
        words: of all names in the family.
    """

    name: str
    link: str
    pose: Array
    optical: bool
    sensor: Sensor | None
    others: tuple[str, ...]
    words: frozenset[str]

    @property
    def forward(self) -> Array:
        """Direction of view, unit vector in the base link's frame, (3,)."""
        return np.asarray(self.pose[:3, 2] if self.optical else self.pose[:3, 0])

    @property
    def up(self) -> Array:
        """Upper edge of the picture, unit vector in the base link's frame, (3,)."""
        return np.asarray(-self.pose[:3, 1] if self.optical else self.pose[:3, 2])


def eyes_of(robot: Robot, sensors: tuple[Sensor, ...]) -> tuple[Eye, ...]:
    """All cameras, in the order of the file."""
    candidates = [link for link in robot.links if _is_camera(link) or any(sensor.link == link for sensor in sensors)]
    families: dict[str, list[str]] = {}
    for link in candidates:
        families.setdefault(_head_of_family(robot, link, candidates), []).append(link)
    eyes: list[Eye] = []
    for head, family in families.items():
        eye = _eye(robot, head, family, sensors, [eye.name for eye in eyes])
        eyes += [eye] if eye is not None else []
    return tuple(eyes)


def words_of(name: str) -> frozenset[str]:
    """Words of a name such as `Head_cameraRGB_link`, in small letters."""
    return frozenset(re.findall(r"[a-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()))


def _is_camera(link: str) -> bool:
    words = words_of(link)
    named = bool(words & _WORDS) or any(long in word for word in words for long in _LONG)
    return named and not words & _NO_EYE


def _head_of_family(robot: Robot, link: str, candidates: list[str]) -> str:
    """The furthest candidate towards the base that nothing but fixed joints lies between."""
    head, here = link, link
    while (joint := robot.joint_to(here)) is not None and not joint.moves:
        here = joint.parent
        head = here if here in candidates else head
    return head


def _eye(robot: Robot, head: str, family: list[str], sensors: tuple[Sensor, ...], taken: list[str]) -> Eye | None:
    declared = [sensor for sensor in sensors if sensor.link in family]
    ranked = sorted(family, key=lambda link: (_rank(link, declared), family.index(link)))
    link = ranked[0]
    coloured = [sensor for sensor in declared if not sensor.depth_only] or declared
    # The simulator's sensor often sits on the body's frame while the pictures come with the optical frame's name.
    sensor = next((one for one in coloured if one.link == link), coloured[0] if coloured else None)
    pose = robot.poses[link]
    if sensor is not None and sensor.link == link:
        pose = pose @ sensor.pose
    others = tuple(one for one in ranked[1:] if _rank(one, declared) == _rank(link, declared))
    words = frozenset[str]().union(*(words_of(one) for one in family))
    return Eye(
        name=_spec_name(head, taken), link=link, pose=pose, optical="optical" in link.lower(), sensor=sensor, others=others, words=words
    )


def _rank(link: str, declared: list[Sensor]) -> int:
    """The smaller, the more a link of a family is the frame of the colour picture."""
    words = words_of(link)
    optical = "optical" in link.lower()
    no_colour = bool(words & _NO_COLOUR)
    if no_colour:
        return 8 if optical else 9
    if words & _ONE_OF_TWO and not words & _COLOUR:
        return 6 if optical else 7
    if words & _COLOUR:
        return 0 if optical else 1
    if optical:
        return 2
    return 3 if any(sensor.link == link for sensor in declared) else 4


def _spec_name(head: str, taken: list[str]) -> str:
    """A name for the spec, out of the family's first link."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", head)
    name = re.sub(r"(_optical|_link|_frame|_joint|_rgb|_color)+$", "", name).strip("_") or "camera"
    name = name if name[0].isalpha() else f"camera_{name}"
    several = [name, *(f"{name}_{number}" for number in range(2, len(taken) + 3))]
    return next(one for one in several if one not in taken)
