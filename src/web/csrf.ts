// Forms come from our own pages only: a signed token bound to a cookie of the browser, and the request's own word on where
// it comes from (Origin, Sec-Fetch-Site), which a planted cookie cannot forge.
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import { AppError } from '../domain/errors.ts'

export type Csrf = { token(ctx: Context): string; check(ctx: Context, given: string | undefined): void }

export function createCsrf(key: string, issuer: string, newSecret: () => string): Csrf {
  const secure = issuer.startsWith('https:')
  const cookie = secure ? '__Host-schedar_form' : 'schedar_form'
  const sign = (secret: string): string => createHmac('sha256', key).update(secret).digest('base64url')
  const same = (a: string, b: string): boolean => {
    const [one, other] = [Buffer.from(a), Buffer.from(b)]
    return one.length === other.length && timingSafeEqual(one, other)
  }
  return {
    token(ctx) {
      let secret: string | undefined = ctx.state.formSecret ?? ctx.cookies.get(cookie)
      if (!secret || secret.length > 64) {
        secret = newSecret()
        ctx.cookies.set(cookie, secret, { httpOnly: true, sameSite: 'lax', secure, path: '/', signed: false })
      }
      ctx.state.formSecret = secret
      return sign(secret)
    },
    check(ctx, given) {
      const origin = ctx.get('origin')
      const site = ctx.get('sec-fetch-site')
      const foreign = (origin !== '' && origin !== issuer) || (site !== '' && site !== 'same-origin')
      const secret = ctx.cookies.get(cookie)
      if (foreign || !secret || !given || !same(sign(secret), given))
        throw new AppError('csrf', { detail: foreign ? 'a form from elsewhere' : 'no form token' })
    },
  }
}
