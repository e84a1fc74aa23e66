// The phone in the page: JsSIP as a site would use it, and an ear that hands out what the speaker plays.
"use strict";

const seen = []; // events in order, for `saw`
let ua, session, context, analyser, roams;

// What a page must keep to find its call again after a reload: who it is (RFC 5626), and the dialog that it was in (RFC 3891).
const kept = sessionStorage;
const instance = kept.getItem("instance") ?? crypto.randomUUID();
kept.setItem("instance", instance);

function note(what) { seen.push(what); }

function listen(stream) {
  document.getElementById("speaker").srcObject = stream; // without an element the stream does not run
  context ||= new AudioContext();
  analyser = context.createAnalyser();
  analyser.fftSize = 16384;
  context.createMediaStreamSource(stream).connect(analyser);
}

function follow(s) {
  session = s;
  note(`session ${s.direction}`);
  for (const e of ["progress", "accepted", "confirmed", "hold", "unhold"]) s.on(e, () => note(e));
  s.on("confirmed", () => {
    const { call_id, local_tag, remote_tag } = s._dialog.id;
    kept.setItem("call", JSON.stringify({ replaces: `${call_id};to-tag=${remote_tag};from-tag=${local_tag}`, to: s.remote_identity.uri.toString() }));
  });
  s.on("ended", (e) => { kept.removeItem("call"); note(`ended ${e.cause}`); });
  s.on("failed", (e) => note(`failed ${e.cause} ${e.message?.status_code ?? ""}`));
  const wire = (pc) => {
    pc.addEventListener("track", (e) => listen(e.streams[0] ?? new MediaStream([e.track])));
    pc.addEventListener("iceconnectionstatechange", () => { note(`ice ${pc.iceConnectionState}`); mend(); });
  };
  s.connection ? wire(s.connection) : s.on("peerconnection", (e) => wire(e.peerconnection));
}

// In another network the call goes on by an offer with an ICE restart (RFC 8445 section 9), once the registration is there by which it may be made.
function mend() {
  if (roams && ua.isRegistered() && session?.isEstablished() && ["disconnected", "failed"].includes(session.connection.iceConnectionState)) phone.restart();
}

// The microphone plays a pure tone, which a browser's noise suppression takes for noise.
const media = {
  mediaConstraints: { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }, video: false },
  pcConfig: { iceServers: [] },
};

window.phone = {
  register(c) {
    if (c.ice) media.pcConfig = c.ice;
    ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(c.socket)], uri: c.uri, password: c.password || undefined,
      authorization_jwt: c.token ? `Bearer ${c.token}` : undefined, session_timers: false, user_agent: c.agent || undefined, instance_id: instance });
    for (const e of ["connected", "disconnected", "registered", "unregistered"]) ua.on(e, (x) => note(e === "disconnected" ? `${e} ${x.code ?? ""}` : e));
    ua.on("registrationFailed", (e) => note(`registrationFailed ${e.cause}`));
    roams = c.roams;
    ua.on("registered", mend);
    ua.on("newRTCSession", (e) => follow(e.session));
    ua.start();
  },
  // A fresh access token in place of the one that runs out.
  renew(token) {
    ua.set("authorization_jwt", `Bearer ${token}`);
    ua.register();
  },
  call(to) { ua.call(to, media); },
  // Takes the call up again that the page was in before it was loaded anew.
  resume() {
    const { replaces, to } = JSON.parse(kept.getItem("call"));
    ua.call(to, { ...media, extraHeaders: [`Replaces: ${replaces}`, "Require: replaces"] });
  },
  answer() { session.answer(media); },
  hold() { session.hold(); },
  unhold() { session.unhold(); },
  refer(to) { session.refer(to); },
  hangup() { session.terminate(); },
  restart() { session.renegotiate({ rtcOfferConstraints: { iceRestart: true } }, () => note("renegotiated")); },
  seen() { return seen; },
  // What the speaker plays now: 16-bit samples and their rate.
  hear() {
    if (!analyser) return { rate: 0, pcm: [] };
    const f = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(f);
    return { rate: context.sampleRate, pcm: Array.from(f, (x) => Math.max(-32768, Math.min(32767, Math.round(x * 32767)))) };
  },
  async stats() {
    const out = {};
    (await session.connection.getStats()).forEach((r) => {
      if (r.type === "inbound-rtp" || r.type === "outbound-rtp") out[r.type] = { packets: r.packetsReceived ?? r.packetsSent, lost: r.packetsLost };
      if (r.type === "transport") Object.assign(out, { dtls: r.dtlsState, srtp: r.srtpCipher, ice: r.iceState });
      if (r.type === "local-candidate") out.candidates = [...(out.candidates ?? []), r.candidateType];
      if (r.type === "codec") out.codec = r.mimeType;
    });
    return out;
  },
};
