// Package browser calls through a running switch with a real browser: Chromium without a window, with JsSIP in a page and a tone for a microphone, registered
// over SIP on a secure WebSocket, against baresip as the desk phone. It only has tests.
package browser
