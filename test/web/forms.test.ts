// The pieces that every form goes through: reading, the token, and the one shape of a page.

import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { AppError, type ErrorCode, errorCodes } from '../../src/domain/errors.ts'
import { asAppError, hereOf } from '../../src/web/app.ts'
import { createCsrf } from '../../src/web/csrf.ts'
import { type Form, readForm } from '../../src/web/forms.ts'
import { isHousePath } from '../../src/web/house.ts'
import { html } from '../../src/web/html.ts'
import { type Frame, mount, type Page, type View } from '../../src/web/page.ts'
import { textsOf } from '../../src/web/texts.ts'

const issuer = 'http://127.0.0.1:1'
let server: ReturnType<typeof createServer>
let base: string
/** What the page does; each test sets its own. */
let page: Partial<Page<string>>
let seen: { form?: Form; view?: View; error?: unknown }

beforeAll(async () => {
  const csrf = createCsrf('key', issuer, () => 'browser-secret')
  const frame: Frame = {
    texts: () => textsOf('fr'),
    csrf,
    respond(ctx, shown) {
      ctx.status = shown.status ?? 200
      ctx.body = shown.body.markup
    },
  }
  const router = new Router()
  mount(
    router,
    {
      path: '/page',
      guard: (ctx) => page.guard?.(ctx) ?? Promise.resolve('found'),
      show: (found, view, ctx) => {
        seen.view = view
        return (
          page.show?.(found, view, ctx) ?? { title: 'x', body: html`shown ${view.csrfToken} ${view.mistake?.message}` }
        )
      },
      submit: async (found, form, view, ctx) => {
        seen.form = form
        return page.submit?.(found, form, view, ctx)
      },
    },
    frame,
  )
  router.post('/read', async (ctx) => {
    const form = await readForm(ctx)
    ctx.body = JSON.stringify([form.get('a'), form.all('a'), form.has('a'), form.has('b')])
  })
  const koa = new Koa()
  koa.silent = true
  koa.use(async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      seen.error = error
      ctx.status = error instanceof AppError ? error.status : 500
    }
  })
  koa.use(router.routes())
  server = createServer(koa.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}`
})
afterAll(() => server.close())
beforeEach(() => {
  page = {}
  seen = {}
})

const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' }

type Sent = { status: number; body: string; headers: Record<string, string | string[] | undefined> }
/** `fetch` hides and forbids headers that matter here. */
const send = (path: string, body: string | Buffer | undefined, headers: Record<string, string> = {}): Promise<Sent> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(
      base + path,
      { method: body === undefined ? 'GET' : 'POST', headers, agent: false },
      (response) => {
        let text = ''
        response.on('data', (part) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode!, body: text, headers: response.headers }))
      },
    )
    request.on('error', reject)
    request.end(body)
  })

describe('reading a form', () => {
  test.each([
    ['a=1', ['1', ['1'], true, false]],
    ['a=1&a=2', ['1', ['1', '2'], true, false]],
    ['a=%C3%A9+x', ['é x', ['é x'], true, false]],
    ['a=%ff%zz', ['\ufffd%zz', ['\ufffd%zz'], true, false]],
    ['a[b]=1', ['', [], false, false]],
    ['__proto__=x', ['', [], false, false]],
    ['', ['', [], false, false]],
  ])('%s', async (body, expected) => {
    const { status, body: text } = await send('/read', body, urlencoded)
    expect([status, JSON.parse(text)]).toEqual([200, expected])
  })

  test.each([
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencodedx',
  ])('%s is refused', async (type) => {
    expect((await send('/read', 'a=1', { 'content-type': type })).status).toBe(400)
    expect(seen.error).toMatchObject({ code: 'bad_request' })
  })

  test.each([
    [32 * 1024, 200],
    [32 * 1024 + 1, 413],
    [3_000_000, 413],
  ])('%i octets: %i', async (length, status) => {
    expect((await send('/read', `a=${'x'.repeat(length - 2)}`, urlencoded)).status).toBe(status)
    expect(
      (await send('/read', `a=${'x'.repeat(length - 2)}`, { ...urlencoded, 'transfer-encoding': 'chunked' })).status,
    ).toBe(status)
  })
})

describe('the form token', () => {
  const own = { origin: issuer, 'sec-fetch-site': 'same-origin', ...urlencoded }
  const cookie = { cookie: 'schedar_form=browser-secret' }
  const token = async () => (await send('/page', undefined)).body.split(' ')[1]!

  test('comes with a cookie that scripts and other sites do not see, once', async () => {
    const { headers } = await send('/page', undefined)
    expect(headers['set-cookie']).toEqual(['schedar_form=browser-secret; path=/; samesite=lax; httponly'])
    expect((await send('/page', undefined, cookie)).headers['set-cookie']).toBeUndefined()
    // One that is too long to be ours is replaced.
    expect(
      (await send('/page', undefined, { cookie: `schedar_form=${'x'.repeat(65)}` })).headers['set-cookie'],
    ).toHaveLength(1)
  })

  test('is the secret signed, not the secret', async () => {
    expect(await token()).toMatch(/^[\w-]{43}$/)
    expect(await token()).not.toContain('browser-secret')
  })

  test.each([
    ['with everything', {}, 204],
    ['without Origin and Sec-Fetch-Site, as old browsers send', { origin: '', 'sec-fetch-site': '' }, 204],
    ['from another origin', { origin: 'http://127.0.0.1:2' }, 403],
    ['from the same host with another scheme', { origin: 'https://127.0.0.1:1' }, 403],
    ['from nowhere', { origin: 'null' }, 403],
    ['typed into the address bar', { 'sec-fetch-site': 'none' }, 403],
    ['without the cookie', { cookie: '' }, 403],
    ['with the cookie of another browser', { cookie: 'schedar_form=other' }, 403],
  ])('%s: %i', async (_, changes, status) => {
    const headers = Object.entries({ ...own, ...cookie, ...changes }).filter(([, value]) => value !== '')
    const sent = await send('/page', `csrf=${await token()}`, Object.fromEntries(headers))
    expect(sent.status === 404 ? 204 : sent.status).toBe(status)
    expect(seen.form !== undefined).toBe(status === 204)
  })

  test('under https the cookie cannot be set by a neighbour', async () => {
    const csrf = createCsrf('key', 'https://sso.example', () => 's')
    const set: unknown[] = []
    const ctx = { state: {}, cookies: { get: () => undefined, set: (...input: unknown[]) => set.push(input) } }
    csrf.token(ctx as never)
    expect(set).toEqual([
      ['__Host-schedar_form', 's', expect.objectContaining({ secure: true, path: '/', httpOnly: true })],
    ])
  })

  test('another key signs another token', () => {
    const token = (key: string) =>
      createCsrf(key, issuer, () => 's').token({ state: { formSecret: 's' }, cookies: {} } as never)
    expect(token('a')).not.toBe(token('b'))
  })
})

describe('a page', () => {
  const submit = async (fields = '') => {
    const { body } = await send('/page', undefined)
    return send('/page', `csrf=${body.split(' ')[1]}${fields}`, {
      ...urlencoded,
      cookie: 'schedar_form=browser-secret',
    })
  }

  test('shows what its guard found', async () => {
    page = { guard: async () => 'somebody', show: (found) => ({ title: 'x', body: html`hello ${found}` }) }
    expect(await send('/page', undefined)).toMatchObject({ status: 200, body: 'hello somebody' })
  })

  test('a guard that sends the person elsewhere ends it, for GET and POST', async () => {
    page = {
      guard: async (ctx) => {
        ctx.status = 303
        ctx.redirect('/elsewhere')
        return ''
      },
    }
    for (const body of [undefined, 'a=1'])
      expect(await send('/page', body, urlencoded)).toMatchObject({ status: 303, headers: { location: '/elsewhere' } })
    expect(seen.form).toBeUndefined()
  })

  test('done, it leads on by 303, so that a reload sends nothing twice', async () => {
    page = { submit: async () => '/next' }
    expect(await submit()).toMatchObject({ status: 303, headers: { location: '/next' } })
  })

  test('or shows what it was given', async () => {
    page = { submit: async () => ({ title: 'x', body: html`thanks`, status: 201 }) }
    expect(await submit()).toMatchObject({ status: 201, body: 'thanks' })
  })

  test('a mistake shows the page again, with the sentence, the field and what was typed', async () => {
    page = {
      submit: async () => {
        throw new AppError('too_many_tries', { field: 'name', params: { minutes: 3 } })
      },
    }
    const again = await submit('&name=Zo%C3%A9')
    expect(again.status).toBe(429)
    expect(again.body).toContain('Trop d’essais. Réessayez dans 3 min.')
    expect(seen.view!.mistake!.field).toBe('name')
    expect(seen.view!.typed!.get('name')).toBe('Zoé')
  })

  const handled: ErrorCode[] = ['link_expired', 'interaction_expired', 'forbidden', 'csrf']
  test.each(errorCodes)('%s goes where it belongs', async (code) => {
    page = {
      submit: async () => {
        throw new AppError(code)
      },
    }
    const { status } = await submit()
    const whole = new AppError(code).status >= 500 || handled.includes(code)
    expect([seen.error !== undefined, status]).toEqual([whole, new AppError(code).status])
  })

  test('a bug is not shown as a mistake', async () => {
    page = {
      submit: async () => {
        throw new Error('a bug')
      },
    }
    expect((await submit()).status).toBe(500)
  })
})

describe('an error becomes one of ours', () => {
  const none = () => undefined
  test.each([
    [new AppError('busy'), 'busy'],
    [Object.assign(new Error('x'), { error: 'invalid_request' }), 'interaction_expired'],
    [Object.assign(new Error('x'), { status: 400 }), 'bad_request'],
    [Object.assign(new Error('x'), { status: 404 }), 'not_found'],
    [Object.assign(new Error('x'), { status: 405 }), 'method_not_allowed'],
    [Object.assign(new Error('x'), { status: 500 }), 'unexpected'],
    [new Error('x'), 'unexpected'],
    ['text', 'unexpected'],
    [undefined, 'unexpected'],
    [null, 'unexpected'],
  ])('%s: %s', (cause, code) => {
    expect(asAppError(cause, none).code).toBe(code)
  })

  test('the database explains its own', () => {
    expect(asAppError(new Error('disk'), () => new AppError('storage_full')).code).toBe('storage_full')
  })
})

describe('addresses', () => {
  test.each([
    ['/a', '', '/a'],
    ['/a', 'lang=nl', '/a'],
    ['/a', 'b=1&lang=nl&c=2', '/a?b=1&c=2'],
    ['//evil.example', '', '/evil.example'],
    ['/\\evil.example/', 'x=y', '/evil.example/?x=y'],
    ['\\\\/evil', '', '/evil'],
    ['/a', 'next=//evil', '/a?next=%2F%2Fevil'],
  ])('%s with %s is here: %s', (path, query, expected) => {
    expect(hereOf(path, query)).toBe(expected)
  })

  test.each(['/', '/account', '/account/password', '/account/second-factor'])('%s is a page of the house', (path) => {
    expect(isHousePath(path)).toBe(true)
  })
  test.each([
    '',
    '//',
    '/x',
    '/account/',
    '/account//x',
    '/accountx',
    '/account/../x',
    '/account?x',
    'https://x',
    '/account\n',
    '/Account',
    '/account/%2f',
  ])('%j is none', (path) => expect(isHousePath(path)).toBe(false))
})
