// Package hostile sends a running switch what strangers and guessers send (threats.md, the rows that exist only at the level of the whole
// switch) and asserts the exact answer, and that the switch still answers afterwards. It has tests only and never looks into the switch.
package hostile
