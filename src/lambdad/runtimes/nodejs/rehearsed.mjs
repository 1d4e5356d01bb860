// A function for rehearsals.

export async function handler(event) {
  return event;
}
