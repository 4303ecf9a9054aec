/** The library as it would be if nobody had thought of inspection: that is cut out of its source, and XState's, as it is loaded. */
import Module, { register } from 'node:module';
import { cut, isOfTheCharts } from './cut-inspection.mjs';
import ours from './ours.mjs';

register('./cut-inspection.mjs', import.meta.url);

// XState is CommonJS, whose sources Node reads without asking anybody.
const compile = Module.prototype._compile;
Module.prototype._compile = function (source, file, ...more) {
  return compile.call(this, isOfTheCharts(file) ? cut(source) : source, file, ...more);
};

export default { ...ours, name: 'pythonarium without inspection' };
