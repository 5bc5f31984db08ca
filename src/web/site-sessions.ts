// Sessions of people at sites behind forward authentication. They lie in the provider's storage, by a digest of their id,
// and hang on the Grant that the sign-in went with: what ends a grant (a suspension, a sign-out at Schedar, of this site or
// of everything, a role that was the last) ends them in the same statement.
import type { Adapter, Provider } from 'oidc-provider'
import type { Clock, Random } from '../ports.ts'

export type SiteSession = {
  accountId: string
  clientId: string
  grantId: string
  /** The browser's session at Schedar. */
  sessionUid: string
  amr: readonly string[]
}
export type SiteSessions = {
  /** Its id, for the browser alone. */
  begin(session: SiteSession): Promise<string>
  /** Undefined when it has ended, or is another client's. */
  find(id: string, clientId: string): Promise<SiteSession | undefined>
  end(id: string): Promise<void>
}

/** Seconds after which a site asks Schedar again; who is signed in there notices nothing. */
const LIFETIME_SECONDS = 12 * 3600
const ID = /^[\w-]{43}$/

/** `storage`: of a model of its own, so that no id of another kind is one of these. */
export const siteSessions = (storage: Adapter, clock: Clock, random: Random): SiteSessions => ({
  async begin(session) {
    const id = random.token(32)
    const endsAt = clock.now() + LIFETIME_SECONDS * 1000
    await storage.upsert(id, { ...session, amr: [...session.amr], endsAt }, LIFETIME_SECONDS)
    return id
  },
  async find(id, clientId) {
    if (!ID.test(id)) return undefined
    const found = (await storage.find(id)) as (SiteSession & { endsAt: number }) | undefined
    return found?.clientId === clientId && found.endsAt > clock.now() ? found : undefined
  },
  async end(id) {
    if (ID.test(id)) await storage.destroy(id)
  },
})

export type Redemption = { code: string; clientId: string; redirectUri: string; challenge: string }

/**
 * What the token endpoint does with a code (RFC 6749 §4.1.3, RFC 7636 §4.6), without the detour over the network: the site's
 * side of this sign-in is Schedar itself. Undefined for a code that is not this browser's, or was used: then its grant goes.
 */
export async function redeem(
  provider: Provider,
  { code: value, clientId, redirectUri, challenge }: Redemption,
): Promise<SiteSession | undefined> {
  const code = await provider.AuthorizationCode.find(value)
  if (code?.clientId !== clientId || code.redirectUri !== redirectUri) return undefined
  if (code.codeChallengeMethod !== 'S256' || code.codeChallenge !== challenge) return undefined
  const grant = code.grantId ? await provider.Grant.find(code.grantId) : undefined
  if (!code.accountId || grant?.clientId !== clientId || grant.accountId !== code.accountId) return undefined
  const isFirst = await code.consume().then(
    () => true,
    (error: { error?: string }) => {
      if (error.error === 'invalid_grant') return false
      throw error
    },
  )
  if (!isFirst) return undefined
  const { accountId, grantId = '', sessionUid = '', amr = [] } = code
  return { accountId, clientId, grantId, sessionUid, amr }
}
