// Two oidc-provider instances behind one loopback address, taking requests in turn, each with a storage of its own over
// one database: what several processes behind a balancer are. Who signs in is the browser's cookie `who`.
import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import {
  type AdapterFactory,
  type ClientMetadata,
  type Configuration,
  type JWK,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider'
import { type Browser, createBrowser, type Reply } from './browser-jar.ts'
import { freePort } from './ports.ts'

const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
export const random = (): string => randomBytes(32).toString('base64url')

/** A compact JWS with ES256. */
export function signEs256(header: Record<string, unknown>, payload: Record<string, unknown>, key: KeyObject): string {
  const signed = `${b64({ alg: 'ES256', ...header })}.${b64(payload)}`
  return `${signed}.${createSign('SHA256').update(signed).sign({ key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

export const makeKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, publicJwk: publicKey.export({ format: 'jwk' }) as JWK }
}

const redirectUri = (clientId: string): string => `https://${clientId}.example/cb`

export type Answer = { status: number; body: Record<string, unknown> }
export type Code = { clientId: string; code: string; verifier: string }

const json = ({ status, text }: Reply): Answer => ({
  status,
  body: text ? (JSON.parse(text) as Record<string, unknown>) : {},
})

async function firstPartyGrant(ctx: KoaContextWithOIDC) {
  const { client, session, provider, requestParamOIDCScopes } = ctx.oidc
  const known = session!.grantIdFor(client!.clientId)
  const found = known ? await provider.Grant.find(known) : undefined
  if (found) return found
  const grant = new provider.Grant({ accountId: session!.accountId, clientId: client!.clientId })
  grant.addOIDCScope([...requestParamOIDCScopes].join(' '))
  await grant.save()
  return grant
}

/** The clients are `app-0` to `app-8`, `machine` (signs its assertions with `machineKey`) and `tv` (device flow). */
export async function startProviderPair(adapters: readonly AdapterFactory[]) {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const secret = random()
  const machine = makeKey()
  const signing = {
    ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
    use: 'sig',
    alg: 'ES256',
    kid: random(),
  } as JWK
  const app = (clientId: string): ClientMetadata => ({
    client_id: clientId,
    client_secret: secret,
    token_endpoint_auth_method: 'client_secret_post',
    redirect_uris: [redirectUri(clientId)],
    post_logout_redirect_uris: [`https://${clientId}.example/bye`],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    id_token_signed_response_alg: 'ES256',
  })
  const bare = {
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: 'ES256',
  } satisfies Partial<ClientMetadata>
  const configuration: Configuration = {
    jwks: { keys: [signing] },
    cookies: { keys: [random()] },
    clients: [
      ...Array.from({ length: 9 }, (_, at) => app(`app-${at}`)),
      {
        ...bare,
        client_id: 'machine',
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [machine.publicJwk] },
      },
      {
        ...bare,
        client_id: 'tv',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
        token_endpoint_auth_method: 'none',
      },
    ],
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
    },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    loadExistingGrant: firstPartyGrant,
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: 300,
      ClientCredentials: 300,
      AuthorizationCode: 60,
      DeviceCode: 300,
      Grant: 3600,
      IdToken: 300,
      Interaction: 300,
      RefreshToken: 3600,
      Session: 3600,
    },
  }
  const failures: unknown[] = []
  const providers = adapters.map((adapter) => {
    const provider = new Provider(issuer, { ...configuration, adapter })
    provider.on('server_error', (_ctx, error) => failures.push(error))
    return { provider, callback: provider.callback() }
  })

  let turn = 0
  const server = createServer((req, res) => {
    const { provider, callback } = providers[turn++ % providers.length]!
    if (!req.url!.startsWith('/interaction/')) return void callback(req, res)
    const accountId = /(?:^|; )who=([\w-]+)/.exec(req.headers.cookie ?? '')?.[1] ?? 'nobody'
    provider
      .interactionFinished(req, res, { login: { accountId } })
      .catch((error: unknown) => res.writeHead(400).end(String(error)))
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')

  const accept = { accept: 'application/json' }
  const anybody = createBrowser()
  const post = async (
    path: string,
    form: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Answer> => json(await anybody.fetch(`${issuer}${path}`, { form, headers: { ...accept, ...headers } }))
  const as = (clientId: string): Record<string, string> => ({ client_id: clientId, client_secret: secret })

  return {
    issuer,
    machineKey: machine.privateKey,
    /** What the provider called a server_error, oldest first. */
    failures,
    post,
    as,
    browser(who: string): Browser {
      const browser = createBrowser()
      browser.setCookie(issuer, `who=${who}; path=/`)
      return browser
    },
    /** The value of the session's cookie. */
    sessionOf: (browser: Browser): string =>
      browser.cookies('127.0.0.1').find(({ name }) => name === '_session')?.value ?? '',
    /** Opens an application: the code it gets, or undefined when the provider would rather see the person. */
    async open(browser: Browser, clientId: string, { signIn = true } = {}): Promise<Code | undefined> {
      const verifier = random()
      const query = new URLSearchParams({
        client_id: clientId,
        redirect_uri: redirectUri(clientId),
        response_type: 'code',
        scope: 'openid',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      })
      const go = (location: string): boolean =>
        location.startsWith(issuer) && (signIn || !location.includes('/interaction/'))
      const reply = await browser.follow(await browser.fetch(`${issuer}/auth?${query}`), go)
      const code = URL.parse(reply.location ?? '')?.searchParams.get('code')
      return code ? { clientId, code, verifier } : undefined
    },
    exchange: ({ clientId, code, verifier }: Code): Promise<Answer> =>
      post('/token', {
        grant_type: 'authorization_code',
        code,
        code_verifier: verifier,
        redirect_uri: redirectUri(clientId),
        ...as(clientId),
      }),
    refresh: (clientId: string, token: unknown): Promise<Answer> =>
      post('/token', { grant_type: 'refresh_token', refresh_token: String(token), ...as(clientId) }),
    userinfo: (token: unknown): Promise<Answer> => post('/me', { access_token: String(token) }),
    active: async (token: unknown): Promise<unknown> =>
      (await post('/token/introspection', { token: String(token), ...as('app-0') })).body.active,
    async stop(): Promise<void> {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export type ProviderPair = Awaited<ReturnType<typeof startProviderPair>>
