"""Plain-Python twin of the water maze's ray caster: every pixel of a frame by itself."""

from __future__ import annotations

import math

from adfast.tasks.mazes import patterns

ONE = 2**14
WALLS = range(16)
CORNER_DISTANCE = 760 * 16 / math.cos(math.pi / 16)
CORNERS = [
    (
        round(CORNER_DISTANCE * math.cos((k + 0.5) * math.pi / 8)),
        round(CORNER_DISTANCE * math.sin((k + 0.5) * math.pi / 8)),
    )
    for k in WALLS
]
NORMALS = [
    (
        round(math.sin(math.radians(k * 22.5 + 90)) * ONE),
        round(math.sin(math.radians(k * 22.5)) * ONE),
    )
    for k in WALLS
]
HALF_WALL = 760 * math.tan(math.pi / 16)
TALL = 32 * 2**16  # a wall's height
EYE = TALL // 3


class WaterMazeSceneReference:
    """Frames of one size and field of view."""

    def __init__(self, picture, field_of_view):
        self.rows, self.columns = picture
        self.half_pixel = math.tan(math.radians(field_of_view) / 2) / self.columns
        self.background = patterns.background(self.rows, self.columns, self.half_pixel)
        self.landmarks = patterns.landmarks()[0]
        self.walls = []
        for wall in WALLS:
            levels = [patterns.pattern_of(wall)]
            for _ in range(5):
                levels.append(patterns.halved(levels[-1]))
            self.walls.append(levels)

    def frame(self, x, y, heading):
        frame = self.background.copy()
        for column in range(self.columns):
            self.draw_column(frame, x - 768 * 16, y - 768 * 16, heading, column)
        return frame

    def draw_column(self, frame, x, y, heading, column):
        aside = (2 * column + 1 - self.columns) * self.half_pixel
        ray = round(aside * ONE)  # to the right, for each ONE ahead
        sine = round(math.sin(math.radians(heading)) * ONE)
        cosine = round(math.sin(math.radians(heading + 90)) * ONE)
        wall = self.wall_before(x, y, cosine * ONE + sine * ray, sine * ONE - cosine * ray)
        normal_x, normal_y = NORMALS[wall]
        gap = 760 * 16 * ONE - (x * normal_x + y * normal_y)
        ahead = cosine * normal_x + sine * normal_y
        right = sine * normal_x - cosine * normal_y
        depth = int((gap << 22) / (ahead + right * ray // ONE))
        along = (x * normal_y - y * normal_x) // 64
        along += depth * (ahead * ray // ONE - right) // 2**28
        scale = round(32 * 2**30 / (2 * HALF_WALL * 4096))
        across = min(max((along + round(HALF_WALL * 4096)) * scale // 2**30, 0), 31)
        rise = round(self.half_pixel * 2**30 * TALL / (192 * 4096))
        per_row = max(2 * depth * rise // 2**30, 1)
        level = next(k for k in range(6) if k == 5 or per_row <= 2**17 << k)
        pattern = self.walls[wall][level]
        relative = round(math.degrees(math.atan(aside)) * 4)
        landmark = self.landmarks[(heading * 4 - relative) % 1440]
        lift = self.half_pixel / math.hypot(1, aside) * 128
        for row in range(self.rows):
            height = EYE + (self.rows - 1) * per_row // 2 - row * per_row
            if 0 <= height < TALL:
                frame[row, column] = pattern[across >> level, height >> 16 + level]
            elif height >= TALL:
                step = math.floor((self.rows - 1 - 2 * row) * lift)
                if 0 <= step < len(landmark) and landmark[step]:
                    colour = int(landmark[step])
                    frame[row, column] = colour & 255, colour >> 8 & 255, colour >> 16

    def wall_before(self, x, y, east, north):
        """The wall of which one corner is to the left of the ray, and the other is not."""
        is_left = [east * (corner_y - y) > north * (corner_x - x) for corner_x, corner_y in CORNERS]
        return next(k for k in WALLS if is_left[k] and not is_left[k - 1])
