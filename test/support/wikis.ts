// Private wikis behind a private Apache, with their kits as a house makes them: DokuWiki and MediaWiki from Debian's packages,
// copied or pointed to a temporary folder, so that the machine's own are left alone.
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { KitFile } from '../../src/plugin.ts'
import { loadPlugin } from '../../src/plugins.ts'
import type { Client } from '../../src/ports.ts'
import { addClient, kitOf } from '../../src/usecases/clients.ts'
import { type Apache, giveToApache, servedFolder, startApache, writeKit } from './apache.ts'
import type { House } from './house.ts'
import { freePort } from './ports.ts'

const run = promisify(execFile)

export type Wiki = Apache & { client: Client }
type At = { folder: string; url: string }
/** Where it is registered; nothing more of a house is used. */
type Registry = Pick<House, 'installation'>

/** Registers the wiki, writes its kit where it belongs, and starts its Apache. */
async function startWiki(
  house: Registry,
  kind: 'dokuwiki' | 'mediawiki',
  host: string,
  install: (at: At) => Promise<{
    root: string
    options: Record<string, string>
    place(files: readonly KitFile[]): Promise<void>
    more: string
  }>,
): Promise<Wiki> {
  const folder = await servedFolder(`schedar-${kind}-`)
  const port = await freePort(host)
  const url = `http://${host}:${port}`
  const { core } = house.installation
  const plugin = await loadPlugin(kind)
  const { client } = await addClient(core)({ kind, name: `Le wiki ${kind}`, url, plugin, actor: 'test' })
  const { root, options, place, more } = await install({ folder, url })
  const [dir, cacheDir] = [join(folder, 'schedar'), join(folder, 'cache')]
  await mkdir(cacheDir, { mode: 0o700 })
  await giveToApache(cacheDir)
  const files = await kitOf(core)(client, plugin, { dir, cache_dir: cacheDir, ...options })
  await writeKit(files, dir)
  await place(files)
  const included = files.find(({ path }) => path.endsWith('.conf') && !path.includes('secret'))!.path
  const apache = await startApache({
    host,
    port,
    folder,
    modules: ['auth_openidc'],
    body: `
DocumentRoot ${root}
<Directory ${root}>
  Options +FollowSymLinks
  AllowOverride None
  Require all granted
</Directory>
<VirtualHost ${host}:${port}>
  ServerName ${host}
  DocumentRoot ${root}
  ${more}
  Include ${dir}/${included}
</VirtualHost>`,
  })
  return { ...apache, client }
}

const ownedByApache = (path: string): Promise<unknown> => run('chown', ['-R', 'www-data:', path])

/** Everybody reads, signed-in people write; `former`: a user that the wiki knew before. */
export const startDokuwiki = (house: Registry, { former }: { former: string }): Promise<Wiki> =>
  startWiki(house, 'dokuwiki', '127.0.0.4', async ({ folder }) => {
    const [root, conf, data] = [join(folder, 'wiki'), join(folder, 'conf'), join(folder, 'data')]
    await cp('/usr/share/dokuwiki', root, { recursive: true, dereference: true })
    await cp('/etc/dokuwiki', conf, { recursive: true, dereference: true, filter: (file) => !/auth\.php$/.test(file) })
    for (const name of [
      '',
      'attic',
      'cache',
      'index',
      'locks',
      'log',
      'media',
      'media_attic',
      'media_meta',
      'meta',
      'pages',
      'tmp',
    ])
      await mkdir(join(data, name), { recursive: true })
    await writeFile(join(root, 'inc/preload.php'), `<?php if (!defined('DOKU_CONF')) define('DOKU_CONF', '${conf}/');`)
    await writeFile(
      join(conf, 'local.php'),
      `<?php $conf['title'] = 'Le wiki'; $conf['lang'] = 'fr'; $conf['useacl'] = 1; $conf['authtype'] = 'authplain'; $conf['savedir'] = '${data}';`,
    )
    await writeFile(join(conf, 'acl.auth.php'), '* @ALL 1\n* @user 8\nbureau:* @ALL 0\nbureau:* @bureau 8\n')
    await writeFile(join(conf, 'users.auth.php'), `${former}:nohash:Former:former@asso.example:user\n`)
    for (const path of [conf, data]) await ownedByApache(path)
    return {
      root,
      options: { config_dir: conf, plugins_dir: join(root, 'lib/plugins') },
      more: 'DirectoryIndex doku.php',
      async place() {
        const kit = join(folder, 'schedar')
        await cp(join(kit, 'authschedar'), join(root, 'lib/plugins/authschedar'), { recursive: true })
        await cp(join(kit, 'local.protected.php'), join(conf, 'local.protected.php'))
      },
    }
  })

/** Installed by its own maintenance script on SQLite; `former`: a user that the wiki knew before. */
export const startMediawiki = (house: Registry, { former }: { former: string }): Promise<Wiki> =>
  startWiki(house, 'mediawiki', '127.0.0.5', async ({ folder, url }) => {
    const conf = join(folder, 'conf')
    await mkdir(conf)
    await ownedByApache(conf)
    const password = crypto.randomUUID()
    await run(
      'runuser',
      [
        '-u',
        'www-data',
        '--',
        'php',
        '/usr/share/mediawiki/maintenance/install.php',
        '--dbtype',
        'sqlite',
        '--dbpath',
        conf,
        '--dbname',
        'wiki',
      ].concat([
        '--server',
        url,
        '--scriptpath',
        '',
        '--lang',
        'fr',
        '--pass',
        password,
        '--confpath',
        conf,
        '--with-extensions=',
        'Le wiki',
        former,
      ]),
    )
    return {
      root: '/usr/share/mediawiki',
      options: { config_dir: conf },
      more: `SetEnv MW_CONFIG_FILE ${conf}/LocalSettings.php`,
      async place() {
        await mkdir(join(conf, 'schedar'))
        for (const file of ['schedar.php', 'schedar-settings.php'])
          await cp(join(folder, 'schedar', file), join(conf, 'schedar', file))
        const settings = join(conf, 'LocalSettings.php')
        await writeFile(settings, `${await readFile(settings, 'utf8')}\nrequire '${conf}/schedar/schedar.php';\n`)
      },
    }
  })
