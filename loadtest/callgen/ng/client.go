package ng

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// ErrRefused: rtpengine answered, but not with what was asked for.
var ErrRefused = errors.New("ng: rtpengine refuses")

const (
	patience = 2 * time.Second // for one answer, then the request is sent once more
	attempts = 3
)

// Client speaks to one rtpengine. Not safe for concurrent use.
type Client struct {
	conn   net.Conn
	name   string // makes the cookies of this client its own: rtpengine gives the old answer to a cookie that it has seen
	serial int
	buf    [maxValue]byte
}

// Dial opens a socket to the control port.
func Dial(addr string) (*Client, error) {
	c, err := net.Dial("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("ng: %w", err)
	}
	return &Client{conn: c, name: rand.Text()}, nil
}

// Close releases the socket.
func (c *Client) Close() error { return c.conn.Close() }

// Ping waits until rtpengine answers.
func (c *Client) Ping() error {
	_, err := c.ask(map[string]any{"command": "ping"}, "pong")
	return err
}

// Offer has rtpengine anchor a call and gives the offer for the other side. transport is that side's profile, "RTP/AVP" or "RTP/SAVP". Codecs that are
// to be made of the first side's are offered beside them.
func (c *Client) Offer(callID, offer, transport string, transcode ...string) (string, error) {
	flags := []string{}
	for _, codec := range transcode {
		flags = append(flags, "codec-transcode-"+codec)
	}
	return c.describe(map[string]any{"flags": flags, "command": "offer", "call-id": callID, "from-tag": "a", "sdp": offer, "transport-protocol": transport,
		"ICE": "remove", "DTLS": "off", "rtcp-mux": []string{"demux"}, "replace": []string{"origin"}, "SDES": []string{"no-F8_128_HMAC_SHA1_80"}})
}

// Answer gives the other side's answer and brings back that for the first side.
func (c *Client) Answer(callID, answer, transport string) (string, error) {
	return c.describe(map[string]any{"command": "answer", "call-id": callID, "from-tag": "a", "to-tag": "b", "sdp": answer,
		"transport-protocol": transport, "ICE": "remove", "DTLS": "off", "rtcp-mux": []string{"demux"}, "replace": []string{"origin"}})
}

func (c *Client) describe(request map[string]any) (string, error) {
	answer, err := c.ask(request, "ok")
	if err != nil {
		return "", err
	}
	s, ok := answer["sdp"].(string)
	if !ok {
		return "", fmt.Errorf("%w: no SDP", ErrRefused)
	}
	return s, nil
}

// ask sends a request and waits for the answer with the same cookie.
func (c *Client) ask(request map[string]any, want string) (map[string]any, error) {
	c.serial++
	cookie := c.name + strconv.Itoa(c.serial)
	var b bytes.Buffer
	b.WriteString(cookie + " ")
	encode(&b, request)
	var err error
	for range attempts {
		if _, err = c.conn.Write(b.Bytes()); err != nil { // nobody there yet
			continue
		}
		var answer map[string]any
		if answer, err = c.await(cookie); err == nil {
			if answer["result"] != want {
				return nil, fmt.Errorf("%w: %v %v", ErrRefused, answer["result"], answer["error-reason"])
			}
			return answer, nil
		}
	}
	return nil, fmt.Errorf("ng: %w", err)
}

func (c *Client) await(cookie string) (map[string]any, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	for {
		n, err := c.conn.Read(c.buf[:])
		if err != nil {
			return nil, err
		}
		got, rest, _ := bytes.Cut(c.buf[:n], []byte{' '})
		if string(got) != cookie {
			continue // an answer that came twice
		}
		v, err := decode(rest)
		if err != nil {
			return nil, err
		}
		if d, ok := v.(map[string]any); ok {
			return d, nil
		}
		return nil, ErrBencode
	}
}
