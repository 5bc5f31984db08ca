// A site's mail kit: its files, filled in and safe whatever was typed; and what the doctor makes of the files that are there.
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { config as schema } from '../../plugins/msmtp/config.ts'
import { examine } from '../../plugins/msmtp/examine.ts'
import plugin from '../../plugins/msmtp/index.ts'
import type { KitFile } from '../../src/plugin.ts'
import { type KitExpectation, kitContract, kitTarget } from '../contract/kit.ts'

const SITE = 'velo.example'
const config = { server: 'mail.asso.example' }
const options = { user: 'site42' }

kitContract('msmtp', plugin, { config, options })

const target = (wanted: KitExpectation, clientId = SITE) => {
  const made = kitTarget(plugin, { config, options, ...wanted })
  return { ...made, client: { ...made.client, clientId } }
}
const files = async (wanted: KitExpectation = {}): Promise<Record<string, string>> =>
  Object.fromEntries((await plugin.kit!(target(wanted))).map(({ path, content }: KitFile) => [path, String(content)]))

describe('what is written', () => {
  test('the site is the user, its secret the password, in one file that is secret', async () => {
    const made = target({})
    const kit = await plugin.kit!(made)
    expect(kit.filter(({ secret }) => secret).map(({ path }) => path)).toEqual([`msmtp/${SITE}.conf`])
    const text = String(kit.find(({ secret }) => secret)!.content)
    for (const line of [
      'host mail.asso.example',
      'port 465',
      'tls on',
      'tls_starttls off',
      'auth plain',
      `user ${SITE}`,
      `password ${made.client.clientSecret}`,
      `from www@${SITE}`,
      'timeout 20',
    ])
      expect(text.split('\n')).toContain(line)
  })

  test.each([
    [{ port: 587 }, 'on'],
    [{ port: 465 }, 'off'],
    [{ port: 2587, tls: 'starttls' }, 'on'],
    [{ port: 587, tls: 'implicit' }, 'off'],
  ])('TLS always, begun as the port has it: %j', async (more, starttls) => {
    const text = (await files({ config: { ...config, ...more } }))[`msmtp/${SITE}.conf`]
    expect(text).toMatch(/^tls on$/m)
    expect(text).toMatch(new RegExp(`^tls_starttls ${starttls}$`, 'm'))
  })

  test('the pool’s lines cannot be changed by a script, and name the site’s own file', async () => {
    const made = await files({ config: { ...config, folder: '/srv/msmtp' } })
    expect(made[`php-fpm/${SITE}.conf`]).toContain(
      `php_admin_value[sendmail_path] = "/usr/bin/msmtp -C /srv/msmtp/${SITE}.conf -t"`,
    )
    expect(made[`php-fpm/${SITE}.conf`]).toContain('php_admin_flag[mail.add_x_header] = on')
    expect(made[`apache/${SITE}.conf`]).toContain(`php_admin_value sendmail_path "/usr/bin/msmtp -C /srv/msmtp/`)
    expect(made[`apache/${SITE}.conf`]).toContain('php_admin_flag mail.add_x_header On')
  })

  test('the site’s user is taken off the list; Postfix’s reaches port 25', async () => {
    const made = await files({ config: { ...config, postfixUser: 'mta' } })
    expect(made['README.md']).toContain("sed -i '/^site42[[:space:]]/d' /etc/postfix/schedar_submit_users")
    expect(made['postfix/schedar_submit_users']).not.toContain('site42')
    expect(made['nftables/schedar-port25.nft']).toContain('tcp dport 25 meta skuid != { root, mta } reject')
  })

  test('a site that runs as the web server’s own user is told that it is not protected', async () => {
    expect((await files({ options: { user: 'www-data' } }))['README.md']).toContain('This site is not protected')
    const protectedOne = (await files())['README.md']
    expect(protectedOne).not.toContain('This site is not protected')
    expect(protectedOne).toContain('not\nprotected from each other')
  })
})

describe('what is refused', () => {
  test.each<[string, Record<string, string>]>([
    ['options.user', {}],
    ['options.user', { user: 'site 42' }],
    ['options.user', { user: 'x; rm -rf /' }],
    ['options.user', { user: "x'" }],
    ['options.user', { user: '-x' }],
    ['options.group', { user: 'x', group: '$(id)' }],
    ['options.from', { user: 'x', from: 'nobody' }],
    ['options.from', { user: 'x', from: 'a@b.example\npassword x' }],
    ['options.sender', { user: 'x', sender: 'a@b.example' }],
  ])('%s: %j', async (field, wrong) => {
    await expect(async () => plugin.kit!(target({ options: wrong }))).rejects.toMatchObject({
      code: 'invalid_value',
      field,
    })
  })

  test.each<[string, unknown]>([
    ['server', { server: 'mail.example\nlogfile /etc/passwd' }],
    ['server', { server: '' }],
    ['folder', { ...config, folder: 'relative' }],
    ['folder', { ...config, folder: '/etc/ms mtp' }],
    ['caFile', { ...config, caFile: '/x"y' }],
    ['port', { ...config, port: 0 }],
    ['postfixUser', { ...config, postfixUser: '{ 0 }' }],
    ['tls', { ...config, tls: 'off' }],
  ])('services.msmtp.%s', async (field, wrong) => {
    await expect(async () => plugin.kit!(target({ config: wrong as Record<string, unknown> }))).rejects.toMatchObject({
      code: 'invalid_value',
      field: `services.msmtp.${field}`,
    })
  })

  test('no configuration, no host name, no secret', async () => {
    const { config: _config, ...without } = target({})
    await expect(async () => plugin.kit!(without)).rejects.toMatchObject({ code: 'required' })
    for (const name of ['../../etc/x', 'a b', '', '-x', 'x\ny'])
      await expect(async () => plugin.kit!(target({}, name)), name).rejects.toMatchObject({ field: 'site' })
    const made = target({})
    for (const clientSecret of ['', 'short', `${randomBytes(20).toString('hex')}\nhost evil.example`])
      await expect(async () =>
        plugin.kit!({ ...made, client: { ...made.client, clientSecret } }),
      ).rejects.toMatchObject({ field: 'secret' })
  })
})

describe('what the doctor makes of it', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'schedar-msmtp-'))
    return () => rm(folder, { recursive: true })
  })
  const put = async (site: string, mode = 0o600) => {
    await writeFile(join(folder, `${site}.conf`), 'password x\n')
    await chmod(join(folder, `${site}.conf`), mode)
  }
  /** A passwd(5) in which whoever runs the test has this name. */
  const passwd = async (name: string) => {
    const path = join(folder, 'passwd')
    await writeFile(path, `nobody:x:65534:65534::/:/bin/false\n${name}:x:${userInfo().uid}:0:::\n`)
    return path
  }
  const look = async (sites: string[], name = 'site42', host?: string) =>
    examine({ ...schema.parse({ ...config, folder }), ...(host && { host }) }, sites, await passwd(name))

  test('one file of a user of its own: nothing; no sites: nothing', async () => {
    await put(SITE)
    expect(await look([SITE])).toEqual([])
    expect(await look([])).toEqual([])
  })

  test('no file, a file that others read, a folder that is none', async () => {
    await put(SITE, 0o640)
    expect(await look([SITE, 'wiki.example'])).toEqual([
      `others can read the login of ${SITE}: chmod 0600 ${folder}/${SITE}.conf`,
      `wiki.example has a login to send with, and no ${folder}/wiki.example.conf: its forms do not use it here`,
    ])
    await writeFile(join(folder, 'not-a-folder'), '')
    const beside = schema.parse({ ...config, folder: join(folder, 'not-a-folder') })
    expect(await examine(beside, [SITE])).toEqual([expect.stringContaining('ENOTDIR')])
  })

  test('two of one user: they can send as each other', async () => {
    await put(SITE)
    await put('wiki.example')
    expect(await look([SITE, 'wiki.example'])).toEqual([
      `${SITE}, wiki.example: unprotected from each other, all running as site42: each can send as the others`,
    ])
  })

  test('the web server’s own user: any site can, also when it is alone', async () => {
    await put(SITE)
    expect(await look([SITE], 'www-data')).toEqual([
      `${SITE}: unprotected, running as www-data: any site that runs as it can send with the login`,
    ])
  })

  test('on another machine there is nothing to look at', async () => {
    expect(await look([SITE], 'site42', 'elsewhere.example')).toEqual([])
    expect(await look([SITE], 'site42', hostname())).toHaveLength(1)
  })
})
