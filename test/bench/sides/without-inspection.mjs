/**
 * The library as it would be if nobody had thought of inspection: wherever it, or XState, tells an inspector of
 * something, the call is cut out of the source as it is loaded.
 */
import { register } from 'node:module';
import ours from './ours.mjs';

register(
  `data:text/javascript,${encodeURIComponent(`
    export async function load(url, context, next) {
      const loaded = await next(url, context);
      if (!/\\/(xstate|dist)\\//.test(url) || loaded.source == null) return loaded;
      const source = Buffer.from(loaded.source).toString();
      return { ...loaded, source: source.replace(/\\b[\\w.#]+\\._sendInspectionEvent\\(/g, 'false && (') };
    }
  `)}`,
);

export default { ...ours, name: 'pythonarium without inspection' };
