"""Draws faces: RGB, planar depth and instance id of many cameras, exact to the pixel centre.

A face p + s*u + t*v, 0 <= s, t <= 1, covers a pixel whose ray d meets it. With d = ((x - cx) / fx, (cy - y) / fy, 1) the
products A = d.(v x p) / k', B = d.(p x u) / k', G = d.n / k' (n = u x v, k' = n.p) are linear in x and y; 1/z = G,
s = A/G, t = B/G. So each row of pixels of a face is one span between four linear bounds, and the depth buffer holds 1/z.
Colours are made once at the end, for the face that won each pixel.

Reference: Olano and Greer 1997, "Triangle scan conversion using 2D homogeneous coordinates", section 4.
"""

import math

import numpy as np
import numpy.typing as npt
from numba import prange

from flare_core.simulators.embedded.buffers import Own, Scratch
from flare_core.simulators.embedded.jit import fast_kernel, fast_part, parallel_kernel
from flare_core.simulators.embedded.pack import Faces
from flare_core.simulators.embedded.portals import NEAR, bounds, flood
from flare_core.simulators.embedded.textures import SIDE

Singles = npt.NDArray[np.float32]
Smalls = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

F = np.float32
ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
FLAT = np.float32(1e-12)
FAR = np.float32(1e9)
LEAN = np.float32(1e-3)  # a span reaches this much of a pixel further, so that neighbouring faces leave no gap


@fast_part
def _draw_faces(
    p: Singles,
    u: Singles,
    v: Singles,
    n: Singles,
    shade: Singles,
    look: Smalls,
    part: Smalls,
    scissor: Singles,
    parts: int,
    r: Singles,
    eye: Singles,
    lens: Singles,
    palette: Singles,
    inverse: Singles,
    winner: Smalls,
    record: Singles,
    ident: Smalls,
    count: int,
) -> int:
    """Draw runs of faces into the buffers, each within its own rectangle; the new number of drawn faces.

    Args:
        part: (parts, 2) first face and end of each run. scissor: (parts, 4) x0, y0, x1, y1.
    """
    height, width = inverse.shape
    fx, fy, cx, cy = lens[0], lens[1], lens[2], lens[3]
    x, y, z, box = np.empty(4, np.float32), np.empty(4, np.float32), np.empty(4, np.float32), np.empty(4, np.float32)
    low_at, low_by, high_at, high_by = np.empty(4, np.float32), np.empty(4, np.float32), np.empty(4, np.float32), np.empty(4, np.float32)
    r00, r01, r02 = r[0, 0], r[0, 1], r[0, 2]
    r10, r11, r12 = r[1, 0], r[1, 1], r[1, 2]
    r20, r21, r22 = r[2, 0], r[2, 1], r[2, 2]
    ifx, ify = ONE / fx, ONE / fy
    ox, oy = HALF - cx, HALF - cy  # pixel centres, from the principal point
    for at in range(parts):
        sx0, sy0, sx1, sy1 = scissor[at, 0], scissor[at, 1], scissor[at, 2], scissor[at, 3]
        for f in range(part[at, 0], part[at, 1]):
            wx, wy, wz = p[f, 0] - eye[0], p[f, 1] - eye[1], p[f, 2] - eye[2]
            k = -(wx * n[f, 0] + wy * n[f, 1] + wz * n[f, 2])
            if k <= F(1e-7):
                continue
            px, py, pz = r00 * wx + r01 * wy + r02 * wz, r10 * wx + r11 * wy + r12 * wz, r20 * wx + r21 * wy + r22 * wz
            wx, wy, wz = u[f, 0], u[f, 1], u[f, 2]
            ux, uy, uz = r00 * wx + r01 * wy + r02 * wz, r10 * wx + r11 * wy + r12 * wz, r20 * wx + r21 * wy + r22 * wz
            wx, wy, wz = v[f, 0], v[f, 1], v[f, 2]
            vx, vy, vz = r00 * wx + r01 * wy + r02 * wz, r10 * wx + r11 * wy + r12 * wz, r20 * wx + r21 * wy + r22 * wz
            triangle = look[f, 3] == 1
            # Corners 1, 2, 3; corner 2 of a triangle is corner 1 again.
            x1, y1, z1, x3, y3, z3 = px + ux, py + uy, pz + uz, px + vx, py + vy, pz + vz
            x2, y2, z2 = (x1, y1, z1) if triangle else (x1 + vx, y1 + vy, z1 + vz)
            if min(min(pz, z1), min(z2, z3)) > NEAR:
                w0, w1, w2, w3 = ONE / pz, ONE / z1, ONE / z2, ONE / z3
                q0, q1, q2, q3 = px * w0, x1 * w1, x2 * w2, x3 * w3
                left, right = cx + fx * min(min(q0, q1), min(q2, q3)), cx + fx * max(max(q0, q1), max(q2, q3))
                q0, q1, q2, q3 = py * w0, y1 * w1, y2 * w2, y3 * w3
                top, bottom = cy - fy * max(max(q0, q1), max(q2, q3)), cy - fy * min(min(q0, q1), min(q2, q3))
            else:
                x[0], x[1], x[2], x[3] = px, x1, x2, x3
                y[0], y[1], y[2], y[3] = py, y1, y2, y3
                z[0], z[1], z[2], z[3] = pz, z1, z2, z3
                if not bounds(x, y, z, lens, width, height, box):
                    continue
                left, top, right, bottom = box[0], box[1], box[2], box[3]
            left, top, right, bottom = max(left, sx0), max(top, sy0), min(right, sx1), min(bottom, sy1)
            if left >= right or top >= bottom:
                continue
            xl, xr = max(left - HALF, ZERO), min(right - HALF, F(width - 1))
            ya, yb = max(int(top + HALF), 0), min(int(bottom + HALF), height)  # pixel centres y + 0.5 within the rectangle
            if ya >= yb or int(math.ceil(xl - LEAN)) > int(math.floor(xr + LEAN)):
                continue
            ik = -ONE / k
            ax, ay, a0 = (vy * pz - vz * py) * ik * ifx, -(vz * px - vx * pz) * ik * ify, (vx * py - vy * px) * ik
            bx, by, b0 = (py * uz - pz * uy) * ik * ifx, -(pz * ux - px * uz) * ik * ify, (px * uy - py * ux) * ik
            gx, gy, g0 = (uy * vz - uz * vy) * ik * ifx, -(uz * vx - ux * vz) * ik * ify, (ux * vy - uy * vx) * ik
            a0 += ax * ox + ay * oy
            b0 += bx * ox + by * oy
            g0 += gx * ox + gy * oy
            # Four half planes e(x, y) >= 0, a triangle's fourth being its third: each bounds a row's span from the left or
            # from the right by a line in y. The other bound of each is left out of reach, so that rows need no branch.
            top = F(ya)
            is_empty = False
            for edge in range(4):
                low_at[edge], low_by[edge], high_at[edge], high_by[edge] = -FAR, ZERO, FAR, ZERO
                if edge == 0:
                    ex, ey, e = ax, ay, a0 + ay * top
                elif edge == 1:
                    ex, ey, e = bx, by, b0 + by * top
                elif triangle:
                    ex, ey = gx - ax - bx, gy - ay - by
                    e = g0 - a0 - b0 + ey * top
                elif edge == 2:
                    ex, ey = gx - ax, gy - ay
                    e = g0 - a0 + ey * top
                else:
                    ex, ey = gx - bx, gy - by
                    e = g0 - b0 + ey * top
                if ex > FLAT:
                    inv = -ONE / ex
                    low_at[edge], low_by[edge] = e * inv, ey * inv
                elif ex < -FLAT:
                    inv = -ONE / ex
                    high_at[edge], high_by[edge] = e * inv, ey * inv
                elif ey > FLAT:
                    ya = max(ya, int(top) + int(math.ceil(min(max(-e / ey, ZERO), F(height)))))
                elif ey < -FLAT:
                    yb = min(yb, int(top) + int(math.floor(min(max(-e / ey, -ONE), F(height)))) + 1)
                elif e < ZERO:
                    is_empty = True
            if is_empty:
                continue
            l0, l1, l2, l3 = low_at[0], low_at[1], low_at[2], low_at[3]
            m0, m1, m2, m3 = low_by[0], low_by[1], low_by[2], low_by[3]
            h0, h1, h2, h3 = high_at[0], high_at[1], high_at[2], high_at[3]
            n0, n1, n2, n3 = high_by[0], high_by[1], high_by[2], high_by[3]
            hit = False
            for yy in range(ya, yb):
                d = F(yy) - top
                lo = max(max(l0 + m0 * d, l1 + m1 * d), max(l2 + m2 * d, l3 + m3 * d))
                hi = min(min(h0 + n0 * d, h1 + n1 * d), min(h2 + n2 * d, h3 + n3 * d))
                lo, hi = max(lo, xl), min(hi, xr)
                xa, xb = int(math.ceil(lo - LEAN)), int(math.floor(hi + LEAN))
                if xb < xa:
                    continue
                hit = True
                g = g0 + gy * F(yy)
                row, won = inverse[yy], winner[yy]
                for xx in range(xa, xb + 1):
                    w = g + gx * F(xx)
                    nearer = w > row[xx]
                    row[xx] = w if nearer else row[xx]
                    won[xx] = count if nearer else won[xx]
            if hit:
                c = record[count]
                c[0], c[1], c[2], c[3], c[4], c[5] = ax, ay, a0, bx, by, b0
                material, texture = look[f, 0], look[f, 1]
                lit = shade[f] * F(255.0)
                c[6], c[7], c[8] = palette[material, 0] * lit, palette[material, 1] * lit, palette[material, 2] * lit
                if texture != 0:
                    c[9] = math.sqrt(ux * ux + uy * uy + uz * uz)
                    c[10] = math.sqrt(vx * vx + vy * vy + vz * vz)
                ident[count, 0], ident[count, 1] = texture, look[f, 2]
                count += 1
    return count


@fast_part
def _shade(
    inverse: Singles,
    winner: Smalls,
    record: Singles,
    ident: Smalls,
    textures: Singles,
    sky: Bytes,
    buffer: Singles,
    rgb: Bytes,
    depth: Singles,
    ids: Smalls,
    full: bool,
) -> None:
    """Colour every pixel by the face that won it, in runs of one face along a row.

    Args:
        buffer: (2, W) scratch. What needs no face is done for a whole row at once, which the compiler vectorises.
    """
    height, width = inverse.shape
    size = F(SIDE)
    deep, light = buffer[0], buffer[1]
    for y in range(height):
        row, won, out = inverse[y], winner[y], rgb[y]
        for i in range(width):
            deep[i] = ONE / max(row[i], F(1e-9))
        for i in range(width):
            light[i] = F(0.72) + min(F(0.28), F(0.42) * row[i])
        x = 0
        while x < width:
            face = won[x]
            end = x + 1
            while end < width and won[end] == face:
                end += 1
            if face < 0:
                for i in range(x, end):
                    out[i, 0], out[i, 1], out[i, 2] = sky[0], sky[1], sky[2]
                x = end
                continue
            c = record[face]
            red, green, blue = c[6], c[7], c[8]
            texture = ident[face, 0]
            if texture != 0:
                su, sv = c[9] * size, c[10] * size
                ax, a, bx, b = c[0] * su, (c[1] * F(y) + c[2]) * su, c[3] * sv, (c[4] * F(y) + c[5]) * sv
                tile = textures[texture]
                for i in range(x, end):
                    z, xf = deep[i], F(i)
                    tu, tv = np.int32((a + ax * xf) * z + HALF) & (SIDE - 1), np.int32((b + bx * xf) * z + HALF) & (SIDE - 1)
                    light[i] *= ONE + (tile[tv, tu] - ONE) * min(ONE, F(3.0) * row[i])
                red, green, blue = min(red, F(231.0)), min(green, F(231.0)), min(blue, F(231.0))
            for i in range(x, end):
                shine = light[i]
                out[i, 0], out[i, 1], out[i, 2] = np.uint8(red * shine), np.uint8(green * shine), np.uint8(blue * shine)
            x = end
        if full:
            for i in range(width):
                depth[y, i] = deep[i] if won[i] >= 0 else ZERO
            for i in range(width):
                ids[y, i] = ident[won[i], 1] if won[i] >= 0 else -1


@fast_part
def draw(
    faces: Faces,
    house: int,
    r: Singles,
    eye: Singles,
    lens: Singles,
    palette: Singles,
    own: Own,
    row: int,
    textures: Singles,
    sky: Bytes,
    inverse: Singles,
    winner: Smalls,
    record: Singles,
    ident: Smalls,
    shown: Singles,
    stack: Singles,
    part: Smalls,
    scissor: Singles,
    buffer: Singles,
    rgb: Bytes,
    depth: Singles,
    ids: Smalls,
    full: bool,
) -> int:
    """Draw one camera of one row; how many faces were drawn."""
    height, width = inverse.shape
    inverse[:, :] = ZERO
    winner[:, :] = -1
    flood(
        faces.portals,
        faces.house_portal[house],
        faces.house_portal[house + 1],
        faces.room_points,
        faces.room_start,
        faces.house_room[house],
        faces.house_room[house + 1],
        r,
        eye,
        lens,
        width,
        height,
        shown,
        stack,
    )
    tl, tr = lens[2] / lens[0], (F(width) - lens[2]) / lens[0]
    tt, tb = lens[3] / lens[1], (F(height) - lens[3]) / lens[1]
    ll, lr, lt, lb = math.sqrt(ONE + tl * tl), math.sqrt(ONE + tr * tr), math.sqrt(ONE + tt * tt), math.sqrt(ONE + tb * tb)
    base = faces.house_face[house]
    none = parts = int(np.int64(0))  # a literal is a type of its own, for which numba would compile the kernel once more
    for g in range(faces.house_group[house], faces.house_group[house + 1]):
        x0, y0, x1, y1 = ZERO, ZERO, F(width), F(height)
        room = faces.group[g, 0]
        if room >= 0:
            x0, y0, x1, y1 = shown[room, 0], shown[room, 1], shown[room, 2], shown[room, 3]
            room = faces.group[g, 1]
            if room >= 0:
                x0, y0 = min(x0, shown[room, 0]), min(y0, shown[room, 1])
                x1, y1 = max(x1, shown[room, 2]), max(y1, shown[room, 3])
            if x0 >= x1 or y0 >= y1:
                continue
        wx, wy, wz = faces.sphere[g, 0] - eye[0], faces.sphere[g, 1] - eye[1], faces.sphere[g, 2] - eye[2]
        radius = faces.sphere[g, 3]
        z = r[2, 0] * wx + r[2, 1] * wy + r[2, 2] * wz
        if z < -radius:
            continue
        x = r[0, 0] * wx + r[0, 1] * wy + r[0, 2] * wz
        if x - z * tr > radius * lr or -x - z * tl > radius * ll:
            continue
        y = r[1, 0] * wx + r[1, 1] * wy + r[1, 2] * wz
        if y - z * tt > radius * lt or -y - z * tb > radius * lb:
            continue
        near = z - radius
        if near > F(0.1):  # rectangle of the cube around the sphere
            far = z + radius
            left, right, down, up = x - radius, x + radius, y - radius, y + radius
            gx0 = lens[2] + lens[0] * left / (far if left > ZERO else near)
            gx1 = lens[2] + lens[0] * right / (near if right > ZERO else far)
            gy0 = lens[3] - lens[1] * up / (near if up > ZERO else far)
            gy1 = lens[3] - lens[1] * down / (far if down > ZERO else near)
            if gx0 > x1 or gx1 < x0 or gy0 > y1 or gy1 < y0:
                continue
        part[parts, 0], part[parts, 1] = base + faces.group[g, 2], base + faces.group[g, 3]
        scissor[parts, 0], scissor[parts, 1], scissor[parts, 2], scissor[parts, 3] = x0, y0, x1, y1
        parts += 1
    p, u, v, n, shade, look = faces.p, faces.u, faces.v, faces.n, faces.shade, faces.look
    count = _draw_faces(p, u, v, n, shade, look, part, scissor, parts, r, eye, lens, palette, inverse, winner, record, ident, none)
    if own.look.shape[0] > 0:
        part[0, 0], part[0, 1], parts = 0, own.look.shape[0], int(np.int64(1))
        scissor[0, 0], scissor[0, 1], scissor[0, 2], scissor[0, 3] = ZERO, ZERO, F(width), F(height)
        p, u, v, n, shade, look = own.p[row], own.u[row], own.v[row], own.n[row], own.shade[row], own.look
        count = _draw_faces(p, u, v, n, shade, look, part, scissor, parts, r, eye, lens, palette, inverse, winner, record, ident, count)
    _shade(inverse, winner, record, ident, textures, sky, buffer, rgb, depth, ids, full)
    return count


def _batch(
    faces: Faces,
    house: Ints,
    copies: Faces,
    copy: Ints,
    r: Singles,
    eye: Singles,
    lens: Singles,
    palette: Singles,
    own: Own,
    textures: Singles,
    sky: Bytes,
    s: Scratch,
    rgb: Bytes,
    depth: Singles,
    ids: Smalls,
    full: bool,
) -> None:
    """Draw one camera of every row. Thread t takes rows t, t + T, ...; what a row shows does not depend on T.

    Args:
        house: (B,). copy: (B,) house of `copies` to draw in its place, -1 for none.
        r: (B, 3, 3). eye: (B, 3). lens: (B, 4). palette: (B, M, 3) colours 0..1.
        rgb: (B, H, W, 3) written; depth, ids: (B, H, W), written if `full`, else (B, 1, 1).
    """
    threads = s.inverse.shape[0]
    for t in prange(threads):
        for b in range(t, house.shape[0], threads):
            copied = copy[b] >= 0
            draw(
                copies if copied else faces,
                copy[b] if copied else house[b],
                r[b],
                eye[b],
                lens[b],
                palette[b],
                own,
                b,
                textures,
                sky,
                s.inverse[t],
                s.winner[t],
                s.record[t],
                s.ident[t],
                s.shown[t],
                s.stack[t],
                s.part[t],
                s.scissor[t],
                s.buffer[t],
                rgb[b],
                depth[b],
                ids[b],
                full,
            )


draw_batch = fast_kernel(_batch)
draw_batch_threads = parallel_kernel(_batch)
