// Debian's Mailman 3 with the kit and a whole Schedar: its lists follow members and groups and nobody else is touched, its
// pages are signed in to through Apache, and whoever is suspended is out of both.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import mailmanPlugin from '../../plugins/mailman/index.ts'
import { loadPlugin } from '../../src/plugins.ts'
import { setGroups } from '../../src/usecases/accounts.ts'
import { addClient, kitOf, setClientRole } from '../../src/usecases/clients.ts'
import { touch } from '../../src/usecases/subjects.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import { pluginContract } from '../contract/plugin.ts'
import { send } from '../support/at-home.ts'
import { type Browser, createBrowser, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { DOMAIN, type Mailman, PATH, startMailman } from '../support/mailman.ts'
import { follow } from '../support/relying-party.ts'
import { accountSubject, pluginHost } from '../support/subjects.ts'

const MEMBERS = `membres@${DOMAIN}`
const BOARD = `ca@${DOMAIN}`
const CONTRACT = `essai@${DOMAIN}`
const BY_HAND = 'une.amie@ailleurs.example'
/** As long as everything together may take on a busy machine; it takes less than a second on a quiet one. */
const soon = { timeout: 60_000, interval: 100 }

let house: House
let mailman: Mailman
const people: Record<string, Person> = {}
const person = (name: string): Person => people[name]!
const core = () => house.installation.core
const addressOf = (name: string) => `${name}@cassiopee.example`

const suspendThem = (name: string) =>
  suspend(core())({ target: { accountId: person(name).account.id }, reason: 'Essai', actor: 'test' })
const restoreThem = (name: string) => restore(core())({ target: { accountId: person(name).account.id }, actor: 'test' })
const expectOn = (list: string, ...names: string[]) =>
  expect
    .poll(async () => (await mailman.members(list)).filter((email) => email !== BY_HAND), soon)
    .toEqual(names.map(addressOf).toSorted())
const lastError = async () => (await core().store.outbox.pending({ limit: 1 }))[0]?.lastError
const settled = () => expect.poll(async () => (await core().store.outbox.pending({ limit: 1 })).length, soon).toBe(0)

async function changeAddress(name: string, email: string | null): Promise<void> {
  const account = await core().store.accounts.get(person(name).account.id)
  await core().store.accounts.update({ ...account!, email })
  await touch(core(), core().store, { accountId: account!.id }, 'person')
  core().wake()
}

let role: { clientId: string; subjectKind: 'account'; subject: string; role: string }

beforeAll(async () => {
  mailman = await startMailman([MEMBERS, BOARD, CONTRACT])
  const lists = { [MEMBERS]: { who: 'members' }, [BOARD]: { who: 'group:ca' } }
  const services = { lists: { plugin: 'mailman', ...mailman.config, password: 'env:LISTS', lists } }
  house = await startHouse({ config: { services }, env: { LISTS: mailman.password } })
  const plugin = await loadPlugin('mailman')
  const { client } = await addClient(core())({
    kind: 'mailman',
    name: 'Les listes',
    url: mailman.url,
    plugin,
    actor: 'test',
  })
  const places = { dir: join(mailman.folder, 'schedar'), cacheDir: join(mailman.folder, 'sessions') }
  const files = await kitOf(core())(client, plugin, { path: PATH, dir: places.dir, cache_dir: places.cacheDir })
  await mailman.addByHand(MEMBERS, BY_HAND)
  await mailman.startPages(files, places)
  for (const name of ['ada', 'bob', 'eve', 'max'])
    people[name] = await house.person({ username: name, coveredForDays: 30 })
  people.gus = await house.person({ username: 'gus' })
  await setGroups(core())({ accountId: person('eve').account.id, groups: ['ca'], actor: 'test' })
  role = { clientId: client.clientId, subjectKind: 'account', subject: person('ada').account.id, role: 'superuser' }
  await setClientRole(core())({ ...role, actor: 'test' })
}, 240_000)
afterAll(async () => {
  await house?.stop()
  await mailman?.stop()
})

pluginContract('mailman', async () => {
  await mailman.addByHand(CONTRACT, BY_HAND)
  const dataDir = join(mailman.folder, 'log')
  const config = { ...mailman.config, password: mailman.password, lists: { [CONTRACT]: { who: 'members' } } }
  const names = ['ann', 'ben', 'cas', 'dan']
  return {
    service: await mailmanPlugin.open!(config, pluginHost(dataDir)),
    subjects: {
      some: names.map((name) =>
        accountSubject(`id-${name}`, { email: `${name}@essai.example`, displayName: `${name} é` }),
      ),
      foreign: [BY_HAND],
    },
    untouched: async () => (await mailman.members(CONTRACT)).filter((email) => !email.endsWith('@essai.example')),
    close: async () => undefined,
  }
})

describe('lists', () => {
  test('hold those in order, a group of them, and whom somebody put there by hand', async () => {
    await expectOn(MEMBERS, 'ada', 'bob', 'eve', 'max')
    await expectOn(BOARD, 'eve')
    expect(await mailman.members(MEMBERS)).toContain(BY_HAND)
    await settled()
    expect((await house.installation.reconciler.plan('lists')).changes).toEqual([])
  })

  test('lose whoever is suspended, and have them back', async () => {
    await suspendThem('eve')
    await expectOn(MEMBERS, 'ada', 'bob', 'max')
    await expectOn(BOARD)
    await restoreThem('eve')
    await expectOn(MEMBERS, 'ada', 'bob', 'eve', 'max')
    await expectOn(BOARD, 'eve')
  })

  test('follow an address, count one that two share once, and leave out who has none', async () => {
    await changeAddress('bob', 'Robert@Cassiopee.example')
    await expectOn(MEMBERS, 'ada', 'eve', 'max', 'robert')
    await changeAddress('bob', addressOf('max'))
    await expectOn(MEMBERS, 'ada', 'eve', 'max')
    await suspendThem('max')
    // Bob is still there under their address.
    await settled()
    await expectOn(MEMBERS, 'ada', 'eve', 'max')
    await changeAddress('bob', null)
    await expectOn(MEMBERS, 'ada', 'eve')
    await restoreThem('max')
    await changeAddress('bob', addressOf('bob'))
    await expectOn(MEMBERS, 'ada', 'bob', 'eve', 'max')
  })

  test('one whom a list has banned holds up nobody else', async () => {
    await mailman.ask('POST', `lists/${BOARD}/bans`, { email: addressOf('bob') })
    for (const name of ['bob', 'max'])
      await setGroups(core())({ accountId: person(name).account.id, groups: ['ca'], actor: 'test' })
    await expectOn(BOARD, 'eve', 'max')
    await expect.poll(lastError, soon).toMatch(/refuses somebody on ca@.*banned/)
    await setGroups(core())({ accountId: person('bob').account.id, groups: [], actor: 'test' })
    await settled()
  })

  test('a suspension while Mailman is down is carried out when it is up again', async () => {
    await mailman.stopCore()
    await suspendThem('bob')
    await expect.poll(lastError, soon).toMatch(/Mailman does not answer/)
    await mailman.startCore()
    await expectOn(MEMBERS, 'ada', 'eve', 'max')
    await restoreThem('bob')
    await expectOn(MEMBERS, 'ada', 'bob', 'eve', 'max')
  })

  test('a lost or damaged ledger takes nobody off', async () => {
    await settled()
    const ledger = join(
      house.installation.dataDir,
      `mailman_${new URL(mailman.config.url).host.replace(':', '_')}.json`,
    )
    const kept = await readFile(ledger, 'utf8')
    await writeFile(ledger, '{}')
    await suspendThem('bob')
    await expect.poll(lastError, soon).toMatch(/is damaged/)
    await expectOn(MEMBERS, 'ada', 'bob', 'eve', 'max')
    await rm(ledger)
    await settled()
    await expectOn(MEMBERS, 'ada', 'bob', 'eve', 'max')
    await writeFile(ledger, kept)
    await restoreThem('bob')
    await settled()
  })
})

/** From the link to where it ends; with the password when it is asked for. */
async function signIn(browser: Browser, { account, password }: Person, at = '/oidc/sign-in'): Promise<Reply> {
  const page = await follow(browser, await browser.fetch(`${mailman.url}${at}`), 'never:')
  if (!page.text.includes('name="identifier"')) return page
  return send(house, browser, page, { identifier: account.username, password })
}
const open = (browser: Browser, path: string) => browser.open(`${mailman.url}${PATH}${path}`)
const isIn = async (browser: Browser): Promise<boolean> =>
  (await open(browser, '/postorius/lists/?all-lists')).text.includes('accounts/logout')
const mayMakeLists = async (browser: Browser): Promise<boolean> =>
  (await open(browser, '/postorius/lists/new/')).status === 200

describe('pages', () => {
  test('visitors see them; a member signs in, and sees which lists they are on', async () => {
    const browser = createBrowser()
    expect((await open(browser, '/postorius/lists/?all-lists')).text).toContain('Membres')
    expect(await isIn(browser)).toBe(false)
    await signIn(browser, person('bob'), `${PATH}/accounts/login/?next=/mailman3/postorius/lists/`)
    expect(await isIn(browser)).toBe(true)
    const own = await open(browser, '/postorius/accounts/subscriptions/')
    expect(own.text).toContain(addressOf('bob'))
    for (const { text } of [own, await open(browser, '/hyperkitty/')]) {
      expect(text).toContain('Bob Essai')
      expect(text, 'an identifier that says nothing').not.toContain(person('bob').account.id)
    }
    expect(await mayMakeLists(browser)).toBe(false)
  })

  test('a suspension ends the session at once, a restoring lets them in again', async () => {
    const [first, second, other] = [createBrowser(), createBrowser(), createBrowser()]
    for (const browser of [first, second]) await signIn(browser, person('eve'))
    await signIn(other, person('max'))
    expect(await isIn(first)).toBe(true)
    await suspendThem('eve')
    for (const browser of [first, second])
      await expect.poll(() => isIn(browser), { timeout: 10_000, interval: 50 }).toBe(false)
    expect(await isIn(other)).toBe(true)
    await signIn(first, person('eve'))
    expect(await isIn(first)).toBe(false)
    await restoreThem('eve')
    await signIn(first, person('eve'))
    expect(await isIn(first)).toBe(true)
  })

  test('a former account of Mailman’s own of the same name and address is not the member’s; its address is', async () => {
    const luc = await house.person({ username: 'luc', coveredForDays: 30 })
    await mailman.addFormer('luc', addressOf('luc'))
    const browser = createBrowser()
    await signIn(browser, luc)
    expect(await isIn(browser)).toBe(true)
    expect(await mayMakeLists(browser)).toBe(false)
    const mine = async () => (await open(browser, '/postorius/accounts/subscriptions/')).text
    await expect.poll(mine, soon).toContain(addressOf('luc'))
  })

  test('the role superuser makes one, and its loss unmakes one', async () => {
    const ada = createBrowser()
    await signIn(ada, person('ada'))
    expect(await mayMakeLists(ada)).toBe(true)
    await setClientRole(core())({ ...role, remove: true, actor: 'test' })
    const again = createBrowser()
    await signIn(again, person('ada'))
    expect(await mayMakeLists(again)).toBe(false)
    // One account, so in the other browser too.
    await setClientRole(core())({ ...role, actor: 'test' })
  })

  test('Mailman’s own ways in are closed, and no header is believed', async () => {
    const browser = createBrowser()
    for (const path of [
      '/accounts/signup/',
      '/accounts/password/reset/',
      '/accounts/email/',
      '/user-profile/delete',
      '/admin/login/',
    ])
      expect([path, (await open(browser, path)).status]).toEqual([path, 403])
    const profile = `${mailman.url}${PATH}/user-profile/`
    expect((await browser.fetch(profile, { method: 'POST', form: { username: 'x' } })).status).toBe(403)
    expect((await browser.fetch(`${mailman.url}${PATH}/accounts/login/`)).location).toMatch(
      /\/oidc\/callback\?.*target_link_uri=/,
    )
    const id = person('ada').account.id
    const headers = {
      REMOTE_USER: id,
      'remote-user': id,
      'oidc-claim-roles': 'superuser',
      OIDC_CLAIM_roles: 'superuser',
    }
    const page = await browser.open(`${mailman.url}${PATH}/postorius/lists/?all-lists`, { headers })
    expect(page.text).not.toContain('accounts/logout')
  })

  test('signing out ends both sessions', async () => {
    const browser = createBrowser()
    await signIn(browser, person('bob'))
    const left = await browser.fetch(`${mailman.url}${PATH}/accounts/logout/`)
    expect(left.location).toContain('/oidc/callback?logout=')
    await browser.fetch(left.location!)
    expect(await isIn(browser)).toBe(false)
  })
})
