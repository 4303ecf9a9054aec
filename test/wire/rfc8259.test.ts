import { describe, expect, it } from 'vitest';
import { nodeVerdict, pythonVerdicts, type Verdict } from './decoders.js';
import { VALUES } from './rfc8259.js';

const told = await pythonVerdicts(VALUES.map(({ bytes }) => bytes));

describe('what RFC 8259 says of JSON', () => {
  it.each(VALUES.map((each, at) => [each.clause, each.verdict, show(each.bytes), each, told[at] as Verdict] as const))(
    '%s, %s: %s',
    (_clause, verdict, _shown, { bytes }, python) => {
      const node = nodeVerdict(bytes);
      if (verdict === 'invalid') expect([node.reads, python.reads]).toEqual(['refused', 'refused']);
      else if (verdict === 'valid') {
        expect(node.reads).not.toBe('refused');
        expect(python.reads).toBe(node.reads);
      } else expect([python.reads, 'refused', 'never written']).toContain(differences(bytes, node, python));
    },
  );
});

/** What Node reads where both read the same; otherwise whether one refuses it, or neither would ever write it. */
function differences(bytes: Buffer, node: Verdict, python: Verdict): string {
  if (node.reads === python.reads) return node.reads;
  if (node.reads === 'refused' || python.reads === 'refused') return 'refused';
  const text = bytes.toString();
  return node.writes !== text && python.writes !== text ? 'never written' : `Node reads ${node.reads}`;
}

function show(bytes: Buffer): string {
  const text = JSON.stringify(bytes.toString('latin1'));
  return text.length > 60 ? `${text.slice(0, 60)}... (${bytes.length} bytes)` : text;
}
