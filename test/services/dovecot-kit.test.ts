// The kit on other installations of a real Dovecot: over https, beside the distribution's own files, with filters and the
// sockets for a Postfix.
import { execFile } from 'node:child_process'
import { chmod, copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import plugin from '../../plugins/dovecot/index.ts'
import { kitTarget } from '../contract/plugin.ts'
import { type Dovecot, shellBlocks, startDovecot } from '../support/dovecot.ts'
import { startProvider } from '../support/introspection-provider.ts'
import { attempt, UNAVAILABLE } from '../support/mail-sign-in.ts'
import { makeAuthority } from '../support/tls.ts'

const run = promisify(execFile)
const ALICE = 'alice@asso.example'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kit-'))
  await chmod(dir, 0o755) // certificates are read as Dovecot's own user
})
afterAll(() => rm(dir, { recursive: true }))

test('over https, Dovecot asks only a provider whose certificate it trusts', async () => {
  const authority = await makeAuthority(dir)
  const provider = await startProvider(await authority.issue(['IP:127.0.0.1']))
  const started: Dovecot[] = []
  const trusting = async (caFile: string) => {
    const dovecot = await startDovecot({ logins: [ALICE], provider, caFile })
    started.push(dovecot)
    return dovecot
  }
  try {
    const { accessToken } = await provider.signIn(ALICE)
    expect(await attempt(await trusting(authority.caFile), 'XOAUTH2', ALICE, accessToken)).toBe('OK')
    const another = await makeAuthority(dir)
    expect(await attempt(await trusting(another.caFile), 'XOAUTH2', ALICE, accessToken)).toBe(UNAVAILABLE)
  } finally {
    for (const dovecot of started) await dovecot.remove()
    await provider.stop()
  }
})

test("the page's own proof gives what it says", async () => {
  const client = { clientId: 'dovecot', clientSecret: 'x'.repeat(40) }
  const dovecot = await startDovecot({ logins: [ALICE], provider: { issuer: 'http://127.0.0.1:9', client } })
  try {
    const readme = await readFile(join(dovecot.dir, 'kit/README.md'), 'utf8')
    const proof = shellBlocks(readme)
      .at(-2)
      ?.replaceAll('sudo ', '')
      .replace('doveadm ', `doveadm -c ${dovecot.dir}/dovecot.conf `)
    expect((await run('sh', ['-c', `${proof}`])).stdout).toContain('code=user_disabled')
    expect(await dovecot.doveadm('auth', 'test', ALICE, 'x')).not.toContain('user_disabled')
    expect(await readdir(join(dovecot.config.folder, 'denied'))).toEqual([])
  } finally {
    await dovecot.remove()
  }
})

test('Dovecot closes a connection to Schedar before a proxy would: used just then, it would refuse a sign-in', async () => {
  const told = { active: true, scope: 'mail', mail_login: ALICE, token_type: 'Bearer' }
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.setHeader('content-type', 'application/json').end(JSON.stringify(told)))
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const client = { clientId: 'dovecot', clientSecret: 'x'.repeat(40) }
  const dovecot = await startDovecot({ logins: [ALICE], provider: { issuer: `http://127.0.0.1:${port}`, client } })
  const connections = promisify(server.getConnections.bind(server))
  try {
    expect(await attempt(dovecot, 'XOAUTH2', ALICE, 'token')).toBe('OK')
    expect(await connections()).toBe(1)
    // Apache keeps them for five seconds (KeepAliveTimeout).
    await expect.poll(() => connections(), { timeout: 4500 }).toBe(0)
  } finally {
    await dovecot.remove()
    server.close()
  }
})

/** Debian's own files with the kit's beside them, put there by the commands of its page; what `doveconf -n` makes of it. */
async function beside(options: Record<string, string>, blocks: readonly number[]): Promise<string> {
  const at = await mkdtemp(join(dir, 'etc-'))
  await copyFile('/usr/share/dovecot/dovecot.conf', join(at, 'dovecot.conf'))
  await cp('/usr/share/dovecot/conf.d', join(at, 'conf.d'), { recursive: true })
  const config = {
    folder: join(at, 'schedar'),
    doveadmUrl: 'http://127.0.0.1:8080',
    doveadmApiKey: 'x'.repeat(40),
    policyUrl: 'http://127.0.0.1:8081',
    policyKey: 'y'.repeat(40),
    mailHome: join(at, 'vmail/{domain}/{local}'),
  }
  const defaults = { dovecot_dir: at, user: 'root', mail_user: 'root' }
  const files = await plugin.kit!(kitTarget(plugin, { config, options: { ...defaults, ...options } }))
  for (const { path, content } of files) {
    await mkdir(dirname(join(at, 'kit', path)), { recursive: true })
    await writeFile(join(at, 'kit', path), content)
  }
  const page = shellBlocks(String(files.find(({ path }) => path === 'README.md')?.content))
  for (const block of blocks) await run('sh', ['-ec', page[block]!.replaceAll('sudo ', '')], { cwd: join(at, 'kit') })
  return (await run('doveconf', ['-n', '-c', join(at, 'dovecot.conf')])).stdout
}
const [FOLDER, DEBIAN_12, , SIEVE, OWNER] = [0, 1, 2, 3, 4]

const blocksOf = (conf: string, kind: string) =>
  [...conf.matchAll(new RegExp(`^${kind} \\{\\n([\\s\\S]*?)^\\}`, 'gm'))].map(([, block = '']) => block)
const driverOf = (block: string) => /driver = (\S+)/.exec(block)?.[1]

test("beside the distribution's own files: the refusal first, the former passdb last, the mechanisms added", async () => {
  const conf = await beside({}, [FOLDER, DEBIAN_12, OWNER])
  const passdbs = blocksOf(conf, 'passdb')
  expect(passdbs.map(driverOf)).toEqual(['passwd-file', 'oauth2', 'passwd-file', 'passwd-file', 'pam'])
  expect(passdbs[0]).toContain('deny = yes')
  expect(passdbs[3], 'only the listed go on to pam').toContain('result_failure = return-fail')
  expect(blocksOf(conf, 'userdb').map(driverOf)).toEqual(['passwd-file', 'passwd-file', 'passwd'])
  expect(conf).toMatch(/^auth_mechanisms = plain xoauth2 oauthbearer$/m)
  expect(conf).toMatch(/^auth_policy_server_url = http:\/\/127.0.0.1:8081\/$/m)
  expect(conf).toMatch(/^mail_plugins = " quota"$/m)
})

test('while people move over, everybody else goes on at the former passdb', async () => {
  const conf = await beside({ former: 'everybody' }, [FOLDER, DEBIAN_12])
  expect(blocksOf(conf, 'passdb').map(driverOf)).toEqual(['passwd-file', 'oauth2', 'passwd-file', 'pam'])
  expect(conf).not.toContain('return-fail\n}\npassdb {\n  driver = pam')
})

test('with filters: what is added stands beside the quota, not in its place', async () => {
  const conf = await beside({}, [FOLDER, DEBIAN_12, SIEVE])
  const lmtp = /^protocol lmtp \{\n([^}]*)\}/m.exec(conf)?.[1]
  expect(lmtp).toMatch(/mail_plugins = " quota sieve"/)
  expect(/^protocol imap \{\n([^}]*)\}/m.exec(conf)?.[1]).toMatch(/mail_plugins = " quota imap_quota"/)
  expect(conf, "Postfix's kit has its sockets, and no other").not.toMatch(/unix_listener .*private/)
})
