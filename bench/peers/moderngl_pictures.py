"""A moderngl program on the same faces: every parallelogram as two triangles, the same colours, patterns and light.

All views of a batch go into one large picture, which is read back once, the fewest readings that there can be. Nothing is culled but faces
that look away.
"""

import moderngl
import numpy as np

from bench.peers.scene import SCENE, VIEWS, answer, asked, timed

NEAR, FAR = 0.02, 100.0
VERTEX = """
#version 330
uniform mat3 rotation; uniform vec3 eye; uniform vec4 lens; uniform vec2 size; uniform vec2 depth;
in vec3 place; in vec2 metres; in vec3 colour; in float layer;
out vec2 at; out float ahead; flat out vec3 paint; flat out float pattern;
void main() {
    vec3 c = rotation * (place - eye);
    at = metres; ahead = c.z; paint = colour; pattern = layer;
    gl_Position = vec4(2.0 * lens.x * c.x / size.x, -2.0 * lens.y * c.y / size.y,
                       c.z * (depth.y + depth.x) / (depth.y - depth.x) - 2.0 * depth.x * depth.y / (depth.y - depth.x), c.z);
}
"""  # the picture's row 0 is its top, as a read-back's first row is OpenGL's lowest
FRAGMENT = """
#version 330
uniform sampler2DArray patterns;
in vec2 at; in float ahead; flat in vec3 paint; flat in float pattern;
out vec4 shown;
void main() {
    float light = 0.72 + min(0.28, 0.42 / ahead);
    vec3 colour = paint;
    if (pattern > 0.5) {
        light *= 1.0 + (texture(patterns, vec3(at, pattern)).r - 1.0) * min(1.0, 3.0 / ahead);
        colour = min(colour, vec3(231.0));
    }
    shown = vec4(colour * light / 255.0, 1.0);
}
"""


def vertices(scene: dict[str, np.ndarray], house: int) -> np.ndarray:
    """(N, 9) float32 of one house: place, pattern's coordinates, colour, pattern."""
    part = slice(scene["house_face"][house], scene["house_face"][house + 1])
    p, u, v, look = scene["p"][part], scene["u"][part], scene["v"][part], scene["look"][part]
    colour = scene["material"][scene["material_start"][house] + look[:, 0]] * scene["shade"][part][:, None]
    wide, high = np.linalg.norm(u, axis=1), np.linalg.norm(v, axis=1)
    rows = []
    for s, t, first in ((0, 0, True), (1, 0, True), (0, 1, True), (1, 0, False), (1, 1, False), (0, 1, False)):
        corner = np.column_stack([p + s * u + t * v, s * wide, t * high, colour, look[:, 1]])
        rows.append(np.where((look[:, 3:] == 1) & (not first), 0.0, corner))  # the second triangle of a triangle is none
    return np.stack(rows, axis=1).reshape(-1, 9).astype(np.float32)


def main() -> None:
    order = asked(__doc__)
    scene = dict(np.load(SCENE.with_name(f"scene-{order.width}x{order.height}.npz")))
    context = moderngl.create_standalone_context(backend="egl")
    context.enable(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
    context.front_face = "ccw"
    program = context.program(vertex_shader=VERTEX, fragment_shader=FRAGMENT)
    patterns = context.texture_array((64, 64, len(scene["textures"])), 1, scene["textures"].astype(np.float32).tobytes(), dtype="f4")
    patterns.filter = (moderngl.NEAREST, moderngl.NEAREST)
    patterns.use(0)
    houses = [context.buffer(vertices(scene, house).tobytes()) for house in range(len(scene["house_face"]) - 1)]
    meshes = [context.vertex_array(program, [(one, "3f 2f 3f 1f", "place", "metres", "colour", "layer")]) for one in houses]
    across = 8
    wide, high = across * order.width, VIEWS // across * order.height
    canvas = context.framebuffer([context.renderbuffer((wide, high), 3)], context.depth_renderbuffer((wide, high)))
    program["size"], program["depth"] = (order.width, order.height), (NEAR, FAR)
    sky = tuple(float(part) for part in scene["sky"] / 255)
    into = bytearray(3 * wide * high)
    turns = [np.ascontiguousarray(rotation.T, dtype="f4").tobytes() for rotation in scene["rotation"]]

    def draw() -> bytearray:
        canvas.use()
        canvas.viewport = (0, 0, wide, high)
        context.clear(*sky)
        for view, house in enumerate(scene["house"]):
            canvas.viewport = (view % across * order.width, view // across * order.height, order.width, order.height)
            program["rotation"].write(turns[view])
            program["eye"] = tuple(scene["position"][view])
            program["lens"] = tuple(scene["lens"][view])
            meshes[house].render()
        canvas.read_into(into, viewport=(0, 0, wide, high), components=3, alignment=1)
        return into

    rate = timed(draw, VIEWS, order.seconds)
    pictures = np.frombuffer(draw(), np.uint8).reshape(VIEWS // across, order.height, across, order.width, 3).transpose(0, 2, 1, 3, 4)
    apart = np.abs(pictures.reshape(VIEWS, order.height, order.width, 3).astype(int) - scene["pictures"]).max(axis=-1)
    answer(
        order.out, frames_per_second=rate, version=moderngl.__version__, device=context.info["GL_RENDERER"],
        scene="the same faces and views", pixels_apart=float((apart > 8).mean()),
    )  # fmt: skip


if __name__ == "__main__":
    main()
