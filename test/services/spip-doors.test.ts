// The doors of a SPIP site: side by side with local passwords, or Schedar's alone; and the kit's files themselves.
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import spip from '../../plugins/spip/index.ts'
import type { KitTarget } from '../../src/plugin.ts'
import { writeKit } from '../support/apache.ts'
import { type Browser, createBrowser, type Form, formsOf } from '../support/browser-jar.ts'
import { signInLocally } from '../support/spip.ts'
import { type SpipSso, startSpipSso, wordsOf } from '../support/spip-sso.ts'

const run = promisify(execFile)
let sso: SpipSso

beforeAll(async () => {
  sso = await startSpipSso()
  sso.provider.addAccount('alice', { roles: ['redacteur'] })
  await sso.signIn(sso.browserOf('alice'))
})
afterAll(() => sso.stop())

const basic = (login: string, password: string) => ({ authorization: `Basic ${btoa(`${login}:${password}`)}` })
const asWebmaster = async (): Promise<Browser> => {
  const browser = createBrowser()
  await signInLocally(sso.site.url, browser, sso.site.webmaster.login, sso.site.webmaster.password)
  return browser
}
const loginForm = async (browser: Browser): Promise<Form | undefined> =>
  formsOf(await browser.open(`${sso.site.url}/ecrire/`)).find(({ fields }) => 'password' in fields)

describe('side by side with local passwords', () => {
  test('the webmaster still signs in, by the form and by HTTP Basic', async () => {
    expect(await sso.isIn(await asWebmaster())).toBe(true)
    expect(await sso.who(createBrowser(), basic(sso.site.webmaster.login, sso.site.webmaster.password))).toMatch(
      /\|webmestre\|0minirezo$/,
    )
  })

  test('the button speaks the visitor’s language, also on a public page’s form, and leads back to that page', async () => {
    for (const [language, words] of Object.entries({
      fr: 'Se connecter avec',
      nl: 'Aanmelden met',
      en: 'Sign in with',
      de: 'anmelden',
    })) {
      const page = await createBrowser({ language }).open(`${sso.site.url}/spip.php?page=login&lang=${language}`)
      expect(wordsOf(page)).toContain(words)
    }
    await writeFile(
      join(sso.site.root, 'squelettes/membres.html'),
      '#CACHE{0}<html><body>[(#FORMULAIRE_LOGIN{#SELF})]</body></html>',
    )
    const page = await createBrowser().open(`${sso.site.url}/spip.php?page=membres`)
    expect(page.text).toMatch(/retour=[^"]*membres/)
  })
})

describe('the single door', () => {
  let replayed: Form
  let local: Browser

  beforeAll(async () => {
    replayed = (await loginForm(createBrowser()))!
    local = await asWebmaster()
    await sso.site.configure({ _SCHEDAR_SEUL: true })
  })
  afterAll(() => sso.site.configure({ _SCHEDAR_SEUL: false }))
  afterEach(async () => {
    await chmod(join(sso.site.root, 'config/schedar.php'), 0o600)
    await sso.provider.up()
  })

  test('the button takes the form’s place', async () => {
    const page = await createBrowser().open(`${sso.site.url}/ecrire/`)
    expect(formsOf(page).some(({ fields }) => 'password' in fields || 'var_login' in fields)).toBe(false)
    expect(wordsOf(page)).toContain('on se connecte avec son compte')
    const browser = sso.browserOf('alice')
    await sso.signIn(browser)
    expect(await sso.isIn(browser)).toBe(true)
  })

  test('a form kept from before and sent now opens nothing', async () => {
    const browser = createBrowser()
    const page = await browser.submit(replayed, {
      var_login: sso.site.webmaster.login,
      password: sso.site.webmaster.password,
    })
    expect(wordsOf(page)).toContain('on se connecte avec son compte')
    expect(await sso.isIn(browser)).toBe(false)
  })

  test('HTTP Basic with a good local password opens neither the private area, nor the public site, nor SPIP’s own try', async () => {
    const headers = basic(sso.site.webmaster.login, sso.site.webmaster.password)
    const browser = createBrowser()
    expect((await browser.fetch(`${sso.site.url}/ecrire/`, { headers })).location).toContain('page=login')
    expect(await sso.who(browser, headers)).toBe('||')
    await browser.fetch(`${sso.site.url}/spip.php?action=cookie&essai_auth_http=oui`, { headers })
    expect(await sso.isIn(browser)).toBe(false)
  })

  test('a local session from before is closed', async () => {
    expect(await sso.isIn(local)).toBe(false)
    expect(await sso.who(local)).toBe('||')
  })

  test('forgotten passwords are not sent, and the form says where to sign in', async () => {
    const browser = createBrowser()
    const page = await browser.open(`${sso.site.url}/spip.php?page=spip_pass`)
    expect(wordsOf(page)).toContain('on se connecte avec son compte')
    expect(formsOf(page).some(({ fields }) => 'oubli' in fields)).toBe(false)
    expect(await sso.site.mails()).toBe('')
  })

  test('it stays the single door when its settings cannot be read any more, and says so', async () => {
    await createBrowser().open(sso.site.url)
    await chmod(join(sso.site.root, 'config/schedar.php'), 0)
    const browser = createBrowser()
    const page = await browser.submit(replayed, {
      var_login: sso.site.webmaster.login,
      password: sso.site.webmaster.password,
    })
    expect(await sso.isIn(browser)).toBe(false)
    expect(wordsOf(page)).toContain('mal réglée')
    expect((await browser.fetch(sso.start())).status).toBe(503)
  })

  test('while the provider is away a plain page says so, and those who are in stay in', async () => {
    const inside = sso.browserOf('alice')
    await sso.signIn(inside)
    await sso.provider.down()
    expect(await sso.isIn(inside)).toBe(true)
  })

  test('set back to false, local passwords are good again', async () => {
    await sso.site.configure({ _SCHEDAR_SEUL: false })
    expect(await sso.isIn(await asWebmaster())).toBe(true)
    await sso.site.configure({ _SCHEDAR_SEUL: true })
  })
})

describe('the kit', () => {
  const target = (changes: Partial<KitTarget> = {}): KitTarget => ({
    issuer: 'https://id.asso.example',
    associationName: 'L’Asso \' " \\ $x ?> <?php',
    url: 'https://site.example/spip',
    client: {
      clientId: "c'1",
      clientSecret: '\\\'"$s?>',
      redirectUris: ['https://site.example/spip/spip.php?action=schedar_retour'],
      postLogoutRedirectUris: ['https://site.example/spip/'],
    },
    options: {},
    random: () => '',
    ...changes,
  })

  test('every PHP file compiles', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'schedar-kit-'))
    await writeKit(await spip.kit!(target()), folder)
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.php'))
    expect(files.length).toBeGreaterThan(20)
    for (const file of files) await run('php', ['-l', join(folder, file)])
    expect((await stat(join(folder, 'config/schedar.php'))).mode & 0o777).toBe(0o600)
    await rm(folder, { recursive: true })
  })

  test('the settings say what they were given, whatever it holds, and the file run by itself says nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'schedar-kit-'))
    const given = target({ options: { single_door: 'yes', session_hours: '8' } })
    await writeKit(await spip.kit!(given), folder)
    const file = join(folder, 'config/schedar.php')
    const { stdout } = await run('php', [
      '-r',
      `define('_ECRIRE_INC_VERSION', 1); include '${file}'; echo json_encode([_SCHEDAR_EMETTEUR, _SCHEDAR_CLIENT, _SCHEDAR_SECRET, _SCHEDAR_SITE, _SCHEDAR_NOM, _SCHEDAR_SEUL, _SCHEDAR_RATTACHER, _SCHEDAR_DUREE]);`,
    ])
    expect(JSON.parse(stdout)).toEqual([
      given.issuer,
      given.client.clientId,
      given.client.clientSecret,
      given.url,
      given.associationName,
      true,
      false,
      28_800,
    ])
    expect((await run('php', [file])).stdout).toBe('')
    await rm(folder, { recursive: true })
  })

  test('only the settings are secret, and only they hold the secret', async () => {
    const given = target({ client: { ...target().client, clientSecret: 'a-secret-to-look-for' } })
    const files = await spip.kit!(given)
    expect(files.filter(({ secret }) => secret).map(({ path }) => path)).toEqual(['config/schedar.php'])
    expect(
      files.filter(({ content }) => String(content).includes('a-secret-to-look-for')).map(({ path }) => path),
    ).toEqual(['config/schedar.php'])
    expect(files.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['LISEZMOI.txt', 'README.txt', 'plugins/schedar/paquet.xml', 'plugins/schedar/LICENSE']),
    )
  })

  test('what it cannot follow is refused by name', async () => {
    await expect(async () => spip.kit!(target({ options: { single_door: 'maybe' } }))).rejects.toMatchObject({
      code: 'invalid_value',
      field: 'single_door',
    })
    await expect(async () => spip.kit!(target({ options: { session_hours: '0' } }))).rejects.toMatchObject({
      field: 'session_hours',
    })
    await expect(async () => spip.kit!(target({ options: { seul: 'yes' } }))).rejects.toMatchObject({ field: 'seul' })
    await expect(async () => spip.kit!(target({ url: 'https://other.example' }))).rejects.toMatchObject({
      field: 'redirect_uris',
    })
  })

  test('the four languages say the same things', async () => {
    const lang = join(sso.site.root, 'plugins/schedar/lang')
    const keys = async (file: string): Promise<string[]> => {
      const { stdout } = await run('php', [
        '-r',
        `define('_ECRIRE_INC_VERSION', 1); $t = include '${join(lang, file)}'; foreach ($t as $k => $v) echo $k, ' ', implode(',', preg_match_all('/@\\w+@/', $v, $r) ? array_unique($r[0]) : []), "\\n";`,
      ])
      return stdout.trim().split('\n')
    }
    for (const module of ['schedar', 'paquet-schedar']) {
      const french = await keys(`${module}_fr.php`)
      for (const code of ['nl', 'en', 'de']) expect(await keys(`${module}_${code}.php`)).toEqual(french)
    }
  })
})
