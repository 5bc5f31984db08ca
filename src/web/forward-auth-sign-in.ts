// Sign-ins of sites behind forward authentication: what is begun in a browser, and known again when the browser comes back.
// It is kept in the `state`, sealed, so that a stranger's visit writes nothing; a mark in the browser binds it.
import { createHmac } from 'node:crypto'
import type { Context } from 'koa'
import type { Provider } from 'oidc-provider'
import type { Core } from '../core.ts'
import { digest } from '../domain/digest.ts'
import { AppError } from '../domain/errors.ts'
import { returnTo } from '../domain/visited-url.ts'
import type { Asked } from './forward-auth-verdict.ts'
import { redeem, type SiteSession } from './site-sessions.ts'

/** Minutes enough for a forgotten password; the code itself lives for one. */
const SIGN_IN_MS = 3_600_000
type Begun = { returnTo: string; nonce: string; at: number; browser: string }

const redirectUri = ({ origin }: Asked): string => `${origin}/schedar/callback`

export function forwardAuthSignIn(core: Core, provider: () => Provider) {
  const key = core.vault.derive('forward-auth')
  const contextOf = ({ client }: Asked): string => `forward-auth:${client.clientId}`
  /** RFC 7636 §4.1: it never leaves this server, and is made again from what the browser brings back. */
  const challengeOf = ({ nonce }: Begun, browser: string): string =>
    digest(createHmac('sha256', key).update(`${browser} ${nonce}`).digest('base64url'))

  function browserOf({ cookies }: Asked): string {
    const known = cookies.get('browser')
    if (/^[\w-]{22}$/.test(known)) return known
    const made = core.random.token(16)
    cookies.set('browser', made)
    return made
  }

  function begin(asked: Asked, wanted: string): { state: string; challenge: string } {
    const browser = browserOf(asked)
    const begun: Begun = {
      returnTo: returnTo(asked.origin, wanted),
      nonce: core.random.token(16),
      at: core.clock.now(),
      browser: digest(browser),
    }
    return { state: core.vault.seal(JSON.stringify(begun), contextOf(asked)), challenge: challengeOf(begun, browser) }
  }

  /** What was begun in this very browser, not long ago: or somebody could be signed in as another. */
  function begunHere(ctx: Context, asked: Asked): Begun | undefined {
    try {
      const begun = JSON.parse(core.vault.open(String(ctx.query.state ?? ''), contextOf(asked))) as Begun
      const isHere = begun.browser === digest(asked.cookies.get('browser'))
      return isHere && core.clock.now() - begun.at < SIGN_IN_MS ? begun : undefined
    } catch (error) {
      if (error instanceof AppError) return undefined
      throw error
    }
  }

  return {
    begunHere,

    /** Where the browser is sent to sign in; it comes back to `wanted`, if that is of the site. */
    address(asked: Asked, wanted: string): string {
      const { state, challenge } = begin(asked, wanted)
      const query = new URLSearchParams({
        client_id: asked.client.clientId,
        response_type: 'code',
        scope: 'openid',
        redirect_uri: redirectUri(asked),
        state,
        code_challenge: challenge,
        code_challenge_method: 'S256',
      })
      return `${core.config.issuer}/auth?${query}`
    },

    /** Where the browser is sent to sign out. */
    signOutAddress(asked: Asked): string {
      const query = new URLSearchParams({
        client_id: asked.client.clientId,
        post_logout_redirect_uri: `${asked.origin}/schedar/signed-out`,
        state: begin(asked, '/').state,
      })
      return `${core.config.issuer}/session/end?${query}`
    },

    /** The end of a sign-in: undefined for one that began elsewhere, was refused, or whose code is none. */
    async completed(ctx: Context, asked: Asked): Promise<{ session: SiteSession; returnTo: string } | undefined> {
      const { code, iss } = ctx.query
      const begun = begunHere(ctx, asked)
      // RFC 9207 §2.4: another provider's answer is none.
      if (!begun || typeof code !== 'string' || iss !== core.config.issuer) return undefined
      const session = await redeem(provider(), {
        code,
        clientId: asked.client.clientId,
        redirectUri: redirectUri(asked),
        challenge: challengeOf(begun, asked.cookies.get('browser')),
      })
      return session && { session, returnTo: begun.returnTo }
    },
  }
}
