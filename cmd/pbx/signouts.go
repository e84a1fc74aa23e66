package main

import "context"

// startSignOuts ends what people are signed in with when they may not sign in any more.
func (p *pbx) startSignOuts(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); p.identity.Follow(run) }()
	p.closing("sign-outs", func(context.Context) error { stop(); <-done; return nil })
}
