// The OpenID Connect provider: every deviation from oidc-provider's defaults stands here with its reason. It drops keys it
// does not know without a word, so this object is typed; it is never patched.
import { type AdapterFactory, type Configuration, type JWK, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Core } from '../core.ts'
import { inForce } from '../domain/access.ts'
import type { AccessAt } from '../doors.ts'
import type { AccountInForce, SigningKey } from '../ports.ts'
import { HOUSE_CLIENT } from '../provider-service.ts'
import { houseClient } from './clients.ts'
import { existingGrant } from './existing-grant.ts'
import { interactionPolicy } from './interaction-policy.ts'
import { outgoing } from './outgoing.ts'

export type ProviderPages = {
  logoutSource: (ctx: KoaContextWithOIDC, form: string) => Promise<void>
  loggedOutSource: (ctx: KoaContextWithOIDC) => Promise<void>
  renderError: (
    ctx: KoaContextWithOIDC,
    out: { error: string; error_description?: string },
    error: Error,
  ) => Promise<void>
  notFound: (ctx: KoaContextWithOIDC) => Promise<void>
}

/** Lifetimes in seconds that no configuration changes. */
const CODE_SECONDS = 60
const INTERACTION_SECONDS = 3600

/** The first key of an algorithm signs (RFC 7517 order): current before next before retired. */
export function publishedKeys(keys: readonly SigningKey[], open: (key: SigningKey) => JWK): JWK[] {
  const order = { current: 0, next: 1, retired: 2 }
  return keys.toSorted((a, b) => order[a.state] - order[b.state]).map(open)
}

/**
 * Hosted sites are often neighbours under the same domain, and a neighbour may set cookies for the whole of it: a browser
 * takes `__Host-` ones from this host alone (RFC 6265bis §4.1.3). It needs https, and the path /, which only the session has.
 */
const cookieNames = (issuer: string) => ({
  session: issuer.startsWith('https:') ? '__Host-schedar_session' : 'schedar_session',
  interaction: 'schedar_interaction',
  resume: 'schedar_resume',
})

type Memo = { account: AccountInForce | undefined; access?: AccessAt }

/** An account and its access at the client of this request, asked anew in every request. */
async function accountHere(
  { doors }: Core,
  accountId: string,
  clientId: string,
): Promise<{ account: AccountInForce | undefined; here: AccessAt }> {
  if (clientId !== HOUSE_CLIENT) return doors.accountAt(accountId, clientId)
  return { account: await doors.facts(accountId), here: { access: 'full', reason: { code: 'in_order' }, roles: [] } }
}

const refusedAt = async (core: Core, accountId: string, clientId: string): Promise<boolean> =>
  (await accountHere(core, accountId, clientId)).here.access === 'none'

/** The login that a token with the scope `mail` is for. */
function loginIn(token: object): string | undefined {
  const login = (token as { extra?: { mail_login?: unknown } }).extra?.mail_login
  return typeof login === 'string' ? login : undefined
}

/**
 * The login in a token may have been closed since, with the member whose mailbox it is, while the person stays; or taken
 * away, and given to somebody else.
 */
async function opensItsLogin(core: Core, accountId: string, token: object): Promise<boolean> {
  const login = loginIn(token)
  return login === undefined || (await core.doors.loginAccess(accountId, login)).access !== 'none'
}

/** What a webmail is told at userinfo: the token's own login, and the address of the mailbox that it opens. */
async function mailClaims({ store }: Core, accountId: string, token: object | undefined) {
  const name = token && loginIn(token)
  const login =
    name === undefined ? undefined : (await store.resources.loginsOf(accountId)).find((one) => one.name === name)
  if (!login) return {}
  return { mail_login: login.name, mail_address: (await store.resources.get(login.mailboxId))?.name }
}

function claimsOf(account: AccountInForce, roles: readonly string[], groups: string[]) {
  return {
    sub: account.accountId,
    preferred_username: account.username,
    name: account.name,
    given_name: account.givenName || undefined,
    family_name: account.familyName || undefined,
    locale: account.locale,
    email: account.email ?? undefined,
    email_verified: account.email ? account.emailVerified : undefined,
    groups,
    roles: [...roles],
    // In force, yes or no: amounts, dates and reasons are nobody's business but the member's (GDPR art. 5.1.c).
    membership: inForce(account),
  }
}

function providerConfiguration(core: Core, adapter: AdapterFactory, jwks: JWK[], pages: ProviderPages): Configuration {
  const { session } = core.config
  /** What was found of the person at the authorization endpoint, for the rest of that request. */
  const memo = new WeakMap<object, Memo>()
  return {
    adapter,
    clients: [houseClient(core.config.issuer)],
    jwks: { keys: jwks },

    // Derived from the installation's key, so that all instances share it and no cookie of another installation counts.
    cookies: {
      keys: [core.vault.derive('cookies')],
      names: cookieNames(core.config.issuer),
      long: { httpOnly: true, sameSite: 'lax', signed: true },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },

    findAccount: async (ctx, sub, token) => {
      const { account, here } = await accountHere(core, sub, ctx.oidc.client?.clientId ?? '')
      if (!account || account.closed) return undefined
      // With a token (code, refresh, userinfo) this is a door; without one it is the authorization endpoint, where the
      // `membership` prompt asks and tells the person why.
      if (token && here.access === 'none') return undefined
      if (!token) memo.set(ctx.oidc, { account, access: here })
      return {
        accountId: sub,
        claims: async (_use, scope) => ({
          ...claimsOf(
            account,
            here.roles,
            scope.split(' ').includes('groups') ? await core.store.people.groups(sub) : [],
          ),
          ...(await mailClaims(core, sub, token)),
        }),
      }
    },

    claims: {
      // acr, amr and auth_time reach every ID token only when they are listed here.
      openid: ['sub', 'acr', 'amr', 'auth_time'],
      profile: ['name', 'given_name', 'family_name', 'preferred_username', 'locale'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
      roles: ['roles'],
      membership: ['membership'],
      mail: ['mail_login', 'mail_address'],
    },
    scopes: ['openid', 'offline_access', 'mail'],
    responseTypes: ['code', 'none'],
    subjectTypes: ['public'],

    // OpenID Connect Core §3.1.2.1: redirect_uri is required, here and at the token endpoint, also when only one is registered.
    allowOmittingSingleRegisteredRedirectUri: false,

    // RFC 9700 §2.1.1: PKCE for every client, but for a confidential one that is flagged as unable (Roundcube 1.6).
    pkce: { required: (_ctx, client) => client.schedar_without_pkce !== true },
    enabledJWA: {
      idTokenSigningAlgValues: ['ES256', 'RS256'],
      userinfoSigningAlgValues: ['ES256', 'RS256'],
      introspectionSigningAlgValues: ['ES256', 'RS256'],
      requestObjectSigningAlgValues: ['ES256', 'RS256'],
      clientAuthSigningAlgValues: ['ES256', 'RS256'],
    },
    extraClientMetadata: {
      properties: [
        'schedar_party',
        'schedar_second_factor',
        'schedar_rotate',
        'schedar_without_pkce',
        'schedar_introspects',
      ],
    },

    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => client.clientId === token.clientId },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: pages.logoutSource,
        postLogoutSuccessSource: pages.loggedOutSource,
      },
      introspection: {
        enabled: true,
        // oidc-provider's introspection never asks about the account by itself.
        allowedPolicy: async (_ctx, client, token) => {
          const own = client.clientId === token.clientId
          const scope = client.schedar_introspects
          if (!own && !(typeof scope === 'string' && token.scopes.has(scope))) return false
          const { accountId } = token as { accountId?: string }
          if (!accountId) return own
          if (own) return !(await refusedAt(core, accountId, client.clientId))
          // Asked together: a mail service waits for this answer.
          const [opens, ...refused] = await Promise.all([
            opensItsLogin(core, accountId, token),
            refusedAt(core, accountId, token.clientId!),
            refusedAt(core, accountId, client.clientId),
          ])
          return opens && !refused.includes(true)
        },
      },
      // Resource servers come with the API; until then a token is for userinfo and introspection only.
      resourceIndicators: { enabled: false },
    },

    // Mail services look a token's login up in the introspection answer; the contact address never authenticates.
    extraTokenClaims: async (_ctx, token) => {
      if (token.kind !== 'AccessToken' || !token.scopes.has('mail')) return undefined
      for (const { name, mailboxId } of await core.store.resources.loginsOf(token.accountId))
        if ((await core.doors.mailAccess(token.accountId, mailboxId)).access !== 'none') return { mail_login: name }
      return undefined
    },

    rotateRefreshToken: (ctx) => ctx.oidc.client?.schedar_rotate !== false,
    issueRefreshToken: async (_ctx, client, code) =>
      client.grantTypeAllowed('refresh_token') &&
      (code.scopes.has('offline_access') || client.schedar_party === 'first'),

    loadExistingGrant: existingGrant(core, (oidc) => memo.get(oidc)?.access?.access === 'none'),

    interactions: {
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
      policy: interactionPolicy(core, (oidc) => memo.get(oidc)),
    },

    ttl: {
      AuthorizationCode: CODE_SECONDS,
      Interaction: INTERACTION_SECONDS,
      // Nobody's session (whoever opens the sign-out page gets one) need not be kept for weeks.
      Session: (_ctx, { accountId }) => (accountId ? session.idleSeconds : INTERACTION_SECONDS),
      // A Grant's end ends its refresh tokens: it must outlive the longest chain.
      Grant: session.grantSeconds,
      AccessToken: () => session.accessTokenSeconds,
      ClientCredentials: () => session.accessTokenSeconds,
      IdToken: 3600,
      RefreshToken: session.refreshTokenSeconds,
    },

    renderError: pages.renderError,
    fetch: outgoing(core),
  }
}

/** A provider on these keys. Construction is cheap: a rotation of keys makes a new one and swaps it in. */
export function createProvider(core: Core, adapter: AdapterFactory, jwks: JWK[], pages: ProviderPages): Provider {
  const provider = new Provider(core.config.issuer, providerConfiguration(core, adapter, jwks, pages))
  // The forwarded headers are checked and rewritten before koa sees them (server.ts).
  provider.proxy = true
  // An address that the provider does not know falls through without a page.
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.status === 404 && ctx.body === undefined && ctx.accepts('json', 'html') === 'html')
      await pages.notFound(ctx as KoaContextWithOIDC)
  })
  const failed =
    (event: string) =>
    (ctx: { oidc?: { route?: string } }, error: Error & { error_detail?: string; error_description?: string }) =>
      core.log.warn(event, {
        route: ctx.oidc?.route,
        error: error.message,
        description: error.error_description,
        detail: error.error_detail,
      })
  for (const event of [
    'authorization.error',
    'grant.error',
    'userinfo.error',
    'introspection.error',
    'revocation.error',
    'end_session.error',
  ])
    provider.on(event as 'grant.error', failed(event))
  provider.on('server_error', (ctx, error) =>
    core.log.error('server_error', { route: ctx.oidc?.route, error: error.message, stack: error.stack }),
  )
  return provider
}
