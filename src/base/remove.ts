/** Takes `item` out of a list that it is in. Most are the first, for which no list of what was taken out is made. */
export function remove<T>(list: T[], item: T): void {
  if (list[0] === item) list.shift();
  else list.splice(list.indexOf(item), 1);
}
