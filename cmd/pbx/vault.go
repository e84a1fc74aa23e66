package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"naisen/provisioning"
	"naisen/recorder"
	"naisen/recorder/apart"
	"naisen/recorder/catalogue"
	"naisen/recorder/evidence"
	"naisen/recorder/mailbox"
	"naisen/recorder/objstore"
	"naisen/recorder/pipeline"
	"naisen/recorder/playback"
	"naisen/recorder/remarks"
	"naisen/recorder/seal"
	"naisen/recorder/unseal"
	"naisen/recorder/watermark"

	"github.com/prometheus/client_golang/prometheus"
)

// vault is the recorder's parts together: keys, object store, catalogue, the pipeline that fills them and the handler that plays them.
type vault struct {
	files     *seal.Files
	sealer    *seal.Sealer
	store     objstore.Store
	catalogue *catalogue.Catalogue
	pipeline  *pipeline.Pipeline
	player    *playback.Handler
	marks     *watermark.Holder
	decided   *remarks.Reader // of what people decided about recordings; nil: nobody asks

	apart  *apart.Client // nil: this process has the private keys
	spools []string      // directories of the pipelines; of a vault beside a switch alone

	messages *catalogue.Catalogue // of voicemail, beside the recordings
	post     *mailbox.Post
}

// openVault opens or makes the keys, opens the store, and takes up what an earlier run left unfinished. store has the policies, and the audit log in which
// it writes down what is stored. timed may be nil.
func openVault(ctx context.Context, c Config, store provisioning.Store, timed func(pipeline.Stage), log *slog.Logger) (*vault, error) {
	v := &vault{}
	if err := v.openRing(c); err != nil {
		return nil, err
	}
	v.marks = watermark.NewHolder(c.marksPath(), v.sealer)
	var err error
	if v.store, err = openObjects(c); err != nil {
		return nil, err
	}
	if v.catalogue, err = catalogue.OpenWith(ctx, c.path("catalogue.db"), time.Now, catalogueWords()); err != nil {
		return nil, err
	}
	v.pipeline, err = pipeline.Open(v.pipelineConfig(c, store, timed, log))
	if err != nil {
		return nil, errors.Join(err, v.catalogue.Close())
	}
	return v, nil
}

func (v *vault) pipelineConfig(c Config, store provisioning.Store, timed func(pipeline.Stage), log *slog.Logger) pipeline.Config {
	return pipeline.Config{Dir: c.recorderPath(), Renders: 2, Sealer: v.sealer, Store: v.store, Catalogue: v.catalogue,
		Renderer: c.renderer(), Deposit: deposit(store), Unreadable: unreadable(store, c.Domain), Timed: timed, Log: log, Rings: c.Recording.Held}
}

// marker gives what makes each listener's copy.
func (v *vault) marker(ctx context.Context) (playback.Marker, error) { return v.marks.Key(ctx) }

// marksPath is where the key of the watermarks lies.
func (c Config) marksPath() string { return c.path("keys", "watermark.age") }

// openRing opens the keys that this process may have, and finds the vault's process where that is another one.
func (v *vault) openRing(c Config) (err error) {
	if !c.Vault.Separate {
		if v.files, err = openKeys(c); err == nil {
			v.sealer = seal.New(v.files)
		}
		return err
	}
	if v.files, err = openPublic(c); err != nil {
		return err
	}
	if v.apart, err = apart.Dial(c.vaultSocket(), c.path("keys")); err == nil {
		v.sealer = seal.Apart(v.files, v.apart)
	}
	return err
}

// ask says whether the private keys can be used now, wherever they are.
func (v *vault) ask(ctx context.Context) error {
	if v.apart != nil {
		return v.apart.Status(ctx)
	}
	return v.files.Ask(ctx)
}

// opener is whoever opens recordings: for listeners, and for evidence packs.
type opener interface {
	playback.Opener
	ManifestText(ctx context.Context, row catalogue.Row) ([]byte, recorder.Manifest, error)
}

// opener opens recordings, here or through the vault's process.
func (v *vault) opener() opener {
	if v.apart != nil {
		return v.apart.Opener(v.store, v.sealer, "")
	}
	return unseal.New(v.store, v.sealer)
}

// messagesPart is the name below which voice messages are kept in the same store.
const messagesPart = "messages"

// openPost opens the mailboxes: keys and store are the recordings', everything else is apart. changed is told when messages come and go.
func (v *vault) openPost(ctx context.Context, c Config, changed func(), log *slog.Logger) (err error) {
	if v.messages, err = catalogue.Open(ctx, c.path("messages.db"), time.Now); err != nil {
		return err
	}
	cfg := mailbox.Config{Dir: c.path("mailbox"), Sealer: v.sealer, Store: objstore.Under(v.store, messagesPart), Catalogue: v.messages,
		Renderer: c.renderer(), Changed: changed, Log: log}
	if v.apart != nil {
		cfg.Opener = v.apart.Opener(cfg.Store, v.sealer, messagesPart)
	}
	v.post, err = mailbox.Open(cfg)
	if err != nil {
		return errors.Join(err, v.messages.Close())
	}
	return nil
}

// closePost finishes what it can within ctx.
func (v *vault) closePost(ctx context.Context) error {
	return errors.Join(v.post.Close(ctx), v.messages.Close())
}

// serve makes the handler that plays recordings to whom the gate lets, who is asked again when told so.
func (v *vault) serve(g recorder.Gate, packs *evidence.Builder, again func(domain string) (<-chan struct{}, func()), log *slog.Logger) (h http.Handler, err error) {
	cfg := playback.Config{Gate: g, Catalogue: v.catalogue, Store: v.store, Sealer: v.sealer, Marker: v.marker, Packs: packs, Again: again, Log: log}
	cfg.Opener = v.opener()
	v.player, err = playback.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("playback: %w", err)
	}
	return v.player, nil
}

// Close finishes what it can within ctx; the rest waits on disk for the next start.
func (v *vault) Close(ctx context.Context) error {
	err := errors.Join(v.pipeline.Close(ctx), v.catalogue.Close())
	if v.apart != nil {
		v.apart.Close()
	}
	return err
}

func (p *pbx) recorderMetrics(c *collector) {
	stats, play := p.vault.pipeline.Stats, p.vault.player.Stats
	gauge := func(name, help string, v func() float64) { c.add(name, help, prometheus.GaugeValue, v) }
	counter := func(name, help string, v func() int64) {
		c.add(name, help, prometheus.CounterValue, func() float64 { return float64(v()) })
	}
	gauge("naisen_recordings_live", "Recordings under way.", func() float64 { return float64(stats().Capture.Live) })
	gauge("naisen_recordings_held", "Calls whose last stretch stands in encrypted memory, should somebody ask for a recording.", func() float64 { return float64(stats().Capture.Holding) })
	counter("naisen_recordings_held_total", "Calls for which that was begun.", func() int64 { return stats().Capture.Held })
	counter("naisen_recordings_held_kept_total", "Of them, those that somebody had recorded.", func() int64 { return stats().Capture.Kept })
	counter("naisen_recordings_held_forgotten_total", "Of them, those that nobody asked for: nothing is left.", func() int64 { return stats().Capture.Forgotten })
	counter("naisen_recordings_not_held_total", "Calls for which there was no room in memory.", func() int64 { return stats().Capture.NotHeld })
	gauge("naisen_recorder_keys_unlocked", "1: the system does not let the keys of what is held be locked in memory.", func() float64 { return flag(stats().Capture.Unlocked) })
	gauge("naisen_recorder_disk_full", "1: the journal disk has no room.", func() float64 { return flag(stats().Capture.DiskFull) })
	gauge("naisen_recorder_failing", "Live recordings whose journal the disk refuses now.", func() float64 { return float64(stats().Capture.Failing) })
	gauge("naisen_recorder_disk_high", "1: more than 90 % of the journal disk is used.", func() float64 { return flag(stats().Capture.DiskHigh) })
	gauge("naisen_recorder_store_down", "1: the object store refused the last upload.", func() float64 { return flag(stats().StoreDown) })
	gauge("naisen_recorder_rendering", "Journals waiting for or in their render.", func() float64 { return float64(stats().Rendering) })
	gauge("naisen_recorder_uploading", "Sealed recordings on their way to the store.", func() float64 { return float64(stats().Uploading) })
	gauge("naisen_recorder_oldest_upload_seconds", "Age of the oldest of them.", func() float64 { return stats().OldestUpload.Seconds() })
	gauge("naisen_recorder_aside", "Journals that could not be rendered and lie on this machine.", func() float64 { return float64(stats().Aside) })
	gauge("naisen_recorder_waiting_bytes", "Bytes of journals and sealed recordings that wait on this machine.", func() float64 { return float64(stats().WaitingBytes) })
	counter("naisen_recorder_unlocked_total", "Recordings stored without the lock that their rule asks for.", func() int64 { return stats().Unlocked })
	counter("naisen_recorder_frames_dropped_total", "Frames that a full ring refused.", func() int64 { return stats().Capture.Dropped })
	counter("naisen_recorder_capture_failures_total", "Recordings that met a disk error.", func() int64 { return stats().Capture.Failures })
	counter("naisen_recorder_interrupted_total", "Recordings finished after a crash.", func() int64 { return stats().Interrupted })
	counter("naisen_recorder_stored_total", "Recordings stored and read back.", func() int64 { return stats().Stored })
	counter("naisen_recorder_failed_total", "Journals put aside.", func() int64 { return stats().Failed })
	counter("naisen_recorder_upload_errors_total", "Uploads that failed and are tried again.", func() int64 { return stats().UploadErrors })
	counter("naisen_recorder_mismatches_total", "Objects that came back altered.", func() int64 { return stats().Mismatches })
	post := p.vault.post.Stats
	gauge("naisen_messages_live", "Voice messages that are spoken now.", func() float64 { return float64(post().Capture.Live) })
	gauge("naisen_messages_waiting", "Voice messages on their way to the store.", func() float64 { return float64(post().Rendering + post().Uploading) })
	gauge("naisen_messages_aside", "Journals of voice messages that could not be rendered and lie on this machine.", func() float64 { return float64(post().Aside) })
	counter("naisen_messages_stored_total", "Voice messages and greetings stored and read back.", func() int64 { return post().Stored })
	counter("naisen_messages_not_kept_total", "Voice messages in which nothing was said.", func() int64 { return post().NotKept })
	counter("naisen_messages_failed_total", "Journals of voice messages put aside.", func() int64 { return post().Failed })
	counter("naisen_messages_frames_dropped_total", "Frames of voice messages that a full ring refused.", func() int64 { return post().Capture.Dropped })
	counter("naisen_messages_capture_failures_total", "Voice messages that met a disk error.", func() int64 { return post().Capture.Failures })
	counter("naisen_playback_total", "Recordings played.", func() int64 { return play().Plays })
	counter("naisen_evidence_packs_total", "Evidence packs made.", func() int64 { return play().Exports })
	counter("naisen_playback_refused_total", "Plays refused.", func() int64 { return play().Refused })
	counter("naisen_playback_revoked_total", "Plays that ended because the right to them did.", func() int64 { return play().Revoked })
	counter("naisen_playback_unaudited_total", "Plays refused because the audit entry could not be written.", func() int64 { return play().Unaudited })
	counter("naisen_playback_integrity_total", "Plays refused because object or manifest was altered.", func() int64 { return play().Integrity })
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
