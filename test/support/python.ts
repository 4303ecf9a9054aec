/** A Python that starts fast and is the same everywhere. */
export const PYTHON = '/usr/bin/python3';

/** The path of a fixture next to the file that asks, by `import.meta.url`. */
export function fixtures(url: string): (name: string) => string {
  return (name) => new URL(`./fixtures/${name}`, url).pathname;
}
