// The house's pages as a koa application: security headers, language, assets, and the one handler of errors.
import type { RequestListener } from 'node:http'
import Router from '@koa/router'
import helmet from 'helmet'
import Koa, { type Context } from 'koa'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Core } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { Assets } from './assets.ts'
import { createCsrf } from './csrf.ts'
import type { Frame, Shown } from './page.ts'
import { isLocale, preferred, type Texts, textsOf } from './texts.ts'

const LANGUAGE = 'schedar_lang'
const YEAR_MS = 365 * 86_400_000

/** What interactions/ brings: how a page looks, which pages there are, and what an error says. */
export type Pages = {
  document(texts: Texts, shown: Shown, path: string): Promise<string>
  mount(router: Router, frame: Frame): void
  error(texts: Texts, error: AppError, reference: string): Shown
}

export type App = {
  callback: RequestListener
  frame: Frame
  respond(ctx: Context | KoaContextWithOIDC, shown: Shown): Promise<void>
  texts(ctx: Context | KoaContextWithOIDC): Texts
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

// Referrer: same-origin. With no-referrer, browsers send `Origin: null` with our own forms, and csrf.ts would refuse them.
const headers = helmet({
  contentSecurityPolicy: false,
  referrerPolicy: { policy: 'same-origin' },
  strictTransportSecurity: { maxAge: 31_536_000 },
  xFrameOptions: { action: 'deny' },
})

/** What went wrong, as an AppError: the database's and oidc-provider's own failures have their codes here. */
export function asAppError(error: unknown, explain: (error: unknown) => AppError | undefined): AppError {
  if (error instanceof AppError) return error
  const { error: code } = error as { error?: string }
  if (code === 'invalid_request') return new AppError('interaction_expired', { cause: error })
  return explain(error) ?? new AppError('unexpected', { cause: error })
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

  const texts = (ctx: Context | KoaContextWithOIDC): Texts => {
    const known = ctx.state.locale ?? ctx.cookies.get(LANGUAGE)
    return textsOf(isLocale(known) ? known : (preferred(ctx.get('accept-language')) ?? 'fr'))
  }

  const respond = async (ctx: Context | KoaContextWithOIDC, shown: Shown): Promise<void> => {
    ctx.status = shown.status ?? 200
    ctx.type = 'html'
    ctx.set('cache-control', 'no-store')
    ctx.set('content-security-policy', policy(shown.formOrigins ?? []))
    ctx.body = await pages.document(texts(ctx), shown, ctx.path)
  }

  const frame: Frame = { texts, csrf, respond: (ctx, shown) => respond(ctx, shown) }

  koa.use(async (ctx, next) => {
    await new Promise<void>((resolve, reject) =>
      headers(ctx.req, ctx.res, (error) => (error ? reject(error) : resolve())),
    )
    try {
      await next()
      if (ctx.status === 404 && ctx.body === undefined) throw new AppError('not_found')
      if (ctx.status === 405) throw new AppError('method_not_allowed')
    } catch (cause) {
      const error = asAppError(cause, explain)
      const reference = core.random.token(6)
      const details = {
        reference,
        code: error.code,
        path: ctx._matchedRoute,
        detail: error.detail,
        ...(error.status >= 500 && { stack: (error.cause as Error | undefined)?.stack ?? error.stack }),
      }
      core.log[error.status >= 500 ? 'error' : 'info']('request.refused', details)
      // What is left of a body that nobody reads would be taken for the next request.
      if (!ctx.req.complete) ctx.set('connection', 'close')
      await respond(ctx, pages.error(texts(ctx), error, reference))
    }
  })

  koa.use(async (ctx, next) => {
    const asked = ctx.query.lang
    if (ctx.method === 'GET' && typeof asked === 'string' && isLocale(asked)) {
      ctx.cookies.set(LANGUAGE, asked, { httpOnly: true, sameSite: 'lax', maxAge: YEAR_MS, signed: false })
      ctx.state.locale = asked
    }
    await next()
  })

  router.get('/assets/:file', (ctx) => assets.serve(ctx))
  pages.mount(router, frame)
  koa.use(router.routes())
  koa.use(router.allowedMethods())
  return { callback: koa.callback(), frame, respond, texts }
}
