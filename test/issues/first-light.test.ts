// First light, as one story: an association sets Schedar up, brings its members in, hands it a SPIP site, an Apache vhost
// and its mail; a member signs in once for all of them; one command closes every door, one opens them again.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Apache, startVhost } from '../support/apache.ts'
import { openChromium } from '../support/chromium.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { type Imap, imap } from '../support/imap.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'
import { freePort } from '../support/ports.ts'
import { createProgram, type Program } from '../support/program.ts'
import { groups, people, type Slapd, startSlapd } from '../support/slapd.ts'
import { startSpip } from '../support/spip.ts'
import {
  choosePasswordByLetter,
  newPassword,
  readsMail,
  setUpAssociation,
  signIn,
  textOf,
  webmail,
} from '../support/story.ts'

/** What Galette exports, in French: Zoé is in order, Simon lapsed long ago. */
const galette = [
  [
    "ID de l'adhérent :",
    'Nom :',
    'Prénom :',
    'Courriel :',
    'Identifiant :',
    'Date d’échéance :',
    'Langue :',
    'Compte :',
    'Exempt de cotisation :',
  ],
  ['7', 'Vandamme', 'Zoé', 'zoe@cassiopee.example', 'zoe', '31/12/2099', 'Français', 'Actif', 'Non'],
  ['8', 'Maes', 'Simon', 'simon@cassiopee.example', 'simon', '31/12/2019', 'Français', 'Actif', 'Non'],
  ['9', 'Noël', 'Ulysse', 'pas-une-adresse', 'ulysse', '31/12/2099', 'Français', 'Actif', 'Non'],
]
  .map((row) => row.map((cell) => `"${cell}"`).join(';'))
  .join('\r\n')

const LOGIN = 'zoe@mail.example'

/** Each of both once; what either does alone is in the contract that every implementation keeps. */
const forms = [
  { database: 'sqlite', directory: 'own' },
  { database: 'mariadb', directory: 'ldap' },
] as const

describe.each(forms)('on $database, with people in the $directory directory', ({ database, directory }) => {
  let mariadb: Mariadb | undefined
  let slapd: Slapd | undefined
  let program: Program
  let spip: Awaited<ReturnType<typeof startSpip>>
  let vhost: Apache
  let dovecot: Dovecot
  let chromium: BrowserContext
  let page: Page
  let mail: Awaited<ReturnType<typeof webmail>>
  const [alix, zoe, simon] = [newPassword(), newPassword(), newPassword()]
  let token: { access_token: string; refresh_token?: string }
  let live: Imap

  beforeAll(async () => {
    if (database === 'mariadb') mariadb = await startMariadb()
    if (directory === 'ldap') slapd = await startSlapd()
    program = await createProgram({
      ...(mariadb && { database: (await mariadb.database()).url }),
      ...(slapd && {
        config: {
          directory: {
            kind: 'ldap',
            urls: [slapd.ldap],
            bindDn: slapd.service.dn,
            password: 'env:LDAP_PASSWORD',
            people: { base: people, groupsBase: groups },
            create: {},
          },
        },
        env: { LDAP_PASSWORD: slapd.service.password },
      }),
    })
    chromium = await openChromium()
    page = await chromium.newPage()
  })
  afterAll(async () => {
    live?.close()
    mail?.close()
    await chromium?.close()
    await program?.remove()
    await Promise.all([spip?.stop(), vhost?.stop(), dovecot?.remove(), slapd?.stop(), mariadb?.remove()])
  })

  const inSpip = async (): Promise<boolean> => {
    await page.goto(`${spip.url}/ecrire/`)
    return (await page.content()).includes('action=logout')
  }
  const inVhost = async (): Promise<string> => {
    await page.goto(vhost.url)
    return page.url().startsWith(vhost.url) ? textOf(page) : `elsewhere: ${page.url()}`
  }

  test('the association is set up by the one-time link', async () => {
    await program.serve()
    await setUpAssociation(page, program, alix)
    expect(await textOf(page)).toContain('Bonjour Alix')
    await page.goto(program.setUpLink())
    expect(await textOf(page)).toContain('Ce lien a expiré ou a déjà servi')
  })

  test('its members come in with the dates their dues run to', async () => {
    const file = join(program.folder, 'galette.csv')
    writeFileSync(file, galette)
    expect(await program.schedar('member', 'import', file, '--dry-run')).toMatchObject({
      err: '',
      out: expect.stringContaining('new 2   changed 0   unchanged 0   refused 1'),
    })
    expect((await program.schedar('member', 'import', file, '--yes')).code).toBe(3)
    // The first night must not lapse those who are covered.
    await program.schedar('nightly')
    expect(await program.json('member', 'list')).toMatchObject([
      { number: '7', standing: 'current', 'covered until': '2099-12-31' },
      { number: '8', standing: 'lapsed', 'covered until': '2019-12-31' },
    ])
  })

  test('a site, a vhost and the mail are registered, each by its kit', async () => {
    spip = await startSpip()
    await program.json('site', 'add', 'velo.example', '--member', '7')
    const site = await program.json(
      'client',
      'add',
      '--kind',
      'spip',
      '--url',
      spip.url,
      '--name',
      'Le vélo de Zoé',
      '--site',
      'velo.example',
    )
    await spip.installKit(await program.kit(String(site.client_id)))

    vhost = await startVhost({
      kit: async ({ url, dir, cacheDir }) => {
        const { client_id } = await program.json('client', 'add', '--kind', 'apache', '--url', url, '--name', 'Le wiki')
        return program.kit(String(client_id), { dir, cache_dir: cacheDir })
      },
    })

    const made = await program.json<{ client_id: string; client_secret: string }>(
      'client',
      'add',
      '--kind',
      'dovecot',
      '--url',
      'https://imap.mail.example',
      '--name',
      'Le courrier',
    )
    dovecot = await startDovecot({
      logins: [LOGIN],
      provider: { issuer: program.issuer, client: { clientId: made.client_id, clientSecret: made.client_secret } },
    })
    await program.json('mailbox', 'add', LOGIN, '--member', '7', '--account', 'zoe')
    const { doveadmApiKey, ...settings } = dovecot.config
    writeFileSync(join(program.folder, 'doveadm-key'), doveadmApiKey, { mode: 0o600 })
    program.configure({ services: { mail: { plugin: 'dovecot', ...settings, doveadmApiKey: 'file:doveadm-key' } } })
    await program.stop()
    await program.serve()
    expect(await program.json('services', 'check')).toMatchObject([
      { service: 'provider', ok: true },
      { service: 'mail', ok: true },
      { service: 'mail.mailboxes', ok: true },
    ])
    const webmailUrl = `http://127.0.0.8:${await freePort('127.0.0.8')}`
    const web = await program.json<{ client_id: string; client_secret: string }>(
      'client',
      'add',
      '--kind',
      'other',
      '--url',
      webmailUrl,
      '--redirect-uri',
      `${webmailUrl}/callback`,
      '--service',
      'mail',
      '--name',
      'Le webmail',
    )
    mail = await webmail(program, page, { ...web, url: webmailUrl })
  })

  test('invited, a member chooses a password and signs in at the site', async () => {
    await program.json('account', 'invite', '--all')
    await chromium.clearCookies()
    await choosePasswordByLetter(page, program, 'zoe@cassiopee.example', zoe)
    expect(await textOf(page)).toContain('Votre mot de passe est enregistré')
    await page.goto(`${spip.url}/ecrire/`)
    await page.getByRole('link', { name: /Cassiopée/ }).click()
    await page.waitForURL(/\/interaction\//)
    await signIn(page, 'zoe', zoe)
    await page.waitForURL(new RegExp(spip.url))
    expect(await inSpip()).toBe(true)
  })

  test('walks into the vhost without being asked', async () => {
    expect(await inVhost()).toContain('"user":"zoe"')
  })

  test('reads mail with a token', async () => {
    token = (await mail.token())!
    expect(await readsMail(dovecot.imapPort, LOGIN, token.access_token, 'XOAUTH2')).toBe(true)
    expect(await readsMail(dovecot.imapPort, LOGIN, token.access_token, 'OAUTHBEARER')).toBe(true)
    live = await imap(dovecot.imapPort)
    expect(await live.authenticate('OAUTHBEARER', LOGIN, token.access_token)).toMatch(/^OK/)
    await live.idle()
  })

  test('one command closes every door, live sessions included', async () => {
    const suspended = await program.schedar(
      'account',
      'suspend',
      'zoe',
      '--reason',
      'Le formulaire du site envoie du courrier indésirable.',
    )
    expect(suspended).toMatchObject({ code: 0 })
    expect(suspended.out).toMatch(/✓ provider {2}zoe {2}\d+ ms/)
    expect(suspended.out).toMatch(/✓ mail {2}zoe@mail\.example {2}\d+ ms/)
    expect(await live.bye()).toMatch(/^\* BYE/)
    expect(await mail.active(token.access_token)).toBe(false)
    expect(await mail.refreshes(token.refresh_token!)).toBe(false)
    expect(await readsMail(dovecot.imapPort, LOGIN, token.access_token)).toBe(false)
    expect(await inSpip()).toBe(false)
    expect(await inVhost()).toContain('elsewhere')
  })

  test('the suspended person reads why at home, and nowhere else', async () => {
    await page.goto(program.issuer)
    await signIn(page, 'zoe', zoe)
    await page.waitForURL(`${program.issuer}/`)
    const home = await textOf(page)
    expect(home).toContain('Votre accès est suspendu')
    expect(home).toContain('Le formulaire du site envoie du courrier indésirable.')
    expect(home).toContain('bureau@cassiopee.example')
    await page.goto(vhost.url)
    expect(await textOf(page)).toContain('Votre accès est suspendu')
    expect(await mail.token()).toBeUndefined()
  })

  test('restored, everything opens again', async () => {
    expect((await program.schedar('account', 'restore', 'zoe')).code).toBe(0)
    expect(await inVhost()).toContain('"user":"zoe"')
    await page.goto(`${spip.url}/ecrire/`)
    await page.getByRole('link', { name: /Cassiopée/ }).click()
    expect(await inSpip()).toBe(true)
    token = (await mail.token())!
    // Dovecot looks at its files once a second.
    await expect
      .poll(() => readsMail(dovecot.imapPort, LOGIN, token.access_token), { timeout: 10_000, interval: 200 })
      .toBe(true)
  })

  test('a lapsed member is refused at the services and reads why at home', async () => {
    await chromium.clearCookies()
    await choosePasswordByLetter(page, program, 'simon@cassiopee.example', simon)
    await page.goto(vhost.url)
    await signIn(page, 'simon', simon)
    const refused = await textOf(page)
    expect(refused).toContain('Votre adhésion est arrivée à échéance')
    expect(refused).toContain('31 décembre 2019')
    await page.goto(program.issuer)
    expect(await textOf(page)).toContain('Adhésion échue')
  })

  test('nothing is left undone, and the audit holds', async () => {
    await expect
      .poll(
        async () =>
          (await program.json<{ pending: number }[]>('services', 'list')).reduce(
            (sum, { pending }) => sum + pending,
            0,
          ),
        { timeout: 15_000, interval: 500 },
      )
      .toBe(0)
    expect(await program.json('services', 'plan')).toEqual([])
    expect(await program.json('audit', 'verify')).toMatchObject({ sound: true })
    for (const secret of [alix, zoe, simon, token.access_token]) expect(program.written()).not.toContain(secret)
  })
})
