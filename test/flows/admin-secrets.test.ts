// What an administrator does with secrets through the pages: the signing keys move on, app passwords of others are listed,
// revoked and made; and recovery codes made anew by the person.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  listAppPasswords,
  MOST_APP_PASSWORDS,
  makeAppPassword,
  verifyAppPassword,
} from '../../src/usecases/app-passwords.ts'
import { rotateKeys, tendKeys } from '../../src/usecases/keys.ts'
import { removeSecondFactor } from '../../src/usecases/second-factor.ts'
import { browserOf, codeAt, enrolled, open, read, send, titleOf, tokenOf } from '../support/at-home.ts'
import { type Browser, linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { follow } from '../support/relying-party.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

const HOUR = 3_600_000
let house: House
let boss: StaffMember
let n = 0
const core = () => house.installation.core
const person = (): Promise<Person> => house.person({ username: `person${++n}`, coveredForDays: 30 })

beforeAll(async () => {
  house = await startHouse()
  boss = await staffMember(house, 'boss', 'admin')
})
afterAll(() => house.stop())

/** Sends these fields alone: a box that is not named is not ticked. */
const post = async (browser: Browser, page: Reply, fields: Record<string, string>): Promise<Reply> =>
  follow(browser, await browser.fetch(page.url, { form: { csrf: tokenOf(page), ...fields } }), 'never:')
/** Signed in again, at the house's present time. */
async function anew(): Promise<Browser> {
  house.clock.advance(60_000)
  return browserOf(house, boss.person, boss.secret)
}

describe('signing keys', () => {
  const states = async () => (await core().store.keys.list()).map(({ state }) => state).toSorted()

  test('are listed, published, sign two hours later, and go two days after', async () => {
    const browser = await anew()
    const page = await open(house, browser, linkOf(await open(house, browser, '/admin/clients'), /admin\/keys/))
    expect(titleOf(page)).toBe('Clés de signature')
    const [first] = await core().store.keys.list()
    expect(read(page)).toContain(first!.kid)
    const ask = await open(house, browser, linkOf(page, /keys\/rotate/))
    expect(read(ask)).toContain('Les clés suivantes sont publiées maintenant')
    // Looking at the page moves nothing.
    expect(await states()).toEqual(['current', 'current'])
    const done = await post(browser, ask, {})
    expect(read(done)).toContain('C’est enregistré.')
    expect(read(done)).toMatch(/Suivante ES256.*signe à partir du/)
    expect(await states()).toEqual(['current', 'current', 'next', 'next'])
    expect((await core().store.audit.list({ subjectId: 'signing' })).at(-1)).toMatchObject({
      action: 'keys.rotated',
      actor: boss.person.account.id,
      payload: { force: false },
    })

    const waiting = await open(house, browser, '/admin/keys/rotate')
    expect(read(waiting)).toContain('elles signeront d’elles-mêmes à partir du')
    expect((await post(browser, waiting, {})).status).toBe(409)
    expect(await states()).toEqual(['current', 'current', 'next', 'next'])

    house.clock.advance(2 * HOUR)
    await tendKeys(core())
    expect(read(await open(house, await anew(), '/admin/keys'))).toMatch(/Retirée ES256.*reste publiée jusqu’au/)
  })

  test('one that leaked: all are replaced at once', async () => {
    const before = (await core().store.keys.list()).map(({ kid }) => kid)
    const browser = await anew()
    await post(browser, await open(house, browser, '/admin/keys/rotate'), { force: 'yes' })
    const after = await core().store.keys.list()
    expect(after.map(({ state }) => state)).toEqual(['current', 'current'])
    for (const { kid } of after) expect(before).not.toContain(kid)
    // Private parts are on no page.
    const page = await open(house, browser, '/admin/keys')
    for (const { sealedJwk } of after) expect(page.text).not.toContain(sealedJwk)
    await rotateKeys(core())({ actor: 'test' })
  })
})

describe('app passwords of somebody', () => {
  const secretOn = ({ text }: Reply): string => /<input id="secret"[^>]* value="([^"]*)"/.exec(text)?.[1] ?? ''
  const of = ({ account }: Person, path = '/app-passwords') => `/admin/accounts/${account.id}${path}`
  const live = async ({ account }: Person) => (await listAppPasswords(core())(account.id)).map(({ name }) => name)
  const make = ({ account }: Person, name: string) =>
    makeAppPassword(core())({ accountId: account.id, name, scopes: ['imap', 'smtp'], actor: account.id })

  test('are on the account’s page, with scopes and last use, and are revoked one by one', async () => {
    const ada = await person()
    const { secret } = await make(ada, 'Thunderbird')
    const { appPassword: phone } = await make(ada, 'Téléphone')
    await verifyAppPassword(core())(ada.account.id, secret, 'imap')
    const browser = await anew()
    const account = await open(house, browser, of(ada, ''))
    expect(read(account)).toMatch(
      /Thunderbird lire le courrier \(IMAP\), envoyer du courrier \(SMTP\) \d.* person\d+ \d.*Téléphone.* Jamais/,
    )
    expect(account.text).not.toContain(secret)
    const page = await open(house, browser, linkOf(account, /app-passwords/))
    const done = await post(browser, page, { act: 'one', id: phone.id })
    expect(read(done)).toContain('C’est révoqué.')
    expect(await live(ada)).toEqual(['Thunderbird'])
    expect((await core().store.audit.list({ subjectId: ada.account.id })).at(-1)).toMatchObject({
      action: 'app_password.revoked',
      actor: boss.person.account.id,
      payload: { name: 'Téléphone' },
    })
    // Another person's, by its id on this page.
    const eva = await person()
    const { appPassword } = await make(eva, 'À Eva')
    await post(browser, page, { act: 'one', id: appPassword.id })
    expect([await live(eva), await live(ada)]).toEqual([['À Eva'], ['Thunderbird']])
  })

  test('are all revoked after a confirmation', async () => {
    const ada = await person()
    for (const name of ['a', 'b', 'c']) await make(ada, name)
    const browser = await anew()
    const page = await open(house, browser, of(ada))
    const asked = await post(browser, page, { act: 'all' })
    expect(titleOf(asked)).toBe(`Révoquer tous les mots de passe d’application de ${ada.account.name} ?`)
    expect(await live(ada)).toHaveLength(3)
    const done = await post(browser, asked, { act: 'all', confirmed: 'yes' })
    expect(read(done)).toContain('Ce compte n’en a aucun.')
    expect(await live(ada)).toEqual([])
    expect((await post(browser, page, { act: 'other' })).status).toBe(400)
  })

  test('one is made for them, shown once, and says whose doing it was', async () => {
    const ada = await person()
    const browser = await anew()
    const form = await open(house, browser, linkOf(await open(house, browser, of(ada)), /new-app-password/))
    for (const [fields, field] of [
      [{ name: ' ', scopes: 'imap' }, 'name'],
      [{ name: 'Tablette' }, 'scopes'],
      [{ name: 'Tablette', scopes: 'root' }, 'scopes'],
    ] as [Record<string, string>, string][]) {
      const refused = await post(browser, form, fields)
      expect([refused.status, refused.text.includes(`id="${field}-wrong"`)]).toEqual([422, true])
      expect(refused.text).toContain(`value="${fields.name}"`)
    }
    const made = await post(browser, form, { name: 'Tablette', scopes: 'imap' })
    const secret = secretOn(made)
    expect([made.headers['cache-control'], made.url]).toEqual(['no-store', form.url])
    expect(await verifyAppPassword(core())(ada.account.id, secret, 'imap')).toBeDefined()
    expect(await verifyAppPassword(core())(ada.account.id, secret, 'smtp')).toBeUndefined()
    for (const path of [of(ada), of(ada, ''), of(ada, '/new-app-password')])
      expect((await open(house, browser, path)).text).not.toContain(secret)
    expect(house.logged.join('\n')).not.toContain(secret)
    const audit = await core().store.audit.list({ subjectId: ada.account.id })
    expect(audit.at(-1)).toMatchObject({ action: 'app_password.made', actor: boss.person.account.id })
    expect(JSON.stringify(audit)).not.toContain(secret)
    const own = await open(house, await browserOf(house, ada), '/account/app-passwords')
    expect(read(own)).toContain('Créé par l’équipe de Cassiopée')
    // Sent twice, it is made once.
    expect((await post(browser, form, { name: 'Tablette', scopes: 'imap' })).status).toBe(409)
    expect(await live(ada)).toEqual(['Tablette'])
  })

  test('making one asks for the password again after a quarter of an hour, and comes back', async () => {
    const ada = await person()
    const browser = await anew()
    house.clock.advance(16 * 60_000)
    expect(titleOf(await open(house, browser, of(ada)))).toContain('Mots de passe d’application')
    const asked = await open(house, browser, of(ada, '/new-app-password'))
    expect(titleOf(asked)).toBe('Se connecter')
    const csrf = tokenOf(await open(house, browser, of(ada)))
    const sent = await browser.fetch(house.issuer + of(ada, '/new-app-password'), {
      form: { csrf, name: 'x', scopes: 'imap' },
    })
    expect([sent.status, sent.location, await live(ada)]).toEqual([303, expect.stringContaining('prompt=login'), []])
    const { username } = boss.person.account
    const page = await send(house, browser, asked, { identifier: username, password: boss.person.password })
    const back = page.text.includes('name="code"')
      ? await send(house, browser, page, { code: codeAt(house, boss.secret) })
      : page
    expect(back.url).toContain(of(ada, '/new-app-password'))
  })

  test('a closed account gets none, and one has no more than there is room for', async () => {
    const ada = await person()
    for (let i = 0; i < MOST_APP_PASSWORDS; i++) await make(ada, `n${i}`)
    const browser = await anew()
    const full = await post(browser, await open(house, browser, of(ada, '/new-app-password')), {
      name: 'one more',
      scopes: 'imap',
    })
    expect(full.status).toBe(409)
    expect(await live(ada)).toHaveLength(MOST_APP_PASSWORDS)
  })
})

describe('new recovery codes', () => {
  const codesOn = ({ text }: Reply): string[] =>
    [...text.matchAll(/<li>([a-z0-9-]{19})<\/li>/g)].map(([, code]) => code!)

  test('for a code of the second factor: the old ones are void, the new ones work once', async () => {
    const ada = await person()
    const { secret, codes: old } = await enrolled(house, ada)
    const browser = await browserOf(house, ada, secret)
    const page = await open(house, browser, linkOf(await open(house, browser, '/'), /recovery-codes/))
    expect(titleOf(page)).toBe('Nouveaux codes de secours')
    house.clock.advance(60_000)
    for (const code of ['', '000000', 'aaaa-bbbb-cccc-dddd']) {
      const refused = await send(house, browser, page, { code })
      expect([refused.status, codesOn(refused)]).toEqual([422, []])
    }
    // Of no use yet: nothing was proven. (An old code that is tried is used up.)
    const shown = await send(house, browser, page, { code: codeAt(house, secret) })
    expect([titleOf(shown), codesOn(shown).length, shown.headers['cache-control']]).toEqual([
      'Vos codes de secours',
      10,
      'no-store',
    ])
    const fresh = codesOn(shown)
    expect(fresh.filter((code) => old.includes(code))).toEqual([])
    expect((await core().store.audit.list({ subjectId: ada.account.id })).at(-1)).toMatchObject({
      action: 'second_factor.recovery_codes_renewed',
    })
    // The step is burnt: the same code proves nothing more.
    expect((await send(house, browser, page, { code: codeAt(house, secret) })).status).toBe(422)
    const by = async (code: string) => {
      // Tries are counted by the quarter of an hour.
      house.clock.advance(16 * 60_000)
      const next = await browserOf(house, ada)
      return send(house, next, await open(house, next, '/'), { code })
    }
    expect((await by(old[1]!)).status).toBe(422)
    expect(titleOf(await by(fresh[0]!))).toMatch(/^Bonjour/)
    expect((await by(fresh[0]!)).status).toBe(422)
  })

  test('one of the old ones is a proof too; too many tries are stopped, also right ones', async () => {
    const ada = await person()
    const { secret, codes } = await enrolled(house, ada)
    const browser = await browserOf(house, ada, secret)
    house.clock.advance(60_000)
    const page = await open(house, browser, '/account/recovery-codes')
    expect(codesOn(await send(house, browser, page, { code: codes[0]! }))).toHaveLength(10)
    for (let i = 0; i < 5; i++) await send(house, browser, page, { code: '000000' })
    const stopped = await send(house, browser, page, { code: codeAt(house, secret) })
    expect([stopped.status, codesOn(stopped)]).toEqual([429, []])
  })

  test('are for nobody without a second factor', async () => {
    const ada = await person()
    const browser = await browserOf(house, ada)
    expect((await open(house, browser, '/')).text).not.toContain('/account/recovery-codes')
    const asked = await browser.fetch(`${house.issuer}/account/recovery-codes`)
    expect([asked.status, asked.location]).toEqual([303, `${house.issuer}/account/second-factor`])
    const csrf = tokenOf(await open(house, browser, '/'))
    const sent = await browser.fetch(`${house.issuer}/account/recovery-codes`, { form: { csrf, code: '123456' } })
    expect([sent.status, sent.location]).toEqual([303, `${house.issuer}/account/second-factor`])
  })

  test('a second factor that is gone meanwhile gives none', async () => {
    const ada = await person()
    const { secret } = await enrolled(house, ada)
    const browser = await browserOf(house, ada, secret)
    const page = await open(house, browser, '/account/recovery-codes')
    await removeSecondFactor(core())(ada.account.id, 'test')
    house.clock.advance(60_000)
    const sent = await browser.fetch(page.url, { form: { csrf: tokenOf(page), code: codeAt(house, secret) } })
    expect([sent.status, codesOn(sent)]).toEqual([303, []])
  })
})
