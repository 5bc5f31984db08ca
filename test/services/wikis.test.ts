// DokuWiki and MediaWiki with their kits, from Debian's packages, behind Apache: who reads, who writes, whose name is whose, and
// that a suspension ends it at the next page.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadPlugin } from '../../src/plugins.ts'
import { setGroups } from '../../src/usecases/accounts.ts'
import { addClient, kitOf, setClientRole } from '../../src/usecases/clients.ts'
import { restore, suspend } from '../../src/usecases/suspend.ts'
import type { Apache } from '../support/apache.ts'
import { browserOf } from '../support/at-home.ts'
import { type Browser, createBrowser, formsOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { startDokuwiki, startMediawiki, type WikiOptions } from '../support/wikis.ts'

let house: House
let ada: Person
let former: Person
let boss: Person
const wikis: Record<string, Apache> = {}
const core = () => house.installation.core
const clientIds: string[] = []
const kitFor =
  (kind: string): WikiOptions['kit'] =>
  async (url, settings) => {
    const plugin = await loadPlugin(kind)
    const { client } = await addClient(core())({ kind, name: `Le wiki ${kind}`, url, plugin, actor: 'test' })
    clientIds.push(client.clientId)
    return kitOf(core())(client, plugin, settings)
  }
const SIGN_IN = /do=login|\/oidc\/callback\?iss/

beforeAll(async () => {
  house = await startHouse()
  ada = await house.person({ username: 'ada', coveredForDays: 30 })
  former = await house.person({ username: 'gaston', coveredForDays: 30 })
  boss = await house.person({ username: 'boss', coveredForDays: 30 })
  wikis.dokuwiki = await startDokuwiki({ former: 'gaston', kit: kitFor('dokuwiki') })
  wikis.mediawiki = await startMediawiki({ former: 'Gaston', kit: kitFor('mediawiki') })
  for (const clientId of clientIds)
    await setClientRole(core())({
      clientId,
      subjectKind: 'account',
      subject: boss.account.id,
      role: 'admin',
      actor: 'test',
    })
})
afterAll(async () => {
  for (const wiki of Object.values(wikis)) await wiki.stop()
  await house?.stop()
})

type Case = {
  kind: string
  page: string
  /** Who the wiki says is there; undefined for a visitor. */
  who(wiki: Apache, browser: Browser): Promise<string | undefined>
  write(wiki: Apache, browser: Browser, page: string, text: string): Promise<Reply>
  text(wiki: Apache, page: string): Promise<string>
  isAdmin(wiki: Apache, browser: Browser): Promise<boolean>
  /** Says in the wiki's settings that its former user is this member. */
  link(wiki: Apache, username: string): Promise<void>
}

const doku: Case = {
  kind: 'dokuwiki',
  page: '/doku.php?id=essai',
  async who({ url }, browser) {
    const { text } = await browser.fetch(`${url}/doku.php?id=essai`)
    return /<li class="user">.*?<bdi>(.*?)<\/bdi>.*?\(<bdi>(.*?)<\/bdi>\)/s.exec(text)?.[2]
  },
  async write({ url }, browser, page, text) {
    const form = formsOf(await browser.fetch(`${url}/doku.php?id=${page}&do=edit`)).find(
      ({ fields }) => 'wikitext' in fields,
    )
    return browser.fetch(`${url}/doku.php?id=${page}`, {
      form: { ...form?.fields, id: page, wikitext: text, 'do[save]': '1', sectok: form?.fields.sectok ?? '' },
    })
  },
  text: async ({ url }, page) => (await createBrowser().fetch(`${url}/doku.php?id=${page}&do=export_raw`)).text,
  link: (wiki, username) =>
    setting(wiki, 'local.protected.php', "['linked'] = array()", `['linked'] = array('${username}')`),
  isAdmin: async ({ url }, browser) =>
    (await browser.fetch(`${url}/doku.php?id=essai&do=admin`)).text.includes('admin_acl') ||
    (await browser.fetch(`${url}/doku.php?id=essai&do=admin&page=acl`)).text.includes('acl_manager'),
}

/** Changes a line of a settings file of the wiki. */
async function setting({ folder }: Apache, file: string, from: string, to: string): Promise<void> {
  const path = join(folder, 'conf', file)
  const text = await readFile(path, 'utf8')
  expect(text).toContain(from)
  await writeFile(path, text.replace(from, to))
}

const api = async (browser: Browser, { url }: Apache, query: string) =>
  JSON.parse((await browser.fetch(`${url}/api.php?format=json&${query}`)).text)
const media: Case = {
  kind: 'mediawiki',
  page: '/index.php?title=Essai',
  async who(wiki, browser) {
    const { userinfo } = (await api(browser, wiki, 'action=query&meta=userinfo')).query
    return 'anon' in userinfo ? undefined : userinfo.name
  },
  async write(wiki, browser, page, text) {
    const { csrftoken } = (await api(browser, wiki, 'action=query&meta=tokens')).query.tokens
    return browser.fetch(`${wiki.url}/api.php`, {
      form: { action: 'edit', format: 'json', title: page, text, token: csrftoken },
    })
  },
  text: async ({ url }, page) => (await createBrowser().fetch(`${url}/index.php?title=${page}&action=raw`)).text,
  link: (wiki, username) =>
    setting(
      wiki,
      'schedar/schedar-settings.php',
      '$wgSchedarLinked = []',
      `$wgSchedarLinked = [ '${username}' => 'Gaston' ]`,
    ),
  async isAdmin(wiki, browser) {
    const { userinfo } = (await api(browser, wiki, 'action=query&meta=userinfo&uiprop=groups')).query
    return userinfo.groups.includes('sysop')
  },
}

describe.each([doku, media])('$kind', (it) => {
  const wiki = () => wikis[it.kind]!
  /** By the wiki's own link, with the session that the person has at Schedar. */
  const signIn = async (person: Person): Promise<Browser> => {
    const browser = await browserOf(house, person)
    await browser.open(await linkIn(browser, SIGN_IN))
    return browser
  }
  async function linkIn(browser: Browser, wanted: RegExp): Promise<string> {
    const { text } = await browser.fetch(`${wiki().url}${it.page}`)
    const links = [...text.matchAll(/href="([^"]*)"/g)].map(([, to]) => to!.replaceAll('&amp;', '&'))
    return new URL(links.find((to) => wanted.test(to))!, wiki().url).href
  }

  test('visitors read and do not write; a header or cookie of theirs is not believed', async () => {
    const visitor = createBrowser()
    expect((await visitor.fetch(`${wiki().url}${it.page}`)).status).toBeLessThan(405)
    expect(await it.who(wiki(), visitor)).toBeUndefined()
    await it.write(wiki(), visitor, 'Visiteur', 'nobody')
    expect(await it.text(wiki(), 'Visiteur')).not.toContain('nobody')
    const headers = {
      'remote-user': 'ada',
      oidc_claim_sub: 'x',
      'oidc-claim-groups': 'admin',
      authorization: `Basic ${btoa('ada:x')}`,
    }
    expect((await visitor.fetch(`${wiki().url}${it.page}`, { headers })).text).not.toMatch(
      /\(<bdi>ada|"wgUserName":"Ada"/,
    )
  })

  test('a member signs in by the wiki’s link, comes back to the page, writes, and signs out', async () => {
    const browser = await browserOf(house, ada)
    const landed = await browser.open(await linkIn(browser, SIGN_IN))
    expect(decodeURIComponent(landed.url).toLowerCase()).toContain('essai')
    expect((await it.who(wiki(), browser))?.toLowerCase()).toBe('ada')
    await it.write(wiki(), browser, 'Pagedada', 'written by ada')
    expect(await it.text(wiki(), 'Pagedada')).toContain('written by ada')
    expect(await it.isAdmin(wiki(), browser)).toBe(false)
    await browser.open(await linkIn(browser, /do=logout|\/oidc\/callback\?logout/))
    expect(await it.who(wiki(), browser)).toBeUndefined()
  })

  test('a role gives the rights of an administrator, from the next sign-in', async () => {
    expect(await it.isAdmin(wiki(), await signIn(boss))).toBe(true)
  })

  test('a user whom the wiki knew before is not the member of the same name', async () => {
    const browser = await signIn(former)
    expect(await it.who(wiki(), browser)).toBeUndefined()
    expect((await browser.fetch(`${wiki().url}${it.page}`)).text.toLowerCase()).toMatch(
      /a déjà un utilisateur.*gaston/s,
    )
  })

  test('suspended: a visitor at the next page, in each browser; restored: signs in again', async () => {
    const browsers = [await signIn(ada), await signIn(ada)]
    for (const browser of browsers) expect((await it.who(wiki(), browser))?.toLowerCase()).toBe('ada')
    await suspend(core())({ target: { accountId: ada.account.id }, reason: 'Essai', actor: 'test' })
    await expect
      .poll(async () => Promise.all(browsers.map((browser) => it.who(wiki(), browser))), { timeout: 10_000 })
      .toEqual([undefined, undefined])
    await it.write(wiki(), browsers[0]!, 'Apres', 'still here')
    expect(await it.text(wiki(), 'Apres')).not.toContain('still here')
    await restore(core())({ target: { accountId: ada.account.id }, actor: 'test' })
    expect((await it.who(wiki(), await signIn(ada)))?.toLowerCase()).toBe('ada')
  })
})

test('MediaWiki: its own pages to log in and out lead to Schedar', async () => {
  const wiki = wikis.mediawiki!
  const browser = await browserOf(house, ada)
  await browser.open(`${wiki.url}/index.php?title=Special:UserLogin`)
  expect(await media.who(wiki, browser)).toBe('Ada')
  await browser.open(`${wiki.url}/index.php?title=Special:UserLogout`)
  expect(await media.who(wiki, browser)).toBeUndefined()
})

test('DokuWiki: a group of Schedar opens what its access list says', async () => {
  const wiki = wikis.dokuwiki!
  const read = async () => {
    const browser = await browserOf(house, ada)
    await browser.open(`${wiki.url}/doku.php?id=essai&do=login`)
    await doku.write(wiki, browser, 'bureau:plan', 'secret plan')
    return (await browser.fetch(`${wiki.url}/doku.php?id=bureau:plan&do=export_raw`)).text
  }
  expect(await read()).not.toContain('secret plan')
  await setGroups(core())({ accountId: ada.account.id, groups: ['bureau'], actor: 'test' })
  expect(await read()).toContain('secret plan')
})
