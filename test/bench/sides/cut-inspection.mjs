/** @returns The source of this library or of XState without all that is there for an inspector: what tells it of something, and what asks whether there is one. */
export function cut(source) {
  return source
    .replace(/\b[\w#]+(\.\s*[\w#]+)*\.\s*_sendInspectionEvent\(/g, 'false && (')
    .replace(/\b[\w#]+(\.\s*[\w#]+)*\.\s*isOn\b(?!\s*=[^=])/g, 'false');
}

/** What Node asks for the source of a module. */
export async function load(url, context, next) {
  const loaded = await next(url, context);
  if (!isOfTheCharts(url) || loaded.source == null) return loaded;
  return { ...loaded, source: cut(Buffer.from(loaded.source).toString()) };
}

/** Whether a file, by its path or its address, is of this library or of XState. */
export function isOfTheCharts(file) {
  return /\/(xstate|dist)\//.test(file);
}
