// A real OpenID provider (oidc-provider) on loopback for tests of relying parties: accounts and keys change on demand,
// it can be stopped, its answers can be falsified, and its own keys can sign whatever a forger would like signed.
import { type KeyObject, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AdapterPayload, type ClientMetadata, type Configuration, Provider } from 'oidc-provider'
import { type Alg, type Claims, makeKeys, signJws } from './jws.ts'
import { memoryAdapter } from './memory-adapter.ts'
import { freePort } from './ports.ts'

export type TestAccount = {
  name: string
  email: string
  email_verified: boolean
  preferred_username: string
  locale: string
  roles: string[]
  groups: string[]
  suspended: boolean
}

/** The cookie that tells the provider who sits at a browser: `who=alice`. */
export const WHO = 'who'

const account = (changes: Partial<TestAccount> = {}): TestAccount => ({
  name: 'Alice Démo',
  email: 'alice@example.org',
  email_verified: true,
  preferred_username: 'alice',
  locale: 'fr',
  roles: ['redacteur'],
  groups: ['membres'],
  suspended: false,
  ...changes,
})

export async function startProvider({ host = '127.0.0.1' }: { host?: string } = {}) {
  const port = await freePort(host)
  const issuer = `http://${host}:${port}`
  const accounts = new Map<string, TestAccount>()
  const clients = new Map<string, ClientMetadata>()
  const store = new Map<string, AdapterPayload>()
  const requests: string[] = []
  const logouts: { clientId: string; ok: boolean }[] = []
  const hooks: { token?: (body: Claims) => Claims | Promise<Claims>; userinfo?: (body: Claims) => Claims } = {}
  let keys = makeKeys()
  let provider: Provider
  let server: Server | undefined

  const base = memoryAdapter(store)
  /** Clients come from a Map, so that they can change while the provider runs. */
  class TestAdapter extends base {
    override async find(id: string) {
      return this.model === 'Client' ? (clients.get(id) as AdapterPayload | undefined) : super.find(id)
    }
  }

  const configuration = (): Configuration => ({
    adapter: TestAdapter,
    jwks: { keys: [keys.RS256.jwk, keys.ES256.jwk] },
    cookies: { keys: ['test'] },
    scopes: ['openid', 'offline_access'],
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username', 'locale'],
      email: ['email', 'email_verified'],
      roles: ['roles'],
      groups: ['groups'],
    },
    enabledJWA: { idTokenSigningAlgValues: ['ES256', 'RS256'] },
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    ttl: {
      AccessToken: 300,
      AuthorizationCode: 60,
      Grant: 3600,
      IdToken: 3600,
      Interaction: 600,
      Session: 3600,
      RefreshToken: 3600,
    },
    async findAccount(_ctx, sub) {
      const found = accounts.get(sub)
      if (!found || found.suspended) return undefined
      return { accountId: sub, claims: async () => ({ sub, ...found }) }
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    async loadExistingGrant(ctx) {
      const { client, session } = ctx.oidc
      const grantId = session!.grantIdFor(client!.clientId)
      // One grant for a session and client: a new one each time would void the codes of other tabs.
      const grant =
        (grantId && (await ctx.oidc.provider.Grant.find(grantId))) ||
        new ctx.oidc.provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! })
      grant.addOIDCScope([...ctx.oidc.requestParamOIDCScopes].join(' '))
      await grant.save()
      return grant
    },
    rotateRefreshToken: false,
    // The services under test are on loopback, which oidc-provider's own guard refuses: only theirs are let through.
    fetch: (url, options = {}) => {
      const target = new URL(String(url))
      const uris = [...clients.values()].map((client) => String(client.backchannel_logout_uri ?? ''))
      if (!uris.some((uri) => URL.parse(uri)?.origin === target.origin)) throw new Error(`not under test: ${target}`)
      const { dispatcher: _, ...unguarded } = options as RequestInit & { dispatcher?: unknown }
      return fetch(target, unguarded)
    },
  })

  const makeProvider = () => {
    provider = new Provider(issuer, configuration())
  }

  const whoSits = (req: IncomingMessage): string | undefined =>
    req.headers.cookie?.match(new RegExp(`(?:^|; )${WHO}=(\\w+)`))?.[1]

  async function interact(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const who = whoSits(req)
    const found = who === undefined ? undefined : accounts.get(who)
    const result =
      who && found && !found.suspended
        ? { login: { accountId: who } }
        : { error: 'access_denied', error_description: '<script>alert("suspended")</script>' }
    await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false })
  }

  /** Lets a test change the JSON that the provider answers. */
  function falsify(res: ServerResponse, change: (body: Claims) => Claims | Promise<Claims>): void {
    const end = res.end.bind(res)
    res.end = ((chunk: unknown) => {
      const body = JSON.parse(String(chunk)) as Claims
      void Promise.resolve(res.statusCode === 200 ? change(body) : body).then((changed) => {
        const text = JSON.stringify(changed)
        res.setHeader('content-length', Buffer.byteLength(text))
        end(text)
      })
      return res
    }) as ServerResponse['end']
  }

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname } = new URL(req.url ?? '/', issuer)
    requests.push(`${req.method} ${pathname}`)
    if (pathname.startsWith('/interaction/')) return interact(req, res)
    if (pathname === '/token' && hooks.token) falsify(res, hooks.token)
    if (pathname === '/me' && hooks.userinfo) falsify(res, hooks.userinfo)
    await provider.callback()(req, res)
  }

  async function up(): Promise<void> {
    if (server) return
    server = createServer(
      (req, res) => void serve(req, res).catch((error: unknown) => res.writeHead(500).end(String(error))),
    )
    server.keepAliveTimeout = 100
    server.listen(port, host)
    await once(server, 'listening')
  }

  async function down(): Promise<void> {
    if (!server) return
    const closing = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closing
    server = undefined
  }

  /** Ends what an account holds, as a suspension does: sessions, grants, tokens, and a logout token to each client. */
  async function endSessions(sub: string): Promise<void> {
    const sent: Promise<unknown>[] = []
    for (const [key, session] of [...store].filter(
      ([key, payload]) => key.startsWith('Session:') && payload.accountId === sub,
    )) {
      store.delete(key)
      for (const [clientId, authorization] of Object.entries(
        (session.authorizations ?? {}) as Record<string, { sid?: string; grantId?: string }>,
      )) {
        for (const [id, payload] of [...store])
          if (payload.grantId === authorization.grantId || id === `Grant:${authorization.grantId}`) store.delete(id)
        sent.push(sendLogout(sub, clientId, authorization.sid))
      }
    }
    await Promise.all(sent)
  }

  async function sendLogout(sub: string, clientId: string, sid: string | undefined): Promise<void> {
    const client = await provider.Client.find(clientId)
    if (!client?.backchannelLogoutUri) return
    // Typed as internal by oidc-provider's types, documented for this use.
    const sender = client as unknown as { backchannelLogout(sub: string, sid?: string): Promise<void> }
    let ok = false
    // Asked again until it is acknowledged, as Schedar does: a busy service answers late.
    for (let attempt = 0; attempt < 5 && !ok; attempt++)
      ok = await sender.backchannelLogout(sub, sid).then(
        () => true,
        () => false,
      )
    logouts.push({ clientId, ok })
  }

  const now = () => Math.floor(Date.now() / 1000)
  makeProvider()
  await up()

  return {
    issuer,
    accounts,
    clients,
    hooks,
    requests,
    logouts,
    up,
    down,
    get keys() {
      return keys
    },
    addAccount: (sub: string, changes: Partial<TestAccount> = {}) => {
      const added = account({ preferred_username: sub, email: `${sub}@example.org`, name: sub, ...changes })
      accounts.set(sub, added)
      return added
    },
    addClient: (metadata: ClientMetadata): void => {
      clients.set(metadata.client_id, {
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        ...metadata,
      })
    },
    /** New keys; the old ones are gone from the JWKS at once. */
    rotateKeys: (): void => {
      keys = makeKeys()
      makeProvider()
    },
    endSessions,
    suspend: async (sub: string): Promise<void> => {
      accounts.get(sub)!.suspended = true
      await endSessions(sub)
    },
    /** A token with the provider's own key, or whatever a forger puts in its place. */
    sign: (
      payload: Claims,
      { alg = 'RS256', header = {}, key }: { alg?: Alg; header?: Claims; key?: KeyObject } = {},
    ): string => signJws({ alg, kid: keys[alg].kid, typ: 'JWT', ...header }, payload, key ?? keys[alg].privateKey),
    /** Claims of a logout token that would be accepted. */
    logoutClaims: (clientId: string, sub: string, changes: Claims = {}): Claims => ({
      iss: issuer,
      aud: clientId,
      sub,
      iat: now(),
      exp: now() + 120,
      jti: randomBytes(9).toString('base64url'),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      ...changes,
    }),
    stop: down,
  }
}

export type TestProvider = Awaited<ReturnType<typeof startProvider>>
