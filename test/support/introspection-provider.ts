// A real OpenID provider (oidc-provider, in memory) that issues and introspects mail tokens, with what a test needs to
// turn: a delay, an outage, a suspended login. The person signing in is whoever `login_hint` names.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, request as tlsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Adapter, type AdapterPayload, Provider } from 'oidc-provider'
import { freePort } from './ports.ts'

type Tokens = { accessToken: string; refreshToken: string | undefined; idToken: string | undefined }
export type TestProvider = {
  issuer: string
  /** The client that introspects: what Dovecot's kit is made for. */
  client: { clientId: string; clientSecret: string }
  /** A real code flow with PKCE for one login. Default scope: `openid mail`. */
  signIn(login: string, scope?: string): Promise<Tokens>
  /** Logins whose tokens are answered `{"active":false}`. */
  suspended: Set<string>
  /** Milliseconds by which each introspection is held up. */
  delayMs: number
  /** Introspections answered or under way. */
  introspections: number
  stop(): Promise<void>
  /** Listens again, on the same port, with the same tokens. */
  start(): Promise<void>
}

const CALLBACK = 'http://127.0.0.1:1/callback' // nothing listens there: the code is read from the redirect

type Stored = { payload: AdapterPayload; grantId: string | undefined }

/** One map for all models, keyed by model and id. */
function memoryAdapter(): (model: string) => Adapter {
  const rows = new Map<string, Stored>()
  return (model) => {
    const key = (id: string) => `${model}:${id}`
    const first = (test: (payload: AdapterPayload) => boolean) =>
      [...rows].find(([at, { payload }]) => at.startsWith(`${model}:`) && test(payload))?.[1].payload
    return {
      upsert: async (id, payload) => void rows.set(key(id), { payload, grantId: payload.grantId }),
      find: async (id) => rows.get(key(id))?.payload,
      findByUid: async (uid) => first((payload) => payload.uid === uid),
      findByUserCode: async (code) => first((payload) => payload.userCode === code),
      consume: async (id) => {
        const row = rows.get(key(id))
        if (row) row.payload.consumed = Math.floor(Date.now() / 1000)
      },
      destroy: async (id) => void rows.delete(key(id)),
      revokeByGrantId: async (grantId) => {
        for (const [at, row] of rows) if (row.grantId === grantId) rows.delete(at)
      },
    }
  }
}

function provider(issuer: string, introspector: { clientId: string; clientSecret: string }, suspended: Set<string>) {
  return new Provider(issuer, {
    adapter: memoryAdapter(),
    clients: [
      {
        client_id: 'webmail',
        token_endpoint_auth_method: 'none',
        redirect_uris: [CALLBACK],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
      {
        client_id: introspector.clientId,
        client_secret: introspector.clientSecret,
        token_endpoint_auth_method: 'client_secret_post',
        redirect_uris: [],
        grant_types: [],
        response_types: [],
      },
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    scopes: ['openid', 'offline_access', 'mail'],
    features: {
      devInteractions: { enabled: false },
      introspection: {
        enabled: true,
        allowedPolicy: async (_ctx, _client, token) => !suspended.has(String('accountId' in token && token.accountId)),
      },
    },
    issueRefreshToken: async () => true,
    // Whatever the scope: it is Dovecot that must not take a token which lacks it.
    extraTokenClaims: async (_ctx, token) =>
      'accountId' in token ? { mail_login: String(token.accountId) } : undefined,
    findAccount: async (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      Grant: 600,
      IdToken: 600,
      Interaction: 60,
      RefreshToken: 600,
      Session: 600,
    },
  })
}

/** Signs in whoever is hinted at and consents to what is asked. */
async function interact(idp: Provider, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { prompt, params, session } = await idp.interactionDetails(req, res)
  if (prompt.name === 'login')
    return idp.interactionFinished(req, res, { login: { accountId: String(params.login_hint) } })
  const grant = new idp.Grant({ accountId: session?.accountId, clientId: String(params.client_id) })
  grant.addOIDCScope(String(params.scope))
  return idp.interactionFinished(
    req,
    res,
    { consent: { grantId: await grant.save() } },
    { mergeWithLastSubmission: true },
  )
}

type Reply = { status: number; location: string | undefined; cookies: string[]; body: string }

function send(url: URL, cookies: Map<string, string>, form?: URLSearchParams, ca?: string): Promise<Reply> {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const headers = { cookie, ...(form && { 'content-type': 'application/x-www-form-urlencoded' }) }
  return new Promise((resolve, reject) => {
    const ask = url.protocol === 'https:' ? tlsRequest : request
    ask(url, { method: form ? 'POST' : 'GET', agent: false, headers, ...(ca && { ca }) }, async (res) => {
      const { location, 'set-cookie': set = [] } = res.headers
      resolve({ status: res.statusCode ?? 0, location, cookies: set, body: await text(res) })
    })
      .on('error', reject)
      .end(form?.toString())
  })
}

async function codeFlow(issuer: string, login: string, scope: string, ca?: string): Promise<Tokens> {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    client_id: 'webmail',
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope,
    login_hint: login,
    prompt: 'consent',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const jar = new Map<string, string>()
  let at = new URL(`${issuer}/auth?${query}`)
  for (let hop = 0; hop < 10 && !at.href.startsWith(CALLBACK); hop++) {
    const reply = await send(at, jar, undefined, ca)
    for (const line of reply.cookies) {
      const [name = '', value = ''] = line.split(';')[0]?.split(/=(.*)/s) ?? []
      jar.set(name, value)
    }
    if (!reply.location) throw new Error(`${at.pathname} answered ${reply.status}: ${reply.body.slice(0, 300)}`)
    at = new URL(reply.location, at)
  }
  const form = {
    grant_type: 'authorization_code',
    client_id: 'webmail',
    redirect_uri: CALLBACK,
    code_verifier: verifier,
  }
  const code = at.searchParams.get('code') ?? ''
  const { body } = await send(new URL(`${issuer}/token`), jar, new URLSearchParams({ ...form, code }), ca)
  const tokens = JSON.parse(body)
  if (typeof tokens.access_token !== 'string') throw new Error(`no token: ${body}`)
  return { accessToken: tokens.access_token, refreshToken: tokens.refresh_token, idToken: tokens.id_token }
}

type TlsFiles = { certFile: string; keyFile: string; caFile: string }

/** Starts it on a free loopback port; over https with the files of a certificate for `IP:127.0.0.1`. */
export async function startProvider(files?: TlsFiles): Promise<TestProvider> {
  const tls = files && {
    cert: await readFile(files.certFile),
    key: await readFile(files.keyFile),
    ca: await readFile(files.caFile, 'utf8'),
  }
  const port = await freePort()
  const issuer = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
  const client = { clientId: 'dovecot', clientSecret: randomBytes(24).toString('base64url') }
  const suspended = new Set<string>()
  const idp = provider(issuer, client, suspended)
  const callback = idp.callback()

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (req.url?.startsWith('/interaction/')) return interact(idp, req, res)
    if (req.url === '/token/introspection') {
      self.introspections++
      await sleep(self.delayMs, undefined, { ref: false })
    }
    if (!req.socket.destroyed) callback(req, res)
  }
  const listen = async () => {
    const server = tls ? createTlsServer(tls, handle) : createServer(handle)
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  }
  let server = await listen()
  const self: TestProvider = {
    issuer,
    client,
    suspended,
    delayMs: 0,
    introspections: 0,
    signIn: (login, scope = 'openid mail') => codeFlow(issuer, login, scope, tls?.ca),
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
    async start() {
      server = await listen()
    },
  }
  return self
}
