// Debian's Sympa with the kit and a whole Schedar: its lists follow members and groups and are never emptied, its pages are
// signed in to through Apache, and whoever is suspended is out of both.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadPlugin } from '../../src/plugins.ts'
import { setGroups } from '../../src/usecases/accounts.ts'
import { addClient, kitOf, setClientRole } from '../../src/usecases/clients.ts'
import { touch } from '../../src/usecases/subjects.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import { send } from '../support/at-home.ts'
import { type Browser, createBrowser, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { follow } from '../support/relying-party.ts'
import { pluginHost } from '../support/subjects.ts'
import { DOMAIN, LISTMASTER, PATH, type Sympa, startSympa } from '../support/sympa.ts'

const MEMBERS = `membres@${DOMAIN}`
const BOARD = `ca@${DOMAIN}`
const BY_HAND = 'une.amie@ailleurs.example'
/** As long as everything together may take on a busy machine; it takes some two seconds on a quiet one. */
const soon = { timeout: 60_000, interval: 100 }

let house: House
let sympa: Sympa
let settings: Record<string, unknown>
const people: Record<string, Person> = {}
const person = (name: string): Person => people[name]!
const core = () => house.installation.core
const addressOf = (name: string) => `${name}@cassiopee.example`

const suspendThem = (name: string) =>
  suspend(core())({ target: { accountId: person(name).account.id }, reason: 'Essai', actor: 'test' })
const restoreThem = (name: string) => restore(core())({ target: { accountId: person(name).account.id }, actor: 'test' })
const expectOn = (list: string, ...names: string[]) =>
  expect
    .poll(() => sympa.members(list).filter((email) => email !== BY_HAND), soon)
    .toEqual(names.map(addressOf).toSorted())

const settled = () => expect.poll(async () => (await core().store.outbox.pending({ limit: 1 })).length, soon).toBe(0)

async function changeAddress(name: string, email: string | null): Promise<void> {
  const account = await core().store.accounts.get(person(name).account.id)
  await core().store.accounts.update({ ...account!, email })
  await touch(core(), core().store, { accountId: account!.id }, 'person')
  core().wake()
}

beforeAll(async () => {
  sympa = await startSympa(['membres', 'ca'])
  settings = { ...sympa.config, lists: { [MEMBERS]: { who: 'members' }, [BOARD]: { who: 'group:ca' } } }
  house = await startHouse({ config: { services: { sympa: { plugin: 'sympa', ...settings } } } })
  const plugin = await loadPlugin('sympa')
  const { client } = await addClient(core())({
    kind: 'sympa',
    name: 'Les listes',
    url: sympa.url,
    plugin,
    actor: 'test',
  })
  const places = { dir: join(sympa.folder, 'schedar'), cacheDir: join(sympa.folder, 'cache') }
  const options = { path: PATH, listmaster: LISTMASTER, dir: places.dir, cache_dir: places.cacheDir }
  const files = await kitOf(core())(client, plugin, options, { host: undefined, ...settings })
  await sympa.addByHand('membres', BY_HAND)
  await sympa.installLists(files)
  await sympa.startHelper()
  await sympa.startPages(files, places)
  for (const name of ['ada', 'bob', 'eve', 'max'])
    people[name] = await house.person({ username: name, coveredForDays: 30 })
  people.gus = await house.person({ username: 'gus' })
  await setGroups(core())({ accountId: person('eve').account.id, groups: ['ca'], actor: 'test' })
  const role = { clientId: client.clientId, subjectKind: 'account', subject: person('ada').account.id } as const
  await setClientRole(core())({ ...role, role: 'listmaster', actor: 'test' })
}, 240_000)
afterAll(async () => {
  await house?.stop()
  await sympa?.stop()
})

const entrance = (id = 'schedar') => `${sympa.url}${PATH}/sso_login/${id}/init`
/** From the link to where it ends; with the password when it is asked for. */
async function signIn(browser: Browser, { account, password }: Person, at = entrance()): Promise<Reply> {
  const page = await follow(browser, await browser.fetch(at), 'never:')
  if (!page.text.includes('name="identifier"')) return page
  return send(house, browser, page, { identifier: account.username, password })
}
const front = (browser: Browser) => browser.open(`${sympa.url}${PATH}`)
const isIn = async (browser: Browser, email: string): Promise<boolean> => (await front(browser)).text.includes(email)

describe('lists', () => {
  test('hold those in order, a group of them, and whom somebody put there by hand', async () => {
    await expectOn('membres', 'ada', 'bob', 'eve', 'max')
    await expectOn('ca', 'eve')
    expect(sympa.members('membres')).toContain(BY_HAND)
    const named = sympa.rows(
      'select comment_subscriber as name from subscriber_table where user_subscriber = ?',
      addressOf('ada'),
    )
    expect(named).toEqual([{ name: 'Ada Essai' }])
    await settled()
    const plan = await house.installation.reconciler.plan('sympa')
    expect(plan.changes).toEqual([])
  })

  test('lose whoever is suspended, and have them back', async () => {
    await suspendThem('eve')
    await expectOn('membres', 'ada', 'bob', 'max')
    await expectOn('ca')
    await restoreThem('eve')
    await expectOn('membres', 'ada', 'bob', 'eve', 'max')
    await expectOn('ca', 'eve')
  })

  test('changes on each other’s heels all arrive', async () => {
    for (const name of ['bob', 'max']) await suspendThem(name)
    await restoreThem('bob')
    await expectOn('membres', 'ada', 'bob', 'eve')
    await restoreThem('max')
    await expectOn('membres', 'ada', 'bob', 'eve', 'max')
  })

  test('follow an address, count one that two share once, and leave out who has none', async () => {
    await changeAddress('bob', addressOf('robert'))
    await expectOn('membres', 'ada', 'eve', 'max', 'robert')
    await changeAddress('bob', addressOf('max'))
    await expectOn('membres', 'ada', 'eve', 'max')
    await suspendThem('max')
    // Bob is still there under their address.
    await expect
      .poll(async () => (await house.installation.core.store.outbox.pending({ limit: 1 })).length, soon)
      .toBe(0)
    await expectOn('membres', 'ada', 'eve', 'max')
    await changeAddress('bob', null)
    await expectOn('membres', 'ada', 'eve')
    await restoreThem('max')
    await changeAddress('bob', addressOf('bob'))
    await expectOn('membres', 'ada', 'bob', 'eve', 'max')
  })

  test('are left by a suspended member who had also been put there by hand', async () => {
    await sympa.addByHand('ca', addressOf('max'))
    await setGroups(core())({ accountId: person('max').account.id, groups: ['ca'], actor: 'test' })
    await expect
      .poll(
        () =>
          sympa.rows(
            'select 1 from subscriber_table where list_subscriber = ? and inclusion_subscriber is not null',
            'ca',
          ).length,
        soon,
      )
      .toBe(2)
    await suspendThem('max')
    await expectOn('ca', 'eve')
    await restoreThem('max')
    await expectOn('ca', 'eve', 'max')
    expect(sympa.rows('select * from exclusion_table')).toEqual([])
  })

  test('a suspension while the helper is down is carried out when it is up again', async () => {
    sympa.stopHelper()
    await suspendThem('bob')
    await expect
      .poll(async () => (await core().store.outbox.pending({ limit: 1 }))[0]?.lastError, soon)
      .toMatch(/helper at .* does not answer/)
    expect(sympa.members('membres')).toContain(addressOf('bob'))
    await sympa.startHelper()
    await expectOn('membres', 'ada', 'eve', 'max')
    await restoreThem('bob')
    await expectOn('membres', 'ada', 'bob', 'eve', 'max')
  })

  test('what a command wrote and Sympa did not read is read for the server, whose own last one Sympa has read', async () => {
    const plugin = await loadPlugin('sympa')
    const command = await plugin.open!(settings, pluginHost(house.installation.dataDir))
    await suspendThem('bob')
    await expectOn('membres', 'ada', 'eve', 'max')
    await settled()
    sympa.stopHelper()
    const row = { [MEMBERS]: { email: addressOf('bob'), name: 'Bob Essai' } }
    await expect(
      command.apply(new Map([[person('bob').account.id, row]]), AbortSignal.timeout(60_000)),
    ).rejects.toMatchObject({ code: 'service_unavailable' })
    await sympa.startHelper()
    await restoreThem('bob')
    await expectOn('membres', 'ada', 'bob', 'eve', 'max')
    await settled()
    await command.close()
  })
})

describe('no list is emptied', () => {
  const file = (list: string) => join(sympa.config.folder, list)
  const everybody = ['ada', 'bob', 'eve', 'max']
  const lastError = async () => (await core().store.outbox.pending({ limit: 1 }))[0]?.lastError

  test('by a lost or cut off file: it is written anew, whole', async () => {
    await rm(file(MEMBERS))
    await sympa.sympa(['include', MEMBERS])
    await expectOn('membres', ...everybody)
    await suspendThem('eve')
    await expectOn('membres', 'ada', 'bob', 'max')
    const whole = await readFile(file(MEMBERS), 'utf8')
    await writeFile(file(MEMBERS), whole.slice(0, whole.length / 2))
    await restoreThem('eve')
    await expectOn('membres', ...everybody)
  })

  test('by a lost ledger: the files say who is there', async () => {
    const ledger = join(house.installation.dataDir, `sympa${sympa.config.folder.replaceAll('/', '_')}.json`)
    const kept = await readFile(ledger, 'utf8')
    await rm(ledger)
    await suspendThem('eve')
    await expectOn('membres', 'ada', 'bob', 'max')
    await writeFile(ledger, '{"lists":')
    await restoreThem('eve')
    await expect.poll(lastError, soon).toMatch(/is damaged/)
    await expectOn('membres', 'ada', 'bob', 'max')
    await rm(ledger)
    await rm(file(BOARD))
    await expect.poll(lastError, soon).toMatch(/missing or damaged: .*ca@/)
    await writeFile(ledger, kept)
    await expectOn('membres', ...everybody)
    await expectOn('ca', 'eve', 'max')
  })

  test('by another source that fails: Sympa keeps everybody, and Schedar says that it does', async () => {
    await sympa.configure('membres', `\ninclude_file ${sympa.folder}/nowhere\n\n`)
    await suspendThem('eve')
    await expect.poll(lastError, soon).toMatch(/did not bring membres@.* up to date.*partially failed/)
    expect(sympa.members('membres')).toContain(addressOf('eve'))
    await writeFile(join(sympa.folder, 'nowhere'), `${BY_HAND}\n`)
    await expectOn('membres', 'ada', 'bob', 'max')
    await restoreThem('eve')
    await expectOn('membres', ...everybody)
  })
})

describe('pages', () => {
  test('visitors see them; a member signs in and is known by their address', async () => {
    const browser = createBrowser()
    expect((await front(browser)).text).toContain('sso_login')
    await signIn(browser, person('bob'), `${sympa.url}/oidc/sign-in`)
    expect(await isIn(browser, addressOf('bob'))).toBe(true)
  })

  test('a suspension ends the session at once, a restoring lets them in again', async () => {
    const [first, second, other] = [createBrowser(), createBrowser(), createBrowser()]
    for (const browser of [first, second]) await signIn(browser, person('eve'))
    await signIn(other, person('max'))
    expect(await isIn(first, addressOf('eve'))).toBe(true)
    await suspendThem('eve')
    for (const browser of [first, second])
      await expect.poll(() => isIn(browser, addressOf('eve')), { timeout: 10_000, interval: 50 }).toBe(false)
    expect(await isIn(other, addressOf('max'))).toBe(true)
    await signIn(first, person('eve'))
    expect(await isIn(first, addressOf('eve'))).toBe(false)
    await restoreThem('eve')
    await signIn(first, person('eve'))
    expect(await isIn(first, addressOf('eve'))).toBe(true)
  })

  test('signing out ends both sessions', async () => {
    const browser = createBrowser()
    await signIn(browser, person('bob'))
    const left = await browser.fetch(`${sympa.url}${PATH}/logout`)
    expect(left.location).toContain('/oidc/callback?logout=')
    await browser.fetch(left.location!)
    expect(await isIn(browser, addressOf('bob'))).toBe(false)
  })

  test('the role listmaster opens the listmaster’s door, and nothing else does', async () => {
    const ada = createBrowser()
    await signIn(ada, person('ada'), entrance('schedar-listmaster'))
    const page = await ada.open(`${sympa.url}${PATH}/serveradmin`)
    expect(page.text).toContain(LISTMASTER)
    expect(page.text).toContain('get_pending_lists')
    const bob = createBrowser()
    await signIn(bob, person('bob'))
    for (const path of [
      '/sso_login/schedar-listmaster/init',
      '//sso_login/schedar-listmaster/init',
      '/sso_login/./schedar-listmaster/init',
      '/sso_login/%73chedar-listmaster/init',
    ]) {
      await bob.open(`${sympa.url}${PATH}${path}`, {
        headers: { 'schedar-listmaster': LISTMASTER, SCHEDAR_LISTMASTER: LISTMASTER, OIDC_CLAIM_email: LISTMASTER },
      })
      expect([path, (await bob.open(`${sympa.url}${PATH}/serveradmin`)).text.includes('get_pending_lists')]).toEqual([
        path,
        false,
      ])
      expect([path, await isIn(bob, LISTMASTER)]).toEqual([path, false])
    }
    expect((await bob.open(entrance('schedar-listmaster'))).status).toBe(403)
  })

  test('Sympa’s own passwords and pages for them are closed, also with a cookie from before', async () => {
    const browser = createBrowser()
    for (const page of ['login', 'loginrequest', 'firstpasswd', 'renewpasswd', 'nomenu/login'])
      expect([page, (await browser.fetch(`${sympa.url}${PATH}/${page}`)).location]).toEqual([page, entrance()])
    const form = { action: 'login', email: LISTMASTER, passwd: 'x', action_login: 'x' }
    await browser.fetch(`${sympa.url}${PATH}`, { form })
    expect(await isIn(browser, LISTMASTER)).toBe(false)
    // A session of Sympa's own without Apache's is none.
    await signIn(browser, person('bob'))
    expect(await isIn(browser, addressOf('bob'))).toBe(true)
    browser.forget(/^schedar-/)
    expect(await isIn(browser, addressOf('bob'))).toBe(false)
  })
})

test('without Schedar the lists stay as they are', async () => {
  await house.running.stop()
  await sympa.sympa(['include', MEMBERS])
  expect(sympa.members('membres')).toEqual([...['ada', 'bob', 'eve', 'max'].map(addressOf), BY_HAND].toSorted())
})
