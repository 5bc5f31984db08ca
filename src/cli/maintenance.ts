// schedar setup, rescue, keys, migrate, backup, restore, audit, nightly: for the person who looks after the machine.

import { once } from 'node:events'
import { createReadStream, createWriteStream, existsSync, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { dump, load } from '../../adapters/sql/backup.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { directorySync, nightOf } from '../serve.ts'
import { addAccount } from '../usecases/accounts.ts'
import { rotateKeys } from '../usecases/keys.ts'
import { offerSetUp, rescue } from '../usecases/set-up.ts'
import { accountNamed, exit, type Register, withInstallation } from './io.ts'

export const registerMaintenance: Register = (program, ioOf, exitWith) => {
  program
    .command('setup')
    .description('print a new one-time link for the first administrator')
    .action((_options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const token = await offerSetUp(core)()
        if (!token)
          throw new AppError('conflict', {
            detail: 'there is an administrator already; for the day the last one is lost: schedar rescue USERNAME',
          })
        ioOf(command).show({ link: `${core.config.issuer}/set-up/${token}` })
      }),
    )

  program
    .command('rescue <username>')
    .description('on this machine: make an account administrator and print a link to set its password')
    .option('--email <address>', 'make the account with this address when there is none')
    .option('--yes', 'do not ask')
    .action((username, { email, yes }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const { core } = installation
        const known = await core.store.accounts.byUsername(username)
        if (!known && !email)
          throw new AppError('not_found', { detail: `there is no account ${username}; name its --email to make it` })
        if (
          !(await io.confirm(
            `${username} becomes administrator, and its second factor is removed. Go on?`,
            yes ?? false,
          ))
        )
          return
        const account =
          known ?? (await addAccount(core)({ username, givenName: username, familyName: '', email, actor: io.actor }))
        io.show({ link: `${core.config.issuer}/password/${await rescue(core)({ account, actor: io.actor })}` })
      }),
    )

  const keys = program.command('keys').description('signing keys')
  keys
    .command('list')
    .description('the keys, and which of them sign')
    .action((_options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        await installation.provider()
        const found = await installation.core.store.keys.list()
        ioOf(command).show(
          found.map(({ kid, alg, state, changedAt }) => ({
            kid,
            alg,
            state,
            since: Temporal.Instant.fromEpochMilliseconds(changedAt).toString({ smallestUnit: 'second' }),
          })),
        )
      }),
    )
  keys
    .command('rotate')
    .description('publish the next keys; two hours later they sign')
    .option('--force', 'make fresh keys that sign at once and take all others down: a key leaked')
    .action(({ force = false }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        await installation.provider()
        const done = await rotateKeys(installation.core)({ actor: io.actor, force })
        io.show(done.map((step) => ({ step })))
      }),
    )

  program
    .command('migrate')
    .description('bring the database to this version (serve does it too)')
    .action((_options, command) =>
      withInstallation(ioOf(command), async () => ioOf(command).say('The database is up to date.')),
    )

  program
    .command('backup <file>')
    .description('write everything but the sealing key into one compressed file')
    .action((file, _options, command) =>
      withInstallation(ioOf(command), async ({ core, database, dataDir }) => {
        const io = ioOf(command)
        if (existsSync(file)) throw new AppError('conflict', { detail: `${file} exists already` })
        const target = createGzip()
        const written = pipeline(target, createWriteStream(file, { mode: 0o600 }))
        let rows = 0
        await dump(
          database,
          core.clock.now(),
          async (line) => {
            if (!target.write(`${line}\n`)) await once(target, 'drain')
          },
          (done) => {
            rows = done
          },
        )
        target.end()
        await written
        io.show({ file, rows, bytes: statSync(file).size })
        io.warn(
          `The key that seals secrets is not in it: keep a copy of ${core.config.secretKey ?? `${dataDir}/secret.key`} apart.`,
        )
      }),
    )

  program
    .command('restore <file>')
    .description('replace everything by a backup; services are written to only after a confirmed plan')
    .option('--yes', 'do not ask')
    .action((file, { yes }, command) =>
      withInstallation(ioOf(command), async ({ core, database }) => {
        const io = ioOf(command)
        if (!existsSync(file)) throw new AppError('not_found', { detail: `there is no file ${file}` })
        if (!(await io.confirm('Everything in the database is replaced by the backup. Go on?', yes ?? false))) return
        const lines = createInterface({ input: createReadStream(file).pipe(createGunzip()) })
        const rows = await load(database, lines, () => {}).catch((error: unknown) => {
          if ((error as { code?: string }).code?.startsWith('Z_'))
            throw new AppError('import_unreadable', {
              detail: `${file} is damaged or cut off; nothing was changed`,
              cause: error,
            })
          throw error
        })
        await core.store.transaction(async (stores) => {
          await stores.settings.set('writes_held', 'restore')
          await audit(core, stores, {
            action: 'backup.restored',
            actor: io.actor,
            subjectKind: 'database',
            subjectId: 'all',
            payload: { rows },
          })
        })
        io.show({ rows })
        io.warn(
          'Nothing is written to any service until you looked at «schedar services plan» and ran «schedar services apply --force».',
        )
      }),
    )

  const trail = program.command('audit').description('who did what, when')
  trail
    .command('list')
    .description('the latest entries')
    .option('--account <username>', 'about this account')
    .option('--action <action>', 'only this action')
    .option('--after <id>', 'only later than this entry', '0')
    .option('--limit <n>', 'at most this many', '100')
    .action((options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const subjectId = options.account ? (await accountNamed(installation, options.account)).id : undefined
        const rows = await installation.core.store.audit.list({
          afterId: Number(options.after),
          limit: Number(options.limit),
          ...(subjectId && { subjectId }),
          ...(options.action && { action: options.action }),
        })
        ioOf(command).show(
          rows.map(({ id, at, actor, action, subjectKind, subjectId: about, payload }) => ({
            id,
            at: Temporal.Instant.fromEpochMilliseconds(at).toString({ smallestUnit: 'second' }),
            actor,
            action,
            about: `${subjectKind} ${about}`,
            payload,
          })),
        )
      }),
    )
  trail
    .command('verify')
    .description('check the chain: nothing was changed or taken out')
    .action((_options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const { rows, brokenAt } = await core.store.audit.verify()
        io.show({
          rows,
          sound: brokenAt === undefined,
          ...(brokenAt !== undefined && {
            brokenAt: brokenAt === 0 ? 'the end: rows are missing' : `entry ${brokenAt}`,
          }),
        })
        if (brokenAt !== undefined) exitWith(exit.problems)
      }),
    )

  program
    .command('sync')
    .description('follow the outside directory now, everyone in it')
    .option('--confirm', 'close accounts also when the guard holds it because so many are gone')
    .action(({ confirm = false }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        if (installation.core.directory.kind === 'own')
          throw new AppError('conflict', {
            detail: "passwords live in Schedar's own tables: there is no directory to follow",
          })
        const report = await directorySync(installation)({ full: true, confirm, signal: AbortSignal.timeout(600_000) })
        io.show({
          ...report,
          gone: report.gone.map(({ username, reason }) => `${username} (${reason})`),
          problems: report.problems.map(({ username, reason }) => `${username} (${reason})`),
        })
        if (report.held)
          io.warn('So many would be closed that nothing was changed; if it is right: schedar sync --confirm')
        if (report.held || report.problems.length > 0) exitWith(exit.problems)
      }),
    )

  program
    .command('nightly')
    .description("do the night's work now")
    .option('--confirm', 'let removals pass that the bulk guard holds')
    .action(({ confirm = false }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const report = await nightOf(installation)({
          confirmed: confirm,
        })
        const words = report.services.map(({ service, changes, error }) => `${service} (${error ?? changes})`)
        io.show({
          ...report,
          held: report.held ? `${report.held.removals} of ${report.held.of}` : 'nothing',
          services: io.json ? report.services : words,
        })
        if (report.held || report.services.some(({ error }) => error)) exitWith(exit.problems)
      }),
    )
}
