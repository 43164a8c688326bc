// A force layout of a few hundred nodes, the same for the same graph: nothing is drawn by chance.
export interface Node {
  id: string;
  x: number;
  y: number;
  fixed: boolean;
}
export interface Edge {
  from: string;
  to: string;
  relation: string;
}

export function place(before: Map<string, Node>, ids: string[], edges: Edge[], center: string): Map<string, Node> {
  const nodes: Node[] = ids.map((id, i) => {
    const old = before.get(id);
    if (old) return { ...old };
    // Newcomers begin beside a neighbour, turned by the golden angle.
    const edge = edges.find((e) => (e.from === id && before.has(e.to)) || (e.to === id && before.has(e.from)));
    const near = edge ? before.get(edge.from === id ? edge.to : edge.from) : undefined;
    const angle = i * 2.39996;
    const radius = near ? 90 : 40 + 14 * Math.sqrt(i) * 2;
    return { id, x: (near?.x ?? 0) + Math.cos(angle) * radius, y: (near?.y ?? 0) + Math.sin(angle) * radius, fixed: id === center };
  });
  const by = new Map(nodes.map((n) => [n.id, n]));
  const root = by.get(center);
  if (root && !before.has(center)) root.x = root.y = 0;
  const links = edges.flatMap((e) => {
    const a = by.get(e.from);
    const b = by.get(e.to);
    return a && b && a !== b ? [[a, b] as const] : [];
  });
  const degree = new Map<Node, number>();
  for (const [a, b] of links) for (const n of [a, b]) degree.set(n, (degree.get(n) ?? 0) + 1);
  const steps = nodes.length > 150 ? 90 : 220;
  for (let step = 0; step < steps; ++step) {
    const heat = 14 * (1 - step / steps) + 0.4;
    const force = new Map(nodes.map((n) => [n, { x: -n.x * 0.006, y: -n.y * 0.011 }]));
    for (let i = 0; i < nodes.length; ++i)
      for (let j = i + 1; j < nodes.length; ++j) {
        const a = nodes[i]!;
        const b = nodes[j]!;
        const dx = a.x - b.x || 0.01 * (i - j);
        const dy = a.y - b.y || 0.01;
        const d2 = dx * dx + dy * dy + 20;
        const push = 15000 / d2;
        const d = Math.sqrt(d2);
        force.get(a)!.x += (dx / d) * push;
        force.get(a)!.y += (dy / d) * push;
        force.get(b)!.x -= (dx / d) * push;
        force.get(b)!.y -= (dy / d) * push;
      }
    for (const [a, b] of links) {
      const dx = b.x - a.x;
      const dy = b.y - a.y;
      const d = Math.hypot(dx, dy) || 1;
      // A hub keeps its many at a distance at which their names have room.
      const rest = 125 + Math.min(170, 7 * Math.max(degree.get(a) ?? 0, degree.get(b) ?? 0));
      const pull = (d - rest) * 0.06;
      force.get(a)!.x += (dx / d) * pull;
      force.get(a)!.y += (dy / d) * pull;
      force.get(b)!.x -= (dx / d) * pull;
      force.get(b)!.y -= (dy / d) * pull;
    }
    for (const n of nodes) {
      if (n.fixed) continue;
      const f = force.get(n)!;
      const length = Math.hypot(f.x, f.y) || 1;
      const move = Math.min(length, heat);
      n.x += (f.x / length) * move;
      n.y += (f.y / length) * move;
    }
  }
  return by;
}
