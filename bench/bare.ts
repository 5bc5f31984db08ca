// A process of its own: oidc-provider as it comes, with its own in-memory storage, a static client and accounts in a Map.
// What Schedar is measured against: the same grants, algorithms, token formats and claims, and nothing that Schedar adds.
// Arguments: port, number of accounts, and the clients as JSON.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Credentials } from './target.ts'

// Both want to tell that this is no way to run a provider in earnest; standard output is for the parent.
console.info = () => {}
console.warn = () => {}
const { Provider } = await import('oidc-provider')

const [, , port = '', accountCount = '', clients = '', callback = ''] = process.argv
const { web, machine } = JSON.parse(clients) as { web: Credentials; machine: Credentials }
const issuer = `http://127.0.0.1:${port}`

const accounts = new Map(
  Array.from({ length: Number(accountCount) }, (_, at) => {
    const username = `person${at}`
    return [
      username,
      {
        sub: username,
        preferred_username: username,
        name: `Camille ${username}`,
        given_name: 'Camille',
        family_name: username,
        locale: 'fr',
        email: `${username}@asso.example`,
        email_verified: true,
        groups: [],
        roles: [],
        membership: true,
      },
    ]
  }),
)

const es256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const key = { ...es256.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'bench' }
const metadata = { token_endpoint_auth_method: 'client_secret_basic', id_token_signed_response_alg: 'ES256' } as const

const provider = new Provider(issuer, {
  clients: [
    {
      ...metadata,
      client_id: web.clientId,
      client_secret: web.clientSecret,
      redirect_uris: [callback],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
    },
    {
      ...metadata,
      client_id: machine.clientId,
      client_secret: machine.clientSecret,
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
    },
  ],
  jwks: { keys: [key] },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  findAccount: async (_ctx, sub) => {
    const claims = accounts.get(sub)
    return claims && { accountId: sub, claims: async () => claims }
  },
  claims: {
    openid: ['sub', 'acr', 'amr', 'auth_time'],
    profile: ['name', 'given_name', 'family_name', 'preferred_username', 'locale'],
    email: ['email', 'email_verified'],
    groups: ['groups'],
    roles: ['roles'],
    membership: ['membership'],
  },
  scopes: ['openid', 'offline_access', 'mail'],
  responseTypes: ['code', 'none'],
  pkce: { required: () => true },
  enabledJWA: {
    idTokenSigningAlgValues: ['ES256', 'RS256'],
    userinfoSigningAlgValues: ['ES256', 'RS256'],
    introspectionSigningAlgValues: ['ES256', 'RS256'],
    requestObjectSigningAlgValues: ['ES256', 'RS256'],
    clientAuthSigningAlgValues: ['ES256', 'RS256'],
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    backchannelLogout: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async (_ctx, client, token) => client.clientId === token.clientId },
    resourceIndicators: { enabled: false },
  },
  rotateRefreshToken: true,
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  // A first-party client: no consent is asked, as at Schedar.
  loadExistingGrant: async (ctx) => {
    const { client, session, requestParamOIDCScopes } = ctx.oidc
    const grantId = session!.grantIdFor(client!.clientId)
    const existing = grantId ? await ctx.oidc.provider.Grant.find(grantId) : undefined
    if (existing) return existing
    const grant = new ctx.oidc.provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! })
    grant.addOIDCScope([...requestParamOIDCScopes].join(' '))
    await grant.save()
    return grant
  },
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  ttl: {
    AccessToken: 3600,
    AuthorizationCode: 60,
    ClientCredentials: 3600,
    Grant: 14 * 86400,
    IdToken: 3600,
    Interaction: 3600,
    RefreshToken: 14 * 86400,
    Session: 14 * 86400,
  },
})

const answer = provider.callback()
const server = createServer(async (request, response) => {
  if (!request.url?.startsWith('/interaction/')) return void answer(request, response)
  const { params } = await provider.interactionDetails(request, response)
  await provider.interactionFinished(request, response, { login: { accountId: String(params.login_hint) } })
})
process.once('SIGTERM', () => process.exit())
server.keepAliveTimeout = 65_000
server.listen(Number(port), '127.0.0.1')
await once(server, 'listening')
console.log(JSON.stringify('listening'))
