"""Elements of a picture, and the colours of allocators in all pictures."""

from html import escape

from .stats import OWN

PALETTE = ("#4e79a7", "#f28e2b", "#76b7b2", "#59a14f", "#b07aa1", "#9c755f", "#edc948", "#ff9da7",
           "#8cd17d", "#86bcb6", "#bab0ac", "#499894")
OWN_COLOUR = "#c8102e"
WIDTH = 1080


class Svg:
    """A growing list of elements."""

    def __init__(self):
        self._parts = []

    def text(self, x, y, text, size=12, anchor="start", weight="normal", fill="#222"):
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}" fill="{fill}">{escape(text)}</text>'
        )

    def bar(self, x, y, width, height, fill):
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{fill}"/>'
        )

    def dot(self, x, y, radius, fill, title):
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" fill-opacity="0.85">'
            f"<title>{escape(title)}</title></circle>"
        )

    def line(self, x1, y1, x2, y2, stroke="#ddd"):
        self._parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'
        )

    def path(self, points, stroke, title, dashes=None):
        """A line through [(x, y)]."""
        through = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self._parts.append(
            f'<polyline points="{through}" fill="none" stroke="{stroke}" stroke-width="1.3"'
            f"{dashed}><title>{escape(title)}</title></polyline>"
        )

    def legend(self, x, y, names, colour):
        """A dot and a name for each, side by side."""
        for name in names:
            self.dot(x + 5, y - 4, 5, colour[name], name)
            self.text(x + 14, y, name)
            x += 26 + 7.5 * len(name)

    def document(self, height):
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
            f'viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif">\n'
            f'<rect width="100%" height="100%" fill="white"/>\n'
            + "\n".join(self._parts)
            + "\n</svg>\n"
        )


def colours(allocators):
    peers = [name for name in allocators if name != OWN]
    chosen = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(peers)}
    chosen[OWN] = OWN_COLOUR
    return chosen
