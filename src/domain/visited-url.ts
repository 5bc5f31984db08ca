// The address that a visitor asked a protected site for, as the site's proxy tells of it: of which origin it is, where a
// sign-in may lead back to, and who may see the path. What is judged must be what any server behind the proxy would serve:
// a path that two servers could read differently is nobody's (attack class 28).
import { AppError } from './errors.ts'

/** `target`: path and query as they were sent. */
export type Visited = { origin: string; target: string }

const ADDRESS = /^(https?:)\/\/([^/?#\\@\s]+)([/?#].*)?$/is
const OWN_PORT: Record<string, string> = { 'http:': ':80', 'https:': ':443' }

/**
 * An address as a proxy saw it; undefined for one that is written in another way than browsers write it: with a user, a
 * host that is not ASCII (in HTTP it is punycode), a dot at its end, or a number for an address (0x7f.1).
 */
export function visited(address: string): Visited | undefined {
  const [, scheme = '', authority = '', target = ''] = ADDRESS.exec(address) ?? []
  const protocol = scheme.toLowerCase()
  const written = authority.toLowerCase()
  const host = URL.parse(`${protocol}//${written}`)?.host
  const plain = written.endsWith(OWN_PORT[protocol] ?? '-') ? written.slice(0, written.lastIndexOf(':')) : written
  if (!host || plain !== host || /\.(:\d+)?$/.test(host)) return undefined
  return { origin: `${protocol}//${host}`, target: target.startsWith('/') ? target : `/${target}` }
}

/** A longer one would not fit into the headers of the redirects on the way. */
const LONGEST_RETURN = 1500
/** What the kit's proxy passes on to Schedar. */
const OWN_PAGES = /^\/+schedar(\/|$)/i

/** Where a sign-in leads back to: what was wanted if it is of this very origin, else its front page (attack class 6). */
export function returnTo(origin: string, wanted: string): string {
  const home = `${origin}/`
  if (wanted.length > LONGEST_RETURN || /[\p{Cc}\\]/u.test(wanted)) return home
  const asked = visited(wanted.startsWith('/') ? `${origin}${wanted.replace(/^\/+/, '/')}` : wanted)
  if (asked?.origin !== origin) return home
  const url = URL.parse(`${origin}${asked.target}`)
  return url?.origin === origin && !OWN_PAGES.test(url.pathname) ? url.href : home
}

/** One form for what servers, file systems and databases may take for the same: letter case, accents, width. */
const folded = (text: string): string =>
  text.normalize('NFKD').toUpperCase().toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '')

/** What would be read again, as a separator or as another character, by whoever decodes a second time. */
const READ_TWICE = /[/\\?#\p{Cc}\p{Default_Ignorable_Code_Point}]|%[0-9a-f]{2}|%u/iu

function segmentOf(written: string): string | undefined {
  let text: string
  try {
    text = decodeURIComponent(written) // throws on a lone % and on octets that are no UTF-8
  } catch {
    return undefined
  }
  const one = folded(text)
  // Dots alone, also before a parameter (Tomcat takes `..;` for `..`) or with spaces that Windows leaves out.
  const isNothing = one.split(';')[0]!.replace(/[. ]/g, '') === ''
  return isNothing || READ_TWICE.test(one) ? undefined : one
}

/** The folded segments of a path; undefined unless there is one way to read it. A slash at the end changes nothing. */
export function segmentsOf(target: string): string[] | undefined {
  const path = target.split('?', 1)[0]!
  if (!/^\/[\x21-\x7e]*$/.test(path) || /[#\\]/.test(path)) return undefined
  const segments = (path.endsWith('/') ? path.slice(1, -1) : path.slice(1)).split('/')
  if (segments.length === 1 && segments[0] === '') return path === '/' ? [] : undefined
  const read = segments.map(segmentOf)
  return read.every((segment) => segment !== undefined) ? read : undefined
}

/** Below a path one of some roles is needed. */
export type PathRule = { segments: readonly string[]; roles: readonly string[] }

const RULE = /^(\/[\w./-]*)=([\w.@+-]{1,32}(?:\|[\w.@+-]{1,32})*)$/

/** `/admin/=admin,/books/=board|treasurer`. Throws `invalid_value`, field `paths`. */
export function pathRules(text: string): PathRule[] {
  return text
    .split(',')
    .filter((rule) => rule !== '')
    .map((rule) => {
      const [, path = '', roles = ''] = RULE.exec(rule) ?? []
      const segments = segmentsOf(path)
      if (!segments)
        throw new AppError('invalid_value', {
          field: 'paths',
          detail: `paths: ${rule} is not /path/=role or /path/=role|role`,
        })
      return { segments, roles: roles.split('|') }
    })
}

/** `admin.json`, `admin;x` and `admin::$DATA` are counted as `admin`, which they may be to a server; `admin-guide` is not. */
const isNamed = (segment: string, name: string): boolean =>
  segment.startsWith(name) && !/^[\p{L}\p{N}_-]/u.test(segment.slice(name.length))

const covers = ({ segments }: PathRule, path: readonly string[]): boolean =>
  segments.every((name, at) => path[at] !== undefined && isNamed(path[at], name))

/** `role`: one is missing. `unclear`: a path that can be read in several ways, asked for by somebody to whom not all are open. */
export type PathVerdict = 'open' | 'role' | 'unclear'

/** Every rule that covers the path must be met. */
export function mayVisit(rules: readonly PathRule[], target: string, roles: readonly string[]): PathVerdict {
  const unmet = rules.filter((rule) => !rule.roles.some((role) => roles.includes(role)))
  if (unmet.length === 0) return 'open'
  if (unmet.some(({ segments }) => segments.length === 0)) return 'role'
  const path = segmentsOf(target)
  if (!path) return 'unclear'
  return unmet.some((rule) => covers(rule, path)) ? 'role' : 'open'
}
