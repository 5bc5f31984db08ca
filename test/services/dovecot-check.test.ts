// What the check of the service proves at a real Dovecot: that it looks where Schedar writes. And what it says when not.
import { chmod, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { DovecotConfig } from '../../plugins/dovecot/config.ts'
import plugin from '../../plugins/dovecot/index.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { pluginHost } from '../support/subjects.ts'

const client = { clientId: 'dovecot', clientSecret: 'x'.repeat(40) }
const soon = () => AbortSignal.timeout(30_000)
let dovecot: Dovecot
let first: string
let original: string
beforeAll(async () => {
  dovecot = await startDovecot({ homes: true, logins: [], provider: { issuer: 'http://127.0.0.1:9', client } })
  first = join(dovecot.dir, 'conf.d/00-schedar.conf')
  original = await readFile(first, 'utf8')
})
afterAll(() => dovecot?.remove())

const check = async (more: Partial<DovecotConfig> = {}) => {
  const service = await plugin.open!({ ...dovecot.config, ...more }, pluginHost(dovecot.dir))
  await service.check(soon())
}
const left = async () => {
  const [denied, logins] = ['denied', 'logins'].map((name) => join(dovecot.config.folder, name))
  const files = await Promise.all((await readdir(logins!)).map((name) => readFile(join(logins!, name), 'utf8')))
  return [
    ...(await readdir(denied!)),
    ...files
      .join('')
      .split('\n')
      .filter((line) => line.includes('schedar-check')),
  ]
}
const says = (text: string) => ({ code: 'service_unavailable', detail: expect.stringContaining(text) })

test('with everything in its place it passes, as often as one likes, and leaves nothing', async () => {
  await check()
  await Promise.all([check(), check()])
  expect(await left()).toEqual([])
  expect((await readdir(join(dovecot.dir, 'mail'))).length, 'no mailbox was opened').toBe(0)
})

describe('what is wrong is named', () => {
  afterEach(async () => {
    await writeFile(first, original)
    expect(await left()).toEqual([])
  })
  const withConf = async (change: (text: string) => string) => {
    const text = change(original)
    expect(text).not.toBe(original)
    await writeFile(first, text)
    await dovecot.start()
  }
  const block = (kind: string, of: string) =>
    new RegExp(`^${kind} \\{\\n(?:(?!^\\})[\\s\\S])*?${of}[\\s\\S]*?^\\}\\n`, 'm')

  test('the deny files are not looked at, or not first', async () => {
    await withConf((text) => text.replace(block('passdb', 'deny = yes'), ''))
    await expect(check()).rejects.toMatchObject(says(`${dovecot.config.folder}/denied: its passdb must be the first`))
    const denial = block('passdb', 'deny = yes').exec(original)![0]
    await withConf((text) => `${text.replace(denial, '')}${denial}`)
    await expect(check()).rejects.toMatchObject(says('its passdb must be the first'))
  })

  test('the app passwords are not looked at', async () => {
    await withConf((text) => text.replace('%Lu/%s/%{sha256;rounds=1:password}', '%Lu/%s/%{sha256;rounds=2:password}'))
    await expect(check()).rejects.toMatchObject(says('does not know the app passwords'))
  })

  test('mailboxes are found elsewhere', async () => {
    await withConf((text) => text.replace(block('userdb', 'username_format=%Lu '), ''))
    await expect(check()).rejects.toMatchObject(says(`${dovecot.config.folder}/logins`))
    // Where the mail is, is Dovecot's own to know: nothing is missing.
    await check({ mailHome: undefined })
  })

  test('Dovecot may not read the folder', async () => {
    await dovecot.start()
    const folder = join(dovecot.config.folder, 'logins')
    await chmod(folder, 0o700)
    await expect(check()).rejects.toMatchObject(says('who may read the folder'))
    await chmod(folder, 0o2750)
    await check()
  })

  test('the folder is not there', async () => {
    const folder = join(dovecot.config.folder, 'denied')
    await rename(folder, `${folder}.away`)
    await expect(check()).rejects.toMatchObject(says(`${folder}: ENOENT`))
    await rename(`${folder}.away`, folder)
  })

  test('IMAP is not there, or something else is', async () => {
    await expect(check({ imapUrl: 'imap://127.0.0.1:9' })).rejects.toMatchObject(says('imap://127.0.0.1:9'))
    const other = createServer((socket) => socket.end('220 hello\r\n'))
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    await expect(check({ imapUrl: `imap://127.0.0.1:${port}` })).rejects.toMatchObject(says('hung up'))
    other.close()
    await check({ imapUrl: undefined })
  })

  test('doveadm does not take the key', async () => {
    await expect(check({ doveadmApiKey: 'y'.repeat(40) })).rejects.toMatchObject(says('refused the key'))
  })
})

test('what a killed check left is taken away by the next', async () => {
  const denied = join(dovecot.config.folder, 'denied/refused.schedar-check@schedar.invalid')
  await writeFile(
    denied,
    '# Written by Schedar, removed by it when access returns.\nrefused.schedar-check@schedar.invalid:\n',
  )
  const service = await plugin.open!(dovecot.config, pluginHost(dovecot.dir))
  expect(await Array.fromAsync(service.list!(soon())), 'it is no orphan').toEqual([])
  await service.check(soon())
  expect(await left()).toEqual([])
  await rm(denied, { force: true })
})
