// Closed sites in a real Apache, with the kit's own file: the page, what stays open, every way round it, and that a change is
// seen with the next request. Needs apache2 and libapache2-mod-php.
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PROBE } from '../../plugins/apache/closed.ts'
import { config } from '../../plugins/apache/config.ts'
import apache from '../../plugins/apache/index.ts'
import { pluginContract } from '../contract/plugin.ts'
import { type Apache, servedFolder, startApache, writeKit } from '../support/apache.ts'
import { freePort } from '../support/ports.ts'
import { pluginHost, siteSubject } from '../support/subjects.ts'

const ALL = ['a', 'b', 'hostile', 'rewritten', 'switched-off', 'locked', 'proxied', 'canonical'].map(
  (name) => `${name}.example`,
)
const soon = () => AbortSignal.timeout(60_000)
let server: Apache
let port: number
let marks: string
const openHere = () =>
  apache.open!(config.parse({ folder: marks, probe: `http://127.0.0.1:${port}/` }), pluginHost(marks))

const vhost = (name: string, more = '') => `
<VirtualHost *:${port}>
  ServerName ${name}
  ServerAlias www.${name}
  DocumentRoot ${server?.folder ?? '@'}/htdocs
${more}
</VirtualHost>`

beforeAll(async () => {
  const folder = await servedFolder('schedar-closed-')
  port = await freePort('127.0.0.1')
  marks = join(folder, 'marks')
  const dir = join(folder, 'schedar')
  const htdocs = join(folder, 'htdocs')
  const challenge = join(htdocs, '.well-known/acme-challenge')
  for (const path of [marks, challenge]) await mkdir(path, { recursive: true, mode: 0o755 })
  const files = apache.serviceKit!({
    issuer: 'https://id.asso.example',
    associationName: 'L’Asso',
    contactEmail: 'bureau@asso.example',
    config: config.parse({ folder: marks }),
    options: {},
  })
  await writeKit(files, dir)
  await writeKit(
    files.filter(({ path }) => path === PROBE),
    marks,
  )
  await writeFile(join(marks, 'old.example'), 'by hand\n')
  await writeFile(join(htdocs, 'index.php'), '<?php echo "served ", $_SERVER["HTTP_HOST"];')
  await writeFile(join(htdocs, 'spip.php'), '<?php echo "served logout";')
  await writeFile(join(challenge, 'tok-EN_1'), 'token')
  await writeFile(join(challenge, 'shell.php'), '<?php echo "served shell";')
  // What most sites have: everything that is no file is the site's own script.
  await writeFile(
    join(htdocs, '.htaccess'),
    'RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^ index.php [L]\nErrorDocument 503 /index.php\n',
  )
  await mkdir(join(folder, 'hostile'))
  await writeFile(join(folder, 'hostile', 'index.php'), '<?php echo "served hostile";')
  // What a stranger writes who got into a site.
  await writeFile(
    join(folder, 'hostile', '.htaccess'),
    `RedirectMatch 302 ^ https://evil.example/
RewriteEngine On
RewriteRule ^ https://evil.example/ [R=302,L]
ErrorDocument 503 https://evil.example/
<If "true">
  RedirectMatch 302 ^ https://evil.example/
  Redirect 302 https://evil.example/
  ErrorDocument 503 https://evil.example/
  Header always set Location https://evil.example/
</If>
`,
  )
  const hostile = `  DocumentRoot ${folder}/hostile
  <Directory ${folder}/hostile>
    AllowOverride All
    Require all granted
  </Directory>`
  const body = `
<Directory />
  Require all denied
</Directory>
<Directory ${htdocs}>
  AllowOverride All
  Require all granted
</Directory>
Include ${dir}/schedar-closed.conf
${vhost('first.example')}
${vhost('a.example')}
${vhost('b.example', '  RewriteEngine On\n  RewriteRule ^/x /index.php [L]')}
${vhost('hostile.example', hostile)}
${vhost('rewritten.example', `${hostile}\n  RewriteEngine On\n  RewriteRule ^/x ${folder}/hostile/index.php [L]`)}
${vhost('switched-off.example', `${hostile}\n  RewriteEngine Off`)}
${vhost('locked.example', '  <Location "/">\n    AuthType Basic\n    AuthName x\n    AuthUserFile /dev/null\n    AuthMerging And\n    Require valid-user\n  </Location>')}
${vhost('proxied.example', '  ProxyPass "/" "http://127.0.0.1:1/"')}
${vhost('canonical.example', '  UseCanonicalName On\n  ServerAlias other.example')}
`.replaceAll('@/htdocs', htdocs)
  server = await startApache({
    host: '127.0.0.1',
    port,
    folder,
    modules: ['auth_basic', 'authn_file', 'proxy', 'proxy_http'],
    body,
  })
}, 60_000)
afterAll(() => server?.stop())

type Answer = { status: number; text: string; headers: Record<string, unknown> }
/** As it is written: a browser would tidy the path. */
const ask = (host: string, path = '/', { method = 'GET', body = '' } = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { host, 'content-length': Buffer.byteLength(body) },
        agent: false,
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk) => (text += chunk))
        answer.on('end', () => resolve({ status: answer.statusCode!, text, headers: answer.headers }))
      },
    )
    sent.on('error', reject).end(body)
  })
/** The first bytes of the answer to a request that is written by hand. */
const raw = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let got = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket
      .on('data', (chunk) => (got += chunk))
      .on('end', () => resolve(got))
      .on('error', reject)
  })
const set = async (access: 'none' | 'full', ...names: string[]) => {
  const service = await openHere()
  await service.apply(new Map(names.map((name) => [name, service.render(siteSubject(name, { access }))])), soon())
}
const closedPage = { status: 503, text: expect.stringContaining('Ce site est ferm&#233;') }
const isOpen = ({ text }: Answer) => text.startsWith('served ')

pluginContract('apache', async () => ({
  service: await openHere(),
  subjects: {
    some: ['one.example', 'www.two.example', 'three', 'xn--vlo-bma.example', 'a.b.c.example'].map((name) =>
      siteSubject(name),
    ),
    foreign: ['old.example'],
  },
  untouched: () => readFile(join(marks, 'old.example'), 'utf8'),
  close: async () => {},
}))

describe('a closed site', () => {
  beforeAll(() => set('none', ...ALL))
  afterAll(() => set('full', ...ALL))

  test('shows the page in four languages, to be asked again and not kept; the others are up', async () => {
    const page = await ask('a.example')
    expect(page).toMatchObject(closedPage)
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=iso-8859-1',
      'retry-after': '3600',
      'cache-control': 'no-store',
      'x-robots-tag': 'noindex',
    })
    for (const word of ['gesloten', 'closed', 'geschlossen', 'https://id.asso.example/'])
      expect(page.text).toContain(word)
    expect(isOpen(await ask('first.example'))).toBe(true)
  })

  test.each([
    'hostile.example',
    'rewritten.example',
    'switched-off.example',
    'locked.example',
    'proxied.example',
    'b.example',
    'canonical.example',
    'other.example',
    'www.a.example',
    'A.EXAMPLE',
    'a.example.',
    'a.example:80',
  ])('%s shows it too, whatever its own rules say', async (host) => {
    expect(await ask(host, '/x')).toMatchObject(closedPage)
  })

  test.each([
    '/',
    '/index.php',
    '/x/y?z',
    '/.well-known/acme-challenge/',
    '/.well-known/acme-challenge/shell.php',
    '/.well-known/acme-challenge/tok/../shell.php',
    '/.well-known/acme-challenge/%2e%2e/%2e%2e/index.php',
    '/.well-known/acme-challenge/none',
    '/.well-known/acme-challenge/tok-EN_1/x',
    '/.well-known/acme-challenge/tok-EN_1%00.php',
    '/oidc/callback?logout=backchannel',
    '/index.php/oidc/callback?logout=backchannel',
    '/spip.php?action=schedar_fin',
  ])('%s runs nothing of the site', async (path) => {
    const page = await ask('a.example', path)
    expect(page.text).not.toMatch(/served/)
    expect(page.status).toBeGreaterThanOrEqual(400)
  })

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND', 'TRACE'])(
    '%s runs nothing of the site',
    async (method) => {
      const page = await ask('a.example', '/index.php', { method, ...(method !== 'TRACE' && { body: 'a=b' }) })
      expect(page.status).toBe(503)
      expect(page.text).not.toMatch(/served/)
    },
  )

  test('a name in the address counts, not the one in the header', async () => {
    const got = await raw(`GET http://a.example/ HTTP/1.1\r\nHost: first.example\r\nConnection: close\r\n\r\n`)
    expect(got).toMatch(/^HTTP\/1\.1 503 /)
    expect(got).not.toContain('served ')
    const other = await raw(`GET http://first.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`)
    expect(other).toContain('served ')
  })

  test('certificates are renewed, and sign-outs told, at their exact addresses alone', async () => {
    expect(await ask('a.example', '/.well-known/acme-challenge/tok-EN_1')).toMatchObject({ status: 200, text: 'token' })
    const told = { method: 'POST', body: 'logout_token=x' }
    for (const action of ['schedar_fin', 'schedar_statut'])
      expect((await ask('a.example', `/spip.php?action=${action}`, told)).text).toBe('served logout')
    for (const path of [
      '/spip.php?action=schedar_fin&x=1',
      '/spip.php?x&action=schedar_fin',
      '/spip.php',
      '/x/spip.php?action=schedar_fin',
    ])
      expect((await ask('a.example', path, told)).status).toBe(503)
  })
})

describe('changes', () => {
  test('are seen with the next request, however many there are in a second', async () => {
    const service = await openHere()
    await service.check(soon())
    for (let at = 0; at < 12; at++) {
      await set('none', 'a.example')
      expect((await ask('a.example')).status, `closed, time ${at}`).toBe(503)
      await set('full', 'a.example')
      expect(isOpen(await ask('a.example')), `open, time ${at}`).toBe(true)
    }
  })

  test('one closed while another is opened', async () => {
    for (const [gone, come] of [
      ['a.example', 'b.example'],
      ['b.example', 'a.example'],
    ] as const) {
      await set('none', gone)
      await ask(gone)
      await set('full', gone)
      await set('none', come)
      expect([isOpen(await ask(gone)), (await ask(come)).status]).toEqual([true, 503])
      await set('full', come)
    }
  })
})

describe('without the folder', () => {
  test('sites are up, Apache starts, and check says what is wrong', async () => {
    await set('none', 'a.example')
    const service = await openHere()
    await service.check(soon())
    const wrong = (detail: RegExp) =>
      expect(service.check(soon())).rejects.toMatchObject({ detail: expect.stringMatching(detail) })
    await chmod(marks, 0o700)
    await wrong(/may not look into/)
    await chmod(marks, 0o755)
    await rename(marks, `${marks}.away`)
    expect(isOpen(await ask('a.example'))).toBe(true)
    await wrong(/ENOENT/)
    await server.graceful()
    expect(isOpen(await ask('a.example'))).toBe(true)
    await rename(`${marks}.away`, marks)
    await service.check(soon())
    expect((await ask('a.example')).status).toBe(503)
    const other = await apache.open!(config.parse({ folder: marks, probe: 'http://127.0.0.1:1/' }), pluginHost(marks))
    await expect(other.check(soon())).rejects.toMatchObject({ detail: expect.stringMatching(/does not answer/) })
    await set('full', 'a.example')
  })
})
