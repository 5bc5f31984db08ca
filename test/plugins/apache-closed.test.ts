// The marks of closed sites that Apache looks for: the folder among other people's hands, names that are none, and the kit.
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PROBE } from '../../plugins/apache/closed.ts'
import { config } from '../../plugins/apache/config.ts'
import apache from '../../plugins/apache/index.ts'
import type { ServiceKitTarget } from '../../src/plugin.ts'
import { pluginHost, siteSubject } from '../support/subjects.ts'

const soon = () => AbortSignal.timeout(20_000)
const openIn = (folder: string, more: Record<string, unknown> = {}) =>
  apache.open!(config.parse({ folder, ...more }), pluginHost(folder))

describe('the folder', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'closed-'))
  })
  afterEach(() => rm(folder, { recursive: true }))
  const files = async () => (await readdir(folder)).filter((name) => name !== '.lock' && name !== PROBE).toSorted()
  const text = (name: string) => readFile(join(folder, name), 'utf8')
  const set = async (access: 'none' | 'full', ...names: string[]) => {
    const service = await openIn(folder, { aliases: { 'b.example': ['shop.b.example', 'b.test'] } })
    await service.apply(new Map(names.map((name) => [name, service.render(siteSubject(name, { access }))])), soon())
  }

  test('has a file for each name of a closed site, with and without www. or as schedar.yaml says', async () => {
    await set('none', 'a.example', 'b.example', 'www.c.example')
    expect(await files()).toEqual([
      'a.example',
      'b.example',
      'b.test',
      'c.example',
      'shop.b.example',
      'www.a.example',
      'www.c.example',
    ])
    expect(await text('www.a.example')).toBe('closed by schedar: a.example\n')
    expect((await stat(join(folder, 'a.example'))).mode & 0o777).toBe(0o644)
    await set('full', 'a.example', 'b.example', 'www.c.example')
    expect(await files()).toEqual([])
  })

  test('two sites that share a name are closed and opened each by itself', async () => {
    await set('none', 'a.example', 'www.a.example')
    await set('full', 'a.example')
    const service = await openIn(folder)
    expect([...(await service.observe(['a.example', 'www.a.example'], soon())).keys()]).toEqual(['www.a.example'])
    expect(await files()).toEqual(['a.example', 'www.a.example'])
  })

  test('what somebody closed by hand stays closed, and is not ours', async () => {
    for (const [name, said] of [
      ['empty.example', ''],
      ['said.example', 'attack, ask Zoé\n'],
    ] as const)
      await writeFile(join(folder, name), said)
    const service = await openIn(folder)
    expect(await Array.fromAsync(service.list!(soon()))).toEqual([])
    await set('none', 'empty.example', 'said.example')
    expect((await service.observe(['empty.example'], soon())).size).toBe(1)
    await set('full', 'empty.example', 'said.example')
    expect(await files()).toEqual(['empty.example', 'said.example'])
    expect(await text('said.example')).toBe('attack, ask Zoé\n')
  })

  test('names that changed in schedar.yaml are found by the nightly run', async () => {
    await set('none', 'a.example')
    const service = await openIn(folder, { aliases: { 'a.example': ['other.example'] } })
    const wanted = service.render(siteSubject('a.example', { access: 'none' }))
    expect((await service.observe(['a.example'], soon())).get('a.example')).not.toEqual(wanted)
    await service.apply(new Map([['a.example', wanted]]), soon())
    expect(await files()).toEqual(['a.example', 'other.example'])
  })

  test.each([
    'a.example\nclosed by schedar: b.example',
    '../a',
    '/etc/a',
    '.lock',
    '.',
    'a b',
    'A.example',
    'é.example',
    '',
    PROBE,
    'a'.repeat(300),
  ])('%j is no name of a site: it is refused, and the others are closed', async (name) => {
    await expect(set('none', name, 'a.example')).rejects.toMatchObject({ code: 'invalid_value', field: 'site' })
    expect(await files()).toEqual(['a.example', 'www.a.example'])
  })

  test('without the folder, or with one that Apache may not look into, check says so and that no site is closed', async () => {
    const says = async (detail: RegExp) =>
      expect((await openIn(folder)).check(soon())).rejects.toMatchObject({
        code: 'service_unavailable',
        detail: expect.stringMatching(detail),
      })
    await says(/closed\.schedar\.invalid is missing: install the kit; until then no site is closed/)
    await set('full')
    await says(/Apache may not look into .*chmod 0755/)
    await chmod(folder, 0o755)
    await says(/Apache (does not answer|at) .*no site is closed/)
    const missing = await openIn(join(folder, 'none'))
    await expect(missing.check(soon())).rejects.toMatchObject({ code: 'service_unavailable' })
    const row = missing.render(siteSubject('a.example', { access: 'none' }))
    await expect(missing.apply(new Map([['a.example', row]]), soon())).rejects.toMatchObject({
      code: 'service_unavailable',
    })
  })

  test('what a link leads to is left as it is', async () => {
    await writeFile(join(folder, '.elsewhere'), 'mine\n')
    await symlink(join(folder, '.elsewhere'), join(folder, 'a.example'))
    await set('none', 'a.example')
    expect(await text('.elsewhere')).toBe('mine\n')
    expect((await stat(join(folder, 'a.example'))).isFile()).toBe(true)
  })
})

describe('schedar.yaml', () => {
  test.each([
    [{ folder: 'relative' }],
    [{ folder: '/a/../b' }],
    [{ folder: '/a b' }],
    [{ folder: '/a"b' }],
    [{ folder: '/a', aliases: { 'A b': [] } }],
    [{ folder: '/a', aliases: { 'a.example': ['b\nc'] } }],
    [{ folder: '/a', probe: 'http://example.org/' }],
    [{ folder: '/a', probe: 'http://127.0.0.1@example.org/' }],
    [{ folder: '/a', probe: 'http://127.0.0.1.example.org/' }],
  ])('%j is refused', (given) => {
    expect(config.safeParse(given).success).toBe(false)
  })
})

describe('the kit for the server', () => {
  const target = (options: Record<string, string> = {}): ServiceKitTarget => ({
    issuer: 'https://id.asso.example',
    associationName: `L'Asso & "<b>Cie</b>" %{ENV:x} $\{HOME} \\
Set-Cookie: a=b`,
    contactEmail: 'bureau@asso.example',
    config: config.parse({ folder: '/var/lib/schedar-apache' }),
    options,
  })
  const files = (options?: Record<string, string>) =>
    Object.fromEntries(apache.serviceKit!(target(options)).map(({ path, content }) => [path, String(content)]))

  test('a page in four languages, and nothing of the association’s name that Apache or a browser would take for more', () => {
    const conf = files()['schedar-closed.conf']!
    for (const lang of ['fr', 'nl', 'en', 'de']) expect(conf).toContain(`<section lang='${lang}'>`)
    expect(conf).not.toMatch(/<b>Cie|<script|%\{ENV|\$\{HOME|^Set-Cookie/m)
    // One argument on one line, in plain ASCII.
    expect(conf.match(/ErrorDocument 503 "[ !#-~]+"\n/)).not.toBeNull()
  })

  test('addresses of sign-outs are exact', () => {
    expect(files({ logout: 'none' })['schedar-closed.conf']).not.toContain('oidc/callback')
    expect(files({ logout: '/wiki/oidc/callback?logout=backchannel' })['schedar-closed.conf']).toContain(
      '#^POST (?:/wiki/oidc/callback\\?logout=backchannel)$#',
    )
  })

  test.each([
    ['user', { user: 'root; rm' }],
    ['logout', { logout: '/x?a"b' }],
    ['logout', { logout: 'x' }],
    ['other', { other: '1' }],
  ])('%s that a configuration cannot hold is refused', (field, options) => {
    expect(() => files(options)).toThrow(expect.objectContaining({ code: 'invalid_value', field }))
  })
})
