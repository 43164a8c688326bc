// Checks a C2SP tlog-proof by the rule of docs/formats/log.md: path from the envelope to the root.
export interface Checked {
  ok: boolean;
  text: string;
  values: Record<string, string | number>;
}
const fromBase64 = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const hash = async (...parts: Uint8Array[]) => {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest('SHA-256', all));
};
const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);
const KINDS = [1, 2, 3]; // sent, received, governance

async function rootOf(leaf: Uint8Array, path: Uint8Array[], index: number, size: number): Promise<Uint8Array | null> {
  let node = leaf;
  let i = index;
  let m = size - 1;
  for (const other of path) {
    if (m === 0) return null;
    if (i % 2 === 1 || i === m) {
      node = await hash(Uint8Array.of(1), other, node);
      while (i % 2 === 0 && i !== 0) {
        i = Math.floor(i / 2);
        m = Math.floor(m / 2);
      }
    } else {
      node = await hash(Uint8Array.of(1), node, other);
    }
    i = Math.floor(i / 2);
    m = Math.floor(m / 2);
  }
  return m === 0 ? node : null;
}

export async function checkProof(text: string, envelope: Uint8Array): Promise<Checked> {
  const bad = (why: string): Checked => ({ ok: false, text: why, values: {} });
  const [head = '', body = ''] = text.split('\n\n');
  const lines = head.split('\n').filter((line) => !line.startsWith('extra '));
  const index = /^index (\d+)$/.exec(lines[1] ?? '');
  const [, size = '', root = ''] = body.split('\n');
  if (!lines[0]?.startsWith('c2sp.org/tlog-proof@v1') || !index || !/^\d+$/.test(size)) return bad('The proof is not in the form that is known here.');
  const path = lines.slice(2).map(fromBase64);
  const digest = await hash(envelope);
  for (const kind of KINDS) {
    const leaf = await hash(Uint8Array.of(0, kind), digest);
    const found = await rootOf(leaf, path, Number(index[1]), Number(size));
    if (found && same(found, fromBase64(root))) return { ok: true, text: 'The envelope is entry {n} of {size}: {steps} hashes lead to the signed root.', values: { n: Number(index[1]) + 1, size: Number(size), steps: path.length } };
  }
  return bad('The path does not lead to the root: envelope and proof do not belong together.');
}
