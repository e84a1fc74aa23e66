// Package nodes tests two switches on one PostgreSQL, each a process, and what becomes of calls and their records when one of the three hangs or dies.
package nodes
