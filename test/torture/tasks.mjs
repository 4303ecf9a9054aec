/** Tasks that a worker may be given. */
export const answer = () => 42;
export const leave = () => process.exit(3);
export const spin = () => {
  for (;;);
};
