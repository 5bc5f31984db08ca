// MediaWiki behind Apache: visitors read, members are recognised by mod_auth_openidc, and roles of Schedar give rights in the
// wiki. The kit brings the sign-in block and one file that LocalSettings.php requires.
import { readFile } from 'node:fs/promises'
import { definePlugin, type KitFile } from '../../src/plugin.ts'
import { phpString } from '../../src/plugin-kit.ts'
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

const vhost = (f: Filling): string => `# ${f.url}, a MediaWiki, recognises people of ${f.associationName} (${f.issuer}).
# Goes inside the wiki's <VirtualHost>:   Include ${f.dir}/${f.name}.conf
# Needs:   a2enmod auth_openidc headers
${directives(f)}
${visitorsToo(f.base || '/', ['schedar_session'])}
${ownPlaces(f)}`

const settings = (f: Filling): string => `<?php
// What is this wiki's own; schedar.php reads it.

// Where « Log in » and « Log out » lead: the page to come back to is added to the first.
$wgSchedarSignIn = ${phpString(signInPath({ ...f, url: new URL(f.url).origin }, ''))};
$wgSchedarSignOut = ${phpString(signOutPath(f))};

// What a role or a group of Schedar is worth here.
$wgSchedarGroups = [
	'roles:admin' => [ 'sysop', 'interface-admin' ],
	// 'groups:board' => 'bureaucrat',
];

// Whether visitors may write as well.
$wgSchedarVisitorsWrite = false;

// A username of Schedar that goes on as a user that the wiki had before: 'alice' => 'Alice D.'
$wgSchedarLinked = [];
`

const readMe = (f: Filling, configDir: string): string => `Sign-in to the wiki ${f.url} with ${f.associationName}

As root, on the machine that serves the wiki, in this folder:

1. ${installing(f, 'auth_openidc headers')}

2. install -d -m 0755 ${configDir}/schedar
   install -m 0644 schedar.php schedar-settings.php ${configDir}/schedar/

3. As the last line of ${configDir}/LocalSettings.php, add:

   require '${configDir}/schedar/schedar.php';

4. Inside the wiki's <VirtualHost>, add:   Include ${f.dir}/${f.name}.conf

5. apache2ctl configtest && systemctl reload apache2
   Then open ${f.url}/ and follow « Log in »: you come back signed in.
`

function configDirIn({ config_dir = '/etc/mediawiki', ...others }: Record<string, string>): string {
  const [unknown] = Object.keys(others)
  if (unknown) refuse(unknown, `the MediaWiki kit has no setting ${unknown}`)
  return path('config_dir', config_dir)
}

export default definePlugin({
  summary:
    'MediaWiki behind Apache: visitors read, members sign in, roles and groups of Schedar give rights in the wiki.',
  client: (url) => ({ ...moduleClient(url), service: 'web', roles: ['admin', 'editor'] }),
  async kit(target): Promise<KitFile[]> {
    const { places, own } = placesIn(target.options)
    const configDir = configDirIn(own)
    const f = fill(target, places)
    return [
      { path: `${f.name}.conf`, content: vhost(f) },
      ...companions(f, target),
      { path: 'schedar.php', content: await readFile(new URL('schedar.php', import.meta.url)) },
      { path: 'schedar-settings.php', content: settings(f) },
      { path: 'README.txt', content: readMe(f, configDir) },
    ]
  },
})
