'use strict';
// Asks the browser for a passkey with the options that the page carries, and sends its answer with the page's own form.
(() => {
  const field = document.querySelector('[data-passkey]');
  const button = document.getElementById('passkey');
  const failed = document.getElementById('passkey-failed');
  if (!field || !button || !window.PublicKeyCredential) return;
  const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const options = JSON.parse(field.dataset.options).publicKey;
  options.challenge = bytes(options.challenge);
  if (options.user) options.user.id = bytes(options.user.id);
  for (const list of [options.allowCredentials, options.excludeCredentials]) {
    for (const c of list || []) c.id = bytes(c.id);
  }
  button.hidden = false;
  button.addEventListener('click', async () => {
    button.disabled = true;
    failed.hidden = true;
    try {
      const c = await navigator.credentials[field.dataset.passkey]({ publicKey: options });
      const out = { id: c.id, rawId: text(c.rawId), type: c.type, clientExtensionResults: c.getClientExtensionResults(), response: {} };
      if (c.authenticatorAttachment) out.authenticatorAttachment = c.authenticatorAttachment;
      for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
        if (c.response[name]) out.response[name] = text(c.response[name]);
      }
      if (c.response.getTransports) out.response.transports = c.response.getTransports();
      field.value = JSON.stringify(out);
      field.form.submit();
    } catch {
      failed.hidden = false;
      button.disabled = false;
    }
  });
})();
