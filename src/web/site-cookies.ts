// The two cookies of a site behind forward authentication, on the site's own host: its session, and a mark of the browser
// by which a sign-in that ends here is known to have begun here.
import type { Context } from 'koa'

type What = 'session' | 'browser'
export type SiteCookies = {
  /** Empty without one. */
  get(what: What): string
  /** Null removes it. */
  set(what: What, value: string | null): void
}

/**
 * Names: two sites on one host name, at two ports, are sent each other's cookies. `__Host-`: neighbours under the same domain
 * could set one for the whole of it (RFC 6265bis §4.1.3).
 */
export function siteCookies(ctx: Context, clientId: string, origin: string): SiteCookies {
  const isSecure = origin.startsWith('https:')
  const nameOf = (what: What): string => `${isSecure ? '__Host-' : ''}schedar_${what}_${clientId}`
  return {
    get: (what) => ctx.cookies.get(nameOf(what)) ?? '',
    // By hand: koa looks at the protocol between the proxy and Schedar.
    set: (what, value) =>
      ctx.append(
        'set-cookie',
        `${nameOf(what)}=${value ?? ''}; path=/; httponly; samesite=lax${isSecure ? '; secure' : ''}${value === null ? '; max-age=0' : ''}`,
      ),
  }
}
