// An organisation's identity service on the certified oidc-provider: people sign in on its page, with one factor or two. It is told by lines on its standard
// input: "keys A B" publishes those keys and signs with the first, "ends USER" ends the sessions of a person. Each line is answered by one.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [, , packages, port, logout] = process.argv;
const require = createRequire(`${packages}/`);
const { default: Provider, interactionPolicy } = await import(require.resolve('oidc-provider'));

const issuer = `http://127.0.0.1:${port}`;
const people = {
  alice: { roles: ['pbx-admins'], device: { compliant: true } },
  bob: { roles: ['pbx-staff'], device: { compliant: false } },
};

// What tokens may be for, by resource (RFC 8707): their audience and form.
const resources = {
  'urn:naisen': { audience: 'naisen', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } },
  'urn:naisen:opaque': { audience: 'naisen', accessTokenFormat: 'opaque' },
  'urn:wiki': { audience: 'wiki', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } },
};

const keys = {};
function key(kid) {
  keys[kid] ??= { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
  return keys[kid];
}

// Whoever is asked for a second factor and has not shown it signs in anew (RFC 9470 section 5).
const policy = interactionPolicy.base();
policy.get('login').checks.add(new interactionPolicy.Check('acr', 'another factor is asked for', 'login_required', (ctx) => {
  const { session, acr, params } = ctx.oidc;
  const wanted = (params.acr_values ?? '').split(' ').filter(Boolean);
  return wanted.length > 0 && !wanted.includes(session?.acr ?? acr);
}));

function provider(kids) {
  const p = new Provider(issuer, {
    jwks: { keys: kids.map(key) },
    fetch: (url, { dispatcher, ...options }) => fetch(url, options), // its dispatcher reaches no address of this machine, where the switch is
    cookies: { keys: ['a key of the test'] },
    acrValues: ['pwd', 'mfa'],
    scopes: ['openid', 'offline_access', 'naisen', 'sip'],
    pkce: { required: () => true },
    interactions: { policy, url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    clients: [
      { client_id: 'pbx-cli', token_endpoint_auth_method: 'none', application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'], response_types: ['code'],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        ...(logout ? { backchannel_logout_uri: logout, backchannel_logout_session_required: true } : {}) },
      { client_id: 'naisen', client_secret: 'a secret/+ of the switch', redirect_uris: [], response_types: [], grant_types: [] },
    ],
    features: {
      devInteractions: { enabled: false },
      deviceFlow: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (ctx, client) => client.clientId === 'naisen' },
      revocation: { enabled: true, allowedPolicy: () => true },
      backchannelLogout: { enabled: Boolean(logout) },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:naisen',
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx, resource) => ({ scope: 'naisen sip', accessTokenTTL: 600, ...resources[resource] }),
      },
    },
    findAccount: (ctx, id) => people[id] && { accountId: id, claims: () => ({ sub: id }) },
    extraTokenClaims: (ctx, token) => {
      const e = ctx.oidc.entities;
      const from = e.AuthorizationCode ?? e.DeviceCode ?? e.RefreshToken ?? {};
      return { ...people[token.accountId], acr: from.acr, amr: from.amr, auth_time: from.authTime };
    },
  });
  p.on('server_error', (ctx, err) => console.error(err));
  p.on('backchannel.error', (ctx, err) => console.error(err));
  return p;
}

let current = provider(['k1', 'k2']);

async function body(req) {
  const chunks = [];
  for await (const c of req) chunks.push(c);
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

// The page: who and how, then what the client may have is granted without asking.
async function interact(req, res) {
  const { uid, prompt, params, session, grantId } = await current.interactionDetails(req, res);
  if (prompt.name === 'login') {
    if (req.method !== 'POST') {
      res.setHeader('content-type', 'text/html');
      res.end(`<form method="post" action="/interaction/${uid}"><input name="login"><input name="otp"></form>`);
      return;
    }
    const form = await body(req);
    const two = form.get('otp') === '123456';
    await current.interactionFinished(req, res, { login: { accountId: form.get('login'), acr: two ? 'mfa' : 'pwd', amr: two ? ['pwd', 'otp'] : ['pwd'] } });
    return;
  }
  const grant = grantId ? await current.Grant.find(grantId) : new current.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope = [], missingOIDCClaims = [], missingResourceScopes = {} } = prompt.details;
  if (missingOIDCScope.length) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims.length) grant.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes)) grant.addResourceScope(resource, scopes.join(' '));
  await current.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

createServer((req, res) => {
  if (!req.url.startsWith('/interaction/')) {
    current.callback()(req, res);
    return;
  }
  interact(req, res).catch((err) => {
    console.error(err);
    res.statusCode = 500;
    res.end();
  });
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const [word, ...rest] = line.split(' ');
  if (word === 'keys') current = provider(rest);
  console.log(`done ${line}`);
});
lines.on('close', () => process.exit(0));
