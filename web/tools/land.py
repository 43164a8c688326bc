#!/usr/bin/env python3
"""Makes src/map/land.json of a GeoJSON file of land: land.py LAND.geojson OUT

Rings are simplified (Douglas-Peucker), tiny islands left out, and coordinates stored as whole
thousandths of a degree, each as the difference to the one before. Land only: no boundaries, no names.
"""
import json
import sys

TOLERANCE = 0.012
AREA_MIN = 0.0006


def simplify(points, tolerance):
    keep = {0, len(points) - 1}
    stack = [(0, len(points) - 1)]
    while stack:
        a, b = stack.pop()
        (x1, y1), (x2, y2) = points[a], points[b]
        dx, dy = x2 - x1, y2 - y1
        length = dx * dx + dy * dy
        worst, at = 0, None
        for i in range(a + 1, b):
            x, y = points[i]
            t = 0 if not length else max(0, min(1, ((x - x1) * dx + (y - y1) * dy) / length))
            d = (x - x1 - t * dx) ** 2 + (y - y1 - t * dy) ** 2
            if d > worst:
                worst, at = d, i
        if at is not None and worst > tolerance * tolerance:
            keep.add(at)
            stack += [(a, at), (at, b)]
    return [points[i] for i in sorted(keep)]


def area(points):
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1]))) / 2


def main(source, out):
    rings = []
    for feature in json.load(open(source))["features"]:
        geometry = feature["geometry"]
        polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        for polygon in polygons:
            for ring in polygon:
                if area(ring) < AREA_MIN:
                    continue
                # A closed ring has no longest chord: cut at the farthest point.
                far = max(range(len(ring)), key=lambda i: (ring[i][0] - ring[0][0]) ** 2 + (ring[i][1] - ring[0][1]) ** 2)
                points = simplify(ring[: far + 1], TOLERANCE)[:-1] + simplify(ring[far:], TOLERANCE)
                if len(points) < 4:
                    continue
                flat, px, py = [], 0, 0
                for x, y in points[:-1]:
                    x, y = round(x * 1000), round(y * 1000)
                    flat += [x - px, y - py]
                    px, py = x, y
                rings.append(flat)
    rings.sort(key=len, reverse=True)
    with open(out, "w") as file:
        json.dump({"credit": "Natural Earth 1:10m land, public domain", "rings": rings}, file, separators=(",", ":"))
    print(len(rings), "rings", sum(map(len, rings)) // 2, "points")


main(*sys.argv[1:3])
