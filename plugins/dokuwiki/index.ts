// DokuWiki behind Apache: visitors read what its access rules let them, members are recognised by mod_auth_openidc, and
// groups and roles of Schedar are groups of the wiki. The kit brings the sign-in block and a small auth plugin.
import { readFile } from 'node:fs/promises'
import { definePlugin, type KitFile } from '../../src/plugin.ts'
import {
  companions,
  directives,
  type Filling,
  fill,
  installing,
  moduleClient,
  ownPlaces,
  path,
  placesIn,
  refuse,
  signInPath,
  signOutPath,
  visitorsToo,
} from '../apache/block.ts'

const AUTH = 'authschedar'
const authFiles = [
  'auth.php',
  'plugin.info.txt',
  ...['de', 'en', 'fr', 'nl'].map((locale) => `lang/${locale}/lang.php`),
]

type Options = { configDir: string; pluginsDir: string; start: string }

/** A target for a RewriteRule: its own percent signs are no references to what a condition found (mod_rewrite). */
const rewriteTarget = (address: string): string => address.replaceAll('%', '\\%')

const vhost = (
  f: Filling,
  { start }: Options,
): string => `# ${f.url}, a DokuWiki, recognises people of ${f.associationName} (${f.issuer}).
# Goes inside the wiki's <VirtualHost>:   Include ${f.dir}/${f.name}.conf
# Needs:   a2enmod auth_openidc rewrite headers
${directives(f)}
${visitorsToo(f.base || '/')}
# The wiki's own « Log in » and « Log out » lead to Schedar, and back to the page. Its form knows nobody any more.
RewriteEngine On
RewriteCond %{QUERY_STRING} (?:^|&)do(?:=|%5B|\\[)login
RewriteCond %{QUERY_STRING} (?:^|&)id=([\\w:.-]+)(?:&|$)
RewriteRule "^${f.base}/(?:doku|index)\\.php$" "${rewriteTarget(signInPath(f, `${start}?id=`))}%1" [R=302,NE,L]
RewriteCond %{QUERY_STRING} (^|&)do(=|%5B|\\[)login
RewriteRule "^${f.base}/(doku|index)\\.php$" "${rewriteTarget(signInPath(f, start))}" [R=302,NE,L]
RewriteCond %{QUERY_STRING} (^|&)do(=|%5B|\\[)logout
RewriteRule "^${f.base}/(doku|index)\\.php$" "${rewriteTarget(signOutPath(f))}" [R=302,NE,L]

${ownPlaces(f)}`

const settings = (f: Filling): string => `<?php
// Written for ${f.url}. DokuWiki reads this file after local.php, and its configuration page cannot change what stands here.
$conf['useacl'] = 1;
$conf['authtype'] = '${AUTH}';
// Whoever has the role « admin » at this client in Schedar.
$conf['superuser'] = '@role-admin';
// Names, addresses and passwords are Schedar's.
$conf['disableactions'] = 'register,resendpwd,profile,profile_delete';
// Usernames of Schedar that may go on as the wiki's own former user of the same name, such as array('alice', 'bob').
$conf['plugin']['${AUTH}']['linked'] = array();
`

const readMe = (
  f: Filling,
  { configDir, pluginsDir }: Options,
): string => `Sign-in to the wiki ${f.url} with ${f.associationName}

As root, on the machine that serves the wiki, in this folder:

1. ${installing(f, 'auth_openidc rewrite headers')}

2. The wiki's plugin and its settings:

   cp -r ${AUTH} ${pluginsDir}/
   install -m 0644 local.protected.php ${configDir}/

3. Inside the wiki's <VirtualHost>, add:   Include ${f.dir}/${f.name}.conf

4. apache2ctl configtest && systemctl reload apache2
   Then open ${f.url}/ and follow « Log in »: you come back signed in.

Who may read and write is DokuWiki's access list (${configDir}/acl.auth.php). Signed-in people are in its group « user »;
a group « board » of Schedar is its group « board », a role « editor » its group « role-editor »:

   *        @ALL           1
   *        @user          8
   board:*  @ALL           0
   board:*  @board        16
`

function optionsOf(given: Record<string, string>): Options {
  const {
    config_dir = '/etc/dokuwiki',
    plugins_dir = '/var/lib/dokuwiki/lib/plugins',
    start = '/doku.php',
    ...others
  } = given
  const [unknown] = Object.keys(others)
  if (unknown) refuse(unknown, `the DokuWiki kit has no setting ${unknown}`)
  return {
    configDir: path('config_dir', config_dir),
    pluginsDir: path('plugins_dir', plugins_dir),
    start: path('start', start),
  }
}

const installed = (file: string): Promise<Buffer> => readFile(new URL(`${AUTH}/${file}`, import.meta.url))

export default definePlugin({
  summary:
    'DokuWiki behind Apache: visitors read, members sign in, groups and roles of Schedar are groups of the wiki.',
  client: (url) => ({ ...moduleClient(url), service: 'web', roles: ['admin', 'editor'] }),
  async kit(target): Promise<KitFile[]> {
    const { places, own: given } = placesIn(target.options)
    const own = optionsOf(given)
    const f = fill(target, places)
    return [
      { path: `${f.name}.conf`, content: vhost(f, own) },
      ...companions(f, target),
      { path: 'local.protected.php', content: settings(f) },
      ...(await Promise.all(
        authFiles.map(async (file) => ({ path: `${AUTH}/${file}`, content: await installed(file) })),
      )),
      { path: 'README.txt', content: readMe(f, own) },
    ]
  },
})
