"""One frame of an animation, by a small vectorised ray tracer: ``python3 render.py scene.json``.

The picture tells Ondol's story. Cool lights (work) fly into a copper boiler, its slots glow, the round pool steams,
and warmth runs outward through the joints of the stone floor, at dawn.

Travels to a node as one file: needs Python ≥ 3.11 and numpy. Reads the frame number from INSTANCE_ID and the number of
frames from INSTANCE_COUNT; writes ``frame_0007.png`` into QARNOT_RESULTS_DIRECTORY. Every motion has a whole number of
periods in the loop, so the last frame leads into the first. The same scene and frame give the same bytes.
Exit codes: 0 done, 2 the scene or the environment is not usable (the message names the key), 3 the picture could not be
written.

Methods: Whitted (1980) ray tracing; soft sphere shadows by the angle between the shadow ray and the occluder's rim;
Schlick's (1994) Fresnel term; Narkowicz's (2015) fit of the ACES filmic tone curve.
"""

from __future__ import annotations

import json
import math
import os
import struct
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # a slot is one core
    os.environ[_name] = "1"

import numpy as np  # noqa: E402  (the thread count is read at import)
import numpy.typing as npt  # noqa: E402

Floats = npt.NDArray[Any]  # float32 throughout; numpy's stubs widen float32 times float to float64
Whole = npt.NDArray[np.intp]
SKY, GROUND, BOILER, BALL = -1, 0, 1, 2  # what a ray has met; balls count upward from BALL
FAR = 1e9
TAU = 2.0 * math.pi


class SceneError(Exception):
    """The scene cannot be drawn; the message names the key, its value and what is allowed."""


class Keys:
    """Reads one section of the scene, refusing what is missing, unknown or out of range by its full key."""

    def __init__(self, path: str, values: object, known: str) -> None:
        if not isinstance(values, dict):
            raise SceneError(f"{path or 'scene'} = {values!r} is not allowed: an object with the keys {known}")
        self.path, self.values = path, values
        for key in values:
            if key not in known.split():
                raise SceneError(f"{self.name(key)} is not a key of the scene: known here are {known}")

    def name(self, key: str) -> str:
        """Full key for messages, e.g. ``camera.fov_deg``."""
        return f"{self.path}.{key}" if self.path else key

    def get(self, key: str) -> Any:
        """Value of a key that must be there."""
        if key not in self.values:
            raise SceneError(f"{self.name(key)} is missing")
        return self.values[key]

    def number(self, key: str, low: float, high: float) -> float:
        """Finite number in [low, high]."""
        return _number(self.name(key), self.get(key), low, high)

    def whole(self, key: str, low: int, high: int) -> int:
        """Whole number in [low, high]."""
        value = self.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise SceneError(f"{self.name(key)} = {value!r} is not allowed: a whole number from {low} to {high}")
        return value

    def triple(self, key: str, low: float, high: float) -> tuple[float, float, float]:
        """Three numbers in [low, high]: a point in metres or a linear RGB colour."""
        value = self.get(key)
        if not isinstance(value, list) or len(value) != 3:
            raise SceneError(f"{self.name(key)} = {value!r} is not allowed: a list of three numbers")
        x, y, z = (_number(f"{self.name(key)}[{i}]", v, low, high) for i, v in enumerate(value))
        return x, y, z


def _number(name: str, value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise SceneError(f"{name} = {value!r} is not allowed: a number from {low:g} to {high:g}")
    return float(value)


@dataclass(frozen=True, slots=True)
class Balls:
    """Spheres as columns: centre (m), radius (m), linear RGB albedo, mirror share 0–1, glow (linear RGB)."""

    centre: Floats
    radius: Floats
    albedo: Floats
    mirror: Floats
    glow: Floats


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a frame needs, at one moment ``time`` (0 ≤ time < 1, share of the loop)."""

    time: float
    width: int
    height: int
    samples: int
    eye: Floats
    axes: Floats
    zoom: float
    to_sun: Floats
    sun_colour: Floats
    glow_colour: Floats
    boiler_radius: float
    boiler_height: float
    boiler_rings: int
    pool_radius: float
    ridges: Floats
    solid: int
    balls: Balls
    puffs: Floats


def read_scene(text: str, time: float) -> Scene:
    """Scene at a moment of the loop, from the text of scene.json.

    Raises SceneError naming the key that is missing, unknown or out of range.
    """
    try:
        top = Keys("", json.loads(text), "image camera sun boiler pool spheres work steam seed")
    except json.JSONDecodeError as error:
        raise SceneError(f"scene is not valid JSON: {error}") from None
    image = Keys("image", top.get("image"), "width height samples")
    camera = Keys("camera", top.get("camera"), "target distance height bearing_deg sway_deg lift fov_deg")
    sun = Keys("sun", top.get("sun"), "bearing_deg elevation_deg colour")
    boiler = Keys("boiler", top.get("boiler"), "radius height rings glow")
    pool = Keys("pool", top.get("pool"), "radius")
    rng = np.random.default_rng(top.whole("seed", 0, 2**31))
    eye, axes = _camera(camera, time)
    boiler_height = boiler.number("height", 0.2, 10)
    boiler_radius = boiler.number("radius", 0.1, 5)
    pool_radius = pool.number("radius", boiler_radius, 20)
    stones = _stones(top.get("spheres"))
    work = _work(Keys("work", top.get("work"), "count steps size cool warm"), time, boiler_height + boiler_radius)
    up, bearing = math.radians(sun.number("elevation_deg", 1, 89)), math.radians(sun.number("bearing_deg", -360, 360))
    return Scene(
        time=time,
        width=image.whole("width", 16, 4096),
        height=image.whole("height", 16, 4096),
        samples=image.whole("samples", 1, 4),
        eye=eye,
        axes=axes,
        zoom=math.tan(math.radians(camera.number("fov_deg", 10, 120)) / 2),
        to_sun=_f([math.cos(up) * math.sin(bearing), math.sin(up), math.cos(up) * math.cos(bearing)]),
        sun_colour=_f(sun.triple("colour", 0, 50)),
        glow_colour=_f(boiler.triple("glow", 0, 50)),
        boiler_radius=boiler_radius,
        boiler_height=boiler_height,
        boiler_rings=boiler.whole("rings", 1, 40),
        pool_radius=pool_radius,
        ridges=_ridges(rng),
        solid=len(stones.radius),
        balls=Balls(*(np.concatenate([getattr(stones, f), getattr(work, f)], axis=-1) for f in Balls.__slots__)),
        puffs=_puffs(Keys("steam", top.get("steam"), "puffs density"), time, boiler_radius, pool_radius, rng),
    )


def _f(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float32)


def _camera(keys: Keys, time: float) -> tuple[Floats, Floats]:
    """Eye and the right, up, back axes: a slow ellipse in bearing and height, closed over the loop."""
    target = _f(keys.triple("target", -50, 50))
    bearing = math.radians(keys.number("bearing_deg", -360, 360))
    bearing += math.radians(keys.number("sway_deg", 0, 180)) * math.sin(TAU * time)
    distance = keys.number("distance", 1, 100)
    height = keys.number("height", 0.1, 50) + keys.number("lift", 0, 10) * math.cos(TAU * time)
    eye = _f([distance * math.sin(bearing), max(height, 0.1), distance * math.cos(bearing)])
    back = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross(_f([0, 1, 0]), back)
    right /= np.linalg.norm(right)
    return eye, np.stack([right, np.cross(back, right), back], axis=1).astype(np.float32)


def _stones(listed: object) -> Balls:
    if not isinstance(listed, list):
        raise SceneError(f"spheres = {listed!r} is not allowed: a list of objects")
    rows = [Keys(f"spheres[{i}]", row, "centre radius colour mirror") for i, row in enumerate(listed)]
    return Balls(
        centre=_f([k.triple("centre", -50, 50) for k in rows]).reshape(-1, 3).T,
        radius=_f([k.number("radius", 0.01, 10) for k in rows]),
        albedo=_f([k.triple("colour", 0, 1) for k in rows]).reshape(-1, 3).T,
        mirror=_f([k.number("mirror", 0, 1) for k in rows]),
        glow=np.zeros((3, len(rows)), np.float32),
    )


def _work(keys: Keys, time: float, top: float) -> Balls:
    """Glowing lights on a spiral into the boiler's dome, ``steps`` places per loop, turning from cool to warm."""
    count = keys.whole("count", 0, 60)
    at = _f((np.arange(count) + keys.whole("steps", 0, 60) * time) / max(count, 1) % 1.0)
    angle = TAU * (1.6 * at + 0.1)
    reach = 0.10 + 3.7 * (1 - at) ** 0.9
    height = 0.45 + (top - 0.4) * at**0.75 + 0.55 * np.sin(math.pi * at)
    size = keys.number("size", 0.005, 1) * np.clip(np.minimum(at * 9, (1 - at) * 7), 0.05, 1)
    cool, warm = _f(keys.triple("cool", 0, 100))[:, None], _f(keys.triple("warm", 0, 100))[:, None]
    return Balls(
        centre=np.stack([reach * np.sin(angle), height, reach * np.cos(angle)]).astype(np.float32),
        radius=_f(size),
        albedo=np.zeros((3, count), np.float32),
        mirror=np.zeros(count, np.float32),
        glow=(cool + (warm - cool) * at**3).astype(np.float32),
    )


def _puffs(keys: Keys, time: float, inner: float, outer: float, rng: np.random.Generator) -> Floats:
    """Steam as soft Gaussian balls: rows x, y, z, width, density; each rises once per loop and fades at both ends."""
    count, density = keys.whole("puffs", 0, 200), keys.number("density", 0, 5)
    start, angle, place = rng.random((3, count))
    age = (start + time) % 1.0
    radius = inner * 1.1 + (outer - inner) * np.sqrt(place) * 0.8 + 0.25 * age
    turn = TAU * angle + 0.5 * age
    return _f(
        [
            radius * np.sin(turn),
            0.05 + 2.1 * age**1.15,
            radius * np.cos(turn),
            0.20 + 0.38 * age,
            density * np.sin(math.pi * age) ** 1.5 * (1 - 0.45 * age),
        ]
    )


def _ridges(rng: np.random.Generator) -> Floats:
    """Height (sine of elevation) of five mountain ridges by bearing, nearest last: fractal sums of whole waves."""
    bearing = np.linspace(0, TAU, 8192, endpoint=False)
    rows = []
    for layer in range(5):
        height = np.zeros_like(bearing)
        for octave in range(1, 8):
            wave = round((3 + 2 * layer) * 1.9 ** (octave - 1))
            height += np.abs(np.sin(wave * bearing + rng.random() * TAU)) * 0.55**octave * (-1) ** (octave + 1)
        height = (height - height.mean()) / height.std()
        rows.append(0.125 - 0.024 * layer + (0.026 - 0.0035 * layer) * height)
    return _f(rows)


def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def _unit(a: Floats) -> Floats:
    return a / np.sqrt(_dot(a, a))


def _smooth(x: Floats) -> Floats:
    x = np.clip(x, 0, 1)
    return np.asarray(x * x * (3 - 2 * x))


def _mix(a: Floats, b: Floats, share: Floats) -> Floats:
    return np.asarray(a + (b - a) * share)


def _column(*rgb: float) -> Floats:
    return _f(rgb)[:, None]


HAZE = _column(0.66, 0.31, 0.235)


def sky(scene: Scene, way: Floats, mirrored: bool = False) -> Floats:
    """Dawn seen along unit directions (3, n): gradient, sun, and mountain ridges standing in mist.

    Seen in a mirror the sun is a soft glow: a hard disc on the rough floor would flicker from frame to frame.
    """
    up = way[1]
    high = np.clip(up, 0, 1)
    colour = _mix(HAZE, _column(0.40, 0.27, 0.42), _smooth(high / 0.24))
    colour = _mix(colour, _column(0.05, 0.10, 0.26), _smooth((high - 0.06) / 0.42))
    toward = np.clip(_dot(way, scene.to_sun[:, None]), 0, 1)
    disc = 1.1 * toward**300 if mirrored else 9.0 * _smooth((toward - 0.99885) / 0.0006)
    halo = 0.30 * toward**6 + 0.55 * toward**48 + disc
    colour += scene.sun_colour[:, None] * 0.42 * halo
    low = np.flatnonzero(up < 0.24)
    if low.size:
        turn = np.arctan2(way[0, low], way[2, low]) * (8192 / TAU)
        spot = turn.astype(np.intp) % 8192
        part, shine = colour[:, low], toward[low]
        for layer, ridge in enumerate(scene.ridges):
            top = ridge[spot]
            depth = 0.20 + 0.17 * layer
            body = _mix(HAZE, _column(0.045, 0.05, 0.12), _f(depth))
            mist = np.exp(-np.maximum(up[low], 0) * (42 + 18 * layer)) * 0.75
            body = _mix(body, HAZE, mist) + scene.sun_colour[:, None] * 0.10 * (1 - depth) * shine**12
            part = _mix(part, body, _smooth((top - up[low]) / 0.0016 + 0.5))
        colour[:, low] = part
    return colour


def meet(scene: Scene, start: Floats, way: Floats) -> tuple[Floats, Whole]:
    """Distance (m) to the nearest thing along each ray and which it is (SKY, GROUND, BOILER, BALL + index)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.where(way[1] < -1e-5, -start[1] / way[1], FAR)
        near = np.where(near > 1e-3, near, FAR)
        what = np.where(near < FAR, GROUND, SKY)
        at = _meet_boiler(scene, start, way)
    closer = at < near
    near, what = np.where(closer, at, near), np.where(closer, BOILER, what)
    for i in range(scene.balls.radius.size):
        at = _meet_ball(scene.balls.centre[:, i : i + 1], float(scene.balls.radius[i]), start, way)
        closer = at < near
        if closer.any():
            near, what = np.where(closer, at, near), np.where(closer, BALL + i, what)
    return near, what


def _meet_ball(centre: Floats, radius: float, start: Floats, way: Floats) -> Floats:
    off = start - centre
    b = _dot(off, way)
    under = b * b - (_dot(off, off) - radius * radius)
    at = -b - np.sqrt(np.maximum(under, 0))
    return np.where((under > 0) & (at > 2e-3), at, FAR)


def _meet_boiler(scene: Scene, start: Floats, way: Floats) -> Floats:
    """Upright cylinder from the water to ``boiler_height``, closed by a hemisphere of the same radius."""
    radius, top = scene.boiler_radius, scene.boiler_height
    a = way[0] ** 2 + way[2] ** 2
    b = start[0] * way[0] + start[2] * way[2]
    under = b * b - a * (start[0] ** 2 + start[2] ** 2 - radius * radius)
    side = (-b - np.sqrt(np.maximum(under, 0))) / a
    y = start[1] + side * way[1]
    side = np.where((under > 0) & (side > 2e-3) & (y > 0) & (y < top), side, FAR)
    dome = _meet_ball(_column(0, top, 0), radius, start, way)
    dome = np.where(start[1] + dome * way[1] >= top, dome, FAR)
    return np.minimum(side, dome)


def _shade(scene: Scene, point: Floats, to_light: Floats, reach: float | Floats, spread: float) -> Floats:
    """Share of a light that arrives (0–1) past the stones; ``spread`` is the light's angular radius (rad)."""
    seen: Floats = np.ones_like(point[0])
    for i in range(scene.solid):
        off = scene.balls.centre[:, i : i + 1] - point
        along = _dot(off, to_light)
        miss = np.sqrt(np.maximum(_dot(off, off) - along * along, 0)) - scene.balls.radius[i]
        blur = np.maximum(along, 0.05) * spread
        open_share = _smooth(0.5 + 0.5 * miss / blur)
        seen *= np.where((along > 0.01) & (along < reach), open_share, 1)
    return seen


def _boiler_shade(scene: Scene, point: Floats, to_light: Floats, spread: float) -> Floats:
    """Share of a far light that arrives past the boiler, taken as a capsule: nearest pass of ray and axis."""
    flat = np.maximum(to_light[0] ** 2 + to_light[2] ** 2, 1e-6)
    along = np.maximum(-(point[0] * to_light[0] + point[2] * to_light[2]) / flat, 0)
    along = np.where(
        point[1] + along * to_light[1] > scene.boiler_height,
        np.maximum(_dot(_column(0, scene.boiler_height, 0) - point, to_light), 0),
        along,
    )
    pass_by = point + along * to_light
    pass_by[1] -= np.clip(pass_by[1], 0, scene.boiler_height)
    miss = np.sqrt(_dot(pass_by, pass_by)) - scene.boiler_radius
    return np.where(along > 0.01, _smooth(0.5 + 0.5 * miss / (np.maximum(along, 0.05) * spread)), 1)


def light(scene: Scene, point: Floats, normal: Floats) -> Floats:
    """Light falling on matt points (3, n): sun, the boiler's glow, the flying lights and the sky, with occlusion."""
    sun = np.broadcast_to(scene.to_sun[:, None], point.shape)
    facing = np.clip(_dot(normal, sun), 0, 1)
    seen = _shade(scene, point, sun, FAR, 0.035) * _boiler_shade(scene, point, sun, 0.035)
    total = scene.sun_colour[:, None] * (facing * seen)
    total += _glow_light(scene, point, normal)
    for i in range(scene.solid, scene.balls.radius.size):
        off = scene.balls.centre[:, i : i + 1] - point
        square = _dot(off, off)
        strength = 6.0 * scene.balls.radius[i] ** 2 / (square + 0.02)
        total += scene.balls.glow[:, i : i + 1] * (strength * np.clip(_dot(off, normal) / np.sqrt(square + 1e-6), 0, 1))
    dome = _mix(_column(0.16, 0.10, 0.08), _column(0.20, 0.20, 0.30), 0.5 + 0.5 * normal[1])
    return np.asarray(total + dome * _open_sky(scene, point, normal))


def _glow_light(scene: Scene, point: Floats, normal: Floats) -> Floats:
    """The boiler as a warm lamp on its axis, breathing with its rings."""
    off = _column(0, 0.55 * scene.boiler_height, 0) - point
    square = _dot(off, off)
    gap = np.sqrt(square)
    to_lamp = off / gap
    facing = np.clip(0.25 + 0.75 * _dot(normal, to_lamp), 0, 1)
    seen = _shade(scene, point, to_lamp, gap, 0.16)
    breath = 1.0 + 0.10 * math.sin(TAU * scene.time)
    return scene.glow_colour[:, None] * (breath * 0.85 * facing * seen / (0.6 + square))


def _open_sky(scene: Scene, point: Floats, normal: Floats) -> Floats:
    """Share of the sky (0–1) that a point sees past the stones and the boiler's foot."""
    seen: Floats = np.ones_like(point[0])
    for i in range(scene.solid):
        off = scene.balls.centre[:, i : i + 1] - point
        square = np.maximum(_dot(off, off), float(scene.balls.radius[i]) ** 2 * 1.0001)
        cover = np.clip(_dot(normal, off), 0, None) * float(scene.balls.radius[i]) ** 2 / square**1.5
        seen *= 1 - np.clip(cover, 0, 1)
    return seen


def trace(scene: Scene, start: Floats, way: Floats, bounce: int = 0) -> tuple[Floats, Floats]:
    """Linear RGB (3, n) arriving along rays with origins and unit directions (3, n), and how far each ray went (m)."""
    near, what = meet(scene, start, way)
    colour = np.zeros_like(way)
    mirror = np.zeros_like(way)
    normal = np.zeros_like(way)
    point = start + near * way
    open_air = np.flatnonzero(what == SKY)
    if open_air.size:
        colour[:, open_air] = sky(scene, way[:, open_air], mirrored=bounce > 0)
    for match, paint in (
        (what == GROUND, _paint_ground),
        (what == BOILER, _paint_boiler),
        (what >= BALL, _paint_balls),
    ):
        rows = np.flatnonzero(match)
        if rows.size:
            colour[:, rows], mirror[:, rows], normal[:, rows] = paint(
                scene, point[:, rows], way[:, rows], near[rows], what[rows]
            )
    rows = np.flatnonzero(mirror.max(axis=0) > 0.012)
    if rows.size:
        inward, n = way[:, rows], normal[:, rows]
        out = inward - 2 * _dot(inward, n) * n
        out[1] = np.where(what[rows] == GROUND, np.abs(out[1]), out[1])
        origin = point[:, rows] + 1e-3 * n
        seen = trace(scene, origin, out, bounce + 1)[0] if bounce < 2 else sky(scene, out, mirrored=True)
        colour[:, rows] += mirror[:, rows] * seen
    haze = 1 - np.exp(-np.where(what == SKY, 0, np.maximum(near - 8.0, 0)) * 0.045)
    return _mix(colour, HAZE, haze.astype(np.float32)), near


Painted = tuple[Floats, Floats, Floats]  # own colour, mirror share, normal: each (3, n)


def _fresnel(facing: Floats, straight: float | Floats) -> Floats:
    return np.asarray(straight + (1 - straight) * np.clip(1 - facing, 0, 1) ** 5)


def _paint_balls(scene: Scene, point: Floats, way: Floats, near: Floats, what: Whole) -> Painted:  # noqa: ARG001
    balls, i = scene.balls, what - BALL
    normal = (point - balls.centre[:, i]) / balls.radius[i]
    albedo, metal = balls.albedo[:, i], balls.mirror[i]
    facing = np.clip(-_dot(way, normal), 0, 1)
    glowing = i >= scene.solid
    colour = albedo * light(scene, point, normal) * (1 - metal)
    colour += balls.glow[:, i] * (0.35 + 0.65 * facing**2)
    half = _unit(scene.to_sun[:, None] - way)
    gleam = np.clip(_dot(normal, half), 0, 1) ** 260 * 5.0
    colour += scene.sun_colour[:, None] * np.where(glowing, 0, gleam)
    mirror = _mix(_fresnel(facing, 0.045)[None], albedo * _mix(_f(1.0), _f(1.15), facing), metal)
    return colour, np.where(glowing, 0, mirror), normal


def _paint_boiler(scene: Scene, point: Floats, way: Floats, near: Floats, what: Whole) -> Painted:  # noqa: ARG001
    """Polished copper; rings of server slots glow one after another, upward."""
    top, rings = scene.boiler_height, scene.boiler_rings
    normal = np.stack([point[0], np.maximum(point[1] - top, 0), point[2]]) / scene.boiler_radius
    normal = _unit(normal)
    facing = np.clip(-_dot(way, normal), 0, 1)
    level = point[1] / top * rings
    ring = np.floor(level)
    across = np.abs(level - ring - 0.5)
    turn = np.arctan2(point[0], point[2]) * (14 / TAU) + 0.5 * (ring % 2)
    gap = np.abs(turn - np.floor(turn) - 0.5)
    slot = _smooth((0.24 - across) / 0.05) * _smooth((0.43 - gap) / 0.025) * (point[1] < top)
    seam = _smooth((np.abs(point[1] - top) - 0.012) / 0.012)
    wave = 0.5 + 0.5 * np.cos(TAU * (scene.time - ring / rings))
    heat = (0.16 + 0.74 * wave**2) * slot
    copper = _column(0.93, 0.56, 0.38)
    colour = copper * light(scene, point, normal) * 0.22 * (1 - slot)
    colour += scene.glow_colour[:, None] * _column(1.0, 0.75, 0.45) * (0.62 * heat * (0.55 + 0.45 * facing))
    colour += _column(0.5, 0.17, 0.05) * np.exp(-point[1] / 0.22) * 0.8
    mirror = _mix(copper, _f([[1.0]]), _fresnel(facing, 0.0)) * (0.55 * seam * (1 - 0.85 * slot))
    return colour, mirror, normal


def _paint_ground(scene: Scene, point: Floats, way: Floats, near: Floats, what: Whole) -> Painted:  # noqa: ARG001
    """Flagstones with warm joints, a rounded kerb, and the rippled pool."""
    out = np.zeros((3, *point.shape), np.float32)
    radius = np.sqrt(point[0] ** 2 + point[2] ** 2)
    for match, paint in ((radius < scene.pool_radius, _paint_water), (radius >= scene.pool_radius, _paint_stone)):
        rows = np.flatnonzero(match)
        if rows.size:
            out[:, :, rows] = paint(scene, point[:, rows], way[:, rows], radius[rows], near[rows])
    return out[0], out[1], out[2]


def _paint_water(scene: Scene, point: Floats, way: Floats, radius: Floats, near: Floats) -> Floats:
    x, _, z = point
    t = TAU * scene.time
    calm = 1 / (1 + 0.012 * near * near)
    ring = 0.050 * np.cos(13.0 * radius - 2 * t) * np.exp(-0.35 * radius)
    slope_x, slope_z = ring * x / radius, ring * z / radius
    for kx, kz, turns, steep in (
        (5.1, 3.3, 1, 0.016),
        (-4.2, 6.1, -1, 0.014),
        (9.7, -2.4, 1, 0.010),
        (2.9, 11.3, 2, 0.008),
    ):
        push = steep * np.cos(kx * x + kz * z + turns * t)
        slope_x, slope_z = slope_x + push * kx / 6, slope_z + push * kz / 6
    normal = _unit(np.stack([-slope_x * calm, np.ones_like(x), -slope_z * calm]))
    facing = np.clip(-_dot(way, normal), 0.02, 1)
    mirror = np.broadcast_to(_fresnel(facing, 0.03), way.shape)
    down = way[1] / -1.33  # where the refracted ray meets the floor of the pool, for its lit colour
    reach = 0.55 / np.maximum(np.sqrt(1 - (1 - down * down) / 1.77), 0.3)
    deep_x, deep_z = x + (way[0] / 1.33 - slope_x) * reach, z + (way[2] / 1.33 - slope_z) * reach
    deep = np.sqrt(deep_x**2 + deep_z**2)
    net = np.sin(7 * deep_x + 1.3 * np.sin(5 * deep_z + t)) * np.sin(7 * deep_z + 1.3 * np.sin(5 * deep_x - t))
    net = np.exp(-np.abs(net) * 5.0)
    heat = np.exp(-np.maximum(deep - scene.boiler_radius, 0) / 0.55)
    body = _mix(_column(0.02, 0.24, 0.27), _column(0.015, 0.10, 0.15), np.clip(deep / scene.pool_radius, 0, 1) ** 2)
    body = body * (1.0 + 0.9 * net) + scene.glow_colour[:, None] * _column(0.30, 0.20, 0.10) * heat
    edge = _smooth((scene.pool_radius - radius) / 0.10)
    return np.stack([body * (1 - mirror) * (0.35 + 0.65 * edge), mirror * 1.0, normal])


def _paint_stone(scene: Scene, point: Floats, way: Floats, radius: Floats, near: Floats) -> Floats:
    x, _, z = point
    kerb = (radius - scene.pool_radius) / 0.34
    on_kerb = kerb < 1
    tile_x, tile_z = np.floor(x), np.floor(z)
    mixed = (tile_x.astype(np.int64) * 73856093) ^ (tile_z.astype(np.int64) * 19349663)
    chance = ((mixed * 2654435761 >> 7) & 1023).astype(np.float32) / 1023
    joint = np.minimum(0.5 - np.abs(x - tile_x - 0.5), 0.5 - np.abs(z - tile_z - 0.5))
    blur = 0.002 + 0.0022 * near  # joints widen with distance by what a pixel covers, so that they do not flicker
    line = _smooth(1 - (joint - 0.016) / (0.012 + blur)) * np.clip(1.25 - near / 22, 0, 1)
    grain = np.sin(9.1 * x + 3.7 * np.sin(5.3 * z + chance * 9)) * np.sin(7.7 * z + 2.9 * np.sin(6.1 * x + chance * 7))
    checker = (tile_x + tile_z) % 2
    contrast = np.exp(-near / 20)
    shade = 0.5 + (checker - 0.5) * contrast
    stone = _mix(_column(0.085, 0.080, 0.095), _column(0.46, 0.39, 0.32), shade)
    stone = stone * (0.86 + 0.24 * chance * contrast + 0.07 * grain * contrast) * (1 - 0.75 * line)
    sector = np.arctan2(x, z) * (24 / TAU)
    cut = 0.5 - np.abs(sector - np.floor(sector) - 0.5)
    rim = _column(0.50, 0.45, 0.40) * (1 - 0.6 * _smooth(1 - (cut - 0.012) / 0.02)) * (0.93 + 0.07 * grain)
    stone = np.where(on_kerb, rim * (0.45 + 0.55 * _smooth((1 - np.abs(2 * kerb - 1)) / 0.22)), stone)
    tilt = np.where(on_kerb, 0.75 * (2 * kerb - 1) ** 3, 0) / radius
    worn = 0.008 * np.exp(-near / 6)  # hand-cut slabs are not flat: the sun's image on them breaks up
    normal = _unit(np.stack([tilt * x + worn * grain, np.ones_like(x), tilt * z + 2 * worn * (grain * grain - 0.4)]))
    colour = stone * light(scene, point, normal)
    beyond = radius - scene.pool_radius - 0.34
    pulse = 0.35 + 0.65 * (0.5 + 0.5 * np.cos(TAU * (scene.time - beyond / 2.4))) ** 2
    warmth = np.where(on_kerb, 0, np.exp(-np.maximum(beyond, 0) / 2.1) * pulse)
    halo = np.exp(-np.maximum(joint, 0) / 0.055) * 0.16
    colour += scene.glow_colour[:, None] * _column(0.36, 0.22, 0.10) * (warmth * (line + halo))
    polish = np.where(on_kerb, 0.25, 0.50) * (1 - 0.8 * line)
    mirror = np.broadcast_to(_fresnel(np.clip(-way[1], 0, 1), 0.05) * polish, way.shape)
    return np.stack([colour, mirror, normal])


def steam(scene: Scene, start: Floats, way: Floats, near: Floats) -> tuple[Floats, Floats]:
    """How much steam veils each ray (0–1) and its colour: Gaussian balls, integrated along the ray in closed form."""
    thick = np.zeros_like(near)
    warm = np.zeros_like(near)
    for x, y, z, width, density in scene.puffs.T.tolist():
        off = _column(x, y, z) - start
        along = _dot(off, way)
        miss = (_dot(off, off) - along * along) / (width * width)
        rows = np.flatnonzero(miss < 5.0)
        if rows.size:
            inside = _smooth(0.5 + (near[rows] - along[rows]) / (2.2 * width))
            amount = density * np.exp(-1.3 * miss[rows]) * inside
            thick[rows] += amount
            warm[rows] += amount * math.exp(-y / 0.8)
    veil = 1 - np.exp(-thick)
    tint = warm / np.maximum(thick, 1e-6)
    return veil, _mix(_column(0.62, 0.50, 0.54), _column(1.15, 0.60, 0.32), tint)


def rows_of_light(scene: Scene, first: int, last: int) -> Floats:
    """Linear RGB (rows, width, 3) of picture rows first ≤ row < last, averaged over samples × samples rays a pixel."""
    s = scene.samples
    y, x = np.mgrid[first * s : last * s, 0 : scene.width * s].astype(np.float32)
    wide = scene.zoom * scene.width / scene.height
    across = ((x + 0.5) / (scene.width * s) * 2 - 1).ravel() * wide
    upward = (1 - (y + 0.5) / (scene.height * s) * 2).ravel() * scene.zoom
    local = _f(np.stack([across, upward, -np.ones_like(across)]))
    way = _unit(_f(np.einsum("ij,jn->in", scene.axes, local)))
    start = np.broadcast_to(scene.eye[:, None], way.shape)
    colour, near = trace(scene, start, way)
    colour = np.minimum(colour, 24.0)
    veil, tint = steam(scene, start, way, near)
    colour = _mix(colour, tint, veil)
    grid = colour.reshape(3, last - first, s, scene.width, s).mean(axis=(2, 4))
    return np.moveaxis(grid, 0, -1)


def _blur(image: Floats, width: float) -> Floats:
    reach = int(3 * width)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    weights = _f(weights / weights.sum())
    for axis in (0, 1):
        pad = [(reach, reach) if axis == a else (0, 0) for a in range(3)]
        wide = np.pad(image, pad, mode="edge")
        size = image.shape[axis]
        image = sum((w * np.take(wide, range(i, i + size), axis) for i, w in enumerate(weights)), np.zeros_like(image))
    return image


def develop(light_rgb: Floats) -> npt.NDArray[np.uint8]:
    """Picture (height, width, 3) of bytes from linear light: bloom, vignette, filmic tone curve, gamma."""
    height, width, _ = light_rgb.shape
    small = light_rgb[: height // 4 * 4, : width // 4 * 4].reshape(height // 4, 4, width // 4, 4, 3).mean(axis=(1, 3))
    bright = np.maximum(small - 1.0, 0)
    bloom = 0.16 * _blur(bright, 1.6) + 0.14 * _blur(bright, 6.0)
    bloom = np.repeat(np.repeat(bloom, 4, axis=0), 4, axis=1)
    bloom = np.pad(bloom, ((0, height - bloom.shape[0]), (0, width - bloom.shape[1]), (0, 0)), mode="edge")
    picture = light_rgb + _blur(bloom, 1.5)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    picture = picture * _f(1 - 0.27 * (x * x + y * y) ** 1.2)[:, :, None] * 0.82
    film = picture * (2.51 * picture + 0.03) / (picture * (2.43 * picture + 0.59) + 0.14)
    return np.rint(np.clip(film, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def png(picture: npt.NDArray[np.uint8]) -> bytes:
    """The picture as an 8-bit RGB PNG (ISO/IEC 15948), rows filtered by "up" so that gradients pack well."""
    height, width, _ = picture.shape
    rows = picture.reshape(height, -1)
    filtered = np.concatenate([rows[:1], rows[1:] - rows[:-1]])
    raw = np.concatenate([np.full((height, 1), 2, np.uint8), filtered], axis=1).tobytes()

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 6)) + chunk(b"IEND", b"")


def render(scene: Scene, say: Any = print) -> npt.NDArray[np.uint8]:
    """The whole picture, in bands that fit the processor's cache; tells its progress."""
    band = max(1, 24576 // (scene.width * scene.samples**2))
    bands, told = [], 0
    for first in range(0, scene.height, band):
        last = min(first + band, scene.height)
        bands.append(rows_of_light(scene, first, last))
        if last * 10 // scene.height > told:
            told = last * 10 // scene.height
            say(f"progress {told * 10} %", flush=True)
    return develop(np.concatenate(bands))


def frame_number() -> tuple[int, int]:
    """Frame and number of frames from INSTANCE_ID and INSTANCE_COUNT."""
    found = []
    for name, fallback in (("INSTANCE_ID", "0"), ("INSTANCE_COUNT", "1")):
        text = os.environ.get(name, fallback)
        if not text.isascii() or not text.isdigit():
            raise SceneError(f"{name} = {text!r} is not allowed: a whole number from 0")
        found.append(int(text))
    frame, count = found
    if frame >= count:
        raise SceneError(f"INSTANCE_ID = {frame} is not allowed: below INSTANCE_COUNT = {count}")
    return frame, count


def asked_scene(arguments: list[str], time: float) -> Scene:
    """Scene of the file that the command line names."""
    if len(arguments) != 1:
        raise SceneError("usage: python3 render.py scene.json")
    try:
        text = Path(arguments[0]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SceneError(f"{arguments[0]} cannot be read: {error}") from None
    return read_scene(text, time)


def main(arguments: list[str]) -> int:
    """Render the frame that the environment names; returns the exit code."""
    try:
        frame, count = frame_number()
        scene = asked_scene(arguments, frame / count)
    except SceneError as error:
        print(f"render: {error}", file=sys.stderr)
        return 2
    print(f"frame {frame} of {count}, {scene.width} x {scene.height}", flush=True)
    body = png(render(scene))
    folder = Path(os.environ.get("QARNOT_RESULTS_DIRECTORY", "."))
    target = folder / f"frame_{frame:04d}.png"
    part = folder / f".{target.name}.part"
    try:
        part.write_bytes(body)
        part.replace(target)
    except OSError as error:
        print(f"render: {target} cannot be written: {error}", file=sys.stderr)
        return 3
    print(f"wrote {target.name}, {len(body)} bytes", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
