// The least that a function can do. The count tells a cold invocation, 1, from a warm one.

let count = 0;

export async function handler() {
  count += 1;
  return { count };
}
