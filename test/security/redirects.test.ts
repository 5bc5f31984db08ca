// Attacks on where a redirect leads, and on who answered.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { enter, open, rawGet, send } from '../support/at-home.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let rp: RelyingParty
let ada: Person

beforeAll(async () => {
  house = await startHouse()
  rp = await relyingParty(house)
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
})
afterAll(async () => {
  await rp.close()
  await house.stop()
})

const DISCOVERY = '/.well-known/openid-configuration'

describe('class 6: redirect_uri', () => {
  test.each([
    ['another host', 'https://evil.example/callback'],
    ['another port', 'http://127.0.0.9:1/callback'],
    ['no port', 'http://127.0.0.9/callback'],
    ['another scheme', 'URL'.replace('URL', 'https://HOST/callback')],
    ['another path', 'BASE/callback2'],
    ['a slash more', 'BASE/callback/'],
    ['a path that climbs', 'BASE/callback/../evil'],
    ['a path that climbs, encoded', 'BASE/callback/%2e%2e/evil'],
    ['capitals', 'BASE/Callback'],
    ['an encoded letter', 'BASE/%63allback'],
    ['a query more', 'BASE/callback?next=https://evil.example'],
    ['an empty query', 'BASE/callback?'],
    ['a fragment', 'BASE/callback#x'],
    ['an empty fragment', 'BASE/callback#'],
    ['a user in front', 'http://HOST@evil.example/callback'],
    ['a user of its own', 'http://user@HOST/callback'],
    ['a backslash', 'http://evil.example\\@HOST/callback'],
    ['a host in capitals with a dot', 'http://127.0.0.9.:PORT/callback'],
    ['a decimal address', 'http://2130706441:PORT/callback'],
    ['a space', 'BASE/callback '],
    ['a line end', 'BASE/callback\r\nLocation: https://evil.example'],
    ['a wildcard', 'BASE/*'],
    ['no scheme', '//HOST/callback'],
    ['a script', 'javascript:alert(1)'],
    ['data', 'data:text/html,x'],
    ['nothing', ''],
  ])('%s: an error page, and no redirect', async (_, pattern) => {
    const { host, port } = new URL(rp.url)
    const redirect_uri = pattern.replace('BASE', rp.url).replace('HOST', host).replace('PORT', port)
    const begun = await rp.begin({ redirect_uri })
    for (const prompt of ['', '&prompt=none']) {
      const page = await createBrowser().fetch(begun.url + prompt)
      expect([page.status, page.location]).toEqual([400, undefined])
      expect(page.headers['content-type']).toContain('text/html')
    }
  })

  test('twice, or as a list, is an error and not the second one', async () => {
    const { url } = await rp.begin()
    for (const more of [
      'redirect_uri=https://evil.example/',
      'redirect_uri[]=https://evil.example/',
      'redirect_uri[0]=x',
    ]) {
      const page = await createBrowser().fetch(`${url}&${more}`)
      expect(page.location ?? '').not.toContain('evil.example')
      if (more.startsWith('redirect_uri=')) expect(page.status).toBe(400)
    }
    const without = new URL(url)
    without.searchParams.delete('redirect_uri')
    const page = await createBrowser().fetch(without.href)
    expect(page.location === undefined || page.location.startsWith(`${house.issuer}/interaction/`)).toBe(true)
  })

  test('nor by a pushed request (RFC 9126), nor at the token endpoint', async () => {
    const authorization = `Basic ${Buffer.from(`${rp.clientId}:${rp.clientSecret}`).toString('base64')}`
    const begun = await rp.begin({ redirect_uri: 'https://evil.example/callback' })
    const pushed = await fetch(`${house.issuer}/request`, {
      method: 'POST',
      headers: { authorization },
      body: new URL(begun.url).searchParams,
    })
    expect(pushed.status).toBe(400)

    const browser = createBrowser()
    await signInAt(rp, browser, house.issuer, 'ada', ada.password)
    const again = await rp.begin()
    const { location } = await browser.fetch(again.url)
    const code = new URL(location!).searchParams.get('code')!
    for (const redirect_uri of ['https://evil.example/callback', `${rp.url}/callback/`, '']) {
      const body = new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        code_verifier: again.verifier,
        redirect_uri,
      })
      const answer = await fetch(`${house.issuer}/token`, { method: 'POST', headers: { authorization }, body })
      expect(answer.status).toBe(400)
    }
  })

  test.each(['web_message', 'fragment.jwt', 'okta_post_message', '<script>'])(
    'response_mode=%s opens no other way',
    async (response_mode) => {
      const page = await createBrowser().fetch((await rp.begin({ response_mode })).url)
      expect(page.text).not.toContain('<script>')
      const to = page.location ? new URL(page.location) : undefined
      expect(to === undefined || to.origin === rp.url || to.origin === house.issuer).toBe(true)
      if (to?.origin === rp.url) expect(to.searchParams.get('error')).toBeTruthy()
    },
  )
})

describe('class 6: open redirects of our own pages', () => {
  const tricks = [
    'https://evil.example/',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/%2fevil.example',
    '/account/../..//evil.example',
    '/account//evil.example',
    'javascript:alert(1)',
    '/account?x=//evil.example',
    '/\t/evil.example',
    'http:evil.example',
    '/account/consents\r\nx: y',
    '',
  ]

  test.each(tricks)('state=%j leads home', async (state) => {
    const answer = await rawGet(house, `/signed-in?${new URLSearchParams({ state })}`)
    expect(/location: (.*)/i.exec(answer.head)![1]!.trim()).toBe('/')
  })

  test.each(['returnTo', 'return_to', 'redirect', 'next', 'url', 'target', 'continue', 'post_logout_redirect_uri'])(
    '%s is not a parameter of any page',
    async (name) => {
      for (const path of ['/', '/forgotten', '/signed-in', '/session/end/success']) {
        const answer = await rawGet(house, `${path}?${name}=https://evil.example/`)
        expect(/location: (.*)/i.exec(answer.head)?.[1] ?? '').not.toContain('evil.example')
      }
    },
  )

  test('the sign-in ends at a page of the house, whatever the browser asked for first', async () => {
    for (const path of ['//evil.example/account', '/account/password']) {
      const page = await enter(
        house,
        createBrowser(),
        { identifier: 'ada', password: ada.password },
        '/account/password',
      )
      expect(page.url.startsWith(house.issuer)).toBe(true)
      const answer = await rawGet(house, path)
      expect(/location: (.*)/i.exec(answer.head)?.[1] ?? '/').toMatch(/^\/(?![/\\])/)
    }
  })

  test.each([
    '//evil.example',
    '//evil.example/%2e%2e',
    '/\\evil.example',
    '///evil.example?lang=fr',
    '/.//evil.example',
    '//evil.example/?lang=x&a=//b',
  ])('no link of the page at %s leaves the house', async (target) => {
    const { status, body } = await rawGet(house, target)
    expect(status).toBe(404)
    const links = [...body.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, link]) => link!)
    expect(links.length).toBeGreaterThan(5)
    for (const link of links) expect(new URL(link, house.issuer).origin).toBe(house.issuer)
  })

  test('class 6 (koa): a header cannot be split by what is in an address', async () => {
    const answer = await rawGet(house, '/signed-in?state=%0d%0aset-cookie:%20x=y')
    expect(answer.head).not.toMatch(/^set-cookie: x/im)
  })
})

describe('class 33: who answered (RFC 9207)', () => {
  test('iss is in every answer, of success and of failure, and discovery says so', async () => {
    const { body } = await rawGet(house, DISCOVERY)
    expect(JSON.parse(body)).toMatchObject({
      issuer: house.issuer,
      authorization_response_iss_parameter_supported: true,
    })
    const browser = createBrowser()
    const answers = [await browser.fetch((await rp.begin({ prompt: 'none' })).url)]
    const { page } = await signInAt(rp, browser, house.issuer, 'ada', ada.password)
    answers.push(page, await browser.fetch((await rp.begin({ scope: '"' })).url))
    for (const { location } of answers) expect(new URL(location!).searchParams.get('iss')).toBe(house.issuer)
    const third = await relyingParty(house, { party: 'third' })
    const question = await open(house, browser, (await third.begin()).url)
    const refused = await send(house, browser, question, { answer: 'refuse' }, third.url)
    expect(new URL(refused.location!).searchParams.get('iss')).toBe(house.issuer)
    await third.close()
  })
})
