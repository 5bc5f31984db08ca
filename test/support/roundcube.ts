// Debian's Roundcube with a folder, a database and a configuration of its own, served by a private Apache; the kit's files
// are put in by the very commands of its README.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import type { KitFile } from '../../src/plugin.ts'
import { type Apache, giveToApache, servedFolder, startApache, writeKit } from './apache.ts'
import type { Browser, Reply } from './browser-jar.ts'
import { formsOf } from './browser-jar.ts'
import { shellBlocks } from './dovecot.ts'
import { freePort } from './ports.ts'

const DEBIAN = '/usr/share/roundcube'

export type Roundcube = Apache & {
  /** What /var/lib/roundcube is on a machine; its `config` is /etc/roundcube. */
  root: string
  /** Rows of Roundcube's own database. */
  sql(statement: string, ...values: string[]): Record<string, string | number>[]
  /** Sessions in the database whose variables hold a text. */
  sessionsWith(text: string): number
  /** Lines for the end of its configuration, after the kit's. */
  configure(lines: string): Promise<void>
  log(name: 'schedar' | 'errors'): Promise<string>
}

const base = (root: string) => `<?php
$config = [];
$config['db_dsnw'] = 'sqlite:///${root}/db.sqlite?mode=0640';
$config['des_key'] = '${randomBytes(12).toString('hex')}';
$config['product_name'] = 'Webmail';
$config['plugins'] = [];
$config['skin'] = 'elastic';
$config['log_dir'] = '${root}/logs/';
$config['temp_dir'] = '${root}/temp/';
`

/** The folder as Debian lays it out. */
async function unfold(folder: string): Promise<string> {
  const root = join(folder, 'roundcube')
  for (const name of ['public_html/program', 'plugins', 'skins', 'config', 'logs', 'temp'])
    await mkdir(join(root, name), { recursive: true })
  const links: [string, string][] = [
    [`${DEBIAN}/index.php`, 'index.php'],
    [`${DEBIAN}/program`, 'program'],
    [`${DEBIAN}/SQL`, 'SQL'],
    [`${DEBIAN}/skins/elastic`, 'skins/elastic'],
    [`${DEBIAN}/plugins/jqueryui`, 'plugins/jqueryui'],
    [`${DEBIAN}/plugins/filesystem_attachments`, 'plugins/filesystem_attachments'],
    ['/etc/roundcube/defaults.inc.php', 'config/defaults.inc.php'],
    ['/etc/roundcube/mimetypes.php', 'config/mimetypes.php'],
    ['/etc/roundcube/htaccess', 'public_html/.htaccess'],
    ['../plugins', 'public_html/plugins'],
    ['../skins', 'public_html/skins'],
    ['../../program/js', 'public_html/program/js'],
    ['../../program/resources', 'public_html/program/resources'],
  ]
  for (const [to, name] of links) await symlink(to, join(root, name))
  await copyFile('/var/lib/roundcube/public_html/index.php', join(root, 'public_html/index.php'))
  await writeFile(join(root, 'config/config.inc.php'), base(root))
  for (const name of ['', 'logs', 'temp']) await giveToApache(join(root, name))
  return root
}

/** `kit` is given the webmail's address. */
export async function startRoundcube({
  host = '127.0.0.5',
  kit,
}: {
  host?: string
  kit: (url: string) => Promise<readonly KitFile[]>
}): Promise<Roundcube> {
  const folder = await servedFolder('schedar-rc-')
  const root = await unfold(folder)
  const port = await freePort(host)
  const body = `
DocumentRoot ${root}/public_html
<Directory ${root}/public_html>
  Options FollowSymLinks
  AllowOverride All
  Require all granted
</Directory>
<Directory ${DEBIAN}>
  Require all granted
</Directory>
`
  await writeKit(await kit(`http://${host}:${port}`), join(folder, 'kit'))
  const readme = await readFile(join(folder, 'kit/README.md'), 'utf8')
  for (const block of shellBlocks(readme))
    await promisify(execFile)(
      'sh',
      [
        '-ec',
        block
          .replaceAll('sudo ', '')
          .replaceAll('/etc/roundcube', `${root}/config`)
          .replaceAll('/var/lib/roundcube', root)
          .replaceAll('/usr/local/share', join(folder, 'share')),
      ],
      { cwd: join(folder, 'kit') },
    )
  await chmod(join(folder, 'kit'), 0o700)
  const apache = await startApache({ host, port, folder, body })
  const file = join(root, 'config/config.inc.php')
  const installed = await readFile(file, 'utf8')
  const sql: Roundcube['sql'] = (statement, ...values) => {
    const database = new DatabaseSync(join(root, 'db.sqlite'), { timeout: 10_000 })
    try {
      return database.prepare(statement).all(...values) as Record<string, string | number>[]
    } finally {
      database.close()
    }
  }
  return {
    ...apache,
    root,
    sql,
    sessionsWith: (text) =>
      sql('select vars from session').filter(({ vars }) =>
        Buffer.from(String(vars), 'base64').toString().includes(text),
      ).length,
    configure: (lines) => writeFile(file, `${installed}\n${lines}\n`),
    log: (name) => readFile(join(root, `logs/${name}.log`), 'utf8').catch(() => ''),
  }
}

/** What the pages of somebody who is signed in carry against forged requests. */
const tokenOf = (page: Reply): string => /"request_token":"(\w+)"/.exec(page.text)?.[1] ?? ''

/** What somebody who is signed in does there. */
export function atWebmail(url: string, browser: Browser) {
  const ajax = async (query: string): Promise<string> => {
    const token = tokenOf(await browser.open(`${url}/?_task=mail`))
    const answer = await browser.fetch(`${url}/?_task=mail&_remote=1&${query}`, {
      headers: { 'x-roundcube-request': token, 'x-requested-with': 'XMLHttpRequest' },
    })
    return answer.text
  }
  return {
    ajax,
    /** Subjects of the inbox. */
    subjects: async (): Promise<string[]> => {
      const text = await ajax('_action=list&_mbox=INBOX&_refresh=1')
      return [...text.matchAll(/\\"subject\\":\\"(.*?)\\"/g)].map(([, subject]) => subject!)
    },
    /** The page of one message, by its number. */
    message: (uid: number): Promise<Reply> => browser.open(`${url}/?_task=mail&_action=show&_mbox=INBOX&_uid=${uid}`),
    /** Sends from the page where letters are written: what Roundcube answers. */
    send: async (to: string, subject: string, text: string): Promise<Reply> => {
      const page = await browser.open(`${url}/?_task=mail&_action=compose`)
      const form = formsOf(page).find(({ fields }) => '_subject' in fields)
      if (!form) throw new Error(`nothing to write with at ${page.url}: ${page.text.slice(0, 500)}`)
      return browser.submit(form, { _to: to, _subject: subject, _message: text, _draft: '' })
    },
    signOut: async (): Promise<Reply> => {
      const token = tokenOf(await browser.open(`${url}/?_task=mail`))
      return browser.fetch(`${url}/?_task=logout&_token=${token}`)
    },
  }
}
