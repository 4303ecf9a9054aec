/** What a pool of Nodes runs: the same as `tasks.py`. */
export const add = ([a, b]) => a + b;
export const give_back = ([value]) => value;
export default ({ name, args }) => (name === 'add' ? add(args) : give_back(args));
