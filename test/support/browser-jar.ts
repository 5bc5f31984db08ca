// A browser for tests without one: a cookie jar, redirects followed one step at a time, forms filled in. Each request is
// a connection of its own, so that none goes to a server process that is being replaced, and it is read as browsers read:
// mod_auth_openidc's error pages are followed by bytes that do not belong to them, which Node's client refuses.
import { connect } from 'node:net'

type Cookie = { host: string; name: string; value: string; path: string; expires: number; attributes: string }

export type Reply = {
  status: number
  /** The address that was asked. */
  url: string
  /** By lower-case name; `set-cookie` is kept apart. */
  headers: Record<string, string>
  text: string
  /** Where it sends the browser, made absolute. */
  location: string | undefined
}

export type Form = { action: string; method: string; fields: Record<string, string> }

export type RequestOptions = {
  form?: Record<string, string>
  /** Instead of a form; its type is among the headers. */
  body?: Uint8Array
  headers?: Record<string, string>
  method?: string
}

/** The text of an HTML attribute or element, its entities resolved. */
const unescapeHtml = (html: string): string =>
  html
    .replace(/&#x([0-9a-f]+);/gi, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&apos;/g, "'")
    .replace(/&quot;/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&nbsp;/g, '\u00a0')
    .replace(/&amp;/g, '&')

const attribute = (tag: string, name: string): string | undefined => {
  const found = tag.match(new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, 'i'))
  return found ? unescapeHtml(found[1] ?? found[2] ?? '') : undefined
}

/** The forms of a page, with the values they would be sent with; buttons are left out. */
export function formsOf(reply: Reply): Form[] {
  return [...reply.text.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/gi)].map(([html]) => {
    const head = html.match(/<form\b[^>]*>/i)![0]
    const fields: Record<string, string> = {}
    for (const [tag] of html.matchAll(/<input\b[^>]*>/gi)) {
      const name = attribute(tag, 'name')
      const type = attribute(tag, 'type') ?? 'text'
      const off =
        /\sdisabled\b/i.test(tag) ||
        /^(submit|button|image|file)$/i.test(type) ||
        (/^(checkbox|radio)$/i.test(type) && !/\schecked\b/i.test(tag))
      if (name && !off) fields[name] = attribute(tag, 'value') ?? ''
    }
    for (const [tag, inner] of html.matchAll(/<textarea\b[^>]*>([\s\S]*?)<\/textarea>/gi)) {
      const name = attribute(tag.match(/<textarea\b[^>]*>/i)![0], 'name')
      if (name) fields[name] = unescapeHtml(inner ?? '')
    }
    for (const [tag] of html.matchAll(/<select\b[^>]*>[\s\S]*?<\/select>/gi)) {
      const name = attribute(tag, 'name')
      const option = tag.match(/<option\b[^>]*\sselected\b[^>]*>/i)?.[0] ?? tag.match(/<option\b[^>]*>/i)?.[0] ?? ''
      if (name) fields[name] = attribute(option, 'value') ?? ''
    }
    return {
      action: new URL(attribute(head, 'action') || reply.url, reply.url).href,
      method: (attribute(head, 'method') ?? 'get').toLowerCase(),
      fields,
    }
  })
}

/** The address behind the first link whose tag or text matches. */
export function linkOf(reply: Reply, pattern: RegExp): string {
  for (const [html] of reply.text.matchAll(/<a\b[^>]*>[\s\S]*?<\/a>/gi)) {
    const href = attribute(html.match(/<a\b[^>]*>/i)![0], 'href')
    if (href && pattern.test(html)) return new URL(href, reply.url).href
  }
  throw new Error(`no link matches ${pattern} at ${reply.url}`)
}

function readCookie(line: string, url: URL): Cookie {
  const [pair = '', ...rest] = line.split(';')
  const attributes = new Map(
    rest.map((part) => [part.split('=')[0]!.trim().toLowerCase(), part.split('=').slice(1).join('=').trim()]),
  )
  const maxAge = attributes.get('max-age')
  const date = attributes.get('expires')
  const expires = maxAge ? Date.now() + Number(maxAge) * 1000 : date ? Date.parse(date) : Number.POSITIVE_INFINITY
  const name = pair.split('=')[0]!.trim()
  return {
    host: url.hostname,
    name,
    value: pair.slice(pair.indexOf('=') + 1).trim(),
    path: attributes.get('path') || '/',
    expires,
    attributes: line,
  }
}

/** The body of an answer whose connection has been closed. */
function bodyOf(bytes: Buffer, headers: Record<string, string>): Buffer {
  if (!/chunked/i.test(headers['transfer-encoding'] ?? ''))
    return bytes.subarray(0, Number(headers['content-length'] ?? bytes.length))
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.subarray(at, end).toString(), 16)
    if (end < 0 || !size) return Buffer.concat(chunks)
    chunks.push(bytes.subarray(end + 2, end + 2 + size))
    at = end + 4 + size
  }
}

type Answer = { status: number; headers: Record<string, string>; cookies: string[]; text: string }

function readAnswer(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const headers: Record<string, string> = {}
  const cookies: string[] = []
  for (const line of lines) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase()
    const value = line.slice(line.indexOf(':') + 1).trim()
    if (name === 'set-cookie') cookies.push(value)
    else headers[name] = value
  }
  return {
    status: Number(first.split(' ')[1]),
    headers,
    cookies,
    text: bodyOf(bytes.subarray(end + 4), headers).toString('utf8'),
  }
}

/** One request on one connection. */
async function exchange(
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: string | Uint8Array,
): Promise<Answer> {
  const socket = connect(Number(url.port || 80), url.hostname)
  socket.setTimeout(60_000, () => socket.destroy(new Error(`no answer from ${url.href}`)))
  const lines = Object.entries({ host: url.host, connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  socket.write(`${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
  if (body.length > 0) socket.write(body)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return readAnswer(Buffer.concat(chunks))
}

/** A browser. Cookies belong to a host name, whatever the port, as in real ones. */
export function createBrowser({ language = 'fr' }: { language?: string } = {}) {
  let cookies: Cookie[] = []

  const cookieHeader = (url: URL): string =>
    cookies
      .filter(
        (cookie) => cookie.host === url.hostname && cookie.expires > Date.now() && url.pathname.startsWith(cookie.path),
      )
      .map((cookie) => `${cookie.name}=${cookie.value}`)
      .join('; ')

  function setCookie(url: string, line: string): void {
    const cookie = readCookie(line, new URL(url))
    cookies = cookies.filter(
      (other) => other.host !== cookie.host || other.name !== cookie.name || other.path !== cookie.path,
    )
    if (cookie.expires > Date.now()) cookies.push(cookie)
  }

  async function fetch(
    address: string,
    { form, body: given, headers = {}, method = form ? 'POST' : 'GET' }: RequestOptions = {},
  ): Promise<Reply> {
    const url = new URL(address)
    const body = given ?? (form ? new URLSearchParams(form).toString() : '')
    const cookie = cookieHeader(url)
    const answer = await exchange(
      url,
      method,
      {
        'accept-language': language,
        accept: 'text/html,*/*',
        'user-agent': 'Mozilla/5.0 (test)',
        ...(cookie && { cookie }),
        ...(form && {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': String(Buffer.byteLength(body)),
        }),
        ...(given && { 'content-length': String(given.length) }),
        ...headers,
      },
      body,
    )
    for (const line of answer.cookies) setCookie(address, line)
    const { location } = answer.headers
    return {
      status: answer.status,
      url: address,
      headers: answer.headers,
      text: answer.text,
      location: location === undefined ? undefined : new URL(location, address).href,
    }
  }

  /** Follows redirects while `go` agrees with the next address; the reply at which it stops. */
  async function follow(reply: Reply, go: (location: string) => boolean = () => true): Promise<Reply> {
    let last = reply
    for (
      let step = 0;
      last.location !== undefined && last.status >= 300 && last.status < 400 && go(last.location);
      step++
    ) {
      if (step > 20) throw new Error(`more than 20 redirects, the last to ${last.location}`)
      last = await fetch(last.location)
    }
    return last
  }

  return {
    fetch,
    follow,
    /** Asks and follows every redirect. */
    open: async (address: string, options?: RequestOptions): Promise<Reply> => follow(await fetch(address, options)),
    /** Sends a form, with some fields changed, and follows every redirect. */
    submit: async ({ action, method, fields }: Form, changes: Record<string, string> = {}): Promise<Reply> => {
      const form = { ...fields, ...changes }
      return follow(
        method === 'post'
          ? await fetch(action, { form })
          : await fetch(`${action.split('?')[0]}?${new URLSearchParams(form)}`),
      )
    },
    setCookie,
    cookies: (host: string): { name: string; value: string; attributes: string }[] =>
      cookies.filter((cookie) => cookie.host === host),
    forget: (name: RegExp): void => {
      cookies = cookies.filter((cookie) => !name.test(cookie.name))
    },
  }
}

export type Browser = ReturnType<typeof createBrowser>
