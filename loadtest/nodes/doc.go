// Package nodes owns the fault run of two switches on one PostgreSQL, each a process: what becomes of calls and of their records when one of the three hangs or
// dies; and docs/operations.md, of which each machine is a folder. It has tests only, and never looks into a switch.
package nodes
