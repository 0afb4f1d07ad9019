"""The picture of the first screen: records flow from column to column, a ribbon each language, drawn as SVG.

Colours and type come from the page's style sheet, so the picture follows light and dark; widths are true to the counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, NODE, GAP = 1120, 360, 12, 14  # of the drawing, of a node, between nodes
TOP, SIDE = 34, 4
Flow = tuple[str, str, str]  # from node, to node, language


@dataclass
class Node:
    """A node: its column, the records through it, and where it stands."""

    name: str
    title: str
    column: int
    value: int = 0
    y: float = 0.0
    height: float = 0.0
    out: float = 0.0  # of its sides, how much is taken by ribbons drawn so far
    into: float = 0.0


def layout(columns: Sequence[tuple[str, Sequence[tuple[str, str]]]], flows: Mapping[Flow, int]) -> dict[str, Node]:
    """Nodes by name. `columns` are (heading, [(name, title)]); a node without records is left out."""
    nodes: dict[str, Node] = {}
    for number, (_, own) in enumerate(columns):
        for name, title in own:
            sums = [sum(n for flow, n in flows.items() if flow[side] == name) for side in (0, 1)]
            if max(sums):
                nodes[name] = Node(name, title, number, max(sums))
    by_column = [[node for node in nodes.values() if node.column == number] for number in range(len(columns))]
    scale = min(
        ((HEIGHT - GAP * (len(own) - 1)) / total for own in by_column if (total := sum(node.value for node in own))),
        default=0.0,
    )
    for column in by_column:
        y = float(TOP)
        for node in column:
            node.y, node.height = y, node.value * scale
            y += node.height + GAP + (16 if node.height < 16 else 0)
    return nodes


def svg(columns: Sequence[tuple[str, Sequence[tuple[str, str]]]], flows: Mapping[Flow, int]) -> str:
    """The drawing; each ribbon has class `lang-<language>` and a title that says what it is."""
    nodes = layout(columns, flows)
    if not nodes:
        return ""
    step = (WIDTH - NODE - 2 * SIDE - 170) / max(len(columns) - 1, 1)
    left = {name: SIDE + node.column * step for name, node in nodes.items()}
    bottom = max(node.y + node.height for node in nodes.values())
    scale = {name: node.height / node.value for name, node in nodes.items()}
    parts = [
        f'<text class="head" x="{SIDE + n * step:.0f}" y="14">{escape(title)}</text>'
        for n, (title, _) in enumerate(columns)
    ]
    order = {name: n for n, name in enumerate(nodes)}
    for (start, end, lang), n in sorted(
        flows.items(), key=lambda item: (order.get(item[0][0], 0), order.get(item[0][1], 0), item[0][2])
    ):
        if n:
            a, b = nodes[start], nodes[end]
            x0, x1 = left[start] + NODE, left[end]
            y0, y1 = a.y + a.out, b.y + b.into
            h0, h1, middle = n * scale[start], n * scale[end], (x0 + x1) / 2
            a.out, b.into = a.out + h0, b.into + h1
            path = (
                f"M{x0:.1f} {y0:.1f}C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}V{y1 + h1:.1f}"
                f"C{middle:.1f} {y1 + h1:.1f} {middle:.1f} {y0 + h0:.1f} {x0:.1f} {y0 + h0:.1f}Z"
            )
            title = f"{a.title} → {b.title}, {lang}: {n}"
            parts.append(f'<path class="ribbon lang-{escape(lang)}" d="{path}"><title>{escape(title)}</title></path>')
    for name, node in nodes.items():
        x, middle = left[name], node.y + node.height / 2
        parts.append(
            f'<rect class="node" x="{x:.1f}" y="{node.y:.1f}" width="{NODE}" height="{max(node.height, 1):.1f}" rx="2"/>'
        )
        parts.append(
            f'<text class="label" x="{x + NODE + 6:.1f}" y="{middle + 4:.1f}">{escape(node.title)} '
            f'<tspan class="count">{node.value:,}</tspan></text>'
        )
    label = "Records from their sources to the mix, by language"
    return (
        f'<svg class="sankey" viewBox="0 0 {WIDTH} {bottom + 8:.0f}" role="img" aria-label="{label}">'
        + "".join(parts)
        + "</svg>"
    )
