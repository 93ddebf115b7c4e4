"""Composed shapes: what each type of object is made of.

A shape is a tuple of parts in the unit box of its asset: x from -0.5 to 0.5 (width), y from 0 (bottom) to 1, z from
-0.5 (back) to 0.5 (front). A part is an axis-aligned box and the slot of its material. Parts are solid for bodies, sight
and image alike. Round things are crossed boxes. A category must be recognisable by shape; see `palettes` for colour.
"""

from collections.abc import Callable

from flare_core.houses.surfaces import seat_height

Part = tuple[float, float, float, float, float, float, int]  # x0, y0, z0, x1, y1, z1, slot
Size = tuple[float, float, float]
Levels = tuple[float, ...]
Family = Callable[[Size, Levels], tuple[Part, ...]]
RUN_M = 0.61  # depth of a run of kitchen counter


# fmt: off
def part(x0: float, x1: float, y0: float, y1: float, z0: float, z1: float, slot: int = 0) -> Part:
    """A part from its extents along width, height and depth."""
    return (x0, y0, z0, x1, y1, z1, slot)


def _share(metres: float, extent: float, most: float = 0.4) -> float:
    """A length in metres as a share of an extent, at most `most`."""
    return min(metres / extent, most)


def _seat(kind: str, size: Size, levels: Levels) -> float:
    """Height of a seat or mattress as a share: where the lowest thing lies on it, else the rule of the generator."""
    if levels:
        return min(levels[0], 0.9)
    return min((seat_height(kind, size[1]) or size[1]) / size[1], 0.9)


def rounded(y0: float, y1: float, radius: float, slot: int = 0, x: float = 0.0, z: float = 0.0) -> tuple[Part, ...]:
    """An upright octagon-like column: two crossed boxes."""
    r, q = radius, radius * 0.7
    return (
        part(x - r, x + r, y0, y1, z - q * 0.6, z + q * 0.6, slot),
        part(x - q * 0.6, x + q * 0.6, y0, y1, z - r, z + r, slot), part(x - q, x + q, y0, y1, z - q, z + q, slot),
    )


def _legs(sx: float, sz: float, top: float, slot: int = 1, thick_m: float = 0.05) -> tuple[Part, ...]:
    """Four legs at the corners from the floor to `top`."""
    tx, tz = _share(thick_m, sx, 0.2), _share(thick_m, sz, 0.2)
    ends_x, ends_z = ((-0.5, -0.5 + tx), (0.5 - tx, 0.5)), ((-0.5, -0.5 + tz), (0.5 - tz, 0.5))
    return tuple(part(x0, x1, 0, top, z0, z1, slot) for x0, x1 in ends_x for z0, z1 in ends_z)


def hollow(y0: float, y1: float, r: float, wall: float, slot: int = 0, bottom: bool = True) -> tuple[Part, ...]:
    """A square vessel that is open at the top."""
    base = y0 + min(0.1, (y1 - y0) * 0.3)
    floor = (part(-r + wall, r - wall, y0, base, -r + wall, r - wall, 1),) if bottom else ()
    return (
        *floor, part(-r, r, y0, y1, r - wall, r, slot), part(-r, r, y0, y1, -r, -r + wall, slot),
        part(-r, -r + wall, y0, y1, -r + wall, r - wall, slot), part(r - wall, r, y0, y1, -r + wall, r - wall, slot),
    )


def bed(size: Size, levels: Levels) -> tuple[Part, ...]:
    top = _seat("Bed", size, levels)
    back, foot = _share(0.08, size[2]), _share(0.06, size[2])
    mid = top * 0.55
    return (
        part(-0.5, 0.5, 0, 1, -0.5, -0.5 + back), part(-0.5, 0.5, 0, top * 1.05, 0.5 - foot, 0.5),
        part(-0.49, 0.49, top * 0.25, mid, -0.5 + back, 0.5 - foot), part(-0.47, 0.47, mid, top, -0.5 + back, -0.05, 3),
        part(-0.49, 0.49, mid, top, -0.05, 0.5 - foot, 1),
    )


def chair(size: Size, levels: Levels) -> tuple[Part, ...]:
    top = _seat("Chair", size, levels)
    seat, back = _share(0.05, size[1]), _share(0.05, size[2])
    return (
        *_legs(size[0], size[2], top - seat, 1, 0.04), part(-0.5, 0.5, top - seat, top, -0.5, 0.5),
        part(-0.5, -0.38, top, 1, -0.5, -0.5 + back, 1), part(0.38, 0.5, top, 1, -0.5, -0.5 + back, 1),
        part(-0.38, 0.38, top + (1 - top) * 0.45, 0.98, -0.5, -0.5 + back * 0.9),
    )


def stool(size: Size, levels: Levels) -> tuple[Part, ...]:
    seat = 1 - _share(0.05, size[1])
    return (
        *_legs(size[0], size[2], seat, 1, 0.04), part(-0.5, 0.5, seat, 1, -0.5, 0.5),
        part(-0.46, 0.46, 0.3, 0.36, -0.04, 0.04, 1),
    )


def house_plant(size: Size, levels: Levels) -> tuple[Part, ...]:
    pot = 0.34
    return (
        part(-0.2, 0.2, 0, pot * 0.6, -0.2, 0.2), part(-0.27, 0.27, pot * 0.6, pot, -0.27, 0.27),
        part(-0.04, 0.04, pot, 0.6, -0.04, 0.04, 2), part(-0.5, -0.12, 0.52, 0.66, -0.14, 0.1, 1),
        part(0.1, 0.5, 0.58, 0.74, -0.1, 0.16, 1), part(-0.14, 0.1, 0.5, 0.62, 0.1, 0.5, 1),
        part(-0.1, 0.16, 0.62, 0.78, -0.5, -0.1, 1), part(-0.3, 0.22, 0.68, 0.9, -0.24, 0.28, 1),
        part(-0.12, 0.18, 0.9, 1, -0.16, 0.12, 1),
    )


def laptop(size: Size, levels: Levels) -> tuple[Part, ...]:
    thick, lid = _share(0.02, size[1]), _share(0.02, size[2])
    return (
        part(-0.5, 0.5, 0, thick, -0.5 + lid, 0.5), part(-0.42, 0.42, thick, thick * 1.25, -0.3, 0.12, 2),
        part(-0.5, 0.5, 0, 1, -0.5, -0.5 + lid), part(-0.45, 0.45, thick + 0.06, 0.95, -0.5 + lid, -0.5 + lid * 1.3, 2),
    )


def mug(size: Size, levels: Levels) -> tuple[Part, ...]:
    def cup(x0: float, x1: float, y0: float, y1: float, z0: float, z1: float, slot: int = 0) -> Part:
        return part(-0.1 + x0 * 0.8, -0.1 + x1 * 0.8, y0, y1, z0, z1, slot)

    body = tuple(cup(p[0], p[3], p[1], p[4], p[2], p[5], p[6]) for p in hollow(0, 1, 0.5, 0.09))
    return (
        *body, part(0.3, 0.5, 0.72, 0.84, -0.08, 0.08), part(0.3, 0.5, 0.2, 0.32, -0.08, 0.08),
        part(0.42, 0.5, 0.32, 0.72, -0.08, 0.08),
    )


def sofa(size: Size, levels: Levels) -> tuple[Part, ...]:
    top = _seat("Sofa", size, levels)
    arm, back = _share(0.2, size[0], 0.2), _share(0.25, size[2])
    high = top + (1 - top) * 0.45
    inner, cushion = 0.5 - arm, top * 0.62
    return (
        part(-0.5, 0.5, 0.08, cushion, -0.5, 0.48), part(-0.5, 0.5, cushion, 1, -0.5, -0.5 + back),
        part(-0.5, -inner, 0, high, -0.5 + back, 0.5), part(inner, 0.5, 0, high, -0.5 + back, 0.5),
        part(-inner + 0.01, -0.008, cushion, top, -0.5 + back, 0.5, 1),
        part(0.008, inner - 0.01, cushion, top, -0.5 + back, 0.5, 1),
        part(-inner + 0.01, -0.01, top, 0.94, -0.5 + back, -0.5 + back * 1.4, 1),
        part(0.01, inner - 0.01, top, 0.94, -0.5 + back, -0.5 + back * 1.4, 1),
    )


def armchair(size: Size, levels: Levels) -> tuple[Part, ...]:
    top = _seat("ArmChair", size, levels)
    arm, back = _share(0.16, size[0], 0.22), _share(0.2, size[2])
    high = top + (1 - top) * 0.4
    return (
        *_legs(size[0], size[2], 0.12, 2), part(-0.5, 0.5, 0.12, top, -0.5, 0.5),
        part(-0.45, 0.45, top, 1, -0.5, -0.5 + back), part(-0.5, -0.5 + arm, top, high, -0.5 + back, 0.45),
        part(0.5 - arm, 0.5, top, high, -0.5 + back, 0.45),
    )


def television(size: Size, levels: Levels) -> tuple[Part, ...]:
    thick = _share(0.05, size[2], 1.0) / 2
    stand = 0.12
    return (
        part(-0.25, 0.25, 0, 0.03, -0.5, 0.5, 1), part(-0.06, 0.06, 0.03, stand, -thick, thick * 0.8, 1),
        part(-0.5, 0.5, stand, 1, -thick, thick * 0.9), part(-0.47, 0.47, stand + 0.05, 0.96, thick * 0.9, thick, 2),
    )


def table(size: Size, levels: Levels) -> tuple[Part, ...]:
    tops = levels or (1.0,)
    thick = _share(0.04, size[1], 0.15)
    boards = tuple(part(-0.5, 0.5, max(top - thick, 0.01), top, -0.5, 0.5) for top in tops)
    return (*_legs(size[0], size[2], tops[-1] - thick), *boards)


def shelves(size: Size, levels: Levels) -> tuple[Part, ...]:
    heights = levels or (0.08, 0.38, 0.68)
    side, thick = _share(0.03, size[0]), _share(0.03, size[1], 0.1)
    boards = tuple(part(-0.5 + side, 0.5 - side, max(h - thick, 0.0), h, -0.46, 0.5, 1) for h in heights if h < 0.97)
    return (
        part(-0.5, -0.5 + side, 0, 1, -0.5, 0.5), part(0.5 - side, 0.5, 0, 1, -0.5, 0.5),
        part(-0.5 + side, 0.5 - side, 0, 1, -0.5, -0.46), part(-0.5 + side, 0.5 - side, 1 - thick, 1, -0.46, 0.5), *boards,
    )


def cabinet(size: Size, levels: Levels) -> tuple[Part, ...]:
    top = levels[-1] if levels else 1.0
    gap, deep = 0.02, 0.5
    fronts = tuple(
        part(-0.47 + 0.48 * c, -0.01 + 0.48 * c, top * (0.06 + 0.31 * r), top * (0.34 + 0.31 * r), deep - gap, deep, 1)
        for c in (0, 1) for r in (0, 1, 2)
    )
    mirror = (part(-0.4, 0.4, top, 1, -0.5, -0.44, 3),) if top < 0.9 else ()
    return (part(-0.5, 0.5, 0.03, top, -0.5, deep - gap), *fronts, *mirror)


def corner_counter(size: Size, levels: Levels) -> tuple[Part, ...]:
    """A counter with an L plan: a run along the back and one along its left side (which side, no table says)."""
    return u_counter(size, levels)[:-1]


def u_counter(size: Size, levels: Levels) -> tuple[Part, ...]:
    """A counter with a C plan: a run along the back and one along either side, open to the front."""
    deep, wide = min(RUN_M / size[2], 1.0), min(RUN_M / size[0], 0.5)
    return (
        part(-0.5, 0.5, 0, 0.95, -0.5, -0.5 + deep), part(-0.5, 0.5, 0.95, 1, -0.5, -0.5 + deep, 1),
        part(-0.5, -0.5 + wide, 0, 1, -0.5 + deep, 0.5), part(0.5 - wide, 0.5, 0, 1, -0.5 + deep, 0.5),
    )


def tv_stand(size: Size, levels: Levels) -> tuple[Part, ...]:
    top = levels[-1] if levels else 1.0
    return (
        part(-0.5, 0.5, top * 0.88, top, -0.5, 0.5), part(-0.5, -0.46, 0, top * 0.88, -0.5, 0.5),
        part(0.46, 0.5, 0, top * 0.88, -0.5, 0.5), part(-0.46, 0.46, top * 0.1, top * 0.88, -0.5, 0.1, 1),
        part(-0.46, 0.46, top * 0.1, top * 0.2, 0.1, 0.48),
    )


def floor_lamp(size: Size, levels: Levels) -> tuple[Part, ...]:
    pole = _share(0.02, size[0], 0.1)
    return (*rounded(0, 0.03, 0.35, 1), part(-pole, pole, 0.03, 0.78, -pole, pole, 1), *rounded(0.78, 1, 0.5))


def cart(size: Size, levels: Levels) -> tuple[Part, ...]:
    return (
        *_legs(size[0], size[2], 0.7, 1, 0.03), part(-0.5, 0.5, 0.12, 0.2, -0.5, 0.5),
        part(-0.5, 0.5, 0.6, 0.7, -0.5, 0.5), part(-0.5, 0.5, 0.92, 1, -0.5, -0.44, 1),
    )
