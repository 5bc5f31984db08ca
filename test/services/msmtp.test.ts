// A web form's mail is a member's mail: PHP in a pool of the site's own sends through msmtp, Postfix and Dovecot with the login
// that `schedar site mail-kit` made, installed by the commands of its README; a burst stops the site alone; the other ways out
// are closed.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { run } from '../../src/cli/program.ts'
import { type Installation, openInstallation } from '../../src/compose.ts'
import type { ServedDoors } from '../../src/plugin.ts'
import { heldMessages, releaseMessages } from '../../src/usecases/held-messages.ts'
import { liftQuarantine } from '../../src/usecases/quarantine.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { type PhpFpm, startPhpFpm } from '../support/php-fpm.ts'
import { type Postfix, startPostfix } from '../support/postfix.ts'
import { FORM, installMailKit } from '../support/web-forms.ts'

const execute = promisify(execFile)

const SITE = 'velo.example'
const OTHER = 'wiki.example'
/** Users that Debian has and nobody uses. */
const USER = 'games'
const OTHER_USER = 'news'
const FAR = 'far@example.net'

let folder: string
let file: string
let dovecot: Dovecot
let postfix: Postfix
let installation: Installation
let doors: ServedDoors
let php: PhpFpm | undefined

async function schedar(...argv: string[]) {
  const printed = { out: '', err: '' }
  const write = (name: 'out' | 'err') => ({ write: (text: string) => (printed[name] += text) })
  const streams = { out: write('out'), err: write('err'), in: Readable.from([]), env: {} }
  return { code: await run(['--config', file, ...argv], streams), ...printed }
}
async function done(...argv: string[]): Promise<string> {
  const { code, out, err } = await schedar(...argv)
  expect([argv.join(' '), code, err]).toEqual([argv.join(' '), 0, ''])
  return out
}
const as = (user: string, ...command: string[]) =>
  execute('setpriv', [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', ...command])

const kitFolder = (site: string) => join(folder, `kit-${site}`)

async function makeKit(site: string, user: string, ...more: string[]): Promise<void> {
  await done('site', 'mail-kit', site, kitFolder(site), '--user', user, ...more)
  await installMailKit(kitFolder(site), postfix, folder)
}
const send = (subject: string, query: Record<string, string> = {}) =>
  php!.get('velo', 'contact.php', { to: FAR, subject, ...query })
const arrived = (subject: string) => postfix.sink.mails.find(({ text }) => text.includes(`Subject: ${subject}`))
/** Dovecot looks at a file once a second. */
const sends = (subject: string, expected: string) =>
  expect.poll(() => send(subject), { timeout: 20_000 }).toContain(expected)

beforeAll(async () => {
  folder = await mkdtemp('/tmp/forms-')
  await execute('chmod', ['755', folder])
  dovecot = await startDovecot({
    homes: true,
    logins: [],
    provider: { issuer: 'http://127.0.0.1:9', client: { clientId: 'dovecot', clientSecret: 'x'.repeat(40) } },
    former: 'listed',
  })
  postfix = await startPostfix({ dovecot })
  await writeFile(join(folder, 'ca.pem'), postfix.ca)
  await writeFile(join(folder, 'doveadm.key'), dovecot.config.doveadmApiKey, { mode: 0o600 })
  file = join(folder, 'schedar.yaml')
  const limits = { messagesPerHour: 6, messagesPerDay: 100, recipientsPerHour: 100, recipientsPerDay: 100 }
  await writeFile(
    file,
    stringify({
      issuer: 'http://127.0.0.1:9',
      services: {
        mailboxes: { plugin: 'dovecot', ...dovecot.config, doveadmApiKey: `file:${join(folder, 'doveadm.key')}` },
        mail: { plugin: 'postfix', ...postfix.config, limits: { site: limits } },
        forms: {
          plugin: 'msmtp',
          server: '127.0.0.1',
          port: postfix.submissionsPort,
          folder: join(folder, 'msmtp'),
          caFile: join(folder, 'ca.pem'),
        },
      },
    }),
  )
  installation = await openInstallation({ file, env: {}, log: { level: 'error', to: process.stderr } })
  const { core } = installation
  await core.store.organisations.add({
    id: core.random.uuid(),
    name: 'Cassiopée',
    country: 'BE',
    timeZone: 'Europe/Brussels',
    locale: 'fr',
    contactEmail: 'bureau@cassiopee.example',
    createdAt: core.clock.now(),
  })
  await done('member', 'add', '101', 'Les Amis du Vélo', '--covered-until', '2099-12-31')
  for (const site of [SITE, OTHER]) await done('site', 'add', site, '--member', '101')
  await makeKit(SITE, USER)
  doors = await installation.serveDoors()
  const kit = await readFile(join(kitFolder(SITE), `php-fpm/${SITE}.conf`), 'utf8')
  php = await startPhpFpm([{ name: 'velo', user: USER, lines: kit, scripts: { 'contact.php': FORM } }])
})
afterAll(async () => {
  await php?.remove()
  await doors?.close()
  await installation?.close()
  await postfix?.remove()
  await dovecot?.remove()
  await rm(folder, { recursive: true, force: true })
})

describe('a form sends', () => {
  test('with the site’s login; the header names the script, the record the site and its member', async () => {
    await sends('premier', 'sent')
    await expect.poll(() => arrived('premier')).toBeDefined()
    const { from, to, text } = arrived('premier')!
    expect([from, to]).toEqual([`www@${SITE}`, [FAR]])
    expect(text).toMatch(/^X-PHP-Originating-Script: \d+:contact\.php\r?$/m)
    expect(text).toContain(`From: www@${SITE}`)
    const [message] = await installation.core.store.outgoing.list({ login: SITE, limit: 1 })
    expect(message).toMatchObject({ login: SITE, sender: `www@${SITE}`, state: 'passed', memberId: expect.any(String) })
  })

  test('what it says in From stays; another sender of the site is the script’s to give, nobody else’s', async () => {
    expect(await send('from', { headers: 'From: Visiteuse <someone@example.org>' })).toBe('sent')
    await expect.poll(() => arrived('from')).toBeDefined()
    expect(arrived('from')!.text).toContain('someone@example.org')
    expect(await send('own sender', { f: `liste@${SITE}` })).toBe('sent')
    await expect.poll(() => arrived('own sender')?.from).toBe(`liste@${SITE}`)
    expect(await send('foreign', { f: 'victim@example.org' })).toContain('could not be sent')
    expect(await send('injected', { to: `${FAR}\r\nBcc: more@example.net` })).not.toContain('Warning')
  })

  test('with a file that is its user’s alone; the password is printed nowhere', async () => {
    const path = join(folder, 'msmtp', `${SITE}.conf`)
    const { mode, uid } = await stat(path)
    expect([mode & 0o777, uid]).toEqual([0o600, Number((await execute('id', ['-u', USER])).stdout)])
    const secret = /^password (\S+)$/m.exec(await readFile(path, 'utf8'))![1]!
    const printed = await done(
      'site',
      'mail-kit',
      OTHER,
      kitFolder(OTHER),
      '--user',
      OTHER_USER,
      '--from',
      `a@${OTHER}`,
    )
    const others = /^password (\S+)$/m.exec(await readFile(join(kitFolder(OTHER), `msmtp/${OTHER}.conf`), 'utf8'))![1]!
    expect(printed).not.toContain(others)
    expect((await stat(join(kitFolder(OTHER), `msmtp/${OTHER}.conf`))).mode & 0o777).toBe(0o600)
    expect(JSON.stringify(await installation.core.store.audit.list({ limit: 1000 }))).not.toContain(secret)
    await expect(as(OTHER_USER, 'cat', path)).rejects.toThrow('Permission denied')
    await expect(as(OTHER_USER, 'sh', '-c', `msmtp -C ${path} ${FAR} < /dev/null`)).rejects.toThrow()
  })
})

describe('what goes wrong is said', () => {
  test('a wrong password, a renewed and a withdrawn login: mail() is false, and the page can say so', async () => {
    const path = join(folder, 'msmtp', `${SITE}.conf`)
    const right = await readFile(path, 'utf8')
    await writeFile(path, right.replace(/^password .*$/m, 'password wrongwrongwrongwrong'))
    expect(await send('wrong')).toBe('Your message could not be sent. Please write to us by mail.')
    await writeFile(path, right)
    expect(await send('right')).toBe('sent')
    await done('site', 'mail-login', SITE, '--remove')
    await sends('withdrawn', 'could not be sent')
    await makeKit(SITE, USER)
    await sends('again', 'sent')
    await expect.poll(() => arrived('again')).toBeDefined()
    expect(arrived('wrong')).toBeUndefined()
  })

  test('a mail server that is down', async () => {
    await postfix.stop()
    expect(await send('down')).toContain('could not be sent')
    await postfix.start()
    expect(await send('up')).toBe('sent')
  })

  test('a member that is suspended sends no more, at once; restored, it does', async () => {
    await done('member', 'suspend', '101', '--reason', 'x')
    expect(await send('suspended')).toContain('could not be sent')
    await done('member', 'restore', '101')
    await sends('restored', 'sent')
    expect(arrived('suspended')).toBeUndefined()
  })
})

describe('a burst', () => {
  test('is held with the script’s name; the site alone is stopped; released by a person, it arrives', async () => {
    const { core, queues } = installation
    await makeKit(OTHER, OTHER_USER)
    for (let n = 0; n < 20 && (await core.store.quarantines.open()).length === 0; n++) await send(`burst ${n}`)
    expect(await core.store.quarantines.open()).toMatchObject([{ login: SITE, reason: 'burst' }])
    expect(await send('after')).toContain('could not be sent')
    const [held] = await heldMessages(core, queues)(SITE)
    expect(held!.queued).toMatchObject({ script: expect.stringMatching(/\d+:contact\.php/), recipients: [FAR] })
    const { subject } = held!.queued!
    expect(arrived(subject)).toBeUndefined()

    const others = join(folder, 'msmtp', `${OTHER}.conf`)
    await expect
      .poll(
        () =>
          as(OTHER_USER, 'sh', '-c', `printf 'Subject: other site\\n\\n' | /usr/bin/msmtp -C ${others} ${FAR}`).then(
            () => 'sent',
            String,
          ),
        { timeout: 20_000 },
      )
      .toBe('sent')

    await releaseMessages(core, queues)({ service: 'mail', queueIds: [held!.queueId], actor: 'root' })
    await expect.poll(() => arrived(subject), { timeout: 20_000 }).toBeDefined()
    const [quarantine] = await core.store.quarantines.open()
    await liftQuarantine(core)({ id: quarantine!.id, actor: 'root' })
    await installation.reconciler.drain()
    await sends('lifted', 'sent')
  })
})

describe('no other way out', () => {
  /** In a mount namespace in which the private Postfix is the machine's: sendmail(1) reads no other main.cf for a user. */
  const sendmail = (user: string) =>
    execute('unshare', [
      '-m',
      'sh',
      '-ec',
      `mount --bind ${postfix.config.configDir} /etc/postfix
printf 'Subject: sendmail by ${user}\\n\\n' | setpriv --reuid=${user} --regid=${user} --clear-groups /usr/sbin/sendmail ${FAR}`,
    ])

  test('sendmail(1): only users on the list', async () => {
    const list = join(postfix.config.configDir, 'schedar_submit_users')
    await expect(sendmail(USER)).rejects.toThrow(/not allowed to submit mail/)
    await writeFile(list, `${await readFile(list, 'utf8')}backup OK\n${USER} OK\n`)
    await sendmail('backup')
    await expect.poll(() => arrived('sendmail by backup'), { timeout: 20_000 }).toBeDefined()
    await makeKit(SITE, USER)
    expect(await readFile(list, 'utf8')).toContain('backup OK')
    await expect(sendmail(USER), 'a kit takes its user off').rejects.toThrow(/not allowed to submit mail/)
    await sendmail('backup')
  })

  test('port 25: only Postfix and root reach it', async () => {
    const nft = join(kitFolder(SITE), 'nftables/schedar-port25.nft')
    const probe = join(folder, 'probe.php')
    await writeFile(probe, `<?php echo @stream_socket_client('tcp://127.0.0.1:25', $no, $text, 3) ? 'open' : $text;`)
    const server = `php -r '$s = stream_socket_server("tcp://127.0.0.1:25"); while (stream_socket_accept($s, 30)) {}' & sleep 0.5`
    const ask = (user: string) => `echo ${user} $(setpriv --reuid=${user} --regid=nogroup --clear-groups php ${probe})`
    const { stdout } = await execute('unshare', [
      '-n',
      'sh',
      '-ec',
      `ip link set lo up
nft -c -f ${nft}; nft -f ${nft}; nft -f ${nft}
${server}
${['root', 'postfix', USER, 'www-data'].map(ask).join('\n')}
kill $!`,
    ])
    expect(stdout.trim().split('\n')).toEqual([
      'root open',
      'postfix open',
      `${USER} Connection refused`,
      'www-data Connection refused',
    ])
  })
})

test('the doctor says when sites share a user, and when a login is not in use', async () => {
  const finding = async () =>
    JSON.parse((await schedar('--json', 'doctor')).out).find(
      ({ check }: { check: string }) => check === 'service forms',
    )
  expect(await finding()).toMatchObject({ state: 'ok' })
  const own = join(folder, 'msmtp', `${OTHER}.conf`)
  await execute('chown', [USER, own])
  expect(await finding()).toMatchObject({
    state: 'wrong',
    detail: `${SITE}, ${OTHER}: unprotected from each other, all running as ${USER}: each can send as the others`,
    page: 'docs/services/msmtp.md',
  })
  await execute('chown', ['www-data', own])
  expect(await finding()).toMatchObject({ state: 'wrong', detail: expect.stringContaining(`${OTHER}: unprotected`) })
  await rm(own)
  expect(await finding()).toMatchObject({ state: 'wrong', detail: expect.stringContaining('do not use it here') })
})
