// Whom a protected site's proxy asks about, and whether they may: asked anew at each request, so that a suspension, a
// sign-out or a role taken away counts from the next one on.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import type { Core } from '../core.ts'
import type { Reason } from '../domain/access.ts'
import { mayVisit, type PathRule, pathRules, type Visited, visited } from '../domain/visited-url.ts'
import type { AccountInForce, Client } from '../ports.ts'
import { clientSource } from './clients.ts'
import { needsSecondFactor, usedSecondFactor } from './interaction-policy.ts'
import { type SiteCookies, siteCookies } from './site-cookies.ts'
import type { SiteSessions } from './site-sessions.ts'

/** The kind of client, and of kit, that these endpoints are for. */
const KIND = 'forward-auth'

/** What the site's page says to a visitor who is not let in, or at the end of a sign-in or sign-out. */
export type Told =
  /** The proxy is unknown, or the client is switched off. */
  | { kind: 'closed' }
  /** Asked for under another address than the registered one. */
  | { kind: 'elsewhere'; url: string }
  | { kind: 'no_access'; client: Client; reason: Reason; url: string }
  | {
      kind: 'role' | 'unclear' | 'site_refuses' | 'signed_out' | 'not_completed' | 'ended'
      client: Client
      url: string
    }

/** A request that the site's own proxy passed on. `at`: what its visitor asked for. */
export type Asked = {
  client: Client
  origin: string
  rules: readonly PathRule[]
  at: Visited | undefined
  cookies: SiteCookies
}
export type Verdict =
  | { kind: 'in'; account: AccountInForce; roles: readonly string[] }
  | { kind: 'signed_out' }
  | { kind: 'refused'; told: Told }

/** Of any length, in the same time. */
const sameSecret = (a: string, b: string): boolean =>
  timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())

export function forwardAuthVerdict(core: Core, sessions: SiteSessions) {
  const metadataOf = clientSource(core.store.clients, core.vault)
  return {
    /** Undefined unless the secret of the kit came along: whatever else a request says of itself is a visitor's word. */
    async passedOn(ctx: Context): Promise<Asked | undefined> {
      const client = await core.store.clients.get(ctx.params.client)
      const metadata = client?.kind === KIND ? await metadataOf(client.clientId) : undefined
      if (!client || !metadata?.client_secret || !sameSecret(metadata.client_secret, ctx.get('schedar-proxy-secret')))
        return undefined
      const { origin } = new URL(String(metadata.client_uri))
      return {
        client,
        origin,
        rules: pathRules(ctx.get('schedar-paths')),
        at: visited(ctx.get('x-original-url')),
        cookies: siteCookies(ctx, client.clientId, origin),
      }
    },

    async judge({ client, origin, at, rules, cookies }: Asked): Promise<Verdict> {
      const url = `${origin}/`
      const refused = (told: Told): Verdict => ({ kind: 'refused', told })
      if (at?.origin !== origin) return refused({ kind: 'elsewhere', url })
      const session = await sessions.find(cookies.get('session'), client.clientId)
      if (!session) return { kind: 'signed_out' }
      const { account, here } = await core.doors.accountAt(session.accountId, client.clientId)
      const lacksFactor = needsSecondFactor(core, account, client.secondFactor) && !usedSecondFactor(session.amr)
      if (!account || account.closed || lacksFactor) return { kind: 'signed_out' }
      if (here.access === 'none') return refused({ kind: 'no_access', client, reason: here.reason, url })
      const path = mayVisit(rules, at.target, here.roles)
      return path === 'open' ? { kind: 'in', account, roles: here.roles } : refused({ kind: path, client, url })
    },
  }
}
