// Which Grant an authorization request goes on with: the session's own, or one made because no question is needed.
import type { Grant, KoaContextWithOIDC } from 'oidc-provider'
import type { Core } from '../core.ts'

type Oidc = KoaContextWithOIDC['oidc']

const covers = (grant: Grant, scopes: readonly string[]): boolean => {
  const encountered = grant.getOIDCScopeEncountered().split(' ')
  return scopes.every((scope) => encountered.includes(scope))
}

/** The scopes that need no question: all for the house's own clients, those agreed to before for third parties. */
async function agreed(core: Core, { client, session }: Oidc, wanted: readonly string[]): Promise<readonly string[]> {
  if (client!.schedar_party === 'first') return wanted
  return (await core.store.consents.get(session!.accountId!, client!.clientId))?.scopes ?? []
}

/**
 * oidc-provider's `loadExistingGrant`. Undefined: the consent page asks, or, at a door that is closed to the account, the
 * `membership` page says why, and nothing is kept for it.
 */
export const existingGrant =
  (core: Core, isRefused: (oidc: Oidc) => boolean) =>
  async ({ oidc }: KoaContextWithOIDC): Promise<Grant | undefined> => {
    if (isRefused(oidc)) return undefined
    const { client, session, provider, result, params } = oidc
    const grantId = result?.consent?.grantId ?? session!.grantIdFor(client!.clientId)
    const existing = grantId ? await provider.Grant.find(grantId) : undefined
    const wanted = [...oidc.requestParamOIDCScopes]
    if (existing && covers(existing, wanted)) return existing
    const known = await agreed(core, oidc, wanted)
    if (!wanted.every((scope) => known.includes(scope)) || String(params?.prompt ?? '').includes('consent'))
      return existing
    const grant = existing ?? new provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! })
    grant.addOIDCScope(wanted.join(' '))
    await grant.save()
    return grant
  }
