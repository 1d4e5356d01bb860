/* A library in a layer. */

const char *luck(void) { return "found"; }
