// What the SPIP and Apache tests need from Debian. SPIP 4.4 is in trixie: on an older release its packages are fetched
// with apt from the machine's own mirror, checked by apt as ever, and kept outside the repository.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Installed with apt-get install. */
const apachePackages = ['apache2', 'libapache2-mod-auth-openidc', 'libapache2-mod-php8.2'] as const

export const spipPackages = [
  ...apachePackages,
  'php8.2-cli',
  'php8.2-mysql',
  'php8.2-sqlite3',
  'php8.2-xml',
  'php8.2-mbstring',
  'php8.2-curl',
  'php8.2-gd',
  'php8.2-zip',
  'fonts-dustin',
  'libjs-jquery',
  'libjs-jquery-form',
  'libjs-jquery-jstree',
  'libjs-mediaelement',
  'libjs-prefix-free',
  'libjs-twitter-bootstrap-datepicker',
  'node-js-cookie',
  'php-getid3',
  'php-symfony-dependency-injection',
  'php-symfony-deprecation-contracts',
  'php-symfony-filesystem',
] as const

/** Downloaded from trixie and unpacked, never installed. */
const spipDownloads = ['spip', 'php-algo26-idna-convert', 'php-jakeasmith-http-build-url'] as const

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'schedar-test', 'spip')

const complete = (names: string[]): boolean =>
  spipDownloads.every((download) => names.some((name) => name.startsWith(`${download}_`) && name.endsWith('.deb')))

/** The address of the Debian mirror that this machine uses. */
async function mirror(): Promise<string> {
  const codename = (await readFile('/etc/os-release', 'utf8')).match(/^VERSION_CODENAME=(\w+)$/m)?.[1] ?? ''
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(SITE) $(RELEASE)'])
  const site = stdout
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, release]) => release === codename)?.[0]
  if (!site) throw new Error(`apt knows no mirror of Debian ${codename}: SPIP cannot be downloaded`)
  return site
}

/** The folder that holds the packages of `spipDownloads`; downloads them the first time. */
export async function ensureSpipPackages(): Promise<string> {
  if (complete(await readdir(cache).catch(() => []))) return cache
  const work = await mkdtemp(join(tmpdir(), 'schedar-apt-'))
  try {
    for (const folder of ['lists/partial', 'cache/archives/partial', 'debs'])
      await mkdir(join(work, folder), { recursive: true })
    await writeFile(
      join(work, 'trixie.list'),
      `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${await mirror()} trixie main\n`,
    )
    const options = [
      `Dir::Etc::sourcelist=${work}/trixie.list`,
      'Dir::Etc::sourceparts=/dev/null',
      `Dir::State::Lists=${work}/lists`,
      `Dir::Cache=${work}/cache`,
      'APT::Sandbox::User=root',
      'Acquire::Languages=none',
    ]
    const apt = (...args: string[]) =>
      run('apt-get', [...options.map((option) => `-o${option}`), '-q', ...args], {
        cwd: join(work, 'debs'),
        timeout: 300_000,
      })
    await apt('update')
    await apt('download', ...spipDownloads)
    await mkdir(cache, { recursive: true })
    // Each file appears whole: another test process may be doing the same.
    for (const name of await readdir(join(work, 'debs'))) await move(join(work, 'debs', name), join(cache, name))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  if (!complete(await readdir(cache))) throw new Error('apt-get download did not bring every package of SPIP')
  return cache
}

async function move(from: string, to: string): Promise<void> {
  await writeFile(`${to}.${process.pid}.part`, await readFile(from))
  await rename(`${to}.${process.pid}.part`, to)
}
