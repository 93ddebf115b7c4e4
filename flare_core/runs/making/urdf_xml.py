"""A URDF as XML: read without trust, checked in full, and told by file and line.

yourdfpy stops at the first fault with a traceback, follows entities and mends broken XML by guessing. So the file is
parsed and judged here, and yourdfpy gets a copy that holds nothing but links and joints that are right.

Reference: https://wiki.ros.org/urdf/XML
"""

import math
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from flare_core.errors import UrdfError
from flare_core.spec_faults import did_you_mean

Element: TypeAlias = Any  # lxml ships no types
NEEDS_EXTRA: Final = "reading a URDF needs the package 'yourdfpy': pip install 'flare-core[urdf]'"
MAX_BYTES: Final = 8 * 1024 * 1024  # the largest of known robots has half a megabyte
MAX_LINKS: Final = 2000
_SHOWN: Final = 20
_JOINTS: Final = ("fixed", "revolute", "continuous", "prismatic", "planar", "floating")
_SHAPES: Final = ("box", "cylinder", "sphere", "mesh")
_OTHER_FORMATS: Final = {"sdf": "SDF", "mujoco": "MuJoCo's MJCF", "gazebo": "SDF", "xacro": "xacro", "html": "a web page"}
# element -> attribute -> how many numbers
_NUMBERS: Final[dict[str, dict[str, tuple[int, ...]]]] = {
    "origin": {"xyz": (3,), "rpy": (3,)},
    "axis": {"xyz": (3,)},
    "box": {"size": (3,)},
    "cylinder": {"radius": (1,), "length": (1,)},
    "sphere": {"radius": (1,)},
    "mesh": {"scale": (1, 3)},
    "limit": {"lower": (1,), "upper": (1,), "effort": (1,), "velocity": (1,)},
    "mimic": {"multiplier": (1,), "offset": (1,)},
}
_NEEDED: Final = {"box": ("size",), "cylinder": ("radius", "length"), "sphere": ("radius",), "mesh": ("filename",), "mimic": ("joint",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class UrdfFile:
    """A URDF that is whole: every joint joins two links, and all links hang on one.

    Attributes:
        label: the file as messages name it.
        root: the document.
        base: name of the link that all others hang on.
    """

    path: Path
    label: str
    root: Element
    base: str

    def at(self, element: Element) -> str:
        """'file:line' of an element."""
        return f"{self.label}:{element.sourceline}"

    def kinematics(self) -> bytes:
        """XML of links, their shapes and joints alone."""
        return _kept(self.root)


def read_urdf(path: Path) -> UrdfFile:
    """Read and judge a file.

    Raises:
        UrdfError: with all faults of the file, or the first that keeps it from being read at all.
    """
    try:
        from lxml import etree
    except ImportError:
        raise UrdfError(NEEDS_EXTRA) from None
    label = path.name
    raw = _bytes(path)
    if path.suffix == ".xacro":
        raise UrdfError(_xacro(str(path), path))
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_pis=True, remove_comments=True
    )
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as bad:
        line = bad.lineno or 1
        raise UrdfError(f"{path}:{line}: not valid XML: {bad.msg}. Is a tag or a quote left open there or before?") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise UrdfError(_doctype(path))
    file = UrdfFile(path=path, label=label, root=root, base="")
    _refuse_other_formats(file)
    faults = [*_faults(file)]
    if not faults:
        faults = [*_tree_faults(file)]
    if faults:
        more = [f"... and {len(faults) - _SHOWN} more faults"] if len(faults) > _SHOWN else []
        raise UrdfError("\n".join([*faults[:_SHOWN], *more]))
    return UrdfFile(path=path, label=label, root=root, base=_bases(root)[0])


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        what = "is a folder, not a URDF file" if path.is_dir() else "no such file"
        raise UrdfError(f"{path}: {what}. Give the path of a .urdf file")
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise UrdfError(f"{path}: has {path.stat().st_size:,} bytes; a URDF has at most {MAX_BYTES:,}. Is this another kind of file?")
    if not raw.strip():
        raise UrdfError(f"{path}: the file is empty. A URDF begins with <robot name=...>")
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise UrdfError(_doctype(path))
    return raw


def _doctype(path: Path) -> str:
    return f"{path}: has a <!DOCTYPE> or <!ENTITY>, which no URDF needs and which can grow a small file without end. Remove it"


def _xacro(where: str, path: Path) -> str:
    plain = path.with_name(f"{path.name.removesuffix('.xacro').removesuffix('.urdf')}{'_plain' if path.suffix != '.xacro' else ''}.urdf")
    return f"{where}: this is xacro, which only ROS can expand. Expand it first: `xacro {path} > {plain}`, and give {plain}"


def _refuse_other_formats(file: UrdfFile) -> None:
    root = file.root
    for element in root.iter():
        written = isinstance(element.tag, str) and ("xacro" in element.tag.partition("}")[0] or element.tag.startswith("xacro:"))
        if written or any("${" in value or "$(" in value for value in element.attrib.values()):
            raise UrdfError(_xacro(f"{file.path}:{element.sourceline}", file.path))
    if root.tag != "robot":
        kind = _OTHER_FORMATS.get(str(root.tag), f"something that begins with <{root.tag}>")
        raise UrdfError(f"{file.path}:{root.sourceline}: this is {kind}, not a URDF, which begins with <robot name=...>. Convert it first")


def _faults(file: UrdfFile) -> Iterator[str]:
    """Everything that is wrong within single elements."""
    links, joints = file.root.findall("link"), file.root.findall("joint")
    if not links:
        yield f"{file.at(file.root)}: there is no <link> in this file. Is it a part that another file includes?"
    if len(links) > MAX_LINKS:
        yield f"{file.at(file.root)}: has {len(links):,} links; at most {MAX_LINKS:,} are read. Take out what is not the robot"
        return
    for kind, found in (("link", links), ("joint", joints)):
        yield from _name_faults(file, kind, found)
    for joint in joints:
        yield from _joint_faults(file, joint, [link.get("name") for link in links if link.get("name")])
    for owner in (*links, *joints):
        for element in owner.iter(*_NUMBERS):
            if element.getparent().tag != "inertial":
                yield from _number_faults(file, owner, element)


def _name_faults(file: UrdfFile, kind: str, found: list[Element]) -> Iterator[str]:
    first: dict[str, Element] = {}
    for element in found:
        name = element.get("name")
        if not name:
            yield f"{file.at(element)}: a <{kind}> without a name. Add name=..."
        elif first.setdefault(name, element) is not element:
            there = f"is there already, on line {first[name].sourceline}"
            yield f"{file.at(element)}: the {kind} {name!r} {there}. Give one of the two another name"


def _joint_faults(file: UrdfFile, joint: Element, links: list[str]) -> Iterator[str]:
    name, where = joint.get("name"), file.at(joint)
    if joint.get("type") not in _JOINTS:
        near = did_you_mean(str(joint.get("type")), _JOINTS)
        yield f"{where}: joint {name!r}: no type {joint.get('type')!r}. Use one of {', '.join(_JOINTS)}.{near}"
    mimic = joint.find("mimic")
    if mimic is not None and mimic.get("joint") is not None:
        leader = next((one for one in file.root.findall("joint") if one.get("name") == mimic.get("joint")), None)
        if leader is None or leader.get("type") == "fixed" or leader.find("mimic") is not None:
            what = "no joint of this name" if leader is None else "a joint that does not move by itself"
            yield f"{file.at(mimic)}: joint {name!r}: follows {mimic.get('joint')!r}, {what}. Name the joint that the motor moves"
    for end in ("parent", "child"):
        element = joint.find(end)
        link = None if element is None else element.get("link")
        if link is None:
            yield f'{where}: joint {name!r} has no {end}. Add <{end} link="..."/>'
        elif link not in links:
            yield f"{file.at(element)}: joint {name!r}: no link {link!r} to be its {end}.{did_you_mean(link, links)}"


def _number_faults(file: UrdfFile, owner: Element, element: Element) -> Iterator[str]:
    where = f"{file.at(element)}: {owner.tag} {owner.get('name')!r}: <{element.tag}>"
    for attribute in _NEEDED.get(element.tag, ()):
        if element.get(attribute) is None:
            yield f"{where} has no {attribute}. Add {attribute}=..."
    for attribute, counts in _NUMBERS[element.tag].items():
        text = element.get(attribute)
        if text is None:
            continue
        numbers = numbers_of(text)
        if numbers is None or len(numbers) not in counts:
            wanted = "a number" if counts == (1,) else f"{counts[-1]} numbers with spaces between them"
            yield f"{where}: {attribute}={text!r} should be {wanted}"
        elif attribute == "rpy" and max(map(abs, numbers)) > 2 * math.pi + 0.01:
            right = " ".join(f"{math.radians(one):.6g}" for one in numbers)
            yield f"{where}: rpy={text!r} looks like degrees; a URDF is in radians. Write {right!r}"
        elif attribute == "xyz" and element.tag == "axis" and not any(numbers):
            yield f"{where}: an axis of length 0 points nowhere. Write which way it points, such as '0 0 1'"
        elif attribute in ("size", "radius", "length") and min(numbers) < 0:
            yield f"{where}: {attribute}={text!r} should not be negative"


def numbers_of(text: str) -> list[float] | None:
    """Finite numbers with blanks between them, or None."""
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def _ends(root: Element) -> list[tuple[Element, str, str]]:
    return [(joint, joint.find("parent").get("link"), joint.find("child").get("link")) for joint in root.findall("joint")]


def _bases(root: Element) -> list[str]:
    """Links that are no joint's child."""
    children = {child for _, _, child in _ends(root)}
    return [link.get("name") for link in root.findall("link") if link.get("name") not in children]


def _tree_faults(file: UrdfFile) -> Iterator[str]:
    """Links that two joints carry, that hang on nothing, or that go round in a circle."""
    ends = _ends(file.root)
    for link, count in Counter(child for _, _, child in ends).items():
        if count > 1:
            joints = [joint for joint, _, child in ends if child == link]
            names = " and ".join(repr(joint.get("name")) for joint in joints)
            yield f"{file.at(joints[1])}: link {link!r} is the child of {names}. A link hangs on one joint; remove the others"
            return
    bases, reached = _bases(file.root), set[str]()
    if len(bases) > 1:
        what = f"{len(bases)} links hang on nothing: {', '.join(map(repr, bases[:6]))}"
        yield f"{file.at(file.root)}: {what}. Join all but the base to the rest, with fixed joints"
        return
    waiting = list(bases)
    while waiting:
        link = waiting.pop()
        reached.add(link)
        waiting += [child for _, parent, child in ends if parent == link]
    circle = [joint for joint, _, child in ends if child not in reached]
    if circle:
        names = ", ".join(repr(joint.get("name")) for joint in circle[:6])
        yield f"{file.at(circle[0])}: joints go round in a circle: {names}. A URDF is a tree; remove one of them"


def _kept(root: Element) -> bytes:
    """A copy with nothing but what the kinematics and the outline need, and nothing that yourdfpy stumbles over."""
    from lxml import etree

    copy = etree.Element("robot", name=root.get("name") or "robot")
    for link in root.findall("link"):
        kept = etree.SubElement(copy, "link", name=link.get("name"))
        for shape in shapes_of(link):
            kept.append(_only(shape, ("origin", "geometry")))
    for joint in root.findall("joint"):
        copy.append(_only(joint, ("origin", "parent", "child", "axis", "limit", "mimic")))
    return bytes(etree.tostring(copy))


def _only(element: Element, tags: tuple[str, ...]) -> Element:
    kept = deepcopy(element)
    for child in list(kept):
        if child.tag not in tags:
            kept.remove(child)
    return kept


def shapes_of(link: Element) -> list[Element]:
    """<collision> and <visual> elements of a link with a shape that yourdfpy knows, collisions first."""
    return [shape for tag in ("collision", "visual") for shape in link.findall(tag) if shape_tag(shape) in _SHAPES]


def shape_tag(shape: Element) -> str:
    """What a <collision> or <visual> is made of; '' for nothing."""
    geometry = shape.find("geometry")
    return str(geometry[0].tag) if geometry is not None and len(geometry) else ""
