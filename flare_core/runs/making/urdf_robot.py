"""The robot in a URDF: links and joints with their lines, and where every link is when all joints are at home.

Frames are those of ROS: x forward, y left, z up, right-handed, metres and radians, seen from the base link, until
`urdf_base.py` finds the floor point under the axis of rotation. Forward kinematics is yourdfpy's.
"""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from flare_core.errors import UrdfError
from flare_core.runs.making.urdf_xml import NEEDS_EXTRA, Element, UrdfFile, read_urdf

Array: TypeAlias = npt.NDArray[np.float64]
JointKind = Literal["fixed", "revolute", "continuous", "prismatic", "planar", "floating"]
_TURNS: Final = ("revolute", "continuous")
MOST_TURNS: Final = 4 * math.pi  # limits beyond two turns each way are degrees, or mean none at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """One joint.

    Attributes:
        axis: unit vector in the base link's frame, with all joints at home, (3,).
        low, high: limits, metres or radians; None for what has none.
        home: where it is in the pose that the robot is described in: 0, or the limit nearest to it.
        mimics: the joint that it follows, or "".
        factor: how far it goes when the joint that it follows goes by 1.
    """

    name: str
    kind: JointKind
    parent: str
    child: str
    axis: Array
    low: float | None
    high: float | None
    home: float
    mimics: str
    factor: float
    element: Element

    @property
    def turns(self) -> bool:
        return self.kind in _TURNS

    @property
    def moves(self) -> bool:
        return self.kind != "fixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Robot:
    """A whole robot.

    Attributes:
        scale: metres of one unit of the file.
        joints: in the order of the file.
        poses: of every link in the base link's frame, with all joints at home, (4, 4).
        shapes: yourdfpy's links, by name, with their shapes in the file's unit and these shapes' poses in metres.
        model: yourdfpy's, for other poses.
    """

    file: UrdfFile
    scale: float
    links: tuple[str, ...]
    joints: tuple[Joint, ...]
    poses: Mapping[str, Array]
    shapes: Mapping[str, Any]
    model: Any

    def at(self, element: Element) -> str:
        """'file:line' of an element."""
        return self.file.at(element)

    def source(self, joint: Joint) -> str:
        """A joint and where it is written."""
        return f"{self.at(joint.element)}, joint {joint.name}"

    def joint_to(self, link: str) -> Joint | None:
        """The joint that carries a link; None for the base."""
        return next((joint for joint in self.joints if joint.child == link), None)

    def way(self, link: str) -> tuple[Joint, ...]:
        """Joints from the base to a link, in this order."""
        found: list[Joint] = []
        joint = self.joint_to(link)
        while joint is not None:
            found.insert(0, joint)
            joint = self.joint_to(joint.parent)
        return tuple(found)

    def moving_way(self, link: str) -> tuple[Joint, ...]:
        """Of the joints from the base to a link, those that move."""
        return tuple(joint for joint in self.way(link) if joint.moves)

    def posed(self, **values: float) -> dict[str, Array]:
        """Poses of all links with some joints away from home."""
        return _poses(self.model, self.links, {joint.name: joint.home for joint in self.joints if joint.moves} | values)

    def link_element(self, name: str) -> Element:
        """A link as it is written."""
        return next(link for link in self.file.root.findall("link") if link.get("name") == name)


def read_robot(path: Path, *, scale: float = 1.0) -> Robot:
    """A robot out of a URDF.

    Args:
        scale: metres of one unit of the file; every length is multiplied by it.

    Raises:
        UrdfError: the file is not a whole URDF, or yourdfpy is not installed.
    """
    file = read_urdf(path)
    try:
        import yourdfpy
    except ImportError:
        raise UrdfError(NEEDS_EXTRA) from None
    try:
        parsed = yourdfpy.URDF.load(io.BytesIO(file.kinematics()), build_scene_graph=False, load_meshes=False).robot
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, yourdfpy.urdf.URDFError) as bad:
        raise UrdfError(f"{path}: yourdfpy cannot read it: {bad}. Does `check_urdf` of ROS accept it?") from None
    _scale(parsed, scale)
    frames = yourdfpy.urdf.Robot(
        name=parsed.name, links=[yourdfpy.urdf.Link(name=link.name) for link in parsed.links], joints=parsed.joints
    )
    model = yourdfpy.URDF(robot=frames, build_scene_graph=True, load_meshes=False)
    elements = {element.get("name"): element for element in file.root.findall("joint")}
    home = {joint.name: _home(joint) for joint in parsed.joints if joint.type != "fixed"}
    links = tuple(link.name for link in parsed.links)
    poses = _poses(model, links, home)
    joints = tuple(_joint(joint, home.get(joint.name, 0.0), poses, elements[joint.name]) for joint in parsed.joints)
    shapes = {link.name: link for link in parsed.links}
    return Robot(file=file, scale=scale, links=links, joints=joints, poses=poses, shapes=shapes, model=model)


def _scale(parsed: Any, scale: float) -> None:
    """Lengths in metres, and axes of length 1, which yourdfpy would take prismatic joints along as they are."""
    for joint in parsed.joints:
        if joint.origin is not None:
            joint.origin[:3, 3] *= scale
        joint.axis = joint.axis / np.linalg.norm(joint.axis)
        if joint.type == "prismatic" and joint.limit is not None:
            for name in ("lower", "upper"):
                setattr(joint.limit, name, (getattr(joint.limit, name) or 0.0) * scale)
        if joint.type == "prismatic" and joint.mimic is not None:
            joint.mimic.offset *= scale
    for link in parsed.links:
        for shape in (*link.collisions, *link.visuals):
            if shape.origin is not None:
                shape.origin[:3, 3] *= scale


def _limits(joint: Any) -> tuple[float | None, float | None]:
    if joint.limit is None or joint.type not in ("revolute", "prismatic"):
        return None, None
    return joint.limit.lower or 0.0, joint.limit.upper or 0.0


def _home(joint: Any) -> float:
    low, high = _limits(joint)
    return 0.0 if low is None or high is None or low > high else min(max(0.0, low), high)


def _joint(joint: Any, home: float, poses: Mapping[str, Array], element: Element) -> Joint:
    low, high = _limits(joint)
    return Joint(
        name=joint.name,
        kind=joint.type,
        parent=joint.parent,
        child=joint.child,
        # A joint's axis is its own axis of motion, so it reads the same in the frames before and after the motion.
        axis=poses[joint.child][:3, :3] @ joint.axis,
        low=low,
        high=high,
        home=home,
        mimics=joint.mimic.joint or "" if joint.mimic is not None else "",
        factor=joint.mimic.multiplier if joint.mimic is not None else 1.0,
        element=element,
    )


def _poses(model: Any, links: tuple[str, ...], values: Mapping[str, float]) -> dict[str, Array]:
    """Forward kinematics: (4, 4) of every link in the base link's frame."""
    model.update_cfg({name: values[name] for name in model.actuated_joint_names if name in values and _one_number(model, name)})
    return {link: np.array(model.get_transform(link), dtype=np.float64) for link in links}


def _one_number(model: Any, name: str) -> bool:
    return model.joint_map[name].type in ("revolute", "continuous", "prismatic")
