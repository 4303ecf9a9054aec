import type { Plot } from './scenario.js';

/** One bar for each figure: how much of what it may be it is. The line is where it would break its promise. */
export function barsSvg(
  title: string,
  bars: readonly { readonly name: string; readonly share: number; readonly holds: boolean }[],
): string {
  const [width, left, top, step] = [960, 520, 40, 18];
  const [scale, longest] = [200, (960 - 520 - 60) / 200];
  const rows = bars.map(({ name, share, holds }, index) => {
    const y = top + index * step;
    const length = round(scale * Math.min(share, longest));
    return (
      `<text x="${left - 8}" y="${y + 12}" text-anchor="end">${escaped(name)}</text>` +
      `<rect x="${left}" y="${y + 2}" width="${length}" height="13" fill="${holds ? GOOD : BAD}"/>` +
      `<text x="${left + length + 4}" y="${y + 12}">${share > longest ? '» ' : ''}${share.toFixed(2)}</text>`
    );
  });
  const bottom = top + bars.length * step;
  return svg(width, bottom + 30, title, [
    ...rows,
    `<line x1="${left + scale}" y1="${top - 6}" x2="${left + scale}" y2="${bottom + 6}" stroke="${INK}" stroke-dasharray="3 3"/>`,
    `<text x="${left + scale}" y="${bottom + 20}" text-anchor="middle">1.00, the bar: what is longer fails</text>`,
  ]);
}

/** Lines over axes that are both logarithmic, so that what is flat looks flat at every size. */
export function linesSvg({ title, x, y, lines }: Plot): string {
  const [width, height, left, top] = [720, 360, 70, 40];
  const [right, bottom] = [width - 40, height - 50];
  const points = lines.flatMap((line) => line.points).filter(([, value]) => value > 0);
  const xs = decades(points.map(([at]) => at));
  const ys = decades(points.map(([, value]) => value));
  const place = (value: number, { from, to }: Decades) => (Math.log10(value) - from) / (to - from);
  const across = (value: number) => round(left + (right - left) * place(value, xs));
  const up = (value: number) => round(bottom - (bottom - top) * place(value, ys));
  return svg(width, height, title, [
    ...ticks(xs).map(
      (value) =>
        `<line x1="${across(value)}" y1="${top}" x2="${across(value)}" y2="${bottom}" stroke="${GRID}"/>` +
        `<text x="${across(value)}" y="${bottom + 16}" text-anchor="middle">${value.toLocaleString('en-US')}</text>`,
    ),
    ...ticks(ys).map(
      (value) =>
        `<line x1="${left}" y1="${up(value)}" x2="${right}" y2="${up(value)}" stroke="${GRID}"/>` +
        `<text x="${left - 6}" y="${up(value) + 4}" text-anchor="end">${value.toLocaleString('en-US')}</text>`,
    ),
    `<text x="${(left + right) / 2}" y="${height - 12}" text-anchor="middle">${escaped(`${x} (logarithmic)`)}</text>`,
    `<text x="14" y="${(top + bottom) / 2}" text-anchor="middle" transform="rotate(-90 14 ${(top + bottom) / 2})">${escaped(`${y} (logarithmic)`)}</text>`,
    ...lines.map(({ name, points }, index) => {
      const colour = COLOURS[index % COLOURS.length];
      const drawn = points.filter(([, value]) => value > 0).map(([at, value]) => [across(at), up(value)] as const);
      const dots = drawn.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`).join('');
      const path = drawn.map((point) => point.join(',')).join(' ');
      const label = `<text x="${left + 10}" y="${top + 16 + 16 * index}" fill="${colour}">${escaped(name)}</text>`;
      return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots}${label}`;
    }),
  ]);
}

interface Decades {
  readonly from: number;
  readonly to: number;
}

function decades(values: readonly number[]): Decades {
  if (values.length === 0) return { from: 0, to: 1 };
  const from = Math.floor(Math.log10(Math.min(...values)));
  return { from, to: Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values)))) };
}

function ticks({ from, to }: Decades): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => Number(`1e${from + index}`));
}

function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" fill="${INK}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="16" y="22" font-size="14">${escaped(title)}</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(figure: number): number {
  return Math.round(10 * figure) / 10;
}

const [INK, GRID, GOOD, BAD] = ['#222', '#ddd', '#4a7', '#c53'];
const COLOURS = ['#27a', '#c63', '#4a7', '#848'];
