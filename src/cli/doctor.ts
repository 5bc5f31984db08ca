// schedar doctor: what is wrong, and the page that mends it. Changes nothing.
import { lookup } from 'node:dns/promises'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Installation } from '../compose.ts'
import { isLoopback } from '../config.ts'
import { AppError } from '../domain/errors.ts'
import { HELD } from '../usecases/nightly.ts'
import { DIRECTORY_HELD } from '../usecases/sync-directory.ts'
import { exit, type Register, withInstallation } from './io.ts'

type Finding = { check: string; state: 'ok' | 'wrong' | 'look'; detail: string; page: string }
type Check = { name: string; page: string; look(): Promise<string | undefined> }

const MS = 10_000
const LATE_MS = 10 * 60_000

const fail = (detail: string): never => {
  throw new AppError('unexpected', { detail })
}

function filesOf({ dataDir, core }: Installation): Check[] {
  return [
    {
      name: 'data folder',
      page: 'docs/operations.md#the-data-folder',
      look: async () => {
        const open = [dataDir, ...['secret.key', 'schedar.db'].map((name) => join(dataDir, name))].filter(
          (path) => existsSync(path) && (statSync(path).mode & 0o077) !== 0,
        )
        return open.length > 0
          ? fail(`others on this machine can read ${open.join(', ')}: chmod go-rwx`)
          : core.config.secretKey
            ? undefined
            : `keep a copy of ${join(dataDir, 'secret.key')} apart`
      },
    },
  ]
}

function network({ core }: Installation): Check[] {
  const issuer = new URL(core.config.issuer)
  const local = isLoopback(issuer.hostname)
  return [
    {
      name: 'DNS',
      page: 'docs/operations.md#behind-a-reverse-proxy',
      look: async () => {
        if (local) return 'the issuer is this machine only: people elsewhere cannot sign in'
        await lookup(issuer.hostname).catch((error: Error) => fail(`${issuer.hostname} is not found: ${error.message}`))
        return undefined
      },
    },
    {
      name: 'discovery',
      page: 'docs/operations.md#behind-a-reverse-proxy',
      look: async () => {
        const url = `${core.config.issuer}/.well-known/openid-configuration`
        const answer = await fetch(url, { signal: AbortSignal.timeout(MS) }).catch((error: Error & { cause?: Error }) =>
          fail(
            `${url} cannot be reached (is schedar serve running, and TLS right?): ${error.cause?.message ?? error.message}`,
          ),
        )
        const found = (await answer.json().catch(() => ({}))) as { issuer?: string; token_endpoint?: string }
        if (found.issuer !== core.config.issuer || !found.token_endpoint?.startsWith(core.config.issuer))
          fail(`${url} answers for another issuer: ${found.issuer ?? answer.status}`)
        const late = Math.abs(Date.parse(answer.headers.get('date') ?? '') - core.clock.now())
        return late > LATE_MS
          ? fail(`the clock of ${issuer.host} is ${Math.round(late / 60_000)} minutes away from this machine's`)
          : undefined
      },
    },
  ]
}

function house({ core, provider }: Installation): Check[] {
  const { store } = core
  return [
    {
      name: 'association',
      page: 'README.md#first-steps',
      look: async () =>
        (await store.organisations.all()).length === 0
          ? fail('it is not set up yet: schedar setup prints the link')
          : undefined,
    },
    {
      name: 'administrator',
      page: 'docs/operations.md#the-last-administrator',
      look: async () =>
        (await store.people.countStaff('admin')) === 0
          ? fail('there is none: schedar setup, or schedar rescue USERNAME')
          : undefined,
    },
    {
      name: 'signing keys',
      page: 'docs/operations.md#signing-keys',
      look: async () => {
        await provider()
        return `${(await store.keys.list()).length} keys`
      },
    },
    {
      name: 'audit',
      page: 'docs/operations.md#audit',
      look: async () => {
        const { rows, brokenAt } = await store.audit.verify()
        return brokenAt === undefined ? `${rows} entries, sound` : fail(`the chain is broken at entry ${brokenAt}`)
      },
    },
    {
      name: 'night',
      page: 'docs/operations.md#the-night',
      look: async () => {
        const held = await store.settings.get(HELD)
        if (held) fail(`the bulk guard holds ${JSON.parse(held).removals} removals: schedar services plan`)
        return (await store.settings.get('nightly.last_on')) ?? 'it has not run yet'
      },
    },
    {
      name: 'outbox',
      page: 'docs/operations.md#services',
      look: async () => {
        const stuck = (await store.outbox.pending({ limit: 1000 })).filter(
          ({ createdAt }) => core.clock.now() - createdAt > LATE_MS,
        )
        return stuck.length > 0
          ? fail(`${stuck.length} effects wait for more than ten minutes: schedar services list`)
          : undefined
      },
    },
    {
      name: 'writes',
      page: 'docs/operations.md#restore',
      look: async () =>
        (await store.settings.get('writes_held'))
          ? fail('held since a restore: schedar services plan, then schedar services apply --force')
          : undefined,
    },
  ]
}

const outside = ({ core, services, elsewhere }: Installation): Check[] => [
  { name: 'database', page: 'docs/operations.md#the-database', look: () => core.store.check().then(() => undefined) },
  {
    name: 'directory',
    page: 'docs/services/ldap.md',
    async look() {
      await core.directory.check(AbortSignal.timeout(MS))
      const held = await core.store.settings.get(DIRECTORY_HELD)
      return held ? fail(`it lacks ${held} people, who keep their access: schedar sync names them`) : undefined
    },
  },
  {
    name: 'mail',
    page: 'docs/operations.md#mail',
    look: () =>
      core.mailer
        .check()
        .then(() =>
          core.config.mail.url ? undefined : 'no server: letters are written as files into the data folder',
        ),
  },
  {
    name: 'mail programs',
    page: 'docs/admin.md#mailboxes',
    look: async () =>
      core.config.mailSetup || (await core.store.mailboxes.domains()).length === 0
        ? undefined
        : 'there are mailboxes, but mailSetup is not in schedar.yaml: the mail page cannot tell members their servers',
  },
  ...services.map(
    ({ name, plugin, service }): Check => ({
      name: `service ${name}`,
      page: `docs/services/${plugin}.md`,
      look: () =>
        elsewhere.has(name)
          ? Promise.resolve('another machine drives it')
          : service.check(AbortSignal.timeout(MS)).then(() => undefined),
    }),
  ),
]

/** Sites whose forms send with a login of their own, as they stand on this machine. */
function forms({ core, opened }: Installation): Check[] {
  const { resources, mailboxes } = core.store
  const named = async () => {
    const sites = await resources.list('site')
    const logins = await Promise.all(sites.map(({ id }) => mailboxes.siteLogin(id)))
    return sites.filter((_, at) => logins[at]).map(({ name }) => name)
  }
  return opened
    .filter(({ plugin }) => plugin.examine)
    .map(({ name, plugin, config }) => ({
      name: `service ${name}`,
      page: `docs/services/${core.config.services[name]?.plugin}.md`,
      look: async () => {
        const found = (await plugin.examine?.(config, await named())) ?? []
        return found.length > 0 ? fail(found.join('; ')) : undefined
      },
    }))
}

async function examine({ name, page, look }: Check): Promise<Finding> {
  try {
    const detail = await look()
    return { check: name, state: detail ? 'look' : 'ok', detail: detail ?? '', page: '' }
  } catch (error) {
    return {
      check: name,
      state: 'wrong',
      detail: error instanceof AppError ? (error.detail ?? error.code) : String((error as Error).message),
      page,
    }
  }
}

export const registerDoctor: Register = (program, ioOf, exitWith) => {
  program
    .command('doctor')
    .description('looks at everything and says what is wrong and which page mends it')
    .action((_options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const checks = [
          ...outside(installation),
          ...forms(installation),
          ...filesOf(installation),
          ...house(installation),
          ...network(installation),
        ]
        const findings = await Promise.all(checks.map(examine))
        ioOf(command).show([{ check: 'configuration', state: 'ok', detail: ioOf(command).file, page: '' }, ...findings])
        if (findings.some(({ state }) => state === 'wrong')) exitWith(exit.problems)
      }),
    )
}
