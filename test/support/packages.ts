// What the tests' real servers need from Debian. As root on Debian it is installed; elsewhere the missing packages are
// named and nothing runs: a test that needs a server never skips by itself.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { ensureSpipPackages, spipPackages } from './spip-packages.ts'

const packages = [
  ...new Set([
    'mariadb-server',
    'slapd',
    'ldap-utils',
    'dovecot-core',
    'dovecot-imapd',
    'dovecot-pop3d',
    'dovecot-lmtpd',
    'dovecot-managesieved',
    'postfix',
    'postfix-lmdb',
    'openssl',
    'cron',
    'procps',
    'msmtp',
    'nftables',
    'iproute2',
    'php-fpm',
    'libfcgi-bin',
    'dokuwiki',
    'mediawiki',
    'php-apcu',
    'nginx',
    'caddy',
    'redis-server',
    'curl',
    'chromium',
    'fonts-dejavu-core',
    'roundcube-core',
    'roundcube-sqlite3',
    'dbconfig-sqlite3',
    'sympa',
    'mailman3',
    'mailman3-web',
    ...spipPackages,
  ]),
]

const installed = (name: string): boolean =>
  spawnSync('dpkg-query', ['-W', '-f', `\${db:Status-Status}`, name], { encoding: 'utf8' }).stdout === 'installed'

function apt(...args: string[]): void {
  const { status } = spawnSync('apt-get', ['-q', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  if (status !== 0) throw new Error(`apt-get ${args[0]} failed; /var/log/apt/term.log says why`)
}

if (!existsSync('/etc/debian_version')) {
  console.error(
    `These tests start real servers from Debian's packages: ${packages.join(' ')}\nThis machine is not Debian. npm run test:core needs none of them.`,
  )
  process.exit(1)
}
/** Debian's way to say whether a package may start its services (policy-rc.d(8)). */
const policy = '/usr/sbin/policy-rc.d'

/** While `install` runs, no package starts, stops or restarts a service of this machine: the tests bring their own. */
function withoutServices(install: () => void): void {
  if (existsSync(policy)) {
    install()
    return
  }
  const remove = () => rmSync(policy, { force: true })
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  // One that is left behind would keep every later installation from starting its service.
  process.once('exit', remove)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
  try {
    install()
  } finally {
    remove()
  }
}

const missing = packages.filter((name) => !installed(name))
if (missing.length > 0) {
  if (process.getuid?.() !== 0) {
    console.error(
      `Packages are missing:\n\n  sudo apt-get install --no-install-recommends ${missing.join(' ')}\n\nnpm run test:core needs none of them.`,
    )
    process.exit(1)
  }
  console.error(`installing ${missing.length} Debian packages for the tests: ${missing.join(' ')}`)
  apt('update')
  // Postfix would ask, and set up one for the whole machine, Roundcube a database: the tests bring their own.
  const answers = [
    'postfix postfix/main_mailer_type select No configuration',
    'roundcube-core roundcube/dbconfig-install boolean false',
    // These cannot be set up without a database: one in a file, that nothing uses.
    // Sympa's own answers are made of the machine's name; of one without a domain it takes none, and is not set up.
    'sympa sympa/hostname string lists.invalid',
    'sympa sympa/listmaster string listmaster@lists.invalid',
    'wwsympa wwsympa/wwsympa_url string http://lists.invalid/wws',
    'sympa sympa/dbconfig-install boolean true',
    'sympa sympa/database-type select sqlite3',
    'sympa wwsympa/webserver_type select Other',
    'mailman3 mailman3/dbconfig-install boolean true',
    'mailman3 mailman3/database-type select sqlite3',
    'mailman3-web mailman3-web/dbconfig-install boolean true',
    'mailman3-web mailman3-web/database-type select sqlite3',
    'mailman3-web mailman3-web/configure-webserver select none',
  ]
  execFileSync('debconf-set-selections', { input: `${answers.join('\n')}\n` })
  withoutServices(() => apt('install', '-y', '--no-install-recommends', ...missing))
}
await ensureSpipPackages()
