// What the tests' real servers need from Debian. As root on Debian it is installed; elsewhere the missing packages are
// named and nothing runs: a test that needs a server never skips by itself.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
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
    'msmtp',
    'nftables',
    'iproute2',
    'php-fpm',
    'libfcgi-bin',
    'curl',
    'chromium',
    'fonts-dejavu-core',
    ...spipPackages,
  ]),
]

const installed = (name: string): boolean =>
  spawnSync('dpkg-query', ['-W', '-f', `\${db:Status-Status}`, name], { encoding: 'utf8' }).stdout === 'installed'

function apt(...args: string[]): void {
  execFileSync('apt-get', ['-q', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
}

if (!existsSync('/etc/debian_version')) {
  console.error(
    `These tests start real servers from Debian's packages: ${packages.join(' ')}\nThis machine is not Debian. npm run test:core needs none of them.`,
  )
  process.exit(1)
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
  // Postfix would ask, and set up one for the whole machine: the tests bring their own.
  execFileSync('debconf-set-selections', { input: 'postfix postfix/main_mailer_type select No configuration\n' })
  apt('install', '-y', '--no-install-recommends', ...missing)
}
await ensureSpipPackages()
