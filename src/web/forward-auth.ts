// Forward authentication: the proxy in front of a site asks here, for each request, who it is from and whether they may
// (nginx's auth_request, Caddy's forward_auth). The site is another origin than Schedar, so it has a session of its own,
// begun by an ordinary authorization code sign-in; its few pages under /schedar/ are passed on to these.
import type Router from '@koa/router'
import type { Context } from 'koa'
import type { Provider } from 'oidc-provider'
import type { Core } from '../core.ts'
import { forwardAuthSignIn } from './forward-auth-sign-in.ts'
import { type Asked, forwardAuthVerdict, type Told, type Verdict } from './forward-auth-verdict.ts'
import type { SiteSessions } from './site-sessions.ts'

export type ForwardAuthParts = {
  core: Core
  provider: () => Provider
  sessions: SiteSessions
  /** Answers with a page that stands alone, for it is seen at the site's address. */
  tell(ctx: Context, status: number, told: Told): Promise<void>
}

/** Text for a header: UTF-8, in which applications read it, without anything that ends or hides a line (RFC 9110 §5.5). */
const headerText = (text: string): string => Buffer.from(text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()).toString('latin1')

/** Joined by commas; one in a name is written %2C. */
const headerList = (names: readonly string[]): string =>
  headerText(names.map((name) => name.replace(/[%,]/g, encodeURIComponent)).join(','))

/** A page that the person opens, and not a picture or a script's request: nobody reads a sign-in page there. */
function isNavigation(ctx: Context): boolean {
  const mode = ctx.get('sec-fetch-mode')
  return mode === '' ? ctx.get('accept').includes('text/html') : mode === 'navigate'
}

function bare(ctx: Context, status: number, body = ''): void {
  ctx.status = status
  ctx.body = body
}

export function mountForwardAuth(router: Router, { core, provider, sessions, tell }: ForwardAuthParts): void {
  const { passedOn, judge } = forwardAuthVerdict(core, sessions)
  const signIn = forwardAuthSignIn(core, provider)

  /** All of them each time, though empty: one that is missing a proxy might leave as the visitor sent it. */
  async function letIn(ctx: Context, { account, roles }: Extract<Verdict, { kind: 'in' }>): Promise<void> {
    bare(ctx, 200)
    ctx.set({
      'remote-user': account.username,
      // For an application that has users of its own: a username may be one of theirs, or change.
      'remote-id': account.accountId,
      'remote-name': headerText(account.name),
      // An address that nobody has proved would open the account of whoever it belongs to (attack class 24).
      'remote-email': (account.emailVerified && account.email) || '',
      'remote-groups': headerList(await core.store.people.groups(account.accountId)),
      'remote-roles': headerList(roles),
    })
  }

  type Plain = Exclude<Told['kind'], 'closed' | 'elsewhere' | 'no_access'>
  const say = (ctx: Context, { client, origin }: Asked, status: number, kind: Plain): Promise<void> =>
    tell(ctx, status, { kind, client, url: `${origin}/` })

  async function signInFirst(ctx: Context, asked: Asked): Promise<void> {
    const method = ctx.get('x-original-method')
    if (!isNavigation(ctx)) return bare(ctx, 401, 'sign in first\n')
    // Led away and back, what was written would be lost without a word.
    if (method !== 'GET' && method !== 'HEAD') return say(ctx, asked, 401, 'ended')
    ctx.redirect(signIn.address(asked, ctx.get('x-original-url')))
  }

  async function answer(ctx: Context, asked: Asked, verdict: Verdict): Promise<void> {
    if (verdict.kind === 'in') return letIn(ctx, verdict)
    if (verdict.kind === 'signed_out') return signInFirst(ctx, asked)
    return tell(ctx, verdict.told.kind === 'unclear' ? 400 : 403, verdict.told)
  }

  const endpoints: Record<string, (ctx: Context, asked: Asked) => Promise<void>> = {
    /** For nginx, which takes nothing but 2xx, 401 and 403 for an answer. */
    async check(ctx, asked) {
      const verdict = await judge(asked)
      return verdict.kind === 'in' ? letIn(ctx, verdict) : bare(ctx, verdict.kind === 'signed_out' ? 401 : 403)
    },
    /** For Caddy, which hands on whatever is no 2xx. */
    forward: async (ctx, asked) => answer(ctx, asked, await judge(asked)),
    /** What nginx shows after a 401 or 403; whom we let in the site itself has refused. */
    async refused(ctx, asked) {
      const verdict = await judge(asked)
      return verdict.kind === 'in' ? say(ctx, asked, 403, 'site_refuses') : answer(ctx, asked, verdict)
    },
    /** A link to sign in; also OpenID Connect Core §4, by which somebody else may ask for it. */
    async 'sign-in'(ctx, asked) {
      const { iss = core.config.issuer, target_link_uri, return_to } = ctx.query
      if (iss !== core.config.issuer) return say(ctx, asked, 400, 'not_completed')
      ctx.redirect(signIn.address(asked, String(target_link_uri ?? return_to ?? '/')))
    },
    async callback(ctx, asked) {
      const done = await signIn.completed(ctx, asked)
      if (!done) return say(ctx, asked, 403, 'not_completed')
      await sessions.end(asked.cookies.get('session'))
      asked.cookies.set('session', await sessions.begin(done.session))
      ctx.status = 303
      ctx.redirect(done.returnTo)
    },
    /** Nothing ends before the person says so at Schedar's own page: any other site may link here. */
    'sign-out': async (ctx, asked) => ctx.redirect(signIn.signOutAddress(asked)),
    async 'signed-out'(ctx, asked) {
      if (signIn.begunHere(ctx, asked)) {
        await sessions.end(asked.cookies.get('session'))
        asked.cookies.set('session', null)
      }
      await say(ctx, asked, 200, 'signed_out')
    },
  }

  for (const [name, endpoint] of Object.entries(endpoints))
    router.get(`/forward-auth/:client/${name}`, async (ctx) => {
      ctx.set('cache-control', 'no-store')
      // It would be the site's own promise, and its subdomains'.
      ctx.remove('strict-transport-security')
      const asked = await passedOn(ctx)
      if (asked) return endpoint(ctx, asked)
      core.log.warn('forward_auth.not_passed_on', { client: ctx.params.client })
      await tell(ctx, 403, { kind: 'closed' })
    })
}
