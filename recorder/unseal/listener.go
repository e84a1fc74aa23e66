package unseal

import "context"

type listenerKey struct{}

// WithListener says for whom something is opened, for the vault's own log where it is a process of its own.
func WithListener(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, listenerKey{}, who)
}

// ListenerOf is who WithListener said; empty: nobody in particular.
func ListenerOf(ctx context.Context) string {
	who, _ := ctx.Value(listenerKey{}).(string)
	return who
}
