// The house's own pages: who is signed in here. They read the provider's session and ask no door, so that a lapsed or
// suspended person can always come home and read why.
import type { Context } from 'koa'
import type { Provider } from 'oidc-provider'
import type { Core } from '../core.ts'
import type { AccountInForce } from '../ports.ts'
import { HOUSE_CLIENT, SIGNED_IN } from './clients.ts'
import { needsSecondFactor, usedSecondFactor } from './interaction-policy.ts'

export type House = {
  /** The person of this browser, past every factor that is asked of them; undefined otherwise. */
  signedIn(ctx: Context): Promise<AccountInForce | undefined>
  /** The same, or off to the sign-in page and back to this one. */
  guard(ctx: Context): Promise<AccountInForce>
}

/** Where a sign-in may lead back to: pages of the house, nothing else (no open redirect). */
export const isHousePath = (path: string): boolean => /^\/(account(\/[a-z-]+)*)?$/.test(path)

const nobody = {} as AccountInForce

export function createHouse(core: Core, provider: () => Provider): House {
  const signedIn: House['signedIn'] = async (ctx) => {
    const session = await provider().Session.get(ctx as never)
    if (!session.accountId) return undefined
    const account = await core.doors.facts(session.accountId)
    if (!account || account.closed) return undefined
    return usedSecondFactor(session.amr as string[] | undefined) || !needsSecondFactor(core, account, false)
      ? account
      : undefined
  }
  return {
    signedIn,
    guard: async (ctx) => {
      const account = await signedIn(ctx)
      if (account) return account
      const query = new URLSearchParams({
        client_id: HOUSE_CLIENT,
        response_type: 'none',
        scope: 'openid',
        redirect_uri: `${core.config.issuer}${SIGNED_IN}`,
        state: isHousePath(ctx.path) ? ctx.path : '/',
      })
      ctx.status = 303
      ctx.redirect(`/auth?${query}`)
      return nobody
    },
  }
}
