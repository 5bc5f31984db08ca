// Consent: a third-party client asks once, remembers, and is forgotten when the person says so.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browserOf, enter, open, read, send, titleOf } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { follow, type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let wiki: RelyingParty
let n = 0
const person = () => house.person({ username: `person${++n}`, coveredForDays: 30 })

beforeAll(async () => {
  house = await startHouse()
  wiki = await relyingParty(house, { name: 'Wiki <voisin>', party: 'third', service: 'mail' })
})
afterAll(async () => {
  await wiki.close()
  await house.stop()
})

type Asked = Awaited<ReturnType<RelyingParty['begin']>>

/** Begins at the wiki in a signed-in browser: the page of the house, or the way back to the wiki. */
async function visit(browser: Browser, parameters: Record<string, string> = {}): Promise<{ at: Reply; begun: Asked }> {
  const begun = await wiki.begin({ scope: 'openid profile', ...parameters })
  return { at: await follow(browser, await browser.fetch(begun.url), wiki.url), begun }
}
const answer = (browser: Browser, page: Reply, choice: string) =>
  send(house, browser, page, { answer: choice }, wiki.url)
const asks = (page: Reply): string[] =>
  [...page.text.matchAll(/<li>([^<]*)<\/li>/g)].map(([, text]) => read({ text: text! }))
const came = ({ location }: Reply) => new URL(location!).searchParams

async function accepted(ada: Person, parameters: Record<string, string> = {}) {
  const browser = await browserOf(house, ada)
  const { at, begun } = await visit(browser, parameters)
  const back = await answer(browser, at, 'accept')
  return { browser, tokens: await wiki.exchange(back.location!, begun) }
}

describe('the question', () => {
  test('names who asks, and what for, in words', async () => {
    const browser = await browserOf(house, await person())
    const { at } = await visit(browser, { scope: 'openid profile email groups roles membership mail unknown' })
    expect([at.status, titleOf(at)]).toEqual([200, 'Partager vos informations ?'])
    expect(read(at)).toContain('Wiki <voisin> n’est pas un service de Cassiopée.')
    expect(at.text).toContain('Wiki &lt;voisin&gt;')
    expect(asks(at)).toEqual([
      'un identifiant de votre compte',
      'votre nom, votre identifiant et votre langue',
      'votre adresse e-mail',
      'les groupes dont vous faites partie',
      'vos rôles dans ce service',
      'si votre adhésion est en cours (oui ou non)',
      'l’accès à votre boîte aux lettres',
    ])
    expect(at.headers['content-security-policy']).toContain(`form-action 'self' ${wiki.url}`)
  })

  test('accepted, the client gets what was agreed and not more', async () => {
    const ada = await person()
    const { tokens } = await accepted(ada)
    const claims = await wiki.userinfo(tokens.access_token, ada.account.id)
    expect(claims).toMatchObject({ preferred_username: ada.account.username })
    for (const claim of ['email', 'groups', 'roles', 'membership']) expect(claims).not.toHaveProperty(claim)
    expect(tokens.refresh_token).toBeUndefined()
  })

  test('asked once: not again in this session, nor in the next one', async () => {
    const ada = await person()
    const { browser } = await accepted(ada)
    expect(came((await visit(browser)).at).get('code')).toBeTruthy()
    const other = await browserOf(house, ada)
    expect(came((await visit(other)).at).get('code')).toBeTruthy()
    expect(came((await visit(other, { prompt: 'none' })).at).get('code')).toBeTruthy()
    expect(came((await visit(other, { scope: 'openid' })).at).get('code')).toBeTruthy()
  })

  test('asked again for more, and both are remembered', async () => {
    const ada = await person()
    const { browser } = await accepted(ada)
    const more = await visit(browser, { scope: 'openid profile email' })
    expect(titleOf(more.at)).toBe('Partager vos informations ?')
    const silent = await visit(await browserOf(house, ada), { scope: 'openid email', prompt: 'none' })
    expect(came(silent.at).get('error')).toBe('consent_required')
    const back = await answer(browser, more.at, 'accept')
    const tokens = await wiki.exchange(back.location!, more.begun)
    expect(await wiki.userinfo(tokens.access_token, ada.account.id)).toHaveProperty('email')
    const kept = await house.installation.core.store.consents.get(ada.account.id, wiki.clientId)
    expect(kept!.scopes.toSorted()).toEqual(['email', 'openid', 'profile'])
  })

  test.each(['refuse', '', 'ACCEPT'])(
    'answered %j, the client hears access_denied and nothing is kept',
    async (choice) => {
      const ada = await person()
      const browser = await browserOf(house, ada)
      const { at, begun } = await visit(browser)
      const back = await answer(browser, at, choice)
      expect(Object.fromEntries(came(back))).toMatchObject({
        error: 'access_denied',
        state: begun.state,
        iss: house.issuer,
      })
      expect(await house.installation.core.store.consents.list(ada.account.id)).toEqual([])
      // Not held against the client: it may ask again.
      expect(titleOf((await visit(browser)).at)).toBe('Partager vos informations ?')
    },
  )

  test('a client that wants access in absence must ask each time, and gets a refresh token that outlives the session', async () => {
    const ada = await person()
    const { browser, tokens } = await accepted(ada, { scope: 'openid offline_access', prompt: 'consent' })
    expect(tokens.refresh_token).toBeDefined()
    const again = await visit(browser, { scope: 'openid offline_access', prompt: 'consent' })
    expect(titleOf(again.at)).toBe('Partager vos informations ?')
    expect(asks(again.at)).toContain('l’accès en votre absence')
    // Without prompt=consent the scope is left out (OpenID Connect Core §11), and no question is asked.
    const without = await visit(browser, { scope: 'openid offline_access' })
    const fewer = await wiki.exchange(without.at.location!, without.begun)
    expect(fewer.refresh_token).toBeUndefined()
  })

  test('a service of the house is not called a stranger, even when it asks for consent', async () => {
    const own = await relyingParty(house, { name: 'Webmail' })
    const browser = await browserOf(house, await person())
    const begun = await own.begin({ prompt: 'consent', scope: 'openid offline_access' })
    const page = await open(house, browser, begun.url)
    expect(read(page)).toContain('Webmail')
    expect(read(page)).not.toContain('n’est pas un service de')
    const back = await send(house, browser, page, { answer: 'accept' }, own.url)
    expect((await own.exchange(back.location!, begun)).refresh_token).toBeDefined()
    expect(read(await open(house, browser, '/'))).not.toContain('Services extérieurs')
    await own.close()
  })
})

describe('withdrawing it', () => {
  const withdraw = async (browser: Browser, clientId = wiki.clientId) => {
    const home = await open(house, browser, '/')
    const form = formsOf(home).find(({ action }) => action.endsWith('/account/consents'))!
    return browser.submit(form, { client: clientId })
  }

  test('at home: tokens are dead, the client is told, and must ask again; other clients keep theirs', async () => {
    const ada = await person()
    const own = await relyingParty(house)
    const { browser, tokens } = await accepted(ada, { scope: 'openid profile offline_access', prompt: 'consent' })
    const kept = await signInAt(own, browser, house.issuer, '', '')
    expect(read(await open(house, browser, '/'))).toContain('Services extérieurs que j’ai acceptés Wiki <voisin>')
    const told = wiki.logoutTokens.length
    const home = await withdraw(browser)
    expect([home.status, home.url]).toEqual([200, `${house.issuer}/`])
    expect(read(home)).not.toContain('Wiki <voisin> Retirer')
    expect(await wiki.introspect(tokens.access_token)).toEqual({ active: false })
    await expect(wiki.refresh(tokens.refresh_token!)).rejects.toThrow()
    await expect.poll(() => wiki.logoutTokens.length, { timeout: 3000 }).toBe(told + 1)
    expect(titleOf((await visit(browser)).at)).toBe('Partager vos informations ?')
    expect(await own.introspect(kept.tokens!.access_token)).toMatchObject({ active: true })
    await own.close()
  })

  test('for a client that was never accepted nothing happens', async () => {
    const ada = await person()
    const { browser } = await accepted(ada)
    for (const clientId of ['', 'schedar', 'x'.repeat(5000)])
      expect((await withdraw(browser, clientId)).status).toBe(200)
    expect(
      await house.installation.core.store.audit.list({ subjectId: ada.account.id, action: 'consent.withdrawn' }),
    ).toEqual([])
    expect(
      titleOf(await enter(house, createBrowser(), { identifier: ada.account.username, password: ada.password })),
    ).toMatch(/^Bonjour /)
  })
})
