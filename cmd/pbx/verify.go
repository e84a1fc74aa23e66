package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"naisen/recorder/evidence"
)

// verifyCmd checks an evidence pack. It reads no configuration and no network: it works on any machine that has this program.
type verifyCmd struct {
	Pack        string `arg:"" type:"existingfile" help:"The evidence pack (ZIP)."`
	Key         string `type:"existingfile" xor:"trust" help:"Public key that you trust, as the keeper of the recordings gave it (keys/evidence.pub.pem)." placeholder:"FILE"`
	Fingerprint string `xor:"trust" help:"Or its fingerprint: SHA-256 in hexadecimal." placeholder:"HEX"`
	LogKey      string `type:"existingfile" help:"Public key of the audit log (keys/audit.key.pub), should the pack's word for it not do." placeholder:"FILE"`
	Witness     string `help:"Key of a witness who must have signed the audit log's checkpoint: name+hash+base64." placeholder:"KEY"`
	Audio       string `type:"path" help:"Write the audio to a new file, if nothing is wrong." placeholder:"FILE"`
	Lang        string `enum:"both,ja,en" default:"both" help:"Language of the answer: both, ja, en."`
}

// errBadPack ends the command with a failure.
var errBadPack = errors.New("the evidence pack is not good / 証拠パックは不合格です")

// Run implements `pbx verify`.
func (c verifyCmd) Run(out io.Writer) error {
	trust, err := c.trust()
	if err != nil {
		return err
	}
	f, err := os.Open(c.Pack)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	pack, report, err := evidence.Verify(f, info.Size(), trust)
	if err != nil {
		return err
	}
	if c.Lang != "en" {
		fmt.Fprint(out, report.Japanese())
	}
	if c.Lang != "ja" {
		fmt.Fprint(out, report.English())
	}
	if !report.OK() {
		return errBadPack
	}
	if c.Audio != "" {
		return writeAudio(c.Audio, pack)
	}
	return nil
}

func (c verifyCmd) trust() (t evidence.Trust, err error) {
	t.Fingerprint = strings.TrimSpace(c.Fingerprint)
	if c.Key != "" {
		text, err := os.ReadFile(c.Key)
		if err != nil {
			return t, err
		}
		key, err := evidence.ParseKey(text)
		if err != nil {
			return t, fmt.Errorf("%s: %w", c.Key, err)
		}
		t.Fingerprint = evidence.Fingerprint(key)
	}
	logKey := ""
	if c.LogKey != "" {
		text, err := os.ReadFile(c.LogKey)
		if err != nil {
			return t, err
		}
		logKey = strings.TrimSpace(string(text))
	}
	t.Log = openLog(logKey, c.Witness)
	return t, nil
}

// writeAudio copies the audio out. It is hashed once more on its way, since the file could have been changed after it was looked at: then nothing stays.
func writeAudio(path string, pack *evidence.Opened) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), pack.Audio())
	if err == nil && hex.EncodeToString(h.Sum(nil)) != pack.AudioSHA256() {
		err = errBadPack
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
