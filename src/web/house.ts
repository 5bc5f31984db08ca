// The house's own pages: who is signed in here. They read the provider's session and ask no door, so that a lapsed or
// suspended person can always come home and read why.
import type { Context } from 'koa'
import type { Provider } from 'oidc-provider'
import type { Core } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { AccountInForce, StaffRole } from '../ports.ts'
import { HOUSE_CLIENT } from '../provider-service.ts'
import { SIGNED_IN } from './clients.ts'
import { bothFactors, needsSecondFactor, usedSecondFactor } from './interaction-policy.ts'

export type House = {
  /** The person of this browser, past every factor that is asked of them; undefined otherwise. */
  signedIn(ctx: Context): Promise<AccountInForce | undefined>
  /** The same, or off to the sign-in page and back to this one. */
  guard(ctx: Context): Promise<AccountInForce>
  /** The same, and the sign-in is no older than a quarter of an hour: for what would shut the person out. */
  guardFresh(ctx: Context): Promise<AccountInForce>
  /** One of the staff with a role that is named, and always with a second factor; anybody else is refused. */
  guardStaff(ctx: Context, roles: readonly StaffRole[]): Promise<AccountInForce>
  /** This browser's person has just shown a second factor. */
  raise(ctx: Context): Promise<void>
}

/** Where a sign-in may lead back to: pages of the house, nothing else (no open redirect). */
export const isHousePath = (path: string): boolean =>
  /^\/(account(\/[A-Za-z0-9_-]+)*|admin(\/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,3})?$/.test(path)

const nobody = {} as AccountInForce

const FRESH_SECONDS = 15 * 60

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
  const signInFirst = (ctx: Context, more: Record<string, string> = {}): AccountInForce => {
    const query = new URLSearchParams({
      client_id: HOUSE_CLIENT,
      response_type: 'none',
      scope: 'openid',
      redirect_uri: `${core.config.issuer}${SIGNED_IN}`,
      state: isHousePath(ctx.path) ? ctx.path : '/',
      ...more,
    })
    ctx.status = 303
    ctx.redirect(`/auth?${query}`)
    return nobody
  }

  return {
    signedIn,
    guard: async (ctx) => (await signedIn(ctx)) ?? signInFirst(ctx),
    async guardFresh(ctx) {
      const account = await signedIn(ctx)
      if (!account) return signInFirst(ctx)
      const { loginTs = 0 } = await provider().Session.get(ctx as never)
      const isFresh = core.clock.now() / 1000 - loginTs < FRESH_SECONDS
      return isFresh ? account : signInFirst(ctx, { prompt: 'login' })
    },
    async guardStaff(ctx, roles) {
      const account = await signedIn(ctx)
      if (!account) return signInFirst(ctx)
      // Whoever is suspended reads why at home, and nothing of anybody else.
      const suspended = account.overrides.some(({ effect }) => effect === 'deny')
      if (suspended || !account.staffRoles.some((role) => roles.includes(role)))
        throw new AppError('forbidden', { detail: `asks for one of: ${roles.join(', ')}` })
      // Whoever has a second factor has shown it (signedIn); where schedar.yaml asks for none, these pages still do.
      if (account.hasSecondFactor) return account
      ctx.status = 303
      ctx.redirect('/account/second-factor')
      return nobody
    },
    async raise(ctx) {
      const session = await provider().Session.get(ctx as never)
      session.amr = bothFactors
      await session.persist()
    },
  }
}
