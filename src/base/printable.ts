/** Text of others, without the power to move a terminal's cursor, forge a line of a log or turn its direction. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same for what Python prints: its lines stay lines, and tabs and colours stay what they are. */
export function printableLines(text: string): string {
  return text
    .split(HARMLESS)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join('');
}

const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
/** A tab, a line's end, and what sets a colour or ends it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it begins with one
const HARMLESS = /(\t|\r?\n|\u001b\[[\d;]{0,32}m)/;
