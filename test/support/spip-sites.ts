// Several SPIP sites on one code tree, as Debian's package shares it (« mutualisation »): the plugin once, in plugins-dist,
// and for each site a folder with its settings. Two are under one host name at different ports, one is under a path.
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { KitFile } from '../../src/plugin.ts'
import { phpString } from '../../src/plugin-kit.ts'
import { giveToApache, servedFolder, startApache } from './apache.ts'
import { createBrowser } from './browser-jar.ts'
import { freePort } from './ports.ts'
import { install, newWebmaster, openPluginsPage, unpack, whoTemplate } from './spip.ts'

const HOST = '127.0.0.2'
const folders = ['IMG', 'local', 'plugins', 'tmp', 'config', 'squelettes']

/** What /etc/spip/mes_options.php does, with the sites in the order in which they are looked for. */
const options = (root: string, sites: Record<string, string>): string => `<?php
require '${root}/mutualisation/mutualiser.php';
$ici = $_SERVER['HTTP_HOST'] . $_SERVER['REQUEST_URI'];
foreach (${JSON.stringify(Object.entries(sites)).replaceAll('[', 'array(').replaceAll(']', ')')} as list($site, $debut)) {
	if (strpos($ici, $debut) === 0) { break; }
}
define('SPIP_ERREUR_REPORT', E_ALL);
demarrer_site($site, array('url_img_courtes' => true));
`

export async function startSpipSites() {
  const folder = await servedFolder('schedar-spips-')
  const root = await unpack(folder)
  const [port, other, moved] = [await freePort(HOST), await freePort(HOST), await freePort(HOST)]
  const urls = {
    club: `http://${HOST}:${port}/club`,
    ville: `http://${HOST}:${port}`,
    voisin: `http://${HOST}:${other}`,
    // Where the neighbour moves to.
    parti: `http://${HOST}:${moved}`,
  }
  const bare = (url: string) => url.slice('http://'.length)
  const names = ['club', 'ville', 'voisin'] as const
  const at = (name: string, path: string) => join(root, 'sites', name, path)
  for (const name of names)
    for (const sub of folders) {
      await mkdir(at(name, sub), { recursive: true })
      await giveToApache(at(name, sub))
    }
  for (const name of names) await writeFile(at(name, 'squelettes/qui.html'), whoTemplate)
  await giveToApache(join(root, 'tmp'))
  const known = { club: `${bare(urls.club)}/`, ville: bare(urls.ville), voisin: bare(urls.voisin) }
  await writeFile(join(root, 'config/mes_options.php'), options(root, known))
  const body = `
Listen ${HOST}:${other}
Listen ${HOST}:${moved}
DocumentRoot ${root}
Alias /club ${root}
<Directory ${root}>
  Options FollowSymLinks
  AllowOverride All
  Require all granted
</Directory>
`
  const apache = await startApache({ host: HOST, port, folder, body })
  const webmaster = newWebmaster()
  const prepare = async (name: (typeof names)[number]) => {
    await install(urls[name], createBrowser(), webmaster)
    if (!existsSync(at(name, 'config/connect.php')))
      throw new Error(`${name} did not install: ${await apache.errors()}`)
  }

  return {
    ...apache,
    root,
    urls,
    names,
    webmaster,
    at,
    prepare,
    /** The plugin's files, for all sites. */
    installPlugin: async (files: readonly KitFile[]): Promise<void> => {
      for (const { path, content } of files.filter((file) => file.path.startsWith('plugins/'))) {
        const target = join(root, path.replace('plugins/', 'plugins-dist/'))
        await mkdir(join(target, '..'), { recursive: true })
        await writeFile(target, content)
      }
    },
    /** One site's settings, and its webmaster's visit to the page of plugins, which makes the plugin's table. */
    installSettings: async (name: (typeof names)[number], files: readonly KitFile[]): Promise<void> => {
      const settings = files.find(({ path }) => path === 'config/schedar.php')!
      await writeFile(at(name, settings.path), settings.content, { mode: 0o600 })
      await giveToApache(at(name, settings.path))
      await openPluginsPage(urls[name], webmaster)
    },
    sql: (name: string, statement: string): Record<string, string | number>[] => {
      const database = new DatabaseSync(at(name, 'config/bases/spip.sqlite'), { timeout: 10_000 })
      try {
        return database.prepare(statement).all() as Record<string, string | number>[]
      } finally {
        database.close()
      }
    },
    /** The neighbour answers at its new address too, and says that this is its address. */
    move: async (): Promise<void> => {
      await writeFile(join(root, 'config/mes_options.php'), options(root, { ...known, voisin: `${HOST}:` }))
    },
    copySettings: async (from: string, to: string): Promise<void> => {
      await cp(at(from, 'config/schedar.php'), at(to, 'config/schedar.php'))
      await giveToApache(at(to, 'config/schedar.php'))
    },
    settings: (name: string): Promise<string> => readFile(at(name, 'config/schedar.php'), 'utf8'),
    define: (constant: string, value: string): string => `define('${constant}', ${phpString(value)});`,
  }
}
