"""What a camera takes in, up and down: angles above the horizon, and where its picture meets the floor.

Angles are radians above the horizon; heights and distances are metres along the floor: to it from the axis of rotation, the way the camera
looks, and to what stands before a robot from under the camera.
"""

import math

from flare_core.embodiments.body import Camera


def elevation_angles(camera: Camera) -> tuple[float, float]:
    """Angles of the lower and upper image edge above the horizon, radians, with every joint at home."""
    up, down = math.atan(camera.cy / camera.fy), math.atan((camera.height_px - camera.cy) / camera.fy)
    return -camera.pitch - down, -camera.pitch + up


def reachable_angles(camera: Camera) -> tuple[float, float]:
    """As `elevation_angles`, with all that tilting adds."""
    low, high = elevation_angles(camera)
    return (low, high) if camera.tilt is None else (low - camera.tilt.high, high - camera.tilt.low)


def floor_from_m(camera: Camera) -> float:
    """Distance from the axis of rotation at which an image begins to show the floor, joints at home; infinite if it never does."""
    return _ahead_m(camera) + _meets_floor_m(camera.up_m, elevation_angles(camera)[0])


def floor_within_m(camera: Camera) -> float:
    """The same, tilted as far down as it goes."""
    return _ahead_m(camera) + _meets_floor_m(camera.up_m, reachable_angles(camera)[0])


def _ahead_m(camera: Camera) -> float:
    """How far the lens is from the axis of rotation, the way that it looks."""
    return camera.forward_m * math.cos(camera.yaw) + camera.right_m * math.sin(camera.yaw)


def _meets_floor_m(up_m: float, low: float) -> float:
    if low <= -math.pi / 2:
        return 0.0
    return up_m / math.tan(-low) if low < 0 else math.inf


def heights_seen_m(camera: Camera, away_m: float) -> tuple[float, float]:
    """Lowest and highest point of an upright pole `away_m` ahead that the camera can see, tilting as it may; 0 is the floor."""
    low, high = (camera.up_m + away_m * math.tan(max(min(angle, 1.55), -1.55)) for angle in reachable_angles(camera))
    return max(low, 0.0), high
