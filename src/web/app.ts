// The house's pages as a koa application: what they may load, language, assets, and the one handler of errors.
import type { RequestListener } from 'node:http'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Core } from '../core.ts'
import { AppError, type ErrorCode } from '../domain/errors.ts'
import type { Locale } from '../ports.ts'
import type { Assets } from './assets.ts'
import { createCsrf } from './csrf.ts'
import type { Frame, Shown } from './page.ts'
import { isLocale, preferred, type Texts, textsOf } from './texts.ts'

type AnyContext = Context | KoaContextWithOIDC

const LANGUAGE = 'schedar_lang'
const YEAR_MS = 365 * 86_400_000

/** What interactions/ brings: how a page looks, which pages there are, and what an error says. */
export type Pages = {
  document(texts: Texts, shown: Shown, here: string): Promise<string>
  mount(router: Router, frame: Frame): void
  error(texts: Texts, error: AppError, reference: string): Shown
}

export type App = {
  callback: RequestListener
  respond(ctx: AnyContext, shown: Shown): Promise<void>
  /** Logs what went wrong under a reference and shows its page. */
  refuse(ctx: AnyContext, cause: unknown): Promise<void>
  texts(ctx: AnyContext): Texts
}

const policy = (formOrigins: readonly string[]): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    `form-action 'self' ${formOrigins.join(' ')}`.trim(),
  ].join('; ')

const codeOfStatus: Record<number, ErrorCode> = { 404: 'not_found', 405: 'method_not_allowed' }

/** What went wrong, as an AppError: the database's, koa's and oidc-provider's own failures have their codes here. */
export function asAppError(cause: unknown, explain: (error: unknown) => AppError | undefined): AppError {
  if (cause instanceof AppError) return cause
  const { error, status } = (cause ?? {}) as { error?: unknown; status?: unknown }
  if (error === 'invalid_request') return new AppError('interaction_expired', { cause })
  // What koa and its router refuse, such as an address that does not decode.
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new AppError(codeOfStatus[status] ?? 'bad_request', { cause })
  return explain(cause) ?? new AppError('unexpected', { cause })
}

/**
 * This page's own address, for links to it in another language. A second slash in front would be another host's address
 * to a browser (attack 6).
 */
export function hereOf(path: string, querystring: string): string {
  const query = new URLSearchParams(querystring)
  query.delete('lang')
  return path.replace(/^[/\\]+/, '/') + (query.size > 0 ? `?${query}` : '')
}

export function createApp(
  core: Core,
  pages: Pages,
  assets: Assets,
  explain: (error: unknown) => AppError | undefined,
): App {
  const koa = new Koa({ proxy: true })
  koa.silent = true
  const router = new Router()
  const csrf = createCsrf(core.vault.derive('forms'), core.config.issuer, () => core.random.token(16))

  /** `?lang=` on any page, the provider's too, changes the language and is remembered. */
  function chosen(ctx: AnyContext): Locale | undefined {
    const asked = ctx.query.lang
    if (ctx.method !== 'GET' || typeof asked !== 'string' || !isLocale(asked)) return undefined
    if (ctx.state.locale !== asked)
      ctx.cookies.set(LANGUAGE, asked, { httpOnly: true, sameSite: 'lax', maxAge: YEAR_MS, signed: false })
    ctx.state.locale = asked
    return asked
  }

  const texts = (ctx: AnyContext): Texts => {
    const known = chosen(ctx) ?? ctx.cookies.get(LANGUAGE)
    return textsOf(isLocale(known) ? known : (preferred(ctx.get('accept-language')) ?? 'fr'))
  }

  const respond = async (ctx: AnyContext, shown: Shown): Promise<void> => {
    ctx.status = shown.status ?? 200
    ctx.type = 'html'
    ctx.set('cache-control', 'no-store')
    ctx.set('content-security-policy', policy(shown.formOrigins ?? []))
    // On pages, not on redirects: a client that signs in in a pop-up gets its window back when no page was needed.
    ctx.set('cross-origin-opener-policy', 'same-origin')
    ctx.body = await pages.document(texts(ctx), shown, hereOf(ctx.path, ctx.querystring))
  }

  const refuse = async (ctx: AnyContext, cause: unknown): Promise<void> => {
    const error = asAppError(cause, explain)
    const reference = core.random.token(6)
    core.log[error.status >= 500 ? 'error' : 'info']('request.refused', {
      reference,
      code: error.code,
      path: ctx._matchedRoute ?? ctx.oidc?.route,
      detail: error.detail,
      ...(error.status >= 500 && { stack: (error.cause as Error | undefined)?.stack ?? error.stack }),
    })
    // What is left of a body that nobody reads would be taken for the next request.
    if (!ctx.req.complete || error.code === 'body_too_large') ctx.set('connection', 'close')
    await respond(ctx, pages.error(texts(ctx), error, reference))
  }

  const frame: Frame = { texts, csrf, respond: (ctx, shown) => respond(ctx, shown) }

  koa.use(async (ctx, next) => {
    try {
      await next()
      if (ctx.status === 404 && ctx.body === undefined) throw new AppError('not_found')
      // 501 is the router's answer to a method that nobody has heard of.
      if (ctx.status === 405 || ctx.status === 501) throw new AppError('method_not_allowed')
    } catch (cause) {
      await refuse(ctx, cause)
    }
  })

  router.get('/assets/:file', (ctx) => assets.serve(ctx))
  pages.mount(router, frame)
  koa.use(router.routes())
  koa.use(router.allowedMethods())
  return { callback: koa.callback(), respond, refuse, texts }
}
